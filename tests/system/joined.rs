//! Joined: a chat that an account was put into while nobody watched is on the desk, with everything since.

use std::time::Duration;

use serde_json::json;
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, FleetAccount},
    oracle::{File, Listener, assert_told_once, until_faithful},
};

const OLD: usize = 7;
const NEW: usize = 5;

/// A supergroup and a channel of others, with a history of their own.
struct Elsewhere {
    person: i64,
    chats: [i64; 2],
}

impl Elsewhere {
    fn build(fleet: &Fleet) -> Self {
        let telegram = &fleet.telegram;
        let person = telegram.add_person(PersonSpec::new("Contact one"));
        let chats = [
            telegram.add_supergroup("Supergroup", &[person]),
            telegram.add_channel("Channel", &[person]),
        ];
        let elsewhere = Self { person, chats };
        elsewhere.say(fleet, "before our time", OLD);
        // Telegram's dates are whole seconds.
        telegram.advance(Duration::from_secs(60));
        elsewhere
    }

    /// The numbers of what was said, for each chat.
    fn say(&self, fleet: &Fleet, what: &str, count: usize) -> [Vec<i32>; 2] {
        self.chats.map(|chat| {
            (0..count)
                .map(|number| {
                    fleet
                        .telegram
                        .say(self.person, chat, &format!("{what} {number}"))
                })
                .collect()
        })
    }

    fn put_in(&self, fleet: &Fleet, user: i64) {
        for chat in self.chats {
            fleet.telegram.join(chat, user).unwrap();
        }
    }

    /// Everything since was told once, in order and as what came while nobody watched; nothing of before was told.
    async fn assert_told(&self, listener: &Listener, account: &FleetAccount, said: &[Vec<i32>; 2]) {
        for (chat, numbers) in self.chats.iter().zip(said) {
            let told = listener.until_told(&account.id, *chat, numbers).await;
            assert_told_once(&told, numbers, *chat);
            assert!(told.iter().all(|(_, late)| *late), "{chat}: {told:?}");
            let first = numbers[0];
            let older: Vec<_> = told
                .iter()
                .filter(|(number, _)| *number < first - 1)
                .collect();
            assert!(older.is_empty(), "{chat}: {older:?} is of before our time");
        }
    }

    fn assert_stored(&self, fleet: &Fleet, account: &FleetAccount, said: &[Vec<i32>; 2]) {
        for (chat, numbers) in self.chats.iter().zip(said) {
            let rows = File::of(fleet).chat(&account.id, *chat);
            for number in numbers {
                let row = rows.iter().find(|row| row.message_no == i64::from(*number));
                assert!(row.is_some(), "{chat}/{number} is not stored");
            }
        }
    }
}

/// Protects chats that were joined while the service was off: what was said there since is stored and told, though nothing
/// follows it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_a_chat_joined_while_away_is_news() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let elsewhere = Elsewhere::build(&fleet);
    let person = elsewhere.person;
    fleet.telegram.say(person, account.user, "hello");
    until_faithful(&fleet, &account, &[person]).await;
    let listener = Listener::start(fleet.address()).await;
    let last = listener.seq();
    drop(listener);
    fleet.stop_service();
    elsewhere.put_in(&fleet, account.user);
    let said = elsewhere.say(&fleet, "since", NEW);
    fleet.start_service();
    let listener = Listener::resume(fleet.address(), last).await;
    elsewhere.assert_told(&listener, &account, &said).await;
    elsewhere.assert_stored(&fleet, &account, &said);
}

/// Protects the time between two sign-ins for chats that were joined in it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_a_chat_joined_between_two_sign_ins_is_news() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let elsewhere = Elsewhere::build(&fleet);
    let listener = Listener::start(fleet.address()).await;
    fleet.telegram.revoke_sessions(account.user);
    fleet.wait_for_state(&account.id, "needs_login").await;
    elsewhere.put_in(&fleet, account.user);
    let said = elsewhere.say(&fleet, "since", NEW);
    let path = format!("/accounts/{}/login", account.id);
    let session = fleet.session_string(account.user);
    fleet.api.post(&path, json!({ "session": session })).await;
    fleet.wait_for_state(&account.id, "online").await;
    elsewhere.assert_told(&listener, &account, &said).await;
    elsewhere.assert_stored(&fleet, &account, &said);
}

/// Protects the desk from chats that begin with somebody's first word: one that was joined elsewhere, on the phone, is there
/// at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_joined_on_the_phone_is_on_the_desk_before_anybody_writes() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let elsewhere = Elsewhere::build(&fleet);
    let channel = elsewhere.chats[1];
    fleet.telegram.join(channel, account.user).unwrap();
    let conversation = fleet.conversation(&account, channel).await;
    assert_eq!(conversation["title"], "Channel");
    assert_eq!(conversation["unread"], 0);
}
