//! Health: what Telegram lets an account do is learned from its answers and told, with what else there is to know; and what
//! an account sends by itself keeps the pace that it may.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

async fn send(fleet: &Fleet, account: &FleetAccount, to: &str, text: &str) -> Value {
    let path = format!("/accounts/{}/send", account.id);
    fleet
        .api
        .post(&path, json!({ "recipient": to, "text": text }))
        .await
}

fn stranger(fleet: &Fleet, name: &str) -> i64 {
    let spec = PersonSpec::new(name).username(name);
    fleet.telegram.add_person(spec)
}

/// Until the account's health is as wanted.
async fn until_health(
    fleet: &Fleet,
    account: &FleetAccount,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let account = wait::until(
        what,
        || fleet.api.account(&account.id),
        |account| wanted(&account["health"]),
    )
    .await;
    account["health"].clone()
}

async fn patch(fleet: &Fleet, account: &FleetAccount, body: Value) -> (u16, Value) {
    let path = format!("/accounts/{}", account.id);
    let (status, body) = fleet.api.call(Method::PATCH, &path, Some(body)).await;
    (status.as_u16(), body)
}

/// Protects who owns a frozen account: since when, until when and where to appeal is told, by a refused message and at a
/// start; it goes on reading; and when it is over, that is told as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_account_says_so_and_reads_on() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = stranger(&fleet, "amal");
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    fleet.telegram.freeze(account.user);
    let path = format!("/conversations/{}/reply", conversation["id"]);
    fleet.api.post(&path, json!({ "text": "too late" })).await;
    let failed = fleet
        .wait_for_message(&conversation, "too late", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "FROZEN_METHOD_INVALID");
    let told = |health: &Value| health["frozen"]["until"].is_string();
    let health = until_health(&fleet, &account, "the freeze to be told", told).await;
    let url = health["frozen"]["appeal_url"].as_str().unwrap();
    assert!(url.starts_with("https://t.me/"), "{health}");
    fleet.telegram.say(person, account.user, "are you there?");
    fleet
        .wait_for_message(&conversation, "are you there?", "received")
        .await;
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    let metrics = fleet.api.request(Method::GET, "/metrics").send().await;
    let metrics = metrics.unwrap().text().await.unwrap();
    let line = format!("switchboard_account_frozen{{account=\"{}\"}} 1", account.id);
    assert!(metrics.contains(&line), "{metrics}");
    assert!(fleet.service().log().contains("health=frozen since="));

    fleet.stop_service();
    fleet.telegram.pardon(account.user);
    fleet.start_service();
    let free = |health: &Value| health["frozen"].is_null();
    until_health(&fleet, &account, "the freeze to be over", free).await;

    // Nothing is written, and it is told all the same.
    fleet.stop_service();
    fleet.telegram.freeze(account.user);
    fleet.start_service();
    until_health(&fleet, &account, "a freeze found at the start", told).await;
}

