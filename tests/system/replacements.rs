//! Replacements: another file, or another caption, in a message that was sent. Judged by the simulator's ledger, the database
//! file and what the desk is told.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, world::LedgerMessage};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, Sample, content_type, paper, photo, voice},
    rows, wait,
};

const EDIT: &str = "messages.editMessage";

struct Scene {
    fleet: Fleet,
    account: FleetAccount,
    person: i64,
    conversation: Value,
}

impl Scene {
    async fn start() -> Self {
        let (fleet, account, person, conversation) = Fleet::with_a_chat().await;
        Self {
            fleet,
            account,
            person,
            conversation,
        }
    }

    /// Sent messages, one of each file.
    async fn sent(&self, samples: &[Sample], caption: &str) -> Vec<Value> {
        let path = format!("/conversations/{}/reply", self.conversation["id"]);
        let form = Form::default().field("text", caption);
        let form = samples.iter().fold(form, Form::add);
        let (status, answer) = self.fleet.api.form(&path, form).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let mut messages = Vec::new();
        for queued in answer["messages"].as_array().unwrap() {
            messages.push(
                self.until(queued, |message| message["status"] == "sent")
                    .await,
            );
        }
        messages
    }

    async fn until(&self, message: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = path(message);
        let look = async || self.fleet.api.get(&path).await["message"].clone();
        wait::until("the message", look, wanted).await
    }

    /// `Err`: the line broke.
    async fn try_replace(
        &self,
        message: &Value,
        form: Form,
        key: &str,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let request = self.fleet.api.request(Method::PATCH, &path(message));
        let request = request
            .header("Content-Type", content_type())
            .header("Idempotency-Key", key);
        let answer = request.body(form.body()).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    async fn replace(&self, message: &Value, form: Form) -> (StatusCode, Value) {
        let key = uuid::Uuid::new_v4().to_string();
        self.try_replace(message, form, &key).await.unwrap()
    }

    async fn refused(&self, message: &Value, form: Form) -> String {
        let (status, answer) = self.replace(message, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        answer["error"]["code"].as_str().unwrap().to_owned()
    }

    /// As Telegram has it.
    fn theirs(&self, message: &Value) -> LedgerMessage {
        let number: i32 = message["message_id"].as_str().unwrap().parse().unwrap();
        let ledger = self.fleet.telegram.ledger_of(self.account.user);
        let mut chat = ledger[&self.person].messages.iter();
        chat.find(|one| one.id == number).unwrap().clone()
    }

    async fn until_done(&self) {
        let file = self.fleet.data_dir().join("switchboard.db");
        let waiting = async || rows::number(&file, "SELECT count(*) AS n FROM orders");
        wait::until("every order to be done", waiting, |left| *left == 0).await;
    }

    fn staged(&self) -> usize {
        let folder = self.fleet.data_dir().join("staged").join(&self.account.id);
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

fn path(message: &Value) -> String {
    format!("/messages/{}", message["id"])
}

/// Protects a price list that was wrong: the other file stands in the same message, with another caption or with the one
/// that it had; whoever looks gets the new bytes, and nothing is left in the staging folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_and_its_caption_too() {
    let scene = Scene::start().await;
    let before = scene.sent(&[paper(1, 90_000)], "prices").await.remove(0);
    let new = paper(2, 70_000);
    let form = Form::default()
        .field("text", "**new** prices")
        .field("format", "markdown")
        .add(&new);
    let mut live = scene.fleet.live(None).await;
    let (status, answer) = scene.replace(&before, form).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["message"]["id"], before["id"]);
    let edited = live.until(|frame| frame["event"] == "message_edited").await;
    let message = &edited["data"]["message"];
    assert_eq!(
        (
            &message["text"],
            &message["media"]["size"],
            &message["entities"][0]["type"]
        ),
        (&json!("new prices"), &json!(70_000), &json!("bold"))
    );
    scene.until_done().await;
    let theirs = scene.theirs(&before);
    assert_eq!(theirs.file.unwrap().sha256, new.sha256());
    assert_eq!(
        (theirs.text.as_str(), theirs.former_texts.len()),
        ("new prices", 1)
    );
    let media = format!("{}/media", path(&before));
    let got = scene
        .fleet
        .api
        .request(Method::GET, &media)
        .send()
        .await
        .unwrap();
    assert_eq!(got.bytes().await.unwrap().to_vec(), new.bytes);

    // Without words the caption stays, formatting and all.
    let again = paper(3, 50_000);
    let (status, answer) = scene.replace(&before, Form::default().add(&again)).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    scene.until_done().await;
    let theirs = scene.theirs(&before);
    assert_eq!(
        (theirs.text.as_str(), theirs.file.unwrap().sha256),
        ("new prices", again.sha256())
    );
    let now = scene
        .until(&before, |message| message["media"]["size"] == 50_000)
        .await;
    assert_eq!(now["entities"][0]["type"], "bold");
    wait::until(
        "an empty folder",
        async || scene.staged(),
        |left| *left == 0,
    )
    .await;
}

/// Protects against a replacement done twice or not at all: lines that break before and after Telegram took it, its own
/// trouble, files that it forgot, repeated calls and `kill -9` at random moments.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_a_file_is_replaced_once() {
    let mut scene = Scene::start().await;
    let mut chance = StdRng::seed_from_u64(20_261_201);
    let kills = std::env::var("SWITCHBOARD_KILLS").map_or(3, |text| text.parse().unwrap());
    let trouble = Effect::Error {
        code: 500,
        message: "INTERNAL".into(),
    };
    let faults = [Effect::Cut, Effect::CutAfter, trouble, Effect::Unreadable];
    for round in 0..faults.len() as u64 + kills {
        let before = scene
            .sent(&[paper(100 + round, 9_000)], "before")
            .await
            .remove(0);
        let new = paper(200 + round, 2_000_000);
        let form = Form::default().field("text", "after").add(&new);
        let key = format!("round-{round}");
        let effect = faults.get(usize::try_from(round).unwrap());
        let slow = Effect::SlowAnswer { millis: 60 };
        let fault = Fault::new(effect.cloned().unwrap_or(slow))
            .on(EDIT)
            .times(1);
        let fault = scene.fleet.telegram.set_fault(fault);
        let called = scene.try_replace(&before, form.clone(), &key).await;
        assert_eq!(called.unwrap().0, StatusCode::ACCEPTED);
        if effect.is_none() {
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..250))).await;
            scene.fleet.kill_service();
            scene.fleet.start_service();
        }
        let (status, answer) = scene.try_replace(&before, form, &key).await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        scene.until_done().await;
        assert!(scene.fleet.telegram.fault_hits(fault) >= u64::from(effect.is_some()));
        let theirs = scene.theirs(&before);
        assert_eq!(theirs.former_texts, ["before"], "round {round}");
        assert_eq!(
            (theirs.text.as_str(), theirs.file.unwrap().sha256),
            ("after", new.sha256())
        );
        scene
            .until(&before, |message| message["media"]["size"] == 2_000_000)
            .await;
        scene.fleet.telegram.clear_faults();
    }
}

