//! Past: a chat that had its messages before the service knew it.

use switchboard_simulator::{AccountSpec, PersonSpec};

use super::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

/// What is fetched of a chat by itself after a sign-in.
const RECENT: usize = 50;

pub struct Past {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
    /// Of the conversation.
    pub id: i64,
}

/// "Contact one" wrote "old 1" to "old N"; the newest ones are stored, the older ones wait at Telegram.
pub async fn with_a_past(written: usize) -> Past {
    let mut fleet = Fleet::builder().start().await;
    let phone = phone(30);
    let user = fleet
        .telegram
        .add_account(AccountSpec::new(&phone, "Archive"));
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for n in 1..=written {
        fleet.telegram.say(person, user, &format!("old {n}"));
    }
    let account = fleet.sign_in("Archive", phone, user).await;
    fleet.wait_for_state(&account.id, "online").await;
    let conversation = fleet.conversation(&account, person).await;
    let oldest = format!("old {}", written + 1 - RECENT);
    fleet
        .wait_for_message(&conversation, &oldest, "received")
        .await;
    wait::until(
        "the first sync to end",
        || fleet.api.account(&account.id),
        |account| account["sync"].is_null(),
    )
    .await;
    Past {
        id: conversation["id"].as_i64().unwrap(),
        fleet,
        account,
        person,
    }
}
