//! Later: messages that wait at Telegram for their time. Judged by the simulator's own list and ledger, by the
//! database file and by a WebSocket that only listens.

use std::{path::PathBuf, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, paper},
    moment::{moment, now},
    rows, wait,
};

pub const HOUR: Duration = Duration::from_secs(3600);

pub struct Scene {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
    pub conversation: Value,
}

impl Scene {
    pub async fn start() -> Self {
        let (fleet, account, person, conversation) = Fleet::with_a_chat().await;
        Self {
            fleet,
            account,
            person,
            conversation,
        }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/conversations/{}/{rest}", self.conversation["id"])
    }

    pub async fn later(&self, text: &str, at: &str) -> Value {
        let body = json!({ "text": text, "scheduled_for": at });
        self.fleet.api.post(&self.path("reply"), body).await["message"].clone()
    }

    /// Words, or a file under them every other time, under a key of their own; answers with the message's id.
    pub async fn once(&self, text: &str, round: usize, at: &str) -> Value {
        let key = text.replace(' ', "-");
        let api = &self.fleet.api;
        if round.is_multiple_of(2) {
            let body = json!({ "text": text, "scheduled_for": at });
            let api = api.with_header("idempotency-key", &key);
            return api.post(&self.path("reply"), body).await["message"]["id"].clone();
        }
        let form = Form::default()
            .field("text", text)
            .field("scheduled_for", at)
            .add(&paper(round as u64, 600_000));
        let sent = api.try_form(&self.path("reply"), form, Some(&key)).await;
        let (status, answer) = sent.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["message"]["id"].clone()
    }

    /// What the service lists, once it has this many that wait at Telegram.
    pub async fn until_waiting(&self, many: usize) -> Vec<Value> {
        let path = self.path("scheduled");
        let page = wait::until(
            &format!("{many} to wait"),
            || self.fleet.api.get(&path),
            |page| {
                let all = page["messages"].as_array().unwrap();
                all.len() == many
                    && all
                        .iter()
                        .all(|one| one["delivery"] == Value::Null && one.get("orders").is_none())
            },
        )
        .await;
        page["messages"].as_array().unwrap().clone()
    }

    pub fn at_telegram(&self) -> Vec<(i32, i32, String)> {
        self.fleet
            .telegram
            .scheduled(self.account.user, self.person)
    }

    pub fn texts(&self) -> Vec<String> {
        self.fleet.telegram.texts(self.account.user, self.person)
    }

    pub fn file(&self) -> PathBuf {
        self.fleet.data_dir().join("switchboard.db")
    }

    /// Until the chat's messages in the file have these texts.
    pub async fn until_stored(&self, texts: &[&str]) {
        let query = "SELECT text AS t FROM messages WHERE held = 0 AND deleted_at IS NULL ORDER BY message_no";
        wait::until(
            &format!("{texts:?} to be stored"),
            || async { rows::texts(&self.file(), query) },
            |all| all == texts,
        )
        .await;
    }

    pub async fn message(&self, message: &Value) -> Value {
        let path = format!("/messages/{}", message["id"]);
        self.fleet.api.get(&path).await["message"].clone()
    }