/// Protects honesty: what has no file, or can't stand there, is refused before anything is stored; what Telegram refuses is
/// a failed order with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_stand_there_is_refused() {
    let scene = Scene::start().await;
    let words = scene
        .fleet
        .api
        .reply(scene.conversation["id"].as_i64().unwrap(), "words")
        .await;
    let words = scene
        .until(&words, |message| message["status"] == "sent")
        .await;
    let file = scene.sent(&[paper(1, 9_000)], "").await.remove(0);
    let one = || Form::default().add(&paper(2, 9_000));
    assert_eq!(scene.refused(&words, one()).await, "not_replaceable");
    assert_eq!(
        scene.refused(&file, one().add(&paper(3, 9_000))).await,
        "too_many_files"
    );
    assert_eq!(
        scene
            .refused(&file, Form::default().field("text", "a"))
            .await,
        "file_missing"
    );
    let spoken = Form::default().field("as", "voice").add(&voice(4, 20));
    assert_eq!(scene.refused(&file, spoken).await, "voice_alone");
    let long = one().field("text", &"a".repeat(1_025));
    assert_eq!(scene.refused(&file, long).await, "text_too_long");
    assert_eq!(scene.staged(), 0);

    let album = scene
        .sent(&[photo(5, 90, 60), photo(6, 60, 90)], "views")
        .await;
    let (status, answer) = scene.replace(&album[1], one()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let failed = scene
        .until(&album[1], |message| {
            message["orders"][0]["status"] == "failed"
        })
        .await;
    assert_eq!(
        failed["orders"][0]["error"]["code"],
        "MEDIA_GROUPED_INVALID"
    );
    let id = failed["orders"][0]["id"].clone();
    let (status, _) = scene
        .fleet
        .api
        .call(Method::DELETE, &format!("/orders/{id}"), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    wait::until(
        "an empty folder",
        async || scene.staged(),
        |left| *left == 0,
    )
    .await;
    let other = photo(7, 80, 80);
    let (status, _) = scene.replace(&album[1], Form::default().add(&other)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    scene.until_done().await;
    let theirs = scene.theirs(&album[1]);
    assert_eq!(theirs.file.unwrap().sha256, other.sha256());
    assert_ne!(theirs.album, 0);
}
