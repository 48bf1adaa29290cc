//! Retention through the service: what would go is told, goes when somebody says so, and stays gone.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{PersonSpec, world::Media};

use crate::support::{fleet::Fleet, rows, tokens, wait};

const MONTH: i64 = 30 * 24 * 3600 * 1000;

/// As if a month had passed since these came.
fn make_older(database: &Path, texts: &str) {
    use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
    SqliteConnection::establish(database.to_str().unwrap())
        .unwrap()
        .batch_execute(&format!(
            "UPDATE messages SET timestamp = timestamp - {MONTH} WHERE text LIKE '{texts}'"
        ))
        .unwrap();
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for account in fs::read_dir(folder).into_iter().flatten() {
        let files = fs::read_dir(account.unwrap().path()).unwrap();
        all.extend(files.map(|file| file.unwrap().path()));
    }
    all
}

async fn set(fleet: &Fleet, id: &str, retention: Value) -> (StatusCode, Value) {
    let body = json!({ "retention": retention });
    fleet
        .api
        .call(Method::PATCH, &format!("/accounts/{id}"), Some(body))
        .await
}

/// Protects people who must delete, and those who must not lose a line: nothing goes by itself; the preview is what then goes; Telegram
/// keeps all of it, and neither a scroll, an edit nor a restart brings any of it back here.
#[tokio::test(flavor = "multi_thread")]
async fn old_messages_and_files_go_when_somebody_says_so() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = fleet.telegram.clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let mut first = 0;
    for number in 1..=30 {
        let said = telegram.say(person, account.user, &format!("bygone {number}"));
        if number == 1 {
            first = said;
        }
    }
    let file = Media::Document {
        name: "report.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 40_000,
    };
    telegram.say_media(person, account.user, file, "with a file");
    let chat = fleet.conversation(&account, person).await;
    let id = chat["id"].as_i64().unwrap();
    let kept = fleet
        .wait_for_message(&chat, "with a file", "received")
        .await;
    let url = kept["media"]["url"].as_str().unwrap().to_owned();
    let fetched = async |fleet: &Fleet| {
        let answer = fleet.api.request(Method::GET, &url).send().await.unwrap();
        answer.bytes().await.unwrap().len()
    };
    assert_eq!(fetched(&fleet).await, 40_000);
    let folder = fleet.data_dir().join("media/files");
    let found = wait::until(
        "the file to be kept",
        async || files(&folder),
        |all| all.len() == 1,
    )
    .await;
    let lies = found[0].clone();

    fleet.stop_service();
    let database = fleet.data_dir().join("switchboard.db");
    make_older(&database, "bygone%");
    let before = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    File::options()
        .write(true)
        .open(&lies)
        .unwrap()
        .set_modified(before)
        .unwrap();
    let said = tokens::command(
        "retention",
        &fleet.data_dir(),
        &["--keep-messages", "7", "--keep-media", "7"],
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("would free 30 messages ("), "{said:?}");
    assert!(
        said.stdout.contains("and 1 files (40000 bytes)"),
        "{said:?}"
    );
    let said = tokens::command("retention", &fleet.data_dir(), &["--keep-messages", "6"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(
        said.stderr.contains("SWITCHBOARD_KEEP_MESSAGES"),
        "{said:?}"
    );
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;

    let messages = || {
        rows::number(
            &database,
            "SELECT count(*) AS n FROM messages WHERE text LIKE 'bygone%'",
        )
    };
    let path = format!(
        "/retention?account_id={}&messages_days=7&media_days=7",
        account.id
    );
    let told = fleet.api.get(&path).await;
    assert_eq!(told["for_all"]["messages_days"], Value::Null);
    let of = &told["accounts"][0];
    assert_eq!(
        (&of["messages"], &of["files"], &of["file_bytes"]),
        (&json!(30), &json!(1), &json!(40_000)),
        "{told}"
    );
    assert!(of["bytes"].as_i64().unwrap() > 30 * 120, "{told}");
    assert_eq!(messages(), 30, "asking deletes nothing");
    for wrong in [
        json!({ "messages_days": 6 }),
        json!({ "media_days": 36_501 }),
    ] {
        let (status, answer) = set(&fleet, &account.id, wrong).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!("retention_invalid")
            )
        );
    }

    let (status, answer) = set(
        &fleet,
        &account.id,
        json!({ "messages_days": 7, "media_days": 7 }),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["account"]["retention"],
        json!({ "messages_days": 7, "media_days": 7 })
    );
    wait::until(
        "the old ones to be gone",
        async || messages(),
        |left| *left == 0,
    )
    .await;
    assert!(!lies.exists(), "the file nobody opened");
    let asked = telegram
        .ledger()
        .methods
        .get("messages.getHistory")
        .copied();
    let page = fleet
        .api
        .get(&format!("/conversations/{id}/messages"))
        .await;
    assert_eq!(page["next_cursor"], Value::Null, "{page}");
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(
        telegram
            .ledger()
            .methods
            .get("messages.getHistory")
            .copied(),
        asked,
        "nobody asks for them again"
    );
    assert_eq!(
        telegram.texts(account.user, person).len(),
        31,
        "Telegram keeps them"
    );
    assert_eq!(fetched(&fleet).await, 40_000, "and the file is had again");

    let export = fleet.api.get(&format!("/export/conversations/{id}")).await;
    let highest = rows::number(
        &database,
        "SELECT kept_above AS n FROM conversations WHERE kept_above > 0",
    );
    assert_eq!(
        export["missing"][0],
        json!([1, highest]),
        "an export says that it is not whole"
    );

    fleet.kill_service();
    telegram
        .edit(person, account.user, first, "bygone and edited")
        .unwrap();
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
    telegram.say(person, account.user, "the next one");
    fleet
        .wait_for_message(&chat, "the next one", "received")
        .await;
    assert_eq!(messages(), 0);
    let (status, answer) = set(&fleet, &account.id, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["account"]["retention"],
        json!({ "messages_days": null, "media_days": null })
    );
}
