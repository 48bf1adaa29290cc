//! Catching up beside living: what is behind holds up nobody.

use std::time::{Duration, Instant};

use switchboard::{
    domain::{ChatId, Hole, Outcome, Position},
    telegram::{SessionData, Timing},
};
use switchboard_simulator::{Effect, Fault, Simulator};

use crate::ground::{Book, Ground, Reader, outgoing, timing};

/// Somebody waits: a reply, or a message on the desk.
const AT_ONCE: Duration = Duration::from_secs(1);

struct Behind {
    ground: Ground,
    session: SessionData,
    position: Option<Position>,
    book: Book,
    channels: Vec<ChatId>,
}

/// An account that follows so many channels, and was away while each of them had a post.
async fn away(channels: usize, timing: Timing) -> Behind {
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), timing);
    let session = ground.session();
    let mut reader = ground.link_over(session.clone()).await;
    let friend = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "before");
    let chats: Vec<ChatId> = (0..channels)
        .map(|at| {
            let title = format!("Channel {at}");
            let marked = ground
                .sim
                .add_supergroup(&title, &[ground.friend, ground.user]);
            ground.sim.say(ground.friend, marked, "before");
            ChatId::from_marked(marked)
        })
        .collect();
    reader.until_same(&ground, friend).await;
    reader
        .until("all channels", |seen| {
            chats.iter().all(|chat| !seen.texts(*chat).is_empty())
        })
        .await;
    reader.handle.clone().close().await;
    reader.until_ended().await;
    for chat in &chats {
        ground.sim.say(ground.friend, chat.marked(), "while away");
    }
    let mut seen = std::mem::take(&mut *reader.book.0.lock().unwrap());
    (seen.ended, seen.connected, seen.caught_up) = (None, 0, 0);
    let position = seen.position.clone();
    let book = Book::default();
    *book.0.lock().unwrap() = seen;
    Behind {
        ground,
        session,
        position,
        book,
        channels: chats,
    }
}

impl Behind {
    fn open(self) -> (Ground, Reader, Vec<ChatId>) {
        let reader = self.ground.open(self.session, self.position, self.book);
        (self.ground, reader, self.channels)
    }
}

/// How many of the channels have come to the present.
fn caught_up(reader: &Reader, channels: &[ChatId]) -> usize {
    reader.seen(|seen| {
        let there = |chat: &&ChatId| seen.texts(**chat).len() == 2;
        channels.iter().filter(there).count()
    })
}

async fn until_all(reader: &mut Reader, channels: &[ChatId]) {
    reader
        .until("all channels", |seen| {
            channels.iter().all(|chat| seen.texts(*chat).len() == 2)
        })
        .await;
}

/// Protects people who wait: with 500 channels behind and 60 ms to Telegram and back, a reply goes out as soon as the
/// line stands, and a live message is there at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_channels_behind_hold_up_nobody() {
    let behind = away(500, timing()).await;
    let slow = Fault::new(Effect::SlowAnswer { millis: 60 }).on("updates.getChannelDifference");
    let slow = behind.ground.sim.set_fault(slow);
    let (ground, mut reader, channels) = behind.open();
    let began = Instant::now();
    reader.until("the line", |seen| seen.connected == 1).await;
    let friend = ChatId::user(ground.friend);
    let sent = reader
        .handle
        .carry_out(&outgoing(friend, 1, "answer"))
        .await;
    assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    reader
        .until("the account's own line", |seen| seen.caught_up == 1)
        .await;
    let said = Instant::now();
    ground.sim.say(ground.friend, ground.user, "live");
    reader.until_same(&ground, friend).await;
    assert!(said.elapsed() < AT_ONCE, "{:?}", said.elapsed());
    assert!(caught_up(&reader, &channels) < 250, "nothing was behind");
    until_all(&mut reader, &channels).await;
    // 500 answers, four at a time.
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    assert!(ground.sim.fault_hits(slow) >= 500);
    assert_eq!(
        reader.seen(|seen| (seen.repeats, seen.holes.clone())),
        (0, vec![])
    );
}

/// Protects all other channels from one that never answers, and that one from being forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_never_answers_holds_up_nobody() {
    let short = Timing {
        difference_limit: Duration::from_secs(2),
        ..timing()
    };
    let behind = away(12, short).await;
    let silent = behind.channels[3];
    let fault = Fault::new(Effect::NeverAnswer)
        .on("updates.getChannelDifference")
        .channel(silent.channel_id().unwrap());
    let fault = behind.ground.sim.set_fault(fault);
    let (ground, mut reader, channels) = behind.open();
    let began = Instant::now();
    let others: Vec<ChatId> = channels
        .iter()
        .copied()
        .filter(|chat| *chat != silent)
        .collect();
    until_all(&mut reader, &others).await;
    assert!(began.elapsed() < AT_ONCE * 2, "{:?}", began.elapsed());
    assert!(ground.sim.fault_hits(fault) >= 1);
    ground.sim.clear_fault(fault);
    until_all(&mut reader, &channels).await;
    assert_eq!(reader.seen(|seen| seen.connected), 1, "the line was kept");
}

