//! Files out: what people send from the desk, as the other side gets it. Judged by the simulator's ledger, by Telethon and
//! by the database file.

use std::{fs, path::Path};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{PersonSpec, world::LedgerMessage};

use crate::support::{
    fleet::{Fleet, FleetAccount, FleetBuilder},
    forms::{Form, Sample, film, paper, photo, voice},
    rows, wait,
};

/// One account with one chat.
pub struct Scene {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
    pub conversation: Value,
}

impl Scene {
    pub async fn build() -> Self {
        Self::of(Fleet::builder()).await
    }

    pub async fn of(builder: FleetBuilder) -> Self {
        let fleet = builder.accounts(1).start().await;
        let account = fleet.accounts[0].clone();
        let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        fleet.telegram.say(person, account.user, "before");
        let conversation = fleet.conversation(&account, person).await;
        Self {
            fleet,
            account,
            person,
            conversation,
        }
    }

    pub fn path(&self) -> String {
        format!("/conversations/{}/reply", self.conversation["id"])
    }

    pub async fn send(&self, form: Form) -> Vec<Value> {
        let (status, answer) = self.fleet.api.form(&self.path(), form).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["message"], answer["messages"][0]);
        answer["messages"].as_array().unwrap().clone()
    }

    pub async fn refused(&self, form: Form) -> (u16, String, String) {
        let (status, answer) = self.fleet.api.form(&self.path(), form).await;
        let error = |field: &str| answer["error"][field].as_str().unwrap().to_owned();
        (status.as_u16(), error("code"), error("message"))
    }

    /// Each of these is sent; as they are then.
    pub async fn until_sent(&self, messages: &[Value]) -> Vec<Value> {
        let mut sent = Vec::new();
        for message in messages {
            let path = format!("/messages/{}", message["id"]);
            let seen = wait::until(
                &format!("{path} to be sent"),
                || self.fleet.api.get(&path),
                |answer| answer["message"]["status"] == "sent",
            )
            .await;
            sent.push(seen["message"].clone());
        }
        sent
    }

    pub async fn take_back(&self, message: &Value) {
        let path = format!("/messages/{}", message["id"]);
        let (status, answer) = self.fleet.api.call(Method::DELETE, &path, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    }

    /// What the other side has, the first words left out.
    pub fn arrived(&self) -> Vec<LedgerMessage> {
        let ledger = self.fleet.telegram.ledger_of(self.account.user);
        let chat = &ledger[&self.person].messages;
        chat.iter().filter(|message| message.out).cloned().collect()
    }

    /// Files that lie in the staging folder.
    pub fn staged(&self) -> usize {
        files_in(&self.fleet.data_dir().join("staged"))
    }

    pub async fn until_nothing_is_staged(&self) {
        wait::until("nothing staged", async || self.staged(), |left| *left == 0).await;
        let rows = rows::texts(
            &self.fleet.data_dir().join("switchboard.db"),
            "SELECT staged AS t FROM order_files",
        );
        assert_eq!(rows, Vec::<String>::new());
    }
}

fn files_in(folder: &Path) -> usize {
    let Ok(accounts) = fs::read_dir(folder) else {
        return 0;
    };
    let files = |account: fs::DirEntry| fs::read_dir(account.path()).map_or(0, Iterator::count);
    accounts.map(|account| files(account.unwrap())).sum()
}

pub fn has(message: &LedgerMessage, sample: &Sample) -> bool {
    let file = message.file.as_ref().unwrap();
    file.sha256 == sample.sha256() && file.size == i64::try_from(sample.bytes.len()).unwrap()
}

/// Protects what the desk is for: each kind arrives as that kind, byte for byte, under its caption and in order, and nothing
/// stays behind.
#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_file_arrives_as_what_it_is() {
    let scene = Scene::build().await;
    let kinds = [
        (photo(1, 320, 200), None, "photo"),
        (paper(2, 3_000_000), None, "document"),
        // Beyond 10 MiB parts are put up another way.
        (paper(3, 11 << 20), None, "document"),
        (film(4, 700_000), None, "video"),
        (voice(5, 120), Some("voice"), "voice"),
        (photo(6, 64, 64), Some("file"), "document"),
    ];
    let mut sent = Vec::new();
    for (at, (sample, wanted, kind)) in kinds.iter().enumerate() {
        let mut form = Form::default().field("text", &format!("caption {at}"));
        if let Some(wanted) = wanted {
            form = form.field("as", wanted);
        }
        let messages = scene.send(form.add(sample)).await;
        let [message] = &messages[..] else {
            panic!("{messages:?}");
        };
        assert_eq!(message["status"], "pending");
        assert_eq!(message["media"]["kind"], *kind);
        assert_eq!(message["upload"]["total"], sample.bytes.len());
        sent.extend(messages);
    }
    let told = scene.until_sent(&sent).await;
    let arrived = scene.arrived();
    assert_eq!(arrived.len(), kinds.len());
    for (at, (sample, _, kind)) in kinds.iter().enumerate() {
        let (message, told) = (&arrived[at], &told[at]);
        assert!(has(message, sample), "{at}: {message:?}");
        assert_eq!(message.text, format!("caption {at}"));
        assert_eq!(told["message_id"], message.id.to_string());
        assert_eq!(told["media"]["kind"], *kind, "{told}");
        assert_eq!(told["upload"], Value::Null);
        assert_eq!(told["text"], message.text.as_str());
    }
    scene.until_nothing_is_staged().await;
}