/// Protects who writes to strangers: that Telegram refuses them is told with its age and ends when one is taken; whoever
/// wants to be paid is told with the price, and nothing is paid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_for_strangers_and_prices_are_learned() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let account = fleet.accounts[0].clone();
    let friend = stranger(&fleet, "friend");
    fleet.telegram.say(friend, account.user, "hello");
    let chat = fleet.conversation(&account, friend).await;
    stranger(&fleet, "somebody");
    let star = stranger(&fleet, "star");
    fleet.telegram.set_price(star, 150);
    fleet.telegram.limit_strangers(account.user, true);

    let refused = send(&fleet, &account, "@somebody", "buy this").await;
    let failed = fleet
        .wait_for_message(&refused["conversation"], "buy this", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "PEER_FLOOD");
    let limited = |health: &Value| health["strangers_limited"]["since"].is_string();
    until_health(&fleet, &account, "the limit to be told", limited).await;
    // Those who wrote are answered.
    let path = format!("/conversations/{}/reply", chat["id"]);
    fleet.api.post(&path, json!({ "text": "hello back" })).await;
    fleet.wait_for_message(&chat, "hello back", "sent").await;
    let health = fleet.api.account(&account.id).await["health"].clone();
    assert!(
        limited(&health),
        "an answer to a friend says nothing of strangers"
    );

    fleet.telegram.limit_strangers(account.user, false);
    let taken = send(&fleet, &account, "@somebody", "sorry").await;
    fleet
        .wait_for_message(&taken["conversation"], "sorry", "sent")
        .await;
    let free = |health: &Value| health["strangers_limited"].is_null();
    let health = until_health(&fleet, &account, "the limit to be over", free).await;
    assert_eq!(health["strangers_today"], 1);

    // The price is told before anything is written.
    let find = format!("/accounts/{}/find", account.id);
    for (name, wants) in [
        ("@friend", Value::Null),
        ("@star", json!({ "stars": 150, "premium": false })),
    ] {
        let found = fleet.api.post(&find, json!({ "recipient": name })).await;
        assert_eq!(found["found"]["wants"], wants, "{found}");
    }
    let health = fleet.api.account(&account.id).await["health"].clone();
    assert_eq!(health["paid"][0]["stars"], 150, "{health}");

    let paid = send(&fleet, &account, "@star", "an autograph").await;
    let failed = fleet
        .wait_for_message(&paid["conversation"], "an autograph", "failed")
        .await;
    assert_eq!(failed["error"]["code"], "ALLOW_PAYMENT_REQUIRED_150");
    let told = |health: &Value| health["paid"][0]["stars"] == 150;
    let health = until_health(&fleet, &account, "the price to be told", told).await;
    assert_eq!(health["paid"][0]["chat_id"], star.to_string());

    // What Telegram says of the account to others, another account sees once it knows this one.
    let other = fleet.accounts[1].clone();
    let look = format!("/accounts/{}/mark", account.id);
    let (status, refused) = fleet.api.call(Method::POST, &look, None).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["code"]),
        (409, &json!("nobody_can_look"))
    );
    fleet.telegram.say(account.user, other.user, "it is me");
    fleet.conversation(&other, account.user).await;
    for marked in [false, true, false] {
        fleet.telegram.set_marked(account.user, marked);
        let seen = fleet.api.post(&look, json!({})).await;
        let seen = &seen["account"]["health"]["unofficial"];
        assert_eq!(seen["marked"], marked, "{seen}");
        assert!(seen["seen_at"].is_string(), "{seen}");
    }
}

/// Protects an account from whoever else is signed in to it: the sessions are told, and one of them is ended; never the
/// one that the service uses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sessions_are_told_and_ended() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let dc = fleet.telegram.dc_addresses()[0].0;
    fleet.telegram.seed_session(account.user, dc);
    assert_eq!(fleet.telegram.keys_of(account.user).len(), 2);
    let path = format!("/accounts/{}/sessions", account.id);
    let sessions = fleet.api.get(&path).await["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 2, "{sessions}");
    assert_eq!(sessions[0]["current"], true);
    assert_eq!(sessions[0]["device"], "Switchboard");
    let other = sessions[1]["hash"].as_str().unwrap();
    let api = &fleet.api;
    let end = |hash: &str| {
        let path = format!("{path}/{hash}");
        async move { api.call(Method::DELETE, &path, None).await }
    };
    let (status, answer) = end("0").await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (409, &json!("session_in_use"))
    );
    let (status, _) = end("17").await;
    assert_eq!(status, 404);
    let (status, _) = end(other).await;
    assert_eq!(status, 204);
    assert_eq!(fleet.telegram.keys_of(account.user).len(), 1);
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");

    // A sign-in of today ends nobody.
    let number = phone(70);
    let user = fleet
        .telegram
        .add_account(switchboard_simulator::AccountSpec::new(&number, "New"));
    fleet.telegram.seed_session(user, dc);
    let added = json!({ "label": "New", "phone": number });
    let added = fleet.api.post("/accounts/add", added).await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.telegram.code_for(&number).unwrap();
    let step = format!("/accounts/{id}/login/code");
    fleet.api.post(&step, json!({ "code": code })).await;
    fleet.wait_for_state(&id, "online").await;
    let path = format!("/accounts/{id}/sessions");
    let sessions = fleet.api.get(&path).await["sessions"].clone();
    let path = format!("{path}/{}", sessions[1]["hash"].as_str().unwrap());
    let (status, answer) = fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]["code"]),
        (409, &json!("session_too_new"))
    );
}

