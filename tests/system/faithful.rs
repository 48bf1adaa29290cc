//! The faithful copy: after every kind of absence the file is what Telegram has, and everything that came was told once.
//! Judged by the database file and a listener, never by the service's own answers.

use std::time::Duration;

use serde_json::Value;
use switchboard_simulator::{AccountSpec, Effect, Fault, PersonSpec};

use super::webhooks::{Receiver, fleet_with};
use crate::support::{
    fleet::{Fleet, phone},
    oracle::{Listener, assert_told_once, until_faithful, until_told},
    past::{Past, with_a_past},
    town::{CHANNELS, Said, Town, calls, go_away, sign_in_again},
    wait,
};

pub async fn assert_posted(town: &Town, receiver: &Receiver, said: &Said) {
    for (chat, numbers) in &said.seen {
        let posted = || receiver.received(&town.account.id, *chat);
        let posted = until_told(posted, *chat, numbers).await;
        assert_told_once(&posted, numbers, *chat);
    }
}

const MONTH: Duration = Duration::from_secs(31 * 24 * 3600);

/// Protects the time between two sign-ins, a month: all of it arrives, in every chat, also in one that began meanwhile, and is
/// told as late news; edits and deletions of before are found; and the same a second time.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_between_two_sign_ins_is_owed() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let account = town.account.clone();
    let listener = Listener::start(fleet.address()).await;
    for round in 0..2 {
        let early = town.say(&fleet, &format!("early {round}"), 12);
        town.until_faithful(&fleet).await;
        fleet.telegram.revoke_sessions(account.user);
        fleet.wait_for_state(&account.id, "needs_login").await;
        let missed = town.say(&fleet, &format!("missed {round}"), 130);
        town.change(&fleet, &early);
        fleet.telegram.advance(MONTH);
        let stranger = fleet.telegram.add_person(PersonSpec::new("Contact two"));
        for number in 0..7 {
            let text = format!("hello {number}");
            fleet.telegram.say(stranger, account.user, &text);
        }
        sign_in_again(&fleet, &account).await;
        let after = town.say(&fleet, &format!("after {round}"), 3);
        town.until_faithful(&fleet).await;
        until_faithful(&fleet, &account, &[stranger]).await;
        town.assert_told_late(&listener, &missed).await;
        town.assert_told(&listener, &after).await;
        let told = listener.received(&account.id, stranger);
        assert_eq!(told.len(), 7, "{told:?}");
    }
}

/// Protects a long absence: differences of both kinds are too long, messages keep coming while the gaps are filled, and
/// the service is killed in the middle of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_absence_too_long_to_be_replayed_is_made_up_for() {
    let receiver = Receiver::start().await;
    let mut fleet = fleet_with(&[&receiver.url]).accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let account = town.account.clone();
    let early = town.say(&fleet, "early", 12);
    town.until_faithful(&fleet).await;
    let listener = Listener::start(fleet.address()).await;
    let last = listener.seq();
    let telegram = fleet.telegram.clone();
    let away = go_away(&fleet, account.user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    let missed = town.say(&fleet, "missed", 350);
    town.change(&fleet, &early);
    let too_long = |effect| telegram.set_fault(Fault::new(effect).times(1));
    too_long(Effect::DifferenceTooLong);
    for (chat, _) in town.chats.iter().filter(|(chat, _)| *chat < CHANNELS) {
        let channel = CHANNELS - *chat;
        telegram.set_fault(
            Fault::new(Effect::ChannelDifferenceTooLong)
                .channel(channel)
                .times(1),
        );
    }
    telegram.wire().clear_fault(away);
    // In the middle of the first pages.
    while calls(&fleet, "messages.getHistory") < 4 {
        tokio::task::yield_now().await;
    }
    drop(listener);
    fleet.kill_service();
    let dead = town.say(&fleet, "while dead", 2);
    fleet.start_service();
    let listener = Listener::resume(fleet.address(), last).await;
    fleet.wait_for_state(&account.id, "online").await;
    let after = town.say(&fleet, "after", 3);
    town.until_faithful(&fleet).await;
    for said in [&missed, &dead] {
        town.assert_told_late(&listener, said).await;
    }
    town.assert_told(&listener, &after).await;
    for said in [&missed, &dead, &after] {
        assert_posted(&town, &receiver, said).await;
    }
}