    pub async fn order(&self, method: Method, message: &Value, rest: &str, body: Option<Value>) {
        let path = format!("/messages/{}/schedule{rest}", message["id"]);
        let (status, answer) = self.fleet.api.call(method, &path, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
}

/// Protects what is written at night: it is at Telegram, in no list of messages, and when its time comes it is sent once and
/// is the message that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_waits_at_telegram_and_goes_out_once() {
    let scene = Scene::start().await;
    let mut live = scene.fleet.live(None).await;
    let at = now() + 3600;
    let asked = scene.later("Good morning", &moment(at)).await;
    assert_eq!(asked["scheduled_for"], moment(at), "{asked}");
    let waiting = scene.until_waiting(1).await;
    assert_eq!(waiting[0]["id"], asked["id"]);
    let there = scene.at_telegram();
    assert_eq!(there.len(), 1);
    assert_eq!((there[0].1, there[0].2.as_str()), (at, "Good morning"));
    assert_eq!(scene.texts(), ["hello"]);
    scene.until_stored(&["hello"]).await;
    let conversation = scene.fleet.conversation(&scene.account, scene.person).await;
    assert_eq!(conversation["last_message"]["text"], "hello");
    assert_eq!(conversation["unread"], 1);

    scene.fleet.telegram.advance(HOUR * 2);
    scene.until_stored(&["hello", "Good morning"]).await;
    let sent = wait::until(
        "it to be sent",
        || scene.message(&asked),
        |message| message["status"] == "sent",
    )
    .await;
    assert_eq!(sent["scheduled_for"], Value::Null, "{sent}");
    scene.until_waiting(0).await;
    scene.until_stored(&["hello", "Good morning"]).await;
    assert_eq!(scene.texts(), ["hello", "Good morning"]);
    // What is told ends in one row: whoever listened has it once.
    let mut shown: std::collections::BTreeMap<i64, Value> = std::collections::BTreeMap::new();
    loop {
        let frame = live.next().await;
        match frame["event"].as_str() {
            Some("message_sent") => {
                let message = frame["data"]["message"].clone();
                shown.insert(message["id"].as_i64().unwrap(), message);
            }
            Some("message_deleted") => panic!("something was shown and taken away: {frame}"),
            _ => {}
        }
        let own = shown.get(&asked["id"].as_i64().unwrap());
        if shown.len() == 1 && own.is_some_and(|own| own["status"] == "sent") {
            break;
        }
    }
}

/// Protects the point of Telegram's own clock: it goes out with the service switched off, and is found as sent afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_out_with_the_service_switched_off() {
    let mut scene = Scene::start().await;
    let asked = scene.later("Good morning", &moment(now() + 3600)).await;
    scene.until_waiting(1).await;
    scene.fleet.stop_service();
    scene.fleet.telegram.advance(HOUR * 2);
    assert_eq!(scene.texts(), ["hello", "Good morning"]);
    scene.fleet.start_service();
    scene
        .fleet
        .wait_for_state(&scene.account.id, "online")
        .await;
    scene.until_stored(&["hello", "Good morning"]).await;
    let waiting = || async {
        rows::number(
            &scene.file(),
            "SELECT count(*) AS n FROM messages WHERE held = 2 AND deleted_at IS NULL",
        )
    };
    // By itself: nobody looks at the list.
    wait::until("nothing to wait any more", waiting, |left| *left == 0).await;
    assert!(asked["id"].is_number());
    assert_eq!(scene.texts(), ["hello", "Good morning"]);
}

/// Protects from a second message: whatever becomes of the answers, and killed at any moment, each waits once and goes out
/// once; the same key is the same message, before and after its time.
#[tokio::test(flavor = "multi_thread")]
async fn each_waits_once_through_lost_answers_and_kills() {
    let mut scene = Scene::start().await;
    let at = moment(now() + 3600);
    let lose = |call| Fault::new(Effect::CutAfter).on(call).times(1);
    let telegram = &scene.fleet.telegram;
    let faults =
        ["messages.sendMessage", "messages.sendMedia"].map(|call| telegram.set_fault(lose(call)));
    let mut chance = StdRng::seed_from_u64(12);
    let rounds = std::env::var("SWITCHBOARD_ROUNDS").map_or(6, |text| text.parse().unwrap());
    let mut asked = Vec::new();
    for round in 0..rounds {
        let text = format!("later {round}");
        let first = scene.once(&text, round, &at).await;
        asked.push((text, round, first));
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..150))).await;
        scene.fleet.kill_service();
        scene.fleet.start_service();
        scene
            .fleet
            .wait_for_state(&scene.account.id, "online")
            .await;
    }
    let waiting = scene.until_waiting(asked.len()).await;
    assert_eq!(
        faults.map(|fault| scene.fleet.telegram.fault_hits(fault)),
        [1, 1]
    );
    let mut there: Vec<String> = scene.at_telegram().into_iter().map(|one| one.2).collect();
    there.sort();
    let wanted: Vec<String> = asked.iter().map(|one| one.0.clone()).collect();
    assert_eq!(there, wanted);
    assert_eq!(waiting.len(), asked.len());
    for after in [false, true] {
        if after {
            scene.fleet.telegram.advance(HOUR * 2);
            scene.until_waiting(0).await;
        }
        for (text, round, id) in &asked {
            assert_eq!(scene.once(text, *round, &at).await, *id);
        }
    }
    let mut texts = scene.texts();
    texts.sort();
    let mut wanted = wanted;
    wanted.insert(0, "hello".to_owned());
    assert_eq!(texts, wanted);
}

