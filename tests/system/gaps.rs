//! Gaps: what is owed arrives whole whatever happens while it is being fetched: further holes, refusals, kills.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard_simulator::{Effect, Fault};

use super::{
    faithful::assert_posted,
    webhooks::{Receiver, fleet_with},
};
use crate::support::{
    fleet::Fleet,
    oracle::{File, Listener, assert_told_once},
    town::{CHANNELS, Said, Town, calls, go_away},
    wait,
};

/// Every channel of the town has to be asked about anew, once.
fn channels_too_long(fleet: &Fleet, town: &Town) -> Vec<u64> {
    let channels = town.chats.iter().filter(|(chat, _)| *chat < CHANNELS);
    channels
        .map(|(chat, _)| {
            let too_long = Fault::new(Effect::ChannelDifferenceTooLong);
            let fault = too_long.channel(CHANNELS - *chat).times(1);
            fleet.telegram.set_fault(fault)
        })
        .collect()
}

fn too_long(fleet: &Fleet, town: &Town) -> Vec<u64> {
    let mut faults = channels_too_long(fleet, town);
    let account = Fault::new(Effect::DifferenceTooLong).times(1);
    faults.push(fleet.telegram.set_fault(account));
    faults
}

fn assert_struck(fleet: &Fleet, faults: &[u64]) {
    for fault in faults {
        assert!(
            fleet.telegram.fault_hits(*fault) > 0,
            "fault {fault} did not strike"
        );
    }
}

/// Protects a gap that is owed from further ones: twice more the stream breaks before a page of the first was read, and all
/// three are made up for, each message once and in order.
#[tokio::test(flavor = "multi_thread")]
async fn holes_that_come_while_a_gap_is_owed_hide_nothing() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let listener = Listener::start(fleet.address()).await;
    let telegram = fleet.telegram.clone();
    let slow = Effect::SlowAnswer { millis: 4_000 };
    let closed = telegram.set_fault(Fault::new(slow).on("messages.getHistory"));
    let mut missed = Vec::new();
    for round in 0..3 {
        let away = go_away(&fleet, town.account.user);
        fleet.wait_for_state(&town.account.id, "reconnecting").await;
        missed.push(town.say(&fleet, &format!("missed {round}"), 120));
        let faults = too_long(&fleet, &town);
        telegram.wire().clear_fault(away);
        fleet.wait_for_state(&town.account.id, "online").await;
        // One that comes live stands between two gaps.
        let live = town.say(&fleet, &format!("live {round}"), 1);
        town.assert_told(&listener, &live).await;
        missed.push(live);
        assert_struck(&fleet, &faults);
    }
    wait::until(
        "a page to be asked for",
        async || telegram.fault_hits(closed),
        |hits| *hits > 0,
    )
    .await;
    assert!(File::of(&fleet).debts() > 0, "everything was there already");
    telegram.clear_fault(closed);
    town.until_faithful(&fleet).await;
    for said in &missed {
        town.assert_told(&listener, said).await;
    }
}

/// Protects deletions of an absence: what a page of history leaves out is found out about, though Telegram fails a few
/// times when it is asked for it, and the service is killed right then.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_found_though_the_question_for_it_fails() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let early = town.say(&fleet, "early", 12);
    town.until_faithful(&fleet).await;
    let telegram = fleet.telegram.clone();
    let away = go_away(&fleet, town.account.user);
    fleet.wait_for_state(&town.account.id, "reconnecting").await;
    town.change(&fleet, &early);
    town.say(&fleet, "missed", 3);
    let faults = too_long(&fleet, &town);
    let questions = ["messages.getMessages", "channels.getMessages"]
        .map(|method| telegram.set_fault(Fault::error(500, "RPC_CALL_FAIL").on(method).times(2)));
    telegram.wire().clear_fault(away);
    wait::until(
        "a question to fail",
        || async { questions.map(|fault| telegram.fault_hits(fault)) },
        |hits| hits.iter().sum::<u64>() > 0,
    )
    .await;
    fleet.kill_service();
    fleet.start_service();
    town.until_faithful(&fleet).await;
    assert_struck(&fleet, &faults);
}

/// Protects what is owed from one wrong word of Telegram's: a chat that is refused once is asked for again while the account
/// lives on, though nothing more is said there.
#[tokio::test(flavor = "multi_thread")]
async fn what_telegram_refused_once_is_asked_for_again() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let listener = Listener::start(fleet.address()).await;
    let telegram = fleet.telegram.clone();
    let away = go_away(&fleet, town.account.user);
    fleet.wait_for_state(&town.account.id, "reconnecting").await;
    let missed = town.say(&fleet, "missed", 130);
    let mut faults = too_long(&fleet, &town);
    for (code, message) in [(406, "CHANNEL_PRIVATE"), (400, "MSG_ID_INVALID")] {
        let refused = Fault::error(code, message).on("messages.getHistory");
        faults.push(telegram.set_fault(refused.times(2)));
    }
    telegram.wire().clear_fault(away);
    town.until_faithful(&fleet).await;
    town.assert_told_late(&listener, &missed).await;
    assert_struck(&fleet, &faults);
}