/// Protects albums: several files are one album, in order, the caption under the first; what does not mix goes as files.
#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_one_album() {
    let scene = Scene::build().await;
    let album = [photo(1, 100, 80), film(2, 90_000), photo(3, 80, 100)];
    let form = album.iter().fold(Form::default(), Form::add);
    let first = scene.send(form.field("text", "three")).await;
    assert_eq!(first.len(), 3);
    let shared = first[0]["album_id"].as_str().unwrap();
    assert!(first.iter().all(|one| one["album_id"] == shared));
    let mixed = [photo(4, 100, 80), paper(5, 20_000)];
    let second = scene
        .send(mixed.iter().fold(Form::default(), Form::add))
        .await;
    let told = scene.until_sent(&[first, second].concat()).await;
    let arrived = scene.arrived();
    assert_eq!(arrived.len(), 5);
    for (message, sample) in arrived.iter().zip(album.iter().chain(&mixed)) {
        assert!(has(message, sample), "{message:?}");
    }
    assert_eq!(arrived[0].text, "three");
    assert!(arrived[0].album != 0 && arrived[..3].iter().all(|one| one.album == arrived[0].album));
    assert!(arrived[3].album != 0 && arrived[3].album != arrived[0].album);
    let kinds: Vec<&Value> = told.iter().map(|one| &one["media"]["kind"]).collect();
    assert_eq!(
        json!(kinds),
        json!(["photo", "video", "photo", "document", "document"])
    );
    assert_eq!(told[0]["album_id"], arrived[0].album.to_string());
    scene.until_nothing_is_staged().await;
}

/// Protects the caller who does not know whether its call arrived: the same key sends once; another file under it is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_sends_once() {
    let scene = Scene::build().await;
    let (path, api) = (scene.path(), &scene.fleet.api);
    let form = || {
        Form::default()
            .add(&paper(1, 50_000))
            .field("text", "prices")
    };
    let first = api.try_form(&path, form(), Some("one")).await.unwrap();
    let again = api.try_form(&path, form(), Some("one")).await.unwrap();
    assert_eq!(
        (first.0, again.0),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(first.1["messages"][0]["id"], again.1["messages"][0]["id"]);
    let other = Form::default()
        .add(&paper(2, 50_000))
        .field("text", "prices");
    let (status, answer) = api.try_form(&path, other, Some("one")).await.unwrap();
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("idempotency_conflict"))
    );
    scene
        .until_sent(first.1["messages"].as_array().unwrap())
        .await;
    assert_eq!(scene.arrived().len(), 1);
    scene.until_nothing_is_staged().await;
}

/// Protects people from waiting for what can't work: what is known before the upload is said before it, and nothing is stored.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_out_is_refused_in_words() {
    let scene = Scene::build().await;
    let paper = || paper(1, 1_000);
    let files = |count| (0..count).fold(Form::default(), |form, _| form.add(&paper()));
    for (form, status, code) in [
        (
            Form::default().field("text", "no file"),
            422,
            "file_missing",
        ),
        (
            Form::default().file("a.txt", "text/plain", b""),
            422,
            "file_empty",
        ),
        (files(11), 422, "too_many_files"),
        (files(1).field("as", "photo"), 422, "photo_unfit"),
        (files(1).field("as", "voice"), 422, "voice_unfit"),
        (files(1).field("as", "song"), 422, "invalid_field"),
        (
            files(1).field("text", "a").field("text", "b"),
            422,
            "invalid_field",
        ),
        (files(1).field("waveform", "[32]"), 422, "invalid_field"),
        (
            files(1).field("text", &"я".repeat(1025)),
            422,
            "text_too_long",
        ),
        (
            files(1).field("reply_to_message_id", "99999"),
            422,
            "reply_to_not_found",
        ),
        (
            Form::default()
                .add(&voice(1, 9))
                .add(&voice(2, 9))
                .field("as", "voice"),
            422,
            "voice_alone",
        ),
        (
            Form::default().add(&photo(1, 42, 2)).field("as", "photo"),
            422,
            "photo_unfit",
        ),
    ] {
        let (seen, told, words) = scene.refused(form).await;
        assert_eq!((seen, told.as_str()), (status, code), "{words}");
    }
    for kind in [
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
    ] {
        let broken = scene
            .fleet
            .api
            .request(Method::POST, &scene.path())
            .header("Content-Type", kind)
            .body("--x\r\nno form")
            .send()
            .await
            .unwrap();
        let status = broken.status();
        let answer: Value = broken.json().await.unwrap();
        assert_eq!(
            (status.as_u16(), &answer["error"]["code"]),
            (400, &json!("malformed_multipart")),
            "{kind}"
        );
    }
    let messages = scene
        .fleet
        .api
        .messages(scene.conversation["id"].as_i64().unwrap())
        .await;
    assert_eq!(messages.len(), 1, "nothing was stored");
    assert_eq!(scene.staged(), 0);
    assert_eq!(scene.fleet.telegram.parts_of(scene.account.user), 0);
}
