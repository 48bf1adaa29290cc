//! Messages copied to another account.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, Media, world::LedgerMessage};

use super::forwards::Town;
use crate::support::{
    fleet::FleetAccount,
    forms::{Form, paper},
    rows, wait,
};

/// Protects other accounts' chats: a text and a file go there as copies of ours, byte for byte, once under one key; what
/// can't be written again is refused.
#[tokio::test(flavor = "multi_thread")]
async fn texts_and_files_are_copied_to_another_account() {
    let town = Town::start(2).await;
    let other = town.fleet.accounts[1].clone();
    let telegram = &town.fleet.telegram;
    telegram.say(town.people[1], other.user, "over here");
    let there = town.fleet.conversation(&other, town.people[1]).await;
    let said = town.said("pass it on").await;
    let body = json!({ "message_ids": [said["id"]], "conversation_ids": [there["id"]] });
    let (status, answer) = town.forward(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    town.fleet
        .wait_for_message(&there, "pass it on", "sent")
        .await;
    assert_eq!(
        telegram.texts(other.user, town.people[1]),
        ["over here", "pass it on"]
    );

    let photo = Media::Photo {
        width: 40,
        height: 30,
    };
    telegram.say_media(town.people[0], town.account.user, photo, "look");
    let look = town
        .fleet
        .wait_for_message(&town.chats[0], "look", "received")
        .await;
    let body = json!({ "message_ids": [look["id"]], "conversation_ids": [there["id"], town.chats[2]["id"]] });
    let keyed = town.fleet.api.with_header("idempotency-key", "copy-1");
    for _ in 0..2 {
        let (status, answer) = keyed
            .call(Method::POST, "/messages/forward", Some(body.clone()))
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["messages"][0]["media"]["kind"], "photo", "{answer}");
    }
    town.fleet.wait_for_message(&there, "look", "sent").await;
    town.until_done().await;
    let file = format!("/messages/{}/media", look["id"]);
    let file = town.fleet.api.request(Method::GET, &file).send().await;
    let file = file.unwrap().bytes().await.unwrap();
    let copy = theirs(&town, &other, town.people[1]).pop().unwrap();
    assert_eq!(copy.file.unwrap().sha256, sha256(&file));
    assert_eq!(theirs(&town, &other, town.people[1]).len(), 2);
    assert_eq!(
        town.ours(town.people[2]).len(),
        1,
        "in its own account it is forwarded"
    );

    let papers = [paper(1, 90_000), paper(2, 60_000)];
    let form = papers
        .iter()
        .fold(Form::default().field("text", "lists"), Form::add);
    let path = format!("/conversations/{}/reply", town.chats[0]["id"]);
    let (_, answer) = town.fleet.api.form(&path, form).await;
    let ids: Vec<Value> = (0..2)
        .map(|at| answer["messages"][at]["id"].clone())
        .collect();
    town.until_done().await;
    let body = json!({ "message_ids": ids, "conversation_ids": [there["id"]] });
    let (status, answer) = town.forward(body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    town.until_done().await;
    let album = theirs(&town, &other, town.people[1]).split_off(2);
    let sums: Vec<String> = album
        .iter()
        .map(|one| one.file.clone().unwrap().sha256)
        .collect();
    assert_eq!(sums, [papers[0].sha256(), papers[1].sha256()]);
    assert_eq!(
        (album[0].text.as_str(), album[1].text.as_str()),
        ("lists", "")
    );
    assert!(album[0].album != 0 && album[0].album == album[1].album);

    let sticker = Media::Sticker {
        emoji: "🙂".to_owned(),
    };
    telegram.say_media(town.people[0], town.account.user, sticker, "");
    let file = town.fleet.data_dir().join("switchboard.db");
    let query = "SELECT coalesce(max(id), 0) AS n FROM messages WHERE json_extract(media, '$.kind') = 'sticker'";
    let look = async || rows::number(&file, query);
    let sticker = wait::until("the sticker", look, |row| *row > 0).await;
    let body = json!({ "message_ids": [sticker], "conversation_ids": [there["id"]] });
    let (_, answer) = town.forward(body).await;
    assert_eq!(answer["error"]["code"], "not_copyable");
    let staged = async || {
        let folder = town.fleet.data_dir().join("staged").join(&other.id);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    wait::until("an empty folder", staged, |left| *left == 0).await;
}

/// Protects copies: each is an order like everything else. Its call is answered before a byte of the file came; whatever happens
/// after that, `kill -9` included, it arrives once and whole; from an account that is not there it fails in words, and goes on
/// when it is back. `SWITCHBOARD_KILLS` takes another number.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_an_order_and_arrives_once_whatever_breaks() {
    let mut town = Town::start(2).await;
    let other = town.fleet.accounts[1].clone();
    town.fleet
        .telegram
        .say(town.people[1], other.user, "over here");
    let there = town.fleet.conversation(&other, town.people[1]).await;
    let kills = std::env::var("SWITCHBOARD_KILLS").map_or(4, |text| text.parse().unwrap());
    let mut chance = StdRng::seed_from_u64(20_261_203);
    let mut wanted = Vec::new();
    for round in 0..=kills {
        let text = format!("round {round}");
        let paper = Media::Document {
            name: format!("list-{round}.pdf"),
            mime: "application/pdf".to_owned(),
            size: 70_000 + i64::from(round),
        };
        let telegram = &town.fleet.telegram;
        telegram.say_media(town.people[0], town.account.user, paper, &text);
        let source = town
            .fleet
            .wait_for_message(&town.chats[0], &text, "received")
            .await;
        let id = source["message_id"].as_str().unwrap().parse().unwrap();
        let number = telegram.file_of(town.account.user, town.people[0], id);
        wanted.push(sha256(&telegram.file_bytes(number, "").unwrap()));
        let body = json!({ "message_ids": [source["id"]], "conversation_ids": [there["id"]] });
        if round == kills {
            let account = town.account.clone();
            town.fleet.set_active(&account, false).await;
            let (_, answer) = town.forward(body).await;
            let path = format!("/messages/{}", answer["messages"][0]["id"]);
            let failed = wait::until(
                "the failure",
                async || town.fleet.api.get(&path).await["message"].clone(),
                |message| message["status"] == "failed",
            )
            .await;
            assert_eq!(failed["error"]["code"], "account_unavailable", "{failed}");
            town.fleet.set_active(&account, true).await;
            town.fleet
                .api
                .post(&format!("{path}/retry"), json!({}))
                .await;
            town.until_done().await;
            break;
        }
        // Where it is killed: as its file comes, as it goes up, as it becomes a message.
        let calls = [
            "upload.getFile",
            "upload.saveFilePart",
            "messages.sendMedia",
        ];
        let call = calls[round as usize % calls.len()];
        let effect = match call {
            "upload.getFile" => Effect::NeverAnswer,
            _ => Effect::SlowAnswer { millis: 60 },
        };
        let fault = telegram.set_fault(Fault::new(effect).on(call).times(1));
        let (status, answer) = town.forward(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let (message, kind) = (&answer["messages"][0], "document");
        assert_eq!(
            (&message["status"], &message["media"]["kind"]),
            (&json!("pending"), &json!(kind))
        );
        let hits = async || town.fleet.telegram.fault_hits(fault);
        wait::until(call, hits, |hits| *hits > 0).await;
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..60))).await;
        town.fleet.kill_service();
        town.fleet.telegram.clear_faults();
        town.fleet.start_service();
        town.until_done().await;
    }
    let arrived = theirs(&town, &other, town.people[1]);
    let sums: Vec<String> = arrived
        .into_iter()
        .map(|one| one.file.unwrap().sha256)
        .collect();
    assert_eq!(sums, wanted);
    let file = town.fleet.data_dir().join("switchboard.db");
    assert_eq!(
        rows::number(&file, "SELECT count(*) AS n FROM order_copies"),
        0
    );
    let staged = async || {
        let folder = town.fleet.data_dir().join("staged").join(&other.id);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    wait::until("an empty folder", staged, |left| *left == 0).await;
}

/// What another account has written in a chat.
fn theirs(town: &Town, account: &FleetAccount, chat: i64) -> Vec<LedgerMessage> {
    let ledger = town.fleet.telegram.ledger_of(account.user);
    let chat = ledger[&chat].messages.iter();
    chat.filter(|message| message.out).cloned().collect()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let sum = sha2::Sha256::digest(bytes);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
