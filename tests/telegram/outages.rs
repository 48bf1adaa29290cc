//! Lines that are cut, go silent, or never come up.

use std::time::{Duration, Instant};

use switchboard::{
    domain::{ChatId, Hole, Outcome},
    telegram::Timing,
};
use switchboard_simulator::{
    Effect, Fault, Simulator,
    wire::{FaultScope, WireFault},
};

use crate::ground::{Book, Ground, Seen, outgoing, timing};

/// Protects what the peers' users complain about most: everything of an outage is there after it, edits and deletions
/// included, in every kind of chat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_outage_is_missing() {
    let ground = Ground::start().await;
    let sim = &ground.sim;
    let mut reader = ground.link().await;
    let members = [ground.friend, ground.user];
    let group = sim.add_group("Group", &members);
    let supergroup = sim.add_supergroup("Supergroup", &members);
    let channel = sim.add_channel("Channel", &members);
    let all = [ground.user, group, supergroup, channel];
    let mut before = Vec::new();
    for chat in all {
        before.push((
            chat,
            sim.say(ground.friend, chat, "a"),
            sim.say(ground.friend, chat, "b"),
        ));
    }
    let ours = |chat| {
        ChatId::from_marked(if chat == ground.user {
            ground.friend
        } else {
            chat
        })
    };
    for chat in all {
        reader.until_same(&ground, ours(chat)).await;
    }
    for round in 0..3 {
        sim.wire()
            .set_fault(FaultScope::All, WireFault::RefuseConnects, None);
        sim.cut(ground.user);
        for (chat, edited, deleted) in &before {
            for at in 0..20 {
                sim.say(ground.friend, *chat, &format!("while away {round}.{at}"));
            }
            sim.edit(ground.friend, *chat, *edited, &format!("edited {round}"))
                .unwrap();
            if round == 0 {
                sim.delete(ground.friend, *chat, &[*deleted]);
            }
        }
        sim.wire().clear_faults();
        for chat in all {
            reader.until_same(&ground, ours(chat)).await;
        }
    }
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
}

/// Protects against lines that are dead without a word: noticed by our own ping, and dialled again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_line_is_noticed() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::HalfOpen, None);
    ground.sim.say(ground.friend, ground.user, "into the void");
    let at = Instant::now();
    reader
        .until_same(&ground, ChatId::user(ground.friend))
        .await;
    assert!(at.elapsed() < Duration::from_secs(25), "{:?}", at.elapsed());
    assert!(reader.seen(|seen| seen.disconnected.iter().any(|why| why.contains("ping"))));
}

/// The default pings notice a silent line within 25 seconds, whenever it falls silent.
#[test]
fn the_default_times_keep_the_promise() {
    let timing = Timing::default();
    assert!(timing.ping_every + timing.ping_limit < Duration::from_secs(25));
}

/// Protects one account from another's dead data centre: a dial that hangs is given up, and closing does not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_dial_is_given_up() {
    let ground = Ground::with(
        Simulator::builder().start().await.unwrap(),
        Timing {
            connect_limit: Duration::from_millis(800),
            ..timing()
        },
    );
    let session = ground.session();
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::SilentConnects, None);
    let mut hanging = ground.open(session, None, Book::default());
    hanging
        .until("two failed dials", |seen| seen.disconnected.len() >= 2)
        .await;
    ground.sim.wire().clear_faults();
    hanging
        .until("the first position", |seen| seen.position.is_some())
        .await;

    let at = Instant::now();
    hanging.handle.clone().close().await;
    assert!(at.elapsed() < Duration::from_secs(8), "{:?}", at.elapsed());
}

