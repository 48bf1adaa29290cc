//! Webhooks as a resource: made, changed, paused, set back and removed over REST.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use super::webhooks::{Receiver, Refuses};
use crate::support::{
    api::Api,
    fleet::{Fleet, FleetBuilder},
    wait,
};

pub const ALLOW: &str = "SWITCHBOARD_WEBHOOK_ALLOW";

pub fn allowing(network: &str) -> FleetBuilder {
    Fleet::builder().env(ALLOW, network)
}

/// Makes a webhook that leads to a receiver, which checks its signatures from then on.
pub async fn make(api: &Api, receiver: &Receiver, mut body: Value) -> String {
    body["url"] = json!(receiver.url);
    let made = api.post("/webhooks", body).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    *receiver.secret.lock().unwrap() = Some(secret.to_owned());
    made["webhook"]["id"].as_str().unwrap().to_owned()
}

pub async fn change(api: &Api, id: &str, body: Value) -> Value {
    let path = format!("/webhooks/{id}");
    let (status, answer) = api.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

pub async fn refused(api: &Api, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = api.call(method, path, Some(body)).await;
    let code = answer["error"]["code"].as_str().unwrap_or_default();
    (status.as_u16(), code.to_owned())
}

/// Protects programs that are told by posts: only what is committed from the start on, in order and once; a pause loses
/// nothing, a replay tells it all again, another secret counts at once, and what is removed is silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_paused_set_back_and_removed() {
    let mut fleet = allowing("127.0.0.0/8").accounts(1).start().await;
    let receiver = Receiver::start().await;
    let user = fleet.accounts[0].user;
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let before = fleet.api.get("/events").await["next_after"].clone();
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, user, "before");
    live.until(|frame| frame["data"]["message"]["text"] == "before")
        .await;

    let id = make(&fleet.api, &receiver, json!({})).await;
    fleet.telegram.say(person, user, "1");
    assert_eq!(receiver.until("1").await, ["1"]);
    let hook = format!("/webhooks/{id}");
    // The receiver has it a moment before its answer is read.
    let shown = wait::until(
        "the webhook to know that it was taken",
        || fleet.api.get(&hook),
        |shown| shown["webhook"]["last_taken_at"].is_string(),
    )
    .await["webhook"]
        .clone();
    assert_eq!(
        (&shown["state"], &shown["source"], &shown["url"]),
        (&json!("active"), &json!("rest"), &json!(receiver.url))
    );
    assert!(shown.get("secret").is_none());

    // Paused, over a restart too.
    change(&fleet.api, &id, json!({ "paused": true })).await;
    assert_eq!(
        fleet.api.get(&hook).await["webhook"]["state"],
        json!("paused")
    );
    fleet.telegram.say(person, user, "2");
    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&fleet.accounts[0].id, "online").await;
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, user, "3");
    live.until(|frame| frame["data"]["message"]["text"] == "3")
        .await;
    assert_eq!(receiver.texts(), ["1"]);
    // Another secret: what is told from now on is signed with it.
    let rotated = change(&fleet.api, &id, json!({ "rotate_secret": true })).await;
    let secret = rotated["secret"].as_str().unwrap().to_owned();
    *receiver.secret.lock().unwrap() = Some(secret.clone());
    change(&fleet.api, &id, json!({ "paused": false })).await;
    assert_eq!(receiver.until("3").await, ["1", "2", "3"]);

    // All of it again, in the same order and under the same ids.
    let told = receiver.ids.lock().unwrap().clone();
    let from = json!({ "after": before });
    fleet.api.post(&format!("{hook}/replay"), from).await;
    let twice = wait::until(
        "all of it again",
        || async { receiver.texts() },
        |texts| texts.len() >= 7,
    );
    assert_eq!(twice.await, ["1", "2", "3", "before", "1", "2", "3"]);
    let again = receiver.ids.lock().unwrap().clone();
    let again = &again[told.len()..];
    for id in &told {
        assert_eq!(again.iter().filter(|one| *one == id).count(), 1, "{id}");
    }
    let replay = format!("{hook}/replay");
    let future = json!({ "after": i64::MAX });
    assert_eq!(
        refused(&fleet.api, Method::POST, &replay, future).await,
        (410, "resync".to_owned())
    );

    // Nothing of it lies open.
    for entry in walk(&fleet.data_dir()) {
        let bytes = std::fs::read(&entry).unwrap();
        for word in [secret.as_bytes(), receiver.url.as_bytes()] {
            let found = bytes.windows(word.len()).any(|window| window == word);
            assert!(!found, "{}", entry.display());
        }
    }
    assert!(!fleet.service().log().contains(&secret));

    let (status, _) = fleet.api.call(Method::DELETE, &hook, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let told = receiver.texts().len();
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, user, "nobody hears it");
    live.until(|frame| frame["data"]["message"]["text"] == "nobody hears it")
        .await;
    assert_eq!(receiver.texts().len(), told);
    assert_eq!(fleet.api.get("/webhooks").await, json!({ "webhooks": [] }));
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Protects receivers from what they did not ask for, and people from guessing: filters hold, a test is answered with what
/// the receiver said, and a receiver that refuses is shown as such.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_what_it_asked_for() {
    let fleet = allowing("127.0.0.1").accounts(2).start().await;
    let (sent, of_one) = (Receiver::start().await, Receiver::start().await);
    let [one, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let only = json!({ "events": ["message_sent"] });
    let sent_id = make(&fleet.api, &sent, only).await;
    let only = json!({ "account_ids": [one.id] });
    let of_one_id = make(&fleet.api, &of_one, only).await;
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, other.user, "for the other");
    let conversation = fleet.conversation(&other, person).await;
    fleet
        .api
        .reply(conversation["id"].as_i64().unwrap(), "an answer")
        .await;
    wait::until(
        "what became of the answer",
        || async { sent.taken.lock().unwrap().clone() },
        |taken| {
            let done = |event: &Value| event["data"]["message"]["status"] == "sent";
            taken.iter().any(done)
        },
    )
    .await;
    fleet.telegram.say(person, one.user, "for one");
    assert_eq!(of_one.until("for one").await, ["for one"]);
    let names: Vec<_> = sent.taken.lock().unwrap().clone();
    assert!(names.iter().all(|event| event["event"] == "message_sent"));

    let test = |id: &str| {
        let (api, path) = (fleet.api.clone(), format!("/webhooks/{id}/test"));
        async move { api.post(&path, json!({})).await["answer"].clone() }
    };
    let answer = test(&of_one_id).await;
    assert_eq!(
        (&answer["taken"], &answer["status"]),
        (&json!(true), &json!(204))
    );
    assert_eq!(
        of_one.taken.lock().unwrap().last().unwrap()["event"],
        "test"
    );
    of_one.refuse(Refuses::Everything);
    let answer = test(&of_one_id).await;
    assert_eq!(
        (&answer["taken"], &answer["status"]),
        (&json!(false), &json!(500))
    );
    let shown = fleet.api.get(&format!("/webhooks/{of_one_id}")).await;
    assert_eq!(shown["webhook"]["state"], "failing");
    let trouble = &shown["webhook"]["last_error"];
    assert_eq!(trouble["reason"], "status 500");
    assert_eq!(
        (&trouble["code"], &trouble["params"]),
        (&json!("status"), &json!({ "status": 500 }))
    );
    // One that is paused can be tried out, too.
    change(&fleet.api, &sent_id, json!({ "paused": true })).await;
    assert_eq!(test(&sent_id).await["taken"], true);

    for (body, code) in [
        (json!({ "url": "ftp://127.0.0.1/" }), "url_invalid"),
        (json!({ "url": "http://127.0.0.1/#part" }), "url_invalid"),
        (json!({ "url": of_one.url, "events": [] }), "events_invalid"),
        (
            json!({ "url": of_one.url, "events": ["login_updated"] }),
            "events_invalid",
        ),
        (json!({ "url": of_one.url, "owner": "me" }), "owner_invalid"),
        (
            json!({ "url": of_one.url, "account_ids": [uuid::Uuid::new_v4()] }),
            "account_ids_invalid",
        ),
        (
            json!({ "url": of_one.url, "patience": 0 }),
            "patience_invalid",
        ),
    ] {
        let answer = refused(&fleet.api, Method::POST, "/webhooks", body.clone()).await;
        assert_eq!(answer, (422, code.to_owned()), "{body}");
    }
}