/// Protects chats far down the list from one page of it that Telegram refuses twice: all that was missed is told, also by
/// an account that had no messages before, whether it had read its list until then or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_page_of_the_list_hides_no_chats() {
    const PEOPLE: usize = 130;
    for listed in [true, false] {
        let fleet = Fleet::builder().accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let telegram = fleet.telegram.clone();
        let people: Vec<i64> = (0..PEOPLE)
            .map(|number| telegram.add_person(PersonSpec::new(&format!("Contact {number}"))))
            .collect();
        if listed {
            wait::until(
                "the first sync to end",
                || fleet.api.account(&account.id),
                |account| account["sync"].is_null(),
            )
            .await;
        }
        // Messages are dated in seconds.
        telegram.advance(Duration::from_secs(2));
        let away = go_away(&fleet, account.user);
        fleet.wait_for_state(&account.id, "reconnecting").await;
        let listener = Listener::start(fleet.address()).await;
        for person in &people {
            telegram.say(*person, account.user, "missed");
        }
        telegram.set_fault(Fault::new(Effect::DifferenceTooLong).times(1));
        let refused = Fault::error(400, "OFFSET_PEER_ID_INVALID").on("messages.getDialogs");
        let refused = telegram.set_fault(refused.skip(1).times(2));
        telegram.wire().clear_fault(away);
        for (chat, entry) in telegram.ledger_of(account.user) {
            if people.contains(&chat) {
                let missed: Vec<i32> = entry.messages.iter().map(|message| message.id).collect();
                let told = listener.until_told(&account.id, chat, &missed).await;
                assert_told_once(&told, &missed, chat);
            }
        }
        assert_eq!(telegram.fault_hits(refused), 2, "the fault did not strike");
    }
}

/// Protects a chat that the account came to while it was away: what was said there since is told once, as late news, and
/// what was said before is history. The same when nobody has said anything there before the account is away.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_was_joined_while_away_owes_what_came_since() {
    const SAID: i32 = 4;
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = fleet.telegram.clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let old = telegram.add_supergroup("Old supergroup", &[person]);
    for number in 0..30 {
        telegram.say(person, old, &format!("before our time {number}"));
    }
    telegram.advance(Duration::from_secs(5));
    let quiet = telegram.add_channel("Quiet channel", &[person, account.user]);
    let listener = Listener::start(fleet.address()).await;
    let away = go_away(&fleet, account.user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    telegram.advance(Duration::from_secs(5));
    telegram.join(old, account.user).unwrap();
    let new = telegram.add_supergroup("New supergroup", &[person, account.user]);
    let said = |chat: i64| -> Vec<i32> {
        (0..SAID)
            .map(|number| telegram.say(person, chat, &format!("since {number}")))
            .collect()
    };
    let chats = [old, quiet, new].map(|chat| (chat, said(chat)));
    telegram.wire().clear_fault(away);
    for (chat, numbers) in &chats {
        let told = listener.until_told(&account.id, *chat, numbers).await;
        assert_told_once(&told, numbers, *chat);
    }
    until_faithful(&fleet, &account, &[quiet, new]).await;
    for (chat, numbers) in &chats {
        let after = telegram.say(person, *chat, "live again");
        listener.until_told(&account.id, *chat, &[after]).await;
        let told = listener.received(&account.id, *chat);
        for (number, late) in &told {
            assert!(
                *number > 30 || chat != &old,
                "{number} is history: {told:?}"
            );
            assert!(*late || !numbers.contains(number), "{chat}: {told:?}");
        }
    }
}

/// Protects what came between a sign-in and the first list of chats, where the line was cut before that could be read: it
/// is told, also in a channel of long ago, and in one that began in the second of the sign-in.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_first_list_is_owed() {
    let mut fleet = Fleet::builder().start().await;
    let phone = phone(41);
    let telegram = fleet.telegram.clone();
    let user = telegram.add_account(AccountSpec::new(&phone, "Fresh"));
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let old = telegram.add_supergroup("Old supergroup", &[person, user]);
    telegram.say(person, old, "long before");
    telegram.advance(Duration::from_secs(5));
    let unlisted = telegram.set_fault(Fault::error(500, "INTERNAL").on("messages.getDialogs"));
    let listener = Listener::start(fleet.address()).await;
    let account = fleet.sign_in("Fresh", phone, user).await;
    let new = telegram.add_supergroup("New supergroup", &[person, user]);
    wait::until(
        "the list to be refused",
        || async { telegram.fault_hits(unlisted) },
        |hits| *hits > 0,
    )
    .await;
    let away = go_away(&fleet, user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    let said = [old, new].map(|chat| {
        let numbers: Vec<i32> = (0..4)
            .map(|number| telegram.say(person, chat, &format!("since {number}")))
            .collect();
        (chat, numbers)
    });
    // The list is there before what the stream has to tell.
    let silent = telegram.set_fault(
        Fault::error(500, "INTERNAL")
            .on("updates.getDifference")
            .times(4),
    );
    // Whether a channel has to be asked depends on which comes first, the list or the stream.
    telegram.set_fault(
        Fault::error(500, "INTERNAL")
            .on("updates.getChannelDifference")
            .times(4)
            .may_miss(),
    );
    telegram.clear_fault(unlisted);
    telegram.wire().clear_fault(away);
    for (chat, numbers) in &said {
        let told = listener.until_told(&account.id, *chat, numbers).await;
        assert_told_once(&told, numbers, *chat);
    }
    until_faithful(&fleet, &account, &[old, new]).await;
    assert_eq!(telegram.fault_hits(silent), 4);
}

