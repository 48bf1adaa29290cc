//! Unkind: a server that does what Telegram is allowed to do and ours seldom does, to two accounts in the same chats; what
//! the file holds and what was told is the same as ever.

use switchboard_simulator::{Effect, Fault, PersonSpec, Simulator, wire};

use crate::support::{
    fleet::Fleet,
    oracle::{Listener, assert_told_once, until_faithful},
    town::{Said, Town, calls, go_away},
};

/// Two accounts; the second one has the supergroup and the channel in common with the first.
struct Neighbours {
    town: Town,
    other: Town,
    listener: Listener,
}

impl Neighbours {
    async fn build(fleet: &Fleet) -> Self {
        let town = Town::build(fleet).await;
        let account = fleet.accounts[1].clone();
        let shared = town.chats[2..].to_vec();
        for (chat, _) in &shared {
            fleet.telegram.join(*chat, account.user).unwrap();
        }
        let mut chats = vec![(account.user, town.person)];
        chats.extend(&shared);
        let other = Town {
            account,
            person: town.person,
            chats,
        };
        let listener = Listener::start(fleet.address()).await;
        let neighbours = Self {
            town,
            other,
            listener,
        };
        let said = neighbours.say(fleet, "before", 2);
        neighbours.assert_faithful(fleet, &[said]).await;
        neighbours
    }

    /// In all chats of both.
    fn say(&self, fleet: &Fleet, what: &str, count: usize) -> [Said; 2] {
        let private = Town {
            chats: self.other.chats[..1].to_vec(),
            ..self.other.clone()
        };
        let theirs = private.say(fleet, what, count);
        let ours = self.town.say(fleet, what, count);
        let mut both = theirs;
        for (_, chat) in &self.other.chats[1..] {
            both.seen.insert(*chat, ours.seen[chat].clone());
        }
        [ours, both]
    }

    async fn assert_faithful(&self, fleet: &Fleet, said: &[[Said; 2]]) {
        for (index, town) in [&self.town, &self.other].into_iter().enumerate() {
            town.until_faithful(fleet).await;
            for round in said {
                for (chat, numbers) in &town.alive(fleet, &round[index]) {
                    let told = (self.listener)
                        .until_told(&town.account.id, *chat, numbers)
                        .await;
                    assert_told_once(&told, numbers, *chat);
                }
            }
        }
    }

    async fn away(&self, fleet: &Fleet) -> [wire::FaultId; 2] {
        let away = [&self.town, &self.other].map(|town| go_away(fleet, town.account.user));
        for town in [&self.town, &self.other] {
            fleet.wait_for_state(&town.account.id, "reconnecting").await;
        }
        away
    }

    fn back(&self, fleet: &Fleet, away: [wire::FaultId; 2]) {
        for away in away {
            fleet.telegram.wire().clear_fault(away);
        }
    }

    fn channels(&self) -> impl Iterator<Item = i64> {
        self.town.chats[2..].iter().map(|(chat, _)| *chat)
    }
}

fn set<const N: usize>(telegram: &Simulator, faults: [Fault; N]) -> [u64; N] {
    faults.map(|fault| telegram.set_fault(fault))
}

fn assert_struck(telegram: &Simulator, faults: &[u64]) {
    for (index, fault) in faults.iter().enumerate() {
        assert!(
            telegram.fault_hits(*fault) > 0,
            "fault {index} did not strike"
        );
    }
}