/// Protects an account from being limited for its haste: beyond its pace a message to a stranger waits, says why and until
/// when, also over a restart; whoever wrote is answered meanwhile; and when the limit is lifted, it goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_by_itself_keeps_its_pace() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    for name in ["first", "second", "third"] {
        stranger(&fleet, name);
    }
    let friend = stranger(&fleet, "friend");
    fleet.telegram.say(friend, account.user, "hello");
    let chat = fleet.conversation(&account, friend).await;
    let known = fleet.api.account(&account.id).await["pace"].clone();
    assert!(known["strangers_per_day"].is_u64() && known["per_minute"].is_u64());
    let (status, refused) = patch(&fleet, &account, json!({ "pace": { "per_minute": 0 } })).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (422, &json!("pace_invalid"))
    );
    for listed in [json!({ "pace": [null, null] }), json!({ "device": [] })] {
        assert_eq!(patch(&fleet, &account, listed).await.0, 400);
    }
    let one = json!({ "pace": { "strangers_per_day": 1 } });
    let (status, changed) = patch(&fleet, &account, one).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["account"]["pace"]["strangers_per_day"], 1);
    assert_eq!(
        changed["account"]["pace"]["per_minute"],
        known["per_minute"]
    );

    let first = send(&fleet, &account, "@first", "one").await;
    fleet
        .wait_for_message(&first["conversation"], "one", "sent")
        .await;
    let second = send(&fleet, &account, "@second", "two").await;
    let id = second["message"]["id"].as_i64().unwrap();
    let holds = |message: &Value| message["message"]["waits_for"] == "pace_strangers";
    let path = format!("/messages/{id}");
    let held = wait::until("the second to be held", || fleet.api.get(&path), holds).await;
    assert_eq!(held["message"]["status"], "pending");
    assert!(held["message"]["retry_at"].is_string(), "{held}");
    // A second message to the first one is none to somebody new; and a friend waits for nobody.
    let again = send(&fleet, &account, "@first", "one more").await;
    fleet
        .wait_for_message(&again["conversation"], "one more", "sent")
        .await;
    let reply = format!("/conversations/{}/reply", chat["id"]);
    fleet
        .api
        .post(&reply, json!({ "text": "hello back" }))
        .await;
    fleet.wait_for_message(&chat, "hello back", "sent").await;

    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    let third = send(&fleet, &account, "@third", "three").await;
    let path = format!("/messages/{}", third["message"]["id"]);
    wait::until(
        "the third to be held as well",
        || fleet.api.get(&path),
        holds,
    )
    .await;
    let path = format!("/messages/{id}");
    assert!(holds(&fleet.api.get(&path).await));

    let off = json!({ "pace": { "strangers_per_day": null } });
    assert_eq!(patch(&fleet, &account, off).await.0, 200);
    fleet
        .wait_for_message(&second["conversation"], "two", "sent")
        .await;
    fleet
        .wait_for_message(&third["conversation"], "three", "sent")
        .await;

    // Three to strangers have gone in this minute.
    let slow = json!({ "pace": { "per_minute": 1 } });
    assert_eq!(patch(&fleet, &account, slow).await.0, 200);
    let more = send(&fleet, &account, "@third", "four").await;
    let path = format!("/messages/{}", more["message"]["id"]);
    let holds = |message: &Value| message["message"]["waits_for"] == "pace_minute";
    wait::until("the fourth to be held", || fleet.api.get(&path), holds).await;
    let (status, back) = patch(&fleet, &account, json!({ "pace": null })).await;
    assert_eq!((status, &back["account"]["pace"]), (200, &known));
    fleet
        .wait_for_message(&third["conversation"], "four", "sent")
        .await;
}

