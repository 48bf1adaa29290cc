//! What can go wrong with a single channel.

use std::time::Duration;

use switchboard::{
    domain::{ChatId, Hole},
    telegram::Timing,
};
use switchboard_simulator::{
    Effect, Fault, Simulator,
    wire::{FaultScope, WireFault},
};

use crate::ground::{Ground, Reader, timing};

struct Channel {
    marked: i64,
    chat: ChatId,
    id: i64,
}

async fn followed(ground: &Ground, reader: &mut Reader, title: &str) -> Channel {
    let marked = ground
        .sim
        .add_supergroup(title, &[ground.friend, ground.user]);
    let chat = ChatId::from_marked(marked);
    ground.sim.say(ground.friend, marked, "first");
    reader.until_same(ground, chat).await;
    Channel {
        marked,
        chat,
        id: chat.channel_id().unwrap(),
    }
}

/// Protects against the loss that the stock path has after every reconnect: "too long", with the server's position in
/// it, must not replace ours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channel_too_long_with_a_position_loses_nothing() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let channel = followed(&ground, &mut reader, "Supergroup").await;
    for with_pts in [true, false] {
        let fault = ground
            .sim
            .set_fault(Fault::new(Effect::ChannelTooLong { with_pts }));
        for at in 0..30 {
            ground.sim.say(
                ground.friend,
                channel.marked,
                &format!("announced only {with_pts} {at}"),
            );
        }
        ground.sim.clear_fault(fault);
        reader.until_same(&ground, channel.chat).await;
    }
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
}

/// Protects against a channel that falls silent because one push got lost: the daily look at the dialogs finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_push_of_a_quiet_channel_is_found_by_the_sweep() {
    let often = Timing {
        sweep_every: Duration::from_secs(1),
        ..timing()
    };
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), often);
    let mut reader = ground.link().await;
    let channel = followed(&ground, &mut reader, "Supergroup").await;
    let lost = ground
        .sim
        .set_fault(Fault::new(Effect::DropPush).channel(channel.id));
    ground
        .sim
        .say(ground.friend, channel.marked, "nobody announced this");
    ground.sim.clear_fault(lost);
    reader.until_same(&ground, channel.chat).await;
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
}

/// Protects the account from one channel that answers with errors: it is reported, everything else goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_channel_stops_only_itself() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let poisoned = followed(&ground, &mut reader, "Poisoned").await;
    let healthy = followed(&ground, &mut reader, "Healthy").await;
    ground.sim.set_fault(
        Fault::error(400, "CHANNEL_INVALID")
            .on("updates.getChannelDifference")
            .channel(poisoned.id),
    );
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::RefuseConnects, None);
    ground.sim.cut(ground.user);
    for chat in [poisoned.marked, healthy.marked, ground.user] {
        ground.sim.say(ground.friend, chat, "while away");
    }
    ground.sim.wire().clear_faults();
    reader.until_same(&ground, healthy.chat).await;
    reader
        .until_same(&ground, ChatId::user(ground.friend))
        .await;
    let lost = |hole: &Hole| matches!(hole, Hole::ChannelLost { channel_id, .. } if *channel_id == poisoned.id);
    reader
        .until("the report", |seen| seen.holes.iter().any(lost))
        .await;
}

/// Protects a channel from a word that is not known here: it is asked for again, and nothing says that it was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_not_lost_by_an_unknown_word() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let channel = followed(&ground, &mut reader, "Supergroup").await;
    ground.sim.set_fault(
        Fault::error(400, "SOMETHING_NEW")
            .on("updates.getChannelDifference")
            .channel(channel.id)
            .times(2),
    );
    let announced = ground
        .sim
        .set_fault(Fault::new(Effect::ChannelTooLong { with_pts: true }));
    ground.sim.say(ground.friend, channel.marked, "asked for");
    ground.sim.clear_fault(announced);
    reader.until_same(&ground, channel.chat).await;
    assert_eq!(reader.seen(|seen| seen.holes.clone()), []);
}

/// Protects against silent holes in channels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_difference_too_long_is_reported() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let channel = followed(&ground, &mut reader, "Supergroup").await;
    ground.sim.set_fault(
        Fault::new(Effect::ChannelDifferenceTooLong)
            .channel(channel.id)
            .times(1),
    );
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::RefuseConnects, None);
    ground.sim.cut(ground.user);
    ground.sim.say(ground.friend, channel.marked, "lost");
    ground.sim.wire().clear_faults();
    let hole = Hole::Channel {
        channel_id: channel.id,
    };
    reader
        .until("the hole", |seen| seen.holes.contains(&hole))
        .await;
    ground.sim.say(ground.friend, channel.marked, "after");
    reader
        .until("what follows", |seen| {
            seen.texts(channel.chat).contains(&"after".to_owned())
        })
        .await;
}

/// Protects the desk from writing into the void: a chat that the account is thrown out of is reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_that_was_left_is_reported() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let channel = followed(&ground, &mut reader, "Supergroup").await;
    ground
        .sim
        .leave(channel.marked, ground.user, ground.friend)
        .unwrap();
    reader
        .until("the loss", |seen| seen.lost.contains(&channel.chat))
        .await;
}