/// Protects living accounts: packets of several updates in the wrong order, updates without the chats that they name,
/// numbers that nothing stands for, lost and doubled pushes; all of it at once, and all is there and told once.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_every_shape_end_in_the_same_rows() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let neighbours = Neighbours::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let faults = set(
        &telegram,
        [
            Fault::new(Effect::Bundle { pushes: 3 }).per_mille(400),
            Fault::new(Effect::Bare).per_mille(200),
            Fault::new(Effect::DropPush).per_mille(80),
            Fault::new(Effect::DuplicatePush).per_mille(200),
            Fault::new(Effect::SwapPush).per_mille(100),
            Fault::new(Effect::ChannelTooLong { with_pts: false }).per_mille(50),
        ],
    );
    let mut said = Vec::new();
    for round in 0..12 {
        if round % 3 == 1 {
            telegram.skip_numbers(neighbours.town.account.user, 2 + round);
            for channel in neighbours.channels() {
                telegram.skip_channel_numbers(channel, 3);
            }
        }
        said.push(neighbours.say(&fleet, &format!("round {round}"), 6));
        if let [.., earlier, _] = &said[..] {
            neighbours.town.change(&fleet, &earlier[0]);
        }
    }
    assert_struck(&telegram, &faults);
    telegram.clear_faults();
    said.push(neighbours.say(&fleet, "after", 1));
    neighbours.assert_faithful(&fleet, &said).await;
}

/// Protects an absence from the ways in which Telegram may tell of it: slices of odd sizes, none of which says that it is
/// the last, and failures of every kind in the middle; nothing has to be read from history for that.
#[tokio::test(flavor = "multi_thread")]
async fn differences_of_every_shape_end_in_the_same_rows() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let neighbours = Neighbours::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let early = neighbours.say(&fleet, "early", 6);
    neighbours.assert_faithful(&fleet, &[]).await;
    let asked = calls(&fleet, "messages.getHistory");
    let away = neighbours.away(&fleet).await;
    let missed = neighbours.say(&fleet, "missed", 20);
    neighbours.town.change(&fleet, &early[0]);
    telegram.skip_numbers(neighbours.town.account.user, 7);
    for channel in neighbours.channels() {
        telegram.skip_channel_numbers(channel, 7);
    }
    let (difference, channel) = ("updates.getDifference", "updates.getChannelDifference");
    let faults = set(
        &telegram,
        [
            Fault::new(Effect::DifferenceSlices { events: 7 }),
            Fault::new(Effect::ChannelSlices { events: 3 }),
            Fault::error(500, "RPC_CALL_FAIL")
                .on(difference)
                .skip(1)
                .times(2),
            Fault::error(-503, "Timeout")
                .on(difference)
                .skip(2)
                .times(2),
            Fault::flood_wait(1).on(difference).skip(3).times(1),
            Fault::error(500, "PERSISTENT_TIMESTAMP_OUTDATED")
                .on(channel)
                .times(2),
            Fault::error(400, "PERSISTENT_TIMESTAMP_OUTDATED")
                .on(difference)
                .times(1),
            Fault::error(500, "INTERDC_2_CALL_ERROR")
                .on(channel)
                .skip(2)
                .times(2),
            Fault::flood_wait(1).on(channel).skip(3).times(1),
            Fault::error(-503, "Timeout").on(channel).skip(4).times(2),
            Fault::new(Effect::SlowAnswer { millis: 400 })
                .on("updates.*")
                .per_mille(300),
        ],
    );
    neighbours.back(&fleet, away);
    let after = neighbours.say(&fleet, "after", 2);
    neighbours.assert_faithful(&fleet, &[missed, after]).await;
    assert_struck(&telegram, &faults);
    assert_eq!(calls(&fleet, "messages.getHistory"), asked);
}

