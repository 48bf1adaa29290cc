//! A night offline: a large account comes back to what three hundred chats said meanwhile, at Telegram's pace.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use switchboard_simulator::{AccountSpec, Effect, Fault, PersonSpec};

use crate::support::{
    fleet::{Fleet, phone},
    oracle::{Listener, assert_told_once, until_faithful},
    wait,
};

const PEOPLE: usize = 2_500;
const CHANNELS: usize = 500;
/// Chats that were not quiet in that night.
const TALKING_PEOPLE: usize = 150;
const TALKING_CHANNELS: usize = 300;
/// Channels whose difference is too long.
const LOUD: usize = 10;
const LOUD_POSTS: usize = 130;
/// Marked ids of channels lie below this.
const MARKED: i64 = -1_000_000_000_000;
/// A page of history.
const PAGE: usize = 100;

/// Protects a large account: after a night offline everything that was said, edited and deleted is here and was told once and
/// in order, under a limit of calls, with no page of history that nothing explains; and who writes in the morning is not
/// kept waiting by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_account_comes_back_after_a_night() {
    let mut fleet = Fleet::builder().start().await;
    let telegram = fleet.telegram.clone();
    let phone = phone(60);
    let user = telegram.add_account(AccountSpec::new(&phone, "Large"));
    let author = telegram.add_person(PersonSpec::new("Author"));
    let people: Vec<i64> = (0..PEOPLE)
        .map(|number| telegram.add_person(PersonSpec::new(&format!("Contact {number}"))))
        .collect();
    let channels: Vec<i64> = (0..CHANNELS)
        .map(|number| telegram.add_channel(&format!("Channel {number}"), &[author, user]))
        .collect();
    for person in &people {
        telegram.say(*person, user, "before");
    }
    let mut first = BTreeMap::new();
    for channel in &channels {
        first.insert(*channel, telegram.say(author, *channel, "before"));
    }
    let account = fleet.sign_in("Large", phone, user).await;
    wait::until(
        "the first sync to end",
        || fleet.api.account(&account.id),
        |account| account["state"] == "online" && account["sync"].is_null(),
    )
    .await;
    let listener = Listener::start(fleet.address()).await;
    let last = listener.seq();
    drop(listener);
    fleet.stop_service();

    let mut said: BTreeMap<i64, Vec<i32>> = BTreeMap::new();
    for person in &people[..TALKING_PEOPLE] {
        for number in 0..3 {
            telegram.say(*person, user, &format!("in the night {number}"));
        }
    }
    for (index, channel) in channels[..TALKING_CHANNELS].iter().enumerate() {
        let posts = if index < LOUD { LOUD_POSTS } else { 3 };
        let numbers = said.entry(*channel).or_default();
        for number in 0..posts {
            numbers.push(telegram.say(author, *channel, &format!("in the night {number}")));
        }
        if index < LOUD {
            let too_long = Fault::new(Effect::ChannelDifferenceTooLong);
            telegram.set_fault(too_long.channel(MARKED - *channel).times(1));
        }
        match index % 3 {
            0 => telegram.delete(author, *channel, &[first[channel]]),
            1 => telegram
                .edit(author, *channel, first[channel], "edited in the night")
                .unwrap(),
            _ => {}
        }
    }
    for (chat, entry) in telegram.ledger_of(user) {
        if people[..TALKING_PEOPLE].contains(&chat) {
            let numbers = entry.messages.iter().map(|message| message.id).skip(1);
            said.insert(chat, numbers.collect());
        }
    }
    let pages = |method: &str| {
        let methods = telegram.ledger().methods;
        methods.get(method).copied().unwrap_or(0)
    };
    let (history, dialogs) = (pages("messages.getHistory"), pages("messages.getDialogs"));
    let limits = ["messages.getHistory", "messages.getDialogs"]
        .map(|method| telegram.set_fault(Fault::calls_per_window(30, 3).on(method)));
    fleet.start_service();
    let listener = Listener::resume(fleet.address(), last).await;
    fleet.wait_for_state(&account.id, "online").await;

    let morning = people[PEOPLE - 1];
    let began = Instant::now();
    telegram.say(morning, user, "good morning");
    let seen = telegram.ledger_of(user)[&morning]
        .messages
        .last()
        .unwrap()
        .id;
    let told = listener.until_told(&account.id, morning, &[seen]).await;
    let took = began.elapsed();
    assert_eq!(told, [(seen, false)]);
    assert!(took < Duration::from_secs(2), "{took:?}");

    let chats: Vec<i64> = said.keys().copied().collect();
    until_faithful(&fleet, &account, &chats).await;
    for (chat, numbers) in &said {
        let told = listener.until_told(&account.id, *chat, numbers).await;
        assert_told_once(&told, numbers, *chat);
        let news: Vec<i32> = told.iter().map(|(number, _)| *number).collect();
        assert_eq!(news, *numbers, "{chat}: in order, and nothing else");
        assert!(told.iter().all(|(_, late)| *late), "{chat}: {told:?}");
    }
    // A loud channel's gap and what it stored before, nothing more.
    let explained = LOUD * (LOUD_POSTS.div_ceil(PAGE) + 2);
    let asked = pages("messages.getHistory") - history;
    assert!(asked as usize <= explained, "{asked} of {explained} pages");
    let listed = pages("messages.getDialogs") - dialogs;
    assert!(
        listed <= 1,
        "the list is known, but for a look at its top: {listed}"
    );
    for limit in limits {
        assert!(
            telegram.fault_hits(limit) <= 1,
            "one flood wait teaches the pace"
        );
    }
}
