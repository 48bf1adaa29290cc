//! System D: a person connects an account once and then has everything on the desk.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    live::Live,
    oracle::until_faithful,
};

const PASSWORD: &str = "correct horse battery";
/// More than two of the longest pages.
const HISTORY: usize = 450;

/// The chats that the account had before it was connected.
struct Chats {
    person: i64,
    group: i64,
    supergroup: i64,
    /// Somebody else's: the account reads it.
    channel: i64,
    /// Its own: the account writes it.
    own_channel: i64,
}

impl Chats {
    fn made(fleet: &Fleet, user: i64) -> Self {
        let telegram = &fleet.telegram;
        let person = telegram.add_person(PersonSpec::new("Contact one").username("contact_one"));
        let chats = Self {
            person,
            group: telegram.add_group("Team", &[person, user]),
            supergroup: telegram.add_supergroup("Customers", &[person, user]),
            channel: telegram.add_channel("News", &[person, user]),
            own_channel: telegram.add_channel("Our news", &[user, person]),
        };
        for number in 1..=HISTORY {
            telegram.say(person, user, &format!("private {number}"));
        }
        for number in 1..=60 {
            telegram.say(person, chats.group, &format!("group {number}"));
            telegram.say(person, chats.supergroup, &format!("supergroup {number}"));
            telegram.say(person, chats.channel, &format!("channel {number}"));
            telegram.say(user, chats.own_channel, &format!("own {number}"));
        }
        chats
    }

    /// Of each: the chat's id in Telegram, what kind it is, may the account write there, who writes to it.
    fn all(&self, user: i64) -> [(i64, &'static str, bool, i64); 5] {
        [
            (self.person, "private", true, self.person),
            (self.group, "group", true, self.person),
            (self.supergroup, "supergroup", true, self.person),
            (self.channel, "channel", false, self.person),
            (self.own_channel, "channel", true, user),
        ]
    }
}

/// Phone number, code, password: what a person does on the accounts page.
async fn connect(fleet: &Fleet, number: &str, user: i64) -> (FleetAccount, String) {
    let body = json!({ "label": "My account", "phone": number });
    let added = fleet.api.post("/accounts/add", body).await;
    assert_eq!(
        (&added["login"]["method"], &added["login"]["step"]),
        (&json!("phone"), &json!("code"))
    );
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.code_for(number).await;
    let login = format!("/accounts/{id}/login");
    let body = json!({ "code": code });
    let asked = fleet.api.post(&format!("{login}/code"), body).await;
    assert_eq!(asked["login"]["step"], "password");
    let waiting = fleet.api.get(&login).await;
    assert_eq!(waiting["login"]["step"], "password");
    let body = json!({ "password": PASSWORD });
    let done = fleet.api.post(&format!("{login}/password"), body).await;
    assert_eq!(done["login"]["step"], "done");
    let account = FleetAccount {
        id,
        user,
        phone: number.to_owned(),
    };
    fleet.wait_for_state(&account.id, "online").await;
    (account, code)
}

async fn said_live(live: &mut Live, text: &str) -> Value {
    let frame = live.until(|frame| frame["data"]["message"]["text"] == text);
    frame.await["data"]["message"].clone()
}

fn files_with(folder: &Path, secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, secret));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let secret = secret.as_bytes();
        if bytes.windows(secret.len()).any(|part| part == secret) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Protects who connects an account: direct messages, groups and channels are there by themselves, to their first
/// message; each can be written to and is live; a restart changes nothing, and only a person ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connected_account_has_everything_until_it_is_disconnected() {
    let mut fleet = Fleet::builder().start().await;
    let number = phone(40);
    let spec = AccountSpec::new(&number, "Owner").password(PASSWORD);
    let user = fleet.telegram.add_account(spec);
    let chats = Chats::made(&fleet, user);
    let (account, code) = connect(&fleet, &number, user).await;
    fleet.accounts.push(account.clone());

    // All conversations, without anybody asking for one, and each to its beginning.
    let mut rows = Vec::new();
    for (chat, kind, can_send, _) in chats.all(user) {
        let row = fleet.conversation(&account, chat).await;
        assert_eq!(
            (&row["kind"], &row["can_send"]),
            (&json!(kind), &json!(can_send)),
            "{row}"
        );
        let id = row["id"].as_i64().unwrap();
        // Read to its beginning, as a person scrolls.
        fleet.api.messages(id).await;
        rows.push(id);
    }
    let every: Vec<i64> = chats.all(user).iter().map(|(chat, ..)| *chat).collect();
    until_faithful(&fleet, &account, &every).await;

    // Live in, and out again from the right account.
    let mut live = fleet.live(None).await;
    for ((chat, kind, can_send, writer), row) in chats.all(user).into_iter().zip(&rows) {
        let text = format!("live in {chat}");
        let target = if kind == "private" { user } else { chat };
        fleet.telegram.say(writer, target, &text);
        let message = said_live(&mut live, &text).await;
        assert_eq!(message["account_id"], account.id.as_str());
        assert_eq!(message["chat_id"], chat.to_string());
        let path = format!("/conversations/{row}/reply");
        let reply = format!("reply in {chat}");
        let body = Some(json!({ "text": reply }));
        let (status, answer) = fleet.api.call(Method::POST, &path, body).await;
        if !can_send {
            assert_eq!(
                (status, &answer["error"]["code"]),
                (StatusCode::CONFLICT, &json!("chat_read_only"))
            );
            continue;
        }
        assert_eq!(status, StatusCode::ACCEPTED);
        live.until(|frame| {
            let message = &frame["data"]["message"];
            message["text"] == reply.as_str() && message["status"] == "sent"
        })
        .await;
        assert_eq!(fleet.telegram.texts(user, chat).last(), Some(&reply));
    }

    // A restart needs nobody, and what came meanwhile is there.
    let keys = fleet.telegram.keys_of(user);
    fleet.stop_service();
    fleet
        .telegram
        .say(chats.person, user, "while you were away");
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    until_faithful(&fleet, &account, &every).await;
    assert_eq!(fleet.telegram.keys_of(user), keys, "the same session");

    // Nothing that was typed is kept.
    assert_eq!(
        files_with(&fleet.data_dir(), PASSWORD),
        Vec::<String>::new()
    );
    let log = fleet.service().log();
    for secret in [PASSWORD, code.as_str(), number.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }

    // Disconnected: at Telegram too, for good, and what was read stays readable.
    let path = format!("/accounts/{}/logout", account.id);
    let gone = fleet.api.post(&path, json!({})).await;
    assert_eq!(gone["account"]["state"], "signed_out");
    assert!(fleet.telegram.keys_of(user).is_empty());
    fleet.stop_service();
    fleet.start_service();
    assert_eq!(fleet.api.account(&account.id).await["state"], "signed_out");
    assert!(!fleet.api.messages(rows[0]).await.is_empty());
}