/// Protects a restart: a link that opens at a stored position brings all that came since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_link_begins_where_the_store_is() {
    let ground = Ground::start().await;
    let sim = &ground.sim;
    let supergroup = sim.add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let session = ground.session();
    let mut reader = ground.link_over(session.clone()).await;
    sim.say(ground.friend, ground.user, "before");
    sim.say(ground.friend, supergroup, "before");
    let (private, channel) = (ChatId::user(ground.friend), ChatId::from_marked(supergroup));
    reader.until_same(&ground, private).await;
    reader.until_same(&ground, channel).await;
    reader.handle.clone().close().await;
    let position = reader.seen(|seen| seen.position.clone());

    for at in 0..250 {
        sim.say(ground.friend, ground.user, &format!("away {at}"));
        sim.say(ground.friend, supergroup, &format!("away {at}"));
    }
    let seen = std::mem::take(&mut *reader.book.0.lock().unwrap());
    let book = Book::default();
    *book.0.lock().unwrap() = seen;
    book.0.lock().unwrap().ended = None;
    let mut next = ground.open(session, position, book);
    next.until_same(&ground, private).await;
    next.until_same(&ground, channel).await;
}

/// Protects the second position: encrypted messages move qts by themselves, while connected and by a difference after
/// an outage, and nothing else is disturbed by what nobody here can open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_messages_move_the_stored_qts() {
    let ground = Ground::start().await;
    let sim = &ground.sim;
    let session = ground.session();
    let mut reader = ground.link_over(session.clone()).await;
    let live = sim.say_encrypted(7, ground.user, b"sealed").unwrap();
    let qts = |seen: &Seen| seen.position.as_ref().map(|position| position.qts);
    reader
        .until("the qts of a push", |seen| qts(seen) == Some(live))
        .await;
    reader.handle.clone().close().await;
    let position = reader.seen(|seen| seen.position.clone());

    let mut missed = live;
    for _ in 0..3 {
        missed = sim.say_encrypted(7, ground.user, b"sealed").unwrap();
    }
    sim.say(ground.friend, ground.user, "in the clear");
    let mut next = ground.open(session, position, Book::default());
    next.until("the qts of a difference", |seen| qts(seen) == Some(missed))
        .await;
    next.until_same(&ground, ChatId::user(ground.friend)).await;
    assert_eq!(missed, live + 3);
    assert_eq!(next.seen(|seen| seen.holes.clone()), []);
}

/// Protects replies across a cut: sent once, whatever is repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_across_a_cut_is_sent_once() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "hi");
    reader.until_same(&ground, chat).await;
    ground.sim.set_fault(
        Fault::new(Effect::CutAfter)
            .on("messages.sendMessage")
            .times(1),
    );
    let first = reader.handle.carry_out(&outgoing(chat, 42, "once")).await;
    assert!(matches!(first, Outcome::Unknown { .. }), "{first:?}");
    reader
        .until("the line again", |seen| seen.connected >= 2)
        .await;
    let again = reader.handle.carry_out(&outgoing(chat, 42, "once")).await;
    assert!(matches!(again, Outcome::Done { .. }), "{again:?}");
    reader.until_same(&ground, chat).await;
    assert_eq!(ground.sim.texts(ground.user, chat.marked()), ["hi", "once"]);
}

/// Protects memory and messages when the store is stuck: what can't be taken is left to Telegram and fetched later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_reader_loses_nothing() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "hi");
    reader.until_same(&ground, chat).await;
    // Nobody reads meanwhile.
    for at in 0..12_000 {
        ground
            .sim
            .say(ground.friend, ground.user, &format!("flood {at}"));
    }
    reader.until_same(&ground, chat).await;
}

/// Protects against silent holes: what Telegram will not repeat is reported, and what follows still comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_too_long_is_reported() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "before");
    reader.until_same(&ground, chat).await;
    ground
        .sim
        .set_fault(Fault::new(Effect::DifferenceTooLong).times(1));
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::RefuseConnects, None);
    ground.sim.cut(ground.user);
    ground.sim.say(ground.friend, ground.user, "lost");
    ground.sim.wire().clear_faults();
    reader
        .until("the hole", |seen| seen.holes.contains(&Hole::Account))
        .await;
    ground.sim.say(ground.friend, ground.user, "after");
    reader
        .until("what follows", |seen| {
            seen.texts(chat).contains(&"after".to_owned())
        })
        .await;
}

