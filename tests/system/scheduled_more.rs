//! What waits for its time beside replies: files, forwards and copies; and moments that can not be.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use super::scheduled::{HOUR, Scene};
use crate::support::{
    forms::{Form, paper},
    moment::{moment, now},
    rows, wait,
};

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