/// Protects both desks: what is scheduled, changed and withdrawn on the phone is so here, and the other way round; an order
/// whose answer is lost is done once.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_changed_sent_and_withdrawn_from_both_sides() {
    let scene = Scene::start().await;
    let telegram = &scene.fleet.telegram;
    let (user, person) = (scene.account.user, scene.person);
    let at = now() + 3600;
    let phones = telegram
        .schedule(user, person, "from the phone", at)
        .unwrap()
        .unwrap();
    let listed = scene.until_waiting(1).await;
    assert_eq!(listed[0]["text"], "from the phone");
    telegram
        .reschedule(user, person, phones, "changed on the phone")
        .unwrap();
    let changed = |page: &Vec<Value>| page[0]["text"] == "changed on the phone";
    let listed = wait::until("the change", || scene.until_waiting(1), changed).await;

    // A change here is at Telegram, though its answer is lost on the way.
    let fault = telegram.set_fault(
        Fault::new(Effect::CutAfter)
            .on("messages.editMessage")
            .times(1),
    );
    let body = json!({ "text": "**changed** here", "format": "markdown", "scheduled_for": moment(at + 60) });
    scene.order(Method::PATCH, &listed[0], "", Some(body)).await;
    let changed = |page: &Vec<Value>| page[0]["text"] == "changed here";
    let listed = wait::until("the change", || scene.until_waiting(1), changed).await;
    assert_eq!(listed[0]["scheduled_for"], moment(at + 60));
    assert_eq!(listed[0]["entities"][0]["type"], "bold");
    assert_eq!(scene.at_telegram()[0].1, at + 60);
    assert_eq!(telegram.fault_hits(fault), 1);

    // Only the time.
    let body = json!({ "scheduled_for": moment(at + 120) });
    scene.order(Method::PATCH, &listed[0], "", Some(body)).await;
    let moved = |page: &Vec<Value>| page[0]["scheduled_for"] == moment(at + 120);
    let listed = wait::until("the move", || scene.until_waiting(1), moved).await;
    assert_eq!(listed[0]["text"], "changed here");

    let fault = telegram.set_fault(
        Fault::new(Effect::CutAfter)
            .on("messages.sendScheduledMessages")
            .times(1),
    );
    scene.order(Method::POST, &listed[0], "/send", None).await;
    scene.until_waiting(0).await;
    scene.until_stored(&["hello", "changed here"]).await;
    assert_eq!(scene.texts(), ["hello", "changed here"]);
    assert_eq!(telegram.fault_hits(fault), 1);

    let asked = scene.later("never", &moment(at)).await;
    scene.until_waiting(1).await;
    scene.order(Method::DELETE, &asked, "", None).await;
    scene.until_waiting(0).await;
    assert_eq!(scene.at_telegram(), []);
    let asked = scene.later("nor this", &moment(at)).await;
    scene.until_waiting(1).await;
    telegram.withdraw(user, person, scene.at_telegram()[0].0);
    scene.until_waiting(0).await;
    assert!(scene.message(&asked).await["deleted_at"].is_string());
    telegram.advance(HOUR * 2);
    scene.until_stored(&["hello", "changed here"]).await;
    assert_eq!(scene.texts(), ["hello", "changed here"]);
}