/// Protects the stream from pushes that are lost, doubled, late or in the wrong order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disturbed_pushes_end_in_the_right_state() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let supergroup = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let chats = [
        (ground.user, ChatId::user(ground.friend)),
        (supergroup, ChatId::from_marked(supergroup)),
    ];
    for (said, seen_as) in chats {
        ground.sim.say(ground.friend, said, "hi");
        reader.until_same(&ground, seen_as).await;
    }
    for effect in [
        Effect::DropPush,
        Effect::DuplicatePush,
        Effect::SwapPush,
        Effect::DelayPush { millis: 300 },
    ] {
        let fault = ground.sim.set_fault(Fault::new(effect).per_mille(300));
        for at in 0..30 {
            for (said, _) in chats {
                ground.sim.say(ground.friend, said, &format!("{at}"));
            }
        }
        ground.sim.clear_fault(fault);
        for (said, seen_as) in chats {
            // One more that gets through shows the gap before it.
            ground.sim.say(ground.friend, said, "end");
            reader.until_same(&ground, seen_as).await;
        }
    }
}

/// Protects live messages from a flood wait on differences: they go on, and nothing is missing after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_wait_on_differences_keeps_live_messages_coming() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground
        .sim
        .set_fault(Fault::flood_wait(4).on("updates.getDifference").times(1));
    ground.sim.cut(ground.user);
    reader
        .until("the flood wait", |seen| seen.floods == [4])
        .await;
    ground.sim.say(ground.friend, ground.user, "meanwhile");
    let at = Instant::now();
    reader.until_same(&ground, chat).await;
    assert!(at.elapsed() < Duration::from_secs(3), "{:?}", at.elapsed());
    reader
        .until("having caught up", |seen| seen.caught_up >= 2)
        .await;
}

/// Protects against packets that can't be read, and against a position that Telegram declares void.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_packets_and_void_positions_are_survived() {
    use grammers_client::tl::{Serializable, enums, types};
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.push_raw(ground.user, &[9, 9, 9, 9, 1, 2, 3, 4]);
    ground.sim.say(ground.friend, ground.user, "one");
    reader.until_same(&ground, chat).await;

    let void = types::UpdateShort {
        update: enums::Update::PtsChanged,
        date: 1,
    };
    let void: enums::Updates = void.into();
    ground.sim.push_raw(ground.user, &void.to_bytes());
    reader
        .until("the hole", |seen| seen.holes.contains(&Hole::Account))
        .await;
    ground.sim.say(ground.friend, ground.user, "two");
    reader.until_same(&ground, chat).await;
}

/// Protects all other accounts from one that hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_accounts_dead_line_leaves_the_others_alone() {
    let ground = Ground::start().await;
    let mut hanging = ground.link().await;
    let key = ground.sim.keys_of(ground.user)[0];
    let mut healthy = ground.link().await;
    ground
        .sim
        .wire()
        .set_fault(FaultScope::Key(key), WireFault::HalfOpen, None);
    for at in 0..20 {
        ground.sim.say(ground.friend, ground.user, &format!("{at}"));
    }
    let chat = ChatId::user(ground.friend);
    healthy.until_same(&ground, chat).await;
    assert_eq!(healthy.seen(|seen| seen.connected), 1);
    hanging.until_same(&ground, chat).await;
}

/// Protects against asking for ever for a difference that no client can read: after a few tries the present is taken,
/// with a hole that history fills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_that_can_not_be_read_is_given_up() {
    let ground = Ground::start().await;
    let sim = &ground.sim;
    let mut reader = ground.link().await;
    let friend = ChatId::user(ground.friend);
    sim.say(ground.friend, ground.user, "before");
    reader.until_same(&ground, friend).await;
    let fault = sim.set_fault(Fault::new(Effect::Unreadable).on("updates.getDifference"));
    sim.wire()
        .set_fault(FaultScope::All, WireFault::RefuseConnects, None);
    sim.cut(ground.user);
    sim.say(ground.friend, ground.user, "while away");
    sim.wire().clear_faults();
    reader
        .until("the hole", |seen| seen.holes.contains(&Hole::Account))
        .await;
    sim.clear_fault(fault);
    sim.say(ground.friend, ground.user, "after");
    reader
        .until("what follows", |seen| {
            seen.texts(friend).contains(&"after".to_owned())
        })
        .await;
}