/// Protects what was committed and not told yet: killed again and again between the two, the service tells each message
/// exactly once to a dashboard that resumes and to a webhook.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_commit_and_announcement_everything_is_told_once() {
    const STRUCK: usize = 3;
    const MOST: usize = 60;
    let receiver = Receiver::start().await;
    let mut fleet = fleet_with(&[&receiver.url]).accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let mut listener = Listener::start(fleet.address()).await;
    let mut heard: BTreeMap<i64, Vec<(i32, bool)>> = BTreeMap::new();
    let mut said: Vec<Said> = Vec::new();
    let mut chance = StdRng::seed_from_u64(20_261_129);
    let mut struck = 0;
    for round in 0..MOST {
        if struck >= STRUCK {
            break;
        }
        said.push(town.say(&fleet, &format!("round {round}"), 25));
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..60))).await;
        fleet.kill_service();
        listener.until_cut().await;
        let told = listener.seq();
        // Committed, and told to nobody before the kill.
        if File::of(&fleet).last_event() > told {
            struck += 1;
        }
        for (_, chat) in &town.chats {
            let told = listener.received(&town.account.id, *chat);
            heard.entry(*chat).or_default().extend(told);
        }
        fleet.start_service();
        listener = Listener::resume(fleet.address(), told).await;
    }
    assert_eq!(
        struck, STRUCK,
        "no kill struck between commit and announcement"
    );
    town.until_faithful(&fleet).await;
    for said in &said {
        for (chat, numbers) in &said.seen {
            let before = &heard[chat];
            let now: Vec<i32> = numbers
                .iter()
                .copied()
                .filter(|number| !before.iter().any(|(one, _)| one == number))
                .collect();
            let now = listener.until_told(&town.account.id, *chat, &now).await;
            let told: Vec<_> = before.iter().chain(&now).copied().collect();
            assert_told_once(&told, numbers, *chat);
        }
        assert_posted(&town, &receiver, said).await;
    }
}

/// Protects the copy from a server that answers "too long" to every other question while the line is cut, the service is
/// killed and people go on talking.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_too_longs_under_kills_loses_nothing() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let telegram = fleet.telegram.clone();
    let mut listener = Listener::start(fleet.address()).await;
    let mut heard: BTreeMap<i64, Vec<(i32, bool)>> = BTreeMap::new();
    let mut said: Vec<Said> = Vec::new();
    let faults = [Effect::DifferenceTooLong, Effect::ChannelDifferenceTooLong]
        .map(|effect| telegram.set_fault(Fault::new(effect).per_mille(500)));
    let announced = [Effect::TooLong, Effect::ChannelTooLong { with_pts: true }]
        .map(|effect| telegram.set_fault(Fault::new(effect).per_mille(300)));
    for round in 0..6 {
        let before = calls(&fleet, "updates.getDifference");
        said.push(town.say(&fleet, &format!("round {round}"), 15));
        if let [.., earlier, _] = &said[..] {
            town.change(&fleet, earlier);
        }
        telegram.cut(town.account.user);
        while calls(&fleet, "updates.getDifference") <= before {
            tokio::task::yield_now().await;
        }
        // Also because a line that flaps is dialled ever later.
        if round % 2 == 1 {
            fleet.kill_service();
            listener.until_cut().await;
            let told = listener.seq();
            for (_, chat) in &town.chats {
                let told = listener.received(&town.account.id, *chat);
                heard.entry(*chat).or_default().extend(told);
            }
            fleet.start_service();
            listener = Listener::resume(fleet.address(), told).await;
        }
    }
    assert_struck(&fleet, &faults);
    assert_struck(&fleet, &announced);
    telegram.clear_faults();
    town.say(&fleet, "after", 1);
    town.until_faithful(&fleet).await;
    for said in &said {
        let there = town.alive(&fleet, said);
        for (chat, numbers) in &there {
            let before = &heard[chat];
            let now: Vec<i32> = numbers
                .iter()
                .copied()
                .filter(|number| !before.iter().any(|(one, _)| one == number))
                .collect();
            let now = listener.until_told(&town.account.id, *chat, &now).await;
            let told: Vec<_> = before.iter().chain(&now).copied().collect();
            assert_told_once(&told, numbers, *chat);
        }
    }
}
