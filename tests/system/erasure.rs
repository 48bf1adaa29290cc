//! A deleted history, from the call to the disk: what only the deleted account knew is in no byte of the data directory.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Fault, PersonSpec, world::Media};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::Form,
    leak_scan::Secrets,
    rows, wait,
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

/// More than the text of one message: what it said before, a file in the cache, one that waits to go out with its caption, what
/// stands in the field, whom the address book has, who is written to at a later time.
async fn fill(fleet: &Fleet, account: &FleetAccount, secrets: &mut Secrets) {
    let telegram = &fleet.telegram;
    let user = account.user;
    let mut secret = |what: &str| {
        let text = format!("{what} that {user} alone has");
        secrets.text(what, &text);
        text
    };
    let device = json!({ "device": { "model": secret("device") } });
    let path = format!("/accounts/{}", account.id);
    let (status, answer) = fleet.api.call(Method::PATCH, &path, Some(device)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    fleet.wait_for_state(&account.id, "online").await;
    let contact = telegram.add_person(PersonSpec::new(&secret("contact")));
    telegram.add_contact(user, contact);
    let person = telegram.add_person(PersonSpec::new(&secret("writer")));
    let first = telegram.say(person, user, &secret("first version"));
    let caption = secret("caption");
    let film = Media::Document {
        name: secret("file name"),
        mime: "application/octet-stream".to_owned(),
        size: 50_001,
    };
    let film = telegram.say_media(person, user, film, &caption);
    let conversation = fleet.conversation(account, person).await;
    let id = &conversation["id"];
    let kept = fleet
        .wait_for_message(&conversation, &caption, "received")
        .await;
    let path = kept["media"]["url"].as_str().unwrap();
    let request = fleet.api.request(Method::GET, path);
    let bytes = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes.len(), 50_001);
    let made = telegram.file_bytes(telegram.file_of(user, person, film), "");
    assert_eq!(bytes, made.unwrap());
    let second = secret("second version");
    telegram.edit(person, user, first, &second).unwrap();
    fleet
        .wait_for_message(&conversation, &second, "received")
        .await;
    let draft = json!({ "text": secret("draft") });
    let path = format!("/conversations/{id}/draft");
    let (status, answer) = fleet.api.call(Method::PUT, &path, Some(draft)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let tomorrow =
        switchboard::domain::Timestamp::now().plus(std::time::Duration::from_secs(86_400));
    let later = json!({ "text": secret("later"), "scheduled_for": tomorrow.to_string() });
    let path = format!("/conversations/{id}/reply");
    fleet.api.post(&path, later).await;
    let contacts = format!("/accounts/{}/contacts", account.id);
    fleet.api.get(&contacts).await;
    // It stays here for as long as this takes.
    let stuck = Fault::flood_wait(600).on("upload.saveFilePart");
    telegram.set_fault(stuck.account(user));
    let form = Form::default()
        .field("text", &secret("outgoing caption"))
        .file(
            &secret("outgoing file name"),
            "application/octet-stream",
            &[&secret("outgoing file").into_bytes()[..], &[7; 9000]].concat(),
        );
    let (status, answer) = fleet.api.try_form(&path, form, None).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    secrets.bytes("file", &bytes[..256]);
}

/// Every file and folder below, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        all.push((path.clone(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            all.extend(modes(&path));
        }
    }
    all
}

/// The number that each of these accounts has in the database.
fn numbers(fleet: &Fleet, ids: &[&str]) -> Vec<i64> {
    let database = fleet.data_dir().join("switchboard.db");
    let query = |id: &&str| format!("SELECT no AS n FROM accounts WHERE id = '{id}'");
    ids.iter()
        .map(|id| rows::number(&database, &query(id)))
        .collect()
}

/// What is left of these accounts beside their numbers: rows of any table, what events told, what stands in their own rows. Who did
/// what, and what is to be said to Telegram, stays.
fn rows_left(fleet: &Fleet, ids: &[&str], numbers: &[i64]) -> Vec<String> {
    let database = fleet.data_dir().join("switchboard.db");
    let columns = rows::texts(
        &database,
        "SELECT m.name || '.' || c.name AS t FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' \
         AND c.name IN ('account_id', 'telegram_account_id', 'account_no') AND m.name NOT IN ('audit', 'farewells', 'event_log')",
    );
    assert!(columns.len() > 10, "{columns:?}");
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let left = columns.into_iter().map(|column| {
        let (table, name) = column.split_once('.').unwrap();
        let gone = if name == "account_no" { &numbers } else { &ids };
        let gone = gone.join(",");
        let query = format!("SELECT count(*) AS n FROM {table} WHERE {name} IN ({gone})");
        (rows::number(&database, &query), column)
    });
    let own = rows::texts(
        &database,
        "SELECT name AS t FROM pragma_table_info('accounts') WHERE NOT \"notnull\" AND NOT pk AND name <> 'removed_at'",
    );
    let own = own
        .into_iter()
        .map(|name| (format!("{name} IS NOT NULL"), "accounts", "no"));
    let told = ("detail IS NOT NULL".to_owned(), "event_log", "account_no");
    let own = own.chain([told]).map(|(what, table, name)| {
        let query = format!(
            "SELECT count(*) AS n FROM {table} WHERE {what} AND {name} IN ({})",
            numbers.join(",")
        );
        (rows::number(&database, &query), format!("{table}: {what}"))
    });
    let left = left.chain(own).filter(|(count, _)| *count > 0);
    left.map(|(count, what)| format!("{count} of {what}"))
        .collect()
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
        if account.id == leaves.id {
            fill(&fleet, account, &mut secrets).await;
        }
        if account.id != stays.id {
            secrets.text("name", &name);
            secrets.text("text", &text);
        }
    }
    secrets.text("label", "Leaving desk");
    secrets.text("label", "Leaving later");
    let open: Vec<_> = modes(&fleet.data_dir())
        .into_iter()
        .filter(|(_, mode)| mode & 0o077 != 0)
        .collect();
    assert!(open.is_empty(), "others on this machine may read {open:?}");
    // What is looked for can be found: each of it lies there somewhere.
    let found = secrets.find_in_files(&fleet.data_dir(), &[]);
    let unseen: Vec<&String> = secrets
        .names()
        .filter(|name| {
            !found
                .iter()
                .any(|place| place.starts_with(&format!("{name} (")))
        })
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");

    let gone = [leaves.id.as_str(), later.id.as_str()];
    let numbers = numbers(&fleet, &gone);
    let (status, answer) = remove(&fleet, &leaves, "delete").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = remove(&fleet, &later, "keep").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = remove(&fleet, &later, "keep").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
    let (status, answer) = remove(&fleet, &later, "delete").await;
    assert_eq!(status, StatusCode::OK, "{answer}");

    until_gone(&fleet, &secrets).await;
    wait::until(
        "no row of theirs",
        async || rows_left(&fleet, &gone, &numbers),
        Vec::is_empty,
    )
    .await;
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
