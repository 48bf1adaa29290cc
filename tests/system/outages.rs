//! Outages: whatever happens to the line, nothing that was said meanwhile is missing afterwards.

use std::time::{Duration, Instant};

use switchboard_simulator::{
    Effect, Fault, PersonSpec,
    wire::{FaultId, FaultScope, WireFault},
};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    oracle::{until_faithful, until_same},
    wait,
};

/// Chats of every kind, each with something already said and stored.
struct Town {
    account: FleetAccount,
    person: i64,
    group: i64,
    supergroup: i64,
    channel: i64,
}

impl Town {
    async fn build(fleet: &Fleet) -> Self {
        let account = fleet.accounts[0].clone();
        let telegram = &fleet.telegram;
        let person = telegram.add_person(PersonSpec::new("Contact one"));
        let town = Self {
            person,
            group: telegram.add_group("Basic group", &[person, account.user]),
            supergroup: telegram.add_supergroup("Supergroup", &[person, account.user]),
            channel: telegram.add_channel("Channel", &[person, account.user]),
            account,
        };
        town.say(fleet, "before", 3);
        town.until_equal(fleet).await;
        town
    }

    fn chats(&self) -> [i64; 4] {
        [self.account.user, self.group, self.supergroup, self.channel]
    }

    /// The same chats as the account sees them: the private one is named after the other person.
    fn seen(&self) -> [i64; 4] {
        [self.person, self.group, self.supergroup, self.channel]
    }

    fn say(&self, fleet: &Fleet, what: &str, count: usize) -> Vec<(i64, i32)> {
        let mut said = Vec::new();
        for number in 0..count {
            for chat in self.chats() {
                let id = fleet
                    .telegram
                    .say(self.person, chat, &format!("{what} {number}"));
                said.push((chat, id));
            }
        }
        said
    }

    /// The rows, read from the file, are what really happened.
    async fn until_equal(&self, fleet: &Fleet) {
        until_faithful(fleet, &self.account, &self.seen()).await;
    }

    /// Nothing reaches the account from now on; answers what ends it.
    fn away(&self, fleet: &Fleet) -> FaultId {
        let key = fleet.telegram.keys_of(self.account.user)[0];
        let wire = fleet.telegram.wire();
        let away = wire.set_fault(FaultScope::Key(key), WireFault::RefuseConnects, None);
        fleet.telegram.cut(self.account.user);
        away
    }

    /// It was tried meanwhile, in vain.
    async fn back(&self, fleet: &Fleet, away: FaultId) {
        let wire = fleet.telegram.wire();
        let tries = || async { wire.fault_hits(away) };
        wait::until("a dial in vain", tries, |tries| *tries > 0).await;
        wire.clear_fault(away);
    }
}

/// Protects the promise that an outage loses nothing: messages, edits and deletes of the meantime, in every kind of
/// chat.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_happened_during_an_outage_arrives_after_it() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let early = town.say(&fleet, "early", 4);
    town.until_equal(&fleet).await;

    let away = town.away(&fleet);
    fleet.wait_for_state(&town.account.id, "reconnecting").await;
    town.say(&fleet, "missed", 40);
    for (index, (chat, id)) in early.iter().enumerate() {
        if index % 2 == 0 {
            fleet
                .telegram
                .edit(town.person, *chat, *id, &format!("edited {index}"))
                .unwrap();
        } else {
            fleet.telegram.delete(town.person, *chat, &[*id]);
        }
    }
    town.back(&fleet, away).await;

    fleet.wait_for_state(&town.account.id, "online").await;
    town.until_equal(&fleet).await;
    town.say(&fleet, "after", 2);
    town.until_equal(&fleet).await;
}

/// Protects against "connected but deaf": a line that is open and dead is noticed and replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_line_is_noticed_within_25_seconds() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let start = Instant::now();
    fleet
        .telegram
        .wire()
        .set_fault(FaultScope::All, WireFault::HalfOpen, None);
    town.say(&fleet, "into the dead line", 2);
    town.until_equal(&fleet).await;
    assert!(
        start.elapsed() < Duration::from_secs(25 + 5),
        "{:?}",
        start.elapsed()
    );
    let log = fleet.service().log();
    assert!(log.contains("state=reconnecting"), "{log}");
}

/// Protects channels after an outage: `updateChannelTooLong` that carries the server's pts must not skip what is between.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_too_long_with_pts_skips_nothing() {
    for with_pts in [true, false] {
        let fleet = Fleet::builder().accounts(1).start().await;
        let town = Town::build(&fleet).await;
        let mut fault = Fault::new(Effect::ChannelTooLong { with_pts });
        fault.times = Some(30);
        fleet.telegram.set_fault(fault);
        town.say(&fleet, "hidden", 20);
        town.until_equal(&fleet).await;
    }
}

/// Protects what Telegram refuses to replay: the hole is filled from history.
#[tokio::test(flavor = "multi_thread")]
async fn a_difference_that_is_too_long_is_filled_from_history() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    for effect in [Effect::DifferenceTooLong, Effect::ChannelDifferenceTooLong] {
        let mut fault = Fault::new(effect);
        fault.times = Some(1);
        fleet.telegram.set_fault(fault);
        let away = town.away(&fleet);
        town.say(&fleet, "in the hole", 130);
        town.back(&fleet, away).await;
        town.until_equal(&fleet).await;
    }
}

/// Protects the account from one poisoned channel: the others and the private chats go on.
#[tokio::test(flavor = "multi_thread")]
async fn one_poisoned_channel_does_not_stop_the_account() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let mut fault = Fault::new(Effect::Error {
        code: 400,
        message: "CHANNEL_INVALID".into(),
    });
    fault.method = Some("updates.getChannelDifference".into());
    fault.channel = Some(match switchboard_simulator::ChatRef::from(town.channel) {
        switchboard_simulator::ChatRef::Channel(id) => id,
        other => panic!("{other:?}"),
    });
    fleet.telegram.set_fault(fault);
    let away = town.away(&fleet);
    town.say(&fleet, "meanwhile", 10);
    town.back(&fleet, away).await;
    // What the poisoned one owes stays owed.
    let others = [town.person, town.group, town.supergroup];
    until_same(&fleet, &town.account, &others).await;
}

/// Protects against pushes that are lost, doubled or out of order on a healthy line.
#[tokio::test(flavor = "multi_thread")]
async fn lost_doubled_and_swapped_pushes_change_nothing() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    for effect in [Effect::DropPush, Effect::DuplicatePush, Effect::SwapPush] {
        let mut fault = Fault::new(effect);
        fault.per_mille = Some(200);
        let id = fleet.telegram.set_fault(fault);
        town.say(&fleet, "shaken", 25);
        fleet.telegram.clear_fault(id);
        town.say(&fleet, "settled", 1);
        town.until_equal(&fleet).await;
    }
}

/// Protects restarts: an account goes on where it was, whatever was said while the service was down.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_the_service_was_down_is_there_after_its_start() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    fleet.stop_service();
    town.say(&fleet, "while down", 30);
    fleet.start_service();
    fleet.wait_for_state(&town.account.id, "online").await;
    town.until_equal(&fleet).await;
    let unread = wait::until(
        "unread to be counted",
        || async {
            fleet.api.account(&town.account.id).await["unread"]
                .as_i64()
                .unwrap()
        },
        |unread| *unread > 0,
    )
    .await;
    assert!(unread >= 30 * 4, "{unread}");
}