/// Protects what stands beside the service: no webhook leads there, written out, by name, by a redirect, or by a name that is
/// no longer allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_leads_nowhere_private() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let receiver = Receiver::start().await;
    let (_, port) = receiver.url.rsplit_once(':').unwrap();
    for address in [
        receiver.url.clone(),
        format!("http://localhost:{port}"),
        format!("http://[::1]:{port}"),
        format!("http://2130706433:{port}"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::ffff:10.0.0.1]/".to_owned(),
    ] {
        let answer = refused(
            &fleet.api,
            Method::POST,
            "/webhooks",
            json!({ "url": address }),
        )
        .await;
        assert_eq!(answer, (422, "url_not_allowed".to_owned()), "{address}");
    }

    fleet.stop_service();
    fleet.set_env(ALLOW, "127.0.0.1,127.0.0.3");
    fleet.start_service();
    fleet.wait_for_state(&fleet.accounts[0].id, "online").await;
    // One answers with a redirect to a neighbour that is not allowed.
    let hidden = Receiver::start_at("127.0.0.2").await;
    let leads_on = Receiver::start_at("127.0.0.3").await;
    let elsewhere = format!("307 Temporary Redirect\r\nLocation: {}", hidden.url);
    leads_on.refuse(Refuses::Elsewhere(elsewhere.leak()));
    let leading = make(&fleet.api, &leads_on, json!({})).await;
    // Another was made by a name that then lost its leave: what counts is where it is connected to.
    *receiver.secret.lock().unwrap() = None;
    let named = json!({ "url": format!("http://localhost:{port}") });
    let made = fleet.api.post("/webhooks", named).await;
    let named = made["webhook"]["id"].as_str().unwrap().to_owned();
    leads_on.until_refused_or_sent(&fleet).await;
    let state = |id: String, word: &'static str| {
        let api = fleet.api.clone();
        async move {
            let path = format!("/webhooks/{id}");
            wait::until(
                "the refusal",
                || api.get(&path),
                |shown| {
                    let reason = shown["webhook"]["last_error"]["reason"].as_str();
                    reason.is_some_and(|reason| reason.contains(word))
                },
            )
            .await
        }
    };
    state(leading, "redirects are not followed").await;
    assert!(hidden.taken.lock().unwrap().is_empty());
    receiver.until("for all").await;
    let told = receiver.taken.lock().unwrap().len();

    fleet.stop_service();
    fleet.set_env(ALLOW, "127.0.0.3");
    fleet.start_service();
    fleet.wait_for_state(&fleet.accounts[0].id, "online").await;
    let answer = fleet
        .api
        .post(&format!("/webhooks/{named}/test"), json!({}))
        .await["answer"]
        .clone();
    let why = answer["error"].as_str().unwrap();
    assert!(why.contains("not a public address"), "{why}");
    assert_eq!(receiver.taken.lock().unwrap().len(), told);
}

impl Receiver {
    /// A message for everybody, and until this receiver has refused it.
    async fn until_refused_or_sent(&self, fleet: &Fleet) {
        let person = fleet.telegram.add_person(PersonSpec::new("Contact two"));
        fleet
            .telegram
            .say(person, fleet.accounts[0].user, "for all");
        self.until_refused().await;
    }
}