/// Protects an account from looking like another device after a change of the service: what it is called is given before its
/// first dial, the same at each later one, and another only when somebody says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_calls_itself_what_it_was_told_to() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let first = fleet.api.account(&account.id).await["device"].clone();
    assert_eq!(first["model"], "Switchboard");
    let path = format!("/accounts/{}/sessions", account.id);
    let called = |sessions: &Value, model: &str, app: &str| {
        let one = &sessions["sessions"][0];
        one["device"] == model && one["app"].as_str().is_some_and(|text| text.contains(app))
    };
    let long = "x".repeat(65);
    for bad in [
        json!({ "model": "" }),
        json!({ "app": long }),
        json!({ "language": "English" }),
        json!({ "system": "a\nb" }),
    ] {
        let (status, refused) = patch(&fleet, &account, json!({ "device": bad })).await;
        assert_eq!(
            (status, &refused["error"]["code"]),
            (422, &json!("device_invalid"))
        );
    }
    let change = json!({ "device": { "model": "Front desk", "app": "7.1" } });
    let (status, changed) = patch(&fleet, &account, change).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["account"]["device"]["system"], first["system"]);
    fleet.wait_for_state(&account.id, "online").await;
    assert!(called(&fleet.api.get(&path).await, "Front desk", "7.1"));
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    assert!(called(&fleet.api.get(&path).await, "Front desk", "7.1"));
    let (status, _) = patch(&fleet, &account, json!({ "device": null })).await;
    assert_eq!(status, 200);
    fleet.wait_for_state(&account.id, "online").await;
    let sessions = fleet.api.get(&path).await;
    assert!(called(&sessions, "Switchboard", ""), "{sessions}");

    let number = phone(71);
    let spec = switchboard_simulator::AccountSpec::new(&number, "New");
    fleet.telegram.add_account(spec);
    let added = json!({ "label": "New", "phone": number, "device": { "model": "Counter", "language": "ru" } });
    let added = fleet.api.post("/accounts/add", added).await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.telegram.code_for(&number).unwrap();
    let step = format!("/accounts/{id}/login/code");
    fleet.api.post(&step, json!({ "code": code })).await;
    fleet.wait_for_state(&id, "online").await;
    let sessions = fleet.api.get(&format!("/accounts/{id}/sessions")).await;
    assert!(called(&sessions, "Counter", ""), "{sessions}");
    assert_eq!(fleet.api.account(&id).await["device"]["language"], "ru");

    // The log-out calls itself as its account does, also when that was changed since it dialled last.
    let path = format!("/accounts/{}", account.id);
    let stop = json!({ "is_active": false });
    let (status, _) = fleet.api.call(Method::PATCH, &path, Some(stop)).await;
    assert_eq!(status, 200);
    let change = json!({ "device": { "model": "Back office" } });
    assert_eq!(patch(&fleet, &account, change).await.0, 200);
    let wait = switchboard_simulator::Fault::error(420, "FLOOD_WAIT_600").on("auth.logOut");
    fleet.telegram.set_fault(wait.times(1));
    let path = format!("/accounts/{}/logout", account.id);
    fleet.api.call(Method::POST, &path, None).await;
    wait::until(
        "the log-out to say what it is",
        || std::future::ready(fleet.telegram.devices_of(account.user)),
        |devices| devices == &["Back office"],
    )
    .await;
}
