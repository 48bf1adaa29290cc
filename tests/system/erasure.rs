//! A deleted history, from the call to the disk: what only the deleted account knew is in no byte of the data directory.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, FleetAccount},
    leak_scan::Secrets,
    wait,
};

const WORDS: &str = "only between the two of us";

async fn remove(fleet: &Fleet, account: &FleetAccount, history: &str) -> (StatusCode, Value) {
    let path = format!("/accounts/{}?history={history}", account.id);
    fleet.api.call(Method::DELETE, &path, None).await
}

async fn until_gone(fleet: &Fleet, secrets: &Secrets) {
    wait::until(
        "no trace of the deleted account on the disk",
        || async { secrets.find_in_files(&fleet.data_dir(), &[]) },
        Vec::is_empty,
    )
    .await;
}

/// Protects whoever removes an account with its history, at once or later: texts, names and titles are gone from the disk
/// of the running service, and the other account's stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_deleted_over_the_api_is_gone_from_the_disk() {
    let mut fleet = Fleet::builder().start().await;
    for label in ["Leaving desk", "Leaving later", "Staying desk"] {
        let account = fleet.add_account(label).await;
        fleet.wait_for_state(&account.id, "online").await;
    }
    let [leaves, later, stays] = fleet.accounts.clone().try_into().unwrap();
    let mut secrets = Secrets::default();
    for account in [&leaves, &later, &stays] {
        let name = format!("Person that writes to {}", account.user);
        let person = fleet.telegram.add_person(PersonSpec::new(&name));
        let text = format!("{WORDS} {}", account.user);
        fleet.telegram.say(person, account.user, &text);
        let conversation = fleet.conversation(account, person).await;
        fleet
            .wait_for_message(&conversation, &text, "received")
            .await;
        if account.id != stays.id {
            secrets.text("name", &name);
            secrets.text("text", &text);
        }
    }
    secrets.text("label", "Leaving desk");
    secrets.text("label", "Leaving later");
    assert!(!secrets.find_in_files(&fleet.data_dir(), &[]).is_empty());

    let (status, answer) = remove(&fleet, &leaves, "delete").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = remove(&fleet, &later, "keep").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = remove(&fleet, &later, "keep").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    let (status, answer) = remove(&fleet, &later, "delete").await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    until_gone(&fleet, &secrets).await;
    for account in [&leaves, &later] {
        let (status, answer) = remove(&fleet, account, "delete").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    }
    wait::until(
        "the other account's message to be found",
        || fleet.api.get("/search?q=between"),
        |found| {
            let all = found["messages"].as_array().unwrap();
            all.len() == 1 && all[0]["account_id"] == stays.id.as_str()
        },
    )
    .await;
}
