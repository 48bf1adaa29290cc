//! Gaps: what the store can not take, and what waits in a gap.

use std::time::Duration;

use prometheus_client::{encoding::text::encode, registry::Registry};
use switchboard::{
    domain::{Change, ChatId, Outcome},
    telegram::{LinkEvent, Telegram, TelegramConfig, Timing},
};
use switchboard_simulator::{Effect, Fault, Simulator};

use crate::ground::{Ground, outgoing, timing};

/// Protects Telegram from a difference after each read mark and reply of ours: their numbers come with their answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_calls_leave_no_gap() {
    let short = Timing {
        gap_patience: Duration::from_millis(30),
        ..timing()
    };
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), short);
    let mut reader = ground.link().await;
    let friend = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "hello");
    reader.until_same(&ground, friend).await;
    let asked = |ground: &Ground| {
        let methods = ground.sim.ledger().methods;
        methods.get("updates.getDifference").copied().unwrap_or(0)
    };
    let before = asked(&ground);
    for at in 0..10 {
        let newest = ground.sim.say(ground.friend, ground.user, &format!("{at}"));
        reader.until_same(&ground, friend).await;
        reader.handle.mark_read(friend, newest).await.unwrap();
        let sent = reader
            .handle
            .carry_out(&outgoing(friend, at + 1, "yes"))
            .await;
        assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
        reader.until_same(&ground, friend).await;
    }
    assert_eq!(asked(&ground), before);
}

/// Protects the store: that a channel's history was cleared below a message is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleared_history_is_told() {
    use grammers_client::tl::{Serializable, enums, types};
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let cleared = types::UpdateChannelAvailableMessages {
        channel_id: 5,
        available_min_id: 77,
    };
    let short = types::UpdateShort {
        update: cleared.into(),
        date: 1,
    };
    let packet: enums::Updates = short.into();
    ground.sim.push_raw(ground.user, &packet.to_bytes());
    let change = Change::ClearedBelow {
        chat: ChatId::channel(5),
        min_id: 77,
    };
    loop {
        if let LinkEvent::Batch(batch, _) = reader.events.recv().await.unwrap()
            && batch.changes.contains(&change)
        {
            return;
        }
    }
}

fn figure(telegram: &Telegram, name: &str) -> u64 {
    let (mut registry, mut text) = (Registry::default(), String::new());
    telegram.register(&mut registry);
    encode(&mut text, &registry).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Protects the memory of the process while the store is stuck: what goes beyond the budget is left to Telegram and comes
/// later, in every kind of chat; and the budget is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_can_not_take_is_left_to_telegram() {
    const LIMIT: u64 = 100_000;
    let mut ground = Ground::start().await;
    ground.telegram = Telegram::start(TelegramConfig {
        unstored_limit: usize::try_from(LIMIT).unwrap(),
        ..ground.telegram.config().clone()
    })
    .unwrap();
    let mut reader = ground.link().await;
    let supergroup = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let (friend, channel) = (ChatId::user(ground.friend), ChatId::from_marked(supergroup));
    for chat in [ground.user, supergroup] {
        ground.sim.say(ground.friend, chat, "hi");
    }
    reader.until_same(&ground, friend).await;
    reader.until_same(&ground, channel).await;
    // Nobody reads meanwhile.
    for at in 0..3_000 {
        ground
            .sim
            .say(ground.friend, ground.user, &format!("flood {at}"));
        ground
            .sim
            .say(ground.friend, supergroup, &format!("flood {at}"));
    }
    while figure(&ground.telegram, "switchboard_left_packets_total") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let unstored = figure(&ground.telegram, "switchboard_unstored_bytes");
    assert!(unstored > LIMIT / 2 && unstored < LIMIT * 2, "{unstored}");
    reader.until_same(&ground, friend).await;
    reader.until_same(&ground, channel).await;
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
    reader.handle.clone().close().await;
    reader.until_ended().await;
    drop(reader);
    while figure(&ground.telegram, "switchboard_unstored_bytes") > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Protects an account from waiting for itself: what it keeps for later, behind a gap, is let go where it takes up the room
/// that is needed for the question which closes the gap. Nothing else comes meanwhile that would move it on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_a_gap_leaves_room_for_the_question() {
    const LIMIT: u64 = 40_000;
    let mut ground = Ground::start().await;
    let config = ground.telegram.config().clone();
    ground.telegram = Telegram::start(TelegramConfig {
        unstored_limit: usize::try_from(LIMIT).unwrap(),
        timing: Timing {
            gap_patience: Duration::from_secs(3),
            ..config.timing
        },
        ..config
    })
    .unwrap();
    let mut reader = ground.link().await;
    let friend = ChatId::user(ground.friend);
    let say = |text: &str| ground.sim.say(ground.friend, ground.user, text);
    say("hi");
    reader.until_same(&ground, friend).await;
    let unstored = || figure(&ground.telegram, "switchboard_unstored_bytes");
    // Until nothing but what waits in the gap is counted.
    wait_for(|| unstored() == 0).await;
    let lost = ground.sim.set_fault(Fault::new(Effect::DropPush));
    say("lost");
    ground.sim.clear_fault(lost);
    while unstored() < LIMIT / 10 * 8 {
        let before = unstored();
        for _ in 0..10 {
            say("behind the gap");
        }
        wait_for(|| unstored() > before).await;
    }
    reader.until_same(&ground, friend).await;
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
}

async fn wait_for(holds: impl Fn() -> bool) {
    crate::wait::until("the figure", || std::future::ready(holds()), |held| *held).await;
}
