//! The shortest way through everything: one message in, one reply out.

use serde_json::json;
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, phone},
    wait,
};

/// Protects the point of the product: what people write reaches the desk at once, and the answer reaches them once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_desk_and_the_reply_reaches_its_sender() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let mut live = fleet.live(None).await;
    let person = fleet.telegram.add_person(PersonSpec {
        first_name: "Contact one".into(),
        ..PersonSpec::default()
    });

    fleet
        .telegram
        .say(person, account.user, "Is my order shipped?");

    let frame = live.until_event("message_received").await;
    let message = &frame["data"]["message"];
    assert_eq!(message["text"], "Is my order shipped?");
    assert_eq!(message["account_id"], account.id.as_str());
    assert_eq!(message["chat_id"], person.to_string());
    assert_eq!(message["sender"]["name"], "Contact one");
    assert_eq!(message["status"], "received");
    assert_eq!(frame["data"]["conversation"]["unread"], 1);

    let conversation = fleet.conversation(&account, person).await;
    let id = conversation["id"].as_i64().unwrap();
    let pending = fleet.api.reply(id, "On its way, tomorrow").await;
    assert_eq!(pending["status"], "pending");

    let first = live.until_event("message_sent").await;
    assert_eq!(first["data"]["message"]["status"], "pending");
    let second = live.until_event("message_sent").await;
    assert_eq!(second["data"]["message"]["status"], "sent");
    assert_eq!(second["data"]["message"]["id"], pending["id"]);
    assert!(second["data"]["message"]["message_id"].is_string());

    let arrived = fleet.telegram.texts(account.user, person);
    assert_eq!(arrived, ["Is my order shipped?", "On its way, tomorrow"]);
    let stored: Vec<_> = fleet.api.messages(id).await;
    assert_eq!(stored.len(), 2, "{stored:#?}");
}

/// Protects sign-in by phone code, as a person does it.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_signed_in_with_the_code_that_telegram_sent() {
    let fleet = Fleet::builder().start().await;
    let number = phone(77);
    fleet
        .telegram
        .add_account(switchboard_simulator::AccountSpec {
            phone: number.clone(),
            first_name: "Support".into(),
            ..Default::default()
        });
    let added = fleet
        .api
        .post(
            "/accounts/add",
            json!({ "label": "Support", "phone": number }),
        )
        .await;
    assert_eq!(added["login"]["step"], "code", "{added}");
    let id = added["account"]["id"].as_str().unwrap();
    let code = wait::until(
        "a code",
        || async { fleet.telegram.code_for(&number) },
        Option::is_some,
    )
    .await;
    let path = format!("/accounts/{id}/login/code");
    let done = fleet.api.post(&path, json!({ "code": code })).await;
    assert_eq!(done["login"]["step"], "done", "{done}");
    let account = fleet.wait_for_state(id, "online").await;
    assert_eq!(account["user"]["first_name"], "Support");
    assert_eq!(account["phone"], "+999***077");
    let log = fleet.service().log();
    assert!(
        !log.contains(&number) && !log.contains(&code.unwrap()),
        "a secret is in the log"
    );
}
