//! Later: messages that wait at Telegram for their time. Judged by the simulator's own list and ledger, by the
//! database file and by a WebSocket that only listens.

use std::{path::PathBuf, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, paper},
    moment::{moment, now},
    rows, wait,
};

const HOUR: Duration = Duration::from_secs(3600);

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

    async fn later(&self, text: &str, at: &str) -> Value {
        let body = json!({ "text": text, "scheduled_for": at });
        self.fleet.api.post(&self.path("reply"), body).await["message"].clone()
    }

    /// Words, or a file under them every other time, under a key of their own; answers with the message's id.
    async fn once(&self, text: &str, round: usize, at: &str) -> Value {
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
    async fn until_waiting(&self, many: usize) -> Vec<Value> {
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

    fn at_telegram(&self) -> Vec<(i32, i32, String)> {
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

    async fn order(&self, method: Method, message: &Value, rest: &str, body: Option<Value>) {
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

/// Protects files that wait: they are put up at once, wait as one, and go out as one.
#[tokio::test(flavor = "multi_thread")]
async fn files_wait_too_and_an_album_goes_out_as_one() {
    let scene = Scene::start().await;
    let form = Form::default()
        .field("text", "Prices")
        .field("scheduled_for", &moment(now() + 3600))
        .add(&paper(1, 2_000))
        .add(&paper(2, 3_000));
    let (status, answer) = scene.fleet.api.form(&scene.path("reply"), form).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let waiting = scene.until_waiting(2).await;
    assert_eq!(waiting[0]["text"], "Prices");
    assert_eq!(scene.at_telegram().len(), 2);
    scene.fleet.telegram.advance(HOUR * 2);
    scene.until_waiting(0).await;
    scene.until_stored(&["hello", "Prices", ""]).await;
    let albums = "SELECT count(DISTINCT album_id) * 10 + count(album_id) AS n FROM messages WHERE media IS NOT NULL AND deleted_at IS NULL";
    assert_eq!(
        rows::number(&scene.file(), albums),
        12,
        "two files, one album"
    );
    let held = scene.fleet.data_dir().join("staged");
    let left = std::fs::read_dir(held).map_or(0, |folder| {
        folder
            .flatten()
            .filter_map(|one| std::fs::read_dir(one.path()).ok())
            .map(Iterator::count)
            .sum()
    });
    assert_eq!(left, 0, "staged files are left");
}

/// Protects whoever waits for somebody: it goes out when they come online, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_out_when_they_are_online() {
    let scene = Scene::start().await;
    let asked = scene.later("There you are", "online").await;
    assert_eq!(asked["scheduled_for"], "online");
    scene.until_waiting(1).await;
    scene.fleet.telegram.advance(HOUR);
    assert_eq!(scene.texts(), ["hello"]);
    scene.fleet.telegram.set_online(scene.person, true);
    scene.until_stored(&["hello", "There you are"]).await;
    scene.until_waiting(0).await;
}

/// Protects from promises that Telegram does not keep: moments that it does not take are refused at once, and what it
/// refuses stands with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn moments_that_cannot_be_are_refused() {
    let scene = Scene::start().await;
    let telegram = &scene.fleet.telegram;
    let group = telegram.add_group("Group", &[scene.person, scene.account.user]);
    telegram.say(scene.person, group, "hi");
    let in_group = scene.fleet.conversation(&scene.account, group).await;
    let groups = format!("/conversations/{}/reply", in_group["id"]);
    let ours = scene.path("reply");
    for (path, at) in [
        (&ours, moment(now() - 5)),
        (&ours, moment(now() + 366 * 24 * 3600)),
        (&ours, "2026-13-01T00:00:00Z".to_owned()),
        (&groups, "online".to_owned()),
    ] {
        let body = json!({ "text": "later", "scheduled_for": at });
        let (status, answer) = scene.fleet.api.call(Method::POST, path, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{at}: {answer}");
        assert_eq!(answer["error"]["code"], "schedule_invalid");
    }
    for number in 0..100 {
        telegram
            .schedule(
                scene.account.user,
                scene.person,
                &format!("no {number}"),
                now() + 3600,
            )
            .unwrap();
    }
    let asked = scene.later("one too many", &moment(now() + 3600)).await;
    let failed = wait::until(
        "it to fail",
        || scene.message(&asked),
        |message| message["status"] == "failed",
    )
    .await;
    assert_eq!(failed["error"]["code"], "SCHEDULE_TOO_MUCH", "{failed}");
    let sent = rows::number(
        &scene.file(),
        "SELECT min(id) AS n FROM messages WHERE held = 0",
    );
    let path = format!("/messages/{sent}/schedule/send");
    let (status, answer) = scene.fleet.api.call(Method::POST, &path, None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(answer["error"]["code"], "message_not_scheduled");
}

/// Protects what is passed on at night: forwards, and copies to another account, wait at Telegram and go out once, over
/// `kill -9` and a lost answer.
#[tokio::test(flavor = "multi_thread")]
async fn forwards_and_copies_wait_too() {
    let mut scene = Scene::start().await;
    let telegram = scene.fleet.telegram.clone();
    let other = scene.fleet.add_account("Other").await;
    scene.fleet.wait_for_state(&other.id, "online").await;
    let second = telegram.add_person(PersonSpec::new("Contact two"));
    for user in [scene.account.user, other.user] {
        telegram.say(second, user, "good evening");
    }
    let near = scene.fleet.conversation(&scene.account, second).await;
    let far = scene.fleet.conversation(&other, second).await;
    let said = scene
        .fleet
        .wait_for_message(&scene.conversation, "hello", "received")
        .await;
    let lost = Fault::new(Effect::CutAfter).on("messages.forwardMessages");
    let lost = telegram.set_fault(lost.times(1));
    let body = json!({
        "message_ids": [said["id"]],
        "conversation_ids": [near["id"], far["id"]],
        "scheduled_for": moment(now() + 3600),
    });
    let given = scene.fleet.api.post("/messages/forward", body).await;
    scene.fleet.kill_service();
    scene.fleet.start_service();
    let waiting = async || {
        [scene.account.user, other.user].map(|user| telegram.scheduled(user, second).len())
    };
    wait::until("both to wait", waiting, |waiting| *waiting == [1, 1]).await;
    let left = async || rows::number(&scene.file(), "SELECT count(*) AS n FROM orders");
    wait::until("no order", left, |left| *left == 0).await;
    assert!(telegram.fault_hits(lost) <= 1);
    assert_eq!(telegram.texts(scene.account.user, second), ["good evening"]);
    telegram.advance(HOUR * 2);
    for (user, at) in [(scene.account.user, 0), (other.user, 1)] {
        let texts = async || telegram.texts(user, second);
        let wanted = ["good evening", "hello"];
        wait::until("it to go out", texts, |texts| *texts == wanted).await;
        let given = &given["messages"][at];
        let sent = wait::until(
            "it to be sent",
            || scene.message(given),
            |message| message["status"] == "sent",
        )
        .await;
        let from = &sent["forwarded_from"]["name"];
        assert_eq!(from.is_null(), at == 1, "{sent}");
    }
}

/// Protects callers whose answer was lost: the same call under its key is answered as the first was and does nothing more,
/// though what it is about has gone out, its moment has passed, or more has come.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_whatever_became_of_what_it_is_about() {
    let scene = Scene::start().await;
    let telegram = &scene.fleet.telegram;
    let call = async |key: &str, method: Method, path: &str, body: Option<Value>| {
        let keyed = scene.fleet.api.with_header("idempotency-key", key);
        keyed.call(method, path, body).await
    };
    let taken = async |key: &str, method: Method, path: &str, body: Option<Value>| {
        let (status, answer) = call(key, method, path, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{key}: {answer}");
        answer
    };
    let asked = scene.later("later", &moment(now() + 3600)).await;
    scene.until_waiting(1).await;
    let path = format!("/messages/{}/schedule", asked["id"]);
    let words = Some(json!({ "text": "much later" }));
    taken("words", Method::PATCH, &path, words.clone()).await;
    let send = format!("{path}/send");
    taken("send", Method::POST, &send, None).await;
    scene.until_stored(&["hello", "much later"]).await;
    let left = || rows::number(&scene.file(), "SELECT count(*) AS n FROM orders");
    wait::until("no order", async || left(), |left| *left == 0).await;
    for _ in 0..2 {
        taken("words", Method::PATCH, &path, words.clone()).await;
        taken("send", Method::POST, &send, None).await;
    }
    assert_eq!(left(), 0);
    let (status, _) = call("another", Method::POST, &send, None).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let reply = scene.path("reply");
    let at = now() + 3;
    let body = Some(json!({ "text": "in a moment", "scheduled_for": moment(at) }));
    let first = taken("moment", Method::POST, &reply, body.clone()).await;
    wait::until("its moment to pass", async || now(), |now| *now > at).await;
    let (status, _) = call("too-late", Method::POST, &reply, body.clone()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let again = taken("moment", Method::POST, &reply, body.clone()).await;
    assert_eq!(again["message"]["id"], first["message"]["id"]);

    let clear = scene.path("clear");
    let body = Some(json!({ "for": "me" }));
    taken("clear", Method::POST, &clear, body.clone()).await;
    wait::until("no order", async || left(), |left| *left == 0).await;
    telegram.say(scene.person, scene.account.user, "after it");
    let stored = async || {
        let query = "SELECT count(*) AS n FROM messages WHERE text = 'after it'";
        rows::number(&scene.file(), query)
    };
    wait::until("it to be stored", stored, |there| *there == 1).await;
    taken("clear", Method::POST, &clear, body).await;
    assert_eq!(left(), 0);
    assert!(scene.texts().contains(&"after it".to_owned()));
}