/// Protects what is owed from the ways in which history may come: pages that are short, that are said to be all there is,
/// that hold what was deleted, lists that tell of chats twice; with failures, and a kill in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn histories_of_every_shape_end_in_the_same_rows() {
    let mut fleet = Fleet::builder().accounts(2).start().await;
    let mut neighbours = Neighbours::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let pages = [Effect::ShortPages { messages: 7 }, Effect::Unsliced];
    for (round, shape) in pages.into_iter().enumerate() {
        let early = neighbours.say(&fleet, &format!("early {round}"), 9);
        neighbours.assert_faithful(&fleet, &[]).await;
        let away = neighbours.away(&fleet).await;
        let missed = neighbours.say(&fleet, &format!("missed {round}"), 110);
        neighbours.town.change(&fleet, &early[0]);
        let (history, by_id) = ("messages.getHistory", "channels.getMessages");
        let faults = set(
            &telegram,
            [
                Fault::new(Effect::DifferenceTooLong).times(4),
                Fault::new(Effect::ChannelDifferenceTooLong).times(6),
                Fault::new(shape),
                Fault::new(Effect::Overlap { chats: 2 }),
                Fault::error(500, "RPC_CALL_FAIL")
                    .on(history)
                    .skip(1)
                    .times(2),
                Fault::error(-503, "Timeout").on(history).skip(2).times(1),
                Fault::flood_wait(1).on(history).skip(3).times(1),
                Fault::error(500, "RPC_CALL_FAIL").on(by_id).times(2),
                Fault::error(500, "RPC_CALL_FAIL")
                    .on("messages.getDialogs")
                    .times(2),
            ],
        );
        let before = calls(&fleet, history);
        neighbours.back(&fleet, away);
        while calls(&fleet, history) < before + 5 {
            tokio::task::yield_now().await;
        }
        fleet.kill_service();
        neighbours.listener.until_cut().await;
        let told = neighbours.listener.seq();
        fleet.start_service();
        let before = std::mem::replace(
            &mut neighbours.listener,
            Listener::resume(fleet.address(), told).await,
        );
        let after = neighbours.say(&fleet, &format!("after {round}"), 2);
        for (index, town) in [&neighbours.town, &neighbours.other]
            .into_iter()
            .enumerate()
        {
            town.until_faithful(&fleet).await;
            for said in [&missed[index], &after[index]] {
                for (chat, numbers) in &said.seen {
                    let mut all = before.received(&town.account.id, *chat);
                    let rest: Vec<i32> = numbers
                        .iter()
                        .copied()
                        .filter(|number| !all.iter().any(|(told, _)| told == number))
                        .collect();
                    let rest = neighbours
                        .listener
                        .until_told(&town.account.id, *chat, &rest);
                    all.extend(rest.await);
                    assert_told_once(&all, numbers, *chat);
                }
            }
        }
        assert_struck(&telegram, &faults[..3]);
        telegram.clear_faults();
    }
}

/// Protects chats that the account is thrown out of and comes back to, again and again, also while it is away: what was said
/// while it was in there is here.
#[tokio::test(flavor = "multi_thread")]
async fn chats_that_are_left_and_joined_again_lack_nothing() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let neighbours = Neighbours::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let (town, user) = (&neighbours.town, neighbours.town.account.user);
    for round in 0..3 {
        let away = (round == 1).then(|| go_away(&fleet, user));
        for channel in neighbours.channels() {
            telegram.leave(channel, user, user).unwrap();
        }
        let without = neighbours.say(&fleet, &format!("without it {round}"), 3);
        for channel in neighbours.channels() {
            telegram.join(channel, user).unwrap();
        }
        let back = neighbours.say(&fleet, &format!("back {round}"), 3);
        if let Some(away) = away {
            telegram.wire().clear_fault(away);
        }
        let after = neighbours.say(&fleet, &format!("after {round}"), 1);
        neighbours.other.until_faithful(&fleet).await;
        town.until_faithful(&fleet).await;
        for said in [&back[0], &after[0]] {
            town.assert_told(&neighbours.listener, said).await;
        }
        neighbours
            .other
            .assert_told(&neighbours.listener, &without[1])
            .await;
    }
}

/// Protects from what is told in no order at all: an edit and a deletion of messages that were never seen, and an edit that
/// comes before its message.
#[tokio::test(flavor = "multi_thread")]
async fn edits_and_deletions_may_come_before_their_messages() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let stranger = telegram.add_person(PersonSpec::new("Contact two"));
    let late = set(
        &telegram,
        [
            Fault::new(Effect::DelayPush { millis: 300 }).update("updateNewMessage"),
            Fault::new(Effect::DelayPush { millis: 300 }).update("updateNewChannelMessage"),
        ],
    );
    let said = town.say(&fleet, "first", 9);
    town.change(&fleet, &said);
    for number in 0..3 {
        telegram.say(stranger, town.account.user, &format!("hello {number}"));
    }
    town.until_faithful(&fleet).await;
    until_faithful(&fleet, &town.account, &[stranger]).await;
    assert_struck(&telegram, &late);
}