/// Protects Telegram from calls that nothing explains: while the stream is whole, nobody reads history.
#[tokio::test(flavor = "multi_thread")]
async fn a_short_outage_reads_no_history() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let before = calls(&fleet, "messages.getHistory");
    let listener = Listener::start(fleet.address()).await;
    let away = go_away(&fleet, town.account.user);
    let said = town.say(&fleet, "meanwhile", 20);
    fleet.telegram.wire().clear_fault(away);
    town.until_faithful(&fleet).await;
    town.assert_told_late(&listener, &said).await;
    assert_eq!(calls(&fleet, "messages.getHistory"), before);
}

/// Protects the history of a chat: after an edit of one old, unknown message all of it can still be paged through.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_one_old_message_hides_nothing() {
    const WRITTEN: usize = 300;
    let Past {
        fleet,
        account,
        id,
        person,
    } = with_a_past(WRITTEN).await;
    let theirs = fleet.telegram.ledger_of(account.user)[&person]
        .messages
        .len();
    assert_eq!(theirs, WRITTEN);
    let listener = Listener::start(fleet.address()).await;
    fleet
        .telegram
        .edit(person, account.user, 5, "edited today")
        .unwrap();
    fleet.telegram.say(person, account.user, "live");
    listener
        .until_told(
            &account.id,
            person,
            &[fleet.telegram.ledger_of(account.user)[&person]
                .messages
                .last()
                .unwrap()
                .id],
        )
        .await;
    let mut texts = Vec::new();
    let mut path = format!("/conversations/{id}/messages?limit=100");
    loop {
        let page = fleet.api.get(&path).await;
        let messages = page["messages"].as_array().unwrap();
        texts.extend(
            messages
                .iter()
                .map(|one| one["text"].as_str().unwrap().to_owned()),
        );
        match &page["next_cursor"] {
            Value::String(cursor) => {
                path = format!("/conversations/{id}/messages?limit=100&cursor={cursor}");
            }
            _ => break,
        }
    }
    assert_eq!(texts.len(), WRITTEN + 1);
    assert_eq!(
        texts.iter().filter(|text| *text == "edited today").count(),
        1
    );
}

/// Protects a channel from one lost push: also on a fresh account, whose channels are listed after it has connected, the
/// next post shows that one is missing; and so it does after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_push_of_a_quiet_channel_is_noticed() {
    let mut fleet = Fleet::builder().start().await;
    let phone = phone(40);
    let telegram = fleet.telegram.clone();
    let user = telegram.add_account(AccountSpec::new(&phone, "Fresh"));
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let chat = telegram.add_supergroup("Supergroup", &[person, user]);
    telegram.say(person, chat, "long before");
    let account = fleet.sign_in("Fresh", phone, user).await;
    fleet.wait_for_state(&account.id, "online").await;
    until_faithful(&fleet, &account, &[chat]).await;
    for round in ["on a fresh account", "after a restart"] {
        let lost = telegram.set_fault(Fault::new(Effect::DropPush).channel(CHANNELS - chat));
        telegram.say(person, chat, &format!("nobody announced this {round}"));
        telegram.clear_fault(lost);
        telegram.say(person, chat, &format!("the next post {round}"));
        until_faithful(&fleet, &account, &[chat]).await;
        fleet.stop_service();
        fleet.start_service();
        fleet.wait_for_state(&account.id, "online").await;
    }
}

/// Protects what an account may no longer see: a channel's history that was cleared for it is gone here, too, and nobody
/// asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_history_is_gone_here_too() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let supergroup = town.chats[2].0;
    let asked = calls(&fleet, "messages.getHistory");
    fleet.telegram.clear_history(supergroup, 3);
    town.until_faithful(&fleet).await;
    town.say(&fleet, "after", 2);
    town.until_faithful(&fleet).await;
    assert_eq!(calls(&fleet, "messages.getHistory"), asked);
}

/// Protects what was missed from a bad minute: answers that can't be read for a while, to the list of chats and to their
/// history, are asked for again, and nothing is taken for refused.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_can_not_be_read_for_a_while_cost_nothing() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let town = Town::build(&fleet).await;
    let account = town.account.clone();
    let listener = Listener::start(fleet.address()).await;
    let telegram = fleet.telegram.clone();
    let away = go_away(&fleet, account.user);
    fleet.wait_for_state(&account.id, "reconnecting").await;
    let missed = town.say(&fleet, "missed", 130);
    telegram.set_fault(Fault::new(Effect::DifferenceTooLong).times(1));
    let unreadable = ["messages.getDialogs", "messages.getHistory"]
        .map(|method| telegram.set_fault(Fault::new(Effect::Unreadable).on(method).times(2)));
    telegram.wire().clear_fault(away);
    town.until_faithful(&fleet).await;
    town.assert_told_late(&listener, &missed).await;
    for fault in unreadable {
        assert_eq!(telegram.fault_hits(fault), 2);
    }
}