/// Protects replies and live messages from a flood wait on channels: it holds what it was given for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_wait_on_channels_holds_only_channels() {
    let behind = away(20, timing()).await;
    let limit = Fault::calls_per_window(8, 3).on("updates.getChannelDifference");
    let limit = behind.ground.sim.set_fault(limit);
    let (ground, mut reader, channels) = behind.open();
    reader
        .until("the flood wait", |seen| !seen.floods.is_empty())
        .await;
    let friend = ChatId::user(ground.friend);
    let at = Instant::now();
    ground.sim.say(ground.friend, ground.user, "live");
    let sent = reader
        .handle
        .carry_out(&outgoing(friend, 1, "answer"))
        .await;
    assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
    reader.until_same(&ground, friend).await;
    assert!(at.elapsed() < AT_ONCE, "{:?}", at.elapsed());
    assert!(caught_up(&reader, &channels) < channels.len());
    until_all(&mut reader, &channels).await;
    // Those that were on their way when a window was used up.
    let hits = ground.sim.fault_hits(limit);
    assert!((1..=8).contains(&hits), "{hits} calls into the flood wait");
}

/// Protects the one who looks at a chat: it comes before what nobody looks at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_channel_that_is_looked_at_comes_first() {
    let behind = away(60, timing()).await;
    behind.ground.sim.set_fault(
        Fault::new(Effect::SlowAnswer { millis: 300 }).on("updates.getChannelDifference"),
    );
    let (_ground, mut reader, channels) = behind.open();
    reader
        .until("the account's own line", |seen| seen.caught_up == 1)
        .await;
    let last = channels
        .iter()
        .copied()
        .rfind(|chat| reader.seen(|seen| seen.texts(*chat).len() == 1))
        .unwrap();
    let before = caught_up(&reader, &channels);
    reader.handle.hurry(last);
    reader
        .until("the channel", |seen| seen.texts(last).len() == 2)
        .await;
    // Those that were asked about already, it, and those that were answered beside it.
    let others = caught_up(&reader, &channels) - before;
    assert!(others <= 12 && before < 40, "{before}, then {others}");
}

/// Protects channels that changed during a long absence: they are announced with the last slice, although every slice
/// before it has the date of today.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_announced_with_the_last_slice() {
    let behind = away(3, timing()).await;
    for at in 0..40 {
        let text = format!("private {at}");
        behind
            .ground
            .sim
            .say(behind.ground.friend, behind.ground.user, &text);
    }
    behind.ground.sim.advance(Duration::from_secs(3_600));
    let slices = Fault::new(Effect::DatedSlices { events: 7 });
    let slices = behind.ground.sim.set_fault(slices);
    let (ground, mut reader, channels) = behind.open();
    reader
        .until_same(&ground, ChatId::user(ground.friend))
        .await;
    until_all(&mut reader, &channels).await;
    assert!(ground.sim.fault_hits(slices) >= 5);
}

/// Protects against the silent loss behind a server that was restored from a copy of an earlier day: what it lost is a
/// hole, in the account and in its channels, and what it says afterwards comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restored_from_a_copy_loses_nothing_silently() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let supergroup = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let (friend, channel) = (ChatId::user(ground.friend), ChatId::from_marked(supergroup));
    for chat in [ground.user, supergroup] {
        ground.sim.say(ground.friend, chat, "kept");
    }
    reader.until_same(&ground, friend).await;
    reader.until_same(&ground, channel).await;
    let backup = ground.sim.backup();
    for at in 0..5 {
        for chat in [ground.user, supergroup] {
            ground.sim.say(ground.friend, chat, &format!("lost {at}"));
        }
    }
    reader.until_same(&ground, friend).await;
    reader.until_same(&ground, channel).await;
    ground.sim.restore(backup);
    let of_channel = Hole::Channel {
        channel_id: channel.channel_id().unwrap(),
    };
    reader
        .until("both holes", |seen| {
            seen.holes.contains(&Hole::Account) && seen.holes.contains(&of_channel)
        })
        .await;
    for chat in [ground.user, supergroup] {
        ground.sim.say(ground.friend, chat, "after");
    }
    for chat in [friend, channel] {
        reader
            .until("what follows", |seen| {
                seen.texts(chat).contains(&"after".to_owned())
            })
            .await;
    }
}
