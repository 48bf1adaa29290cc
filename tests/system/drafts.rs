//! Drafts: what stands unsent in a chat or in a topic of a forum, here and at Telegram; and the names of topics that it stands in. Judged
//! by the simulator, by the database file and by a WebSocket that only listens.

use grammers_tl_types as tl;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::Fault;

use super::scheduled::Scene;
use crate::support::{moment::now, rows, wait};

/// Protects half-written words: they are at Telegram for the phone, the phone's are here, and what is sent leaves no draft.
#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_kept_at_telegram_and_come_from_there() {
    let scene = Scene::start().await;
    let telegram = &scene.fleet.telegram;
    let mut live = scene.fleet.live(None).await;
    let put = |text: &'static str| {
        let path = scene.path("draft");
        let api = scene.fleet.api.clone();
        async move {
            let (status, answer) = api
                .call(Method::PUT, &path, Some(json!({ "text": text })))
                .await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            answer["conversation"].clone()
        }
    };
    let kept = put("half a sen").await;
    assert_eq!(kept["draft"]["text"], "half a sen", "{kept}");
    let there = || telegram.draft(scene.account.user, scene.person);
    let until_there = async |wanted: Option<&str>| {
        let look = || async { there() };
        wait::until("the draft at Telegram", look, |draft| {
            draft.as_deref() == wanted
        })
        .await;
    };
    until_there(Some("half a sen")).await;
    telegram
        .type_draft(scene.account.user, scene.person, "a whole sentence")
        .unwrap();
    loop {
        let frame = live.until_event("conversation_updated").await;
        if frame["data"]["conversation"]["draft"]["text"] == "a whole sentence" {
            break;
        }
    }
    let id = scene.conversation["id"].as_i64().unwrap();
    let sent = scene.fleet.api.reply(id, "a whole sentence").await;
    assert_eq!(sent["status"], "pending");
    wait::until(
        "no draft at Telegram",
        || async { there() },
        Option::is_none,
    )
    .await;
    let conversation = scene.fleet.conversation(&scene.account, scene.person).await;
    assert_eq!(conversation["draft"], Value::Null);
    put("again").await;
    assert_eq!(put("").await["draft"], Value::Null);
    until_there(None).await;

    // What Telegram does not take is told, and the next one is tried anew.
    let refusal = Fault::error(400, "CHAT_RESTRICTED").on("messages.saveDraft");
    telegram.set_fault(refusal.times(1));
    put("not this").await;
    loop {
        let frame = live.until_event("order_updated").await;
        let order = &frame["data"]["order"];
        assert_eq!(
            order["kind"], "draft",
            "only what went wrong is told: {frame}"
        );
        if order["status"] == "failed" {
            assert_eq!(order["error"]["code"], "CHAT_RESTRICTED");
            break;
        }
    }
    put("but this").await;
    until_there(Some("but this")).await;
}

/// Protects words that are written while the account is away, or the service dies: Telegram is told of the last of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_from_an_outage_is_kept_at_telegram_later() {
    let mut scene = Scene::start().await;
    let telegram = scene.fleet.telegram.clone();
    let away = scene.fleet.keep_away(&scene.account).await;
    for text in ["half", "half a", "half a word"] {
        let body = Some(json!({ "text": text }));
        let (status, answer) = scene
            .fleet
            .api
            .call(Method::PUT, &scene.path("draft"), body)
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    scene.fleet.kill_service();
    scene.fleet.start_service();
    telegram.wire().clear_fault(away);
    let there = async || telegram.draft(scene.account.user, scene.person);
    wait::until("the draft", there, |draft| {
        draft.as_deref() == Some("half a word")
    })
    .await;
    assert_eq!(telegram.ledger().methods["messages.saveDraft"], 1);
    let left = async || rows::number(&scene.file(), "SELECT count(*) AS n FROM orders");
    wait::until("no order", left, |left| *left == 0).await;
}

/// Protects the words that are the newest: a draft that waits here for the line gives way to a newer one of the phone's, and
/// not to an older one.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_drafts_the_newer_one_stays() {
    let scene = Scene::start().await;
    let telegram = &scene.fleet.telegram;
    let (user, person) = (scene.account.user, scene.person);
    let wait = telegram.set_fault(Fault::flood_wait(600).on("messages.saveDraft"));
    let put = async |text: &str| {
        let body = Some(json!({ "text": text }));
        let path = scene.path("draft");
        let (status, answer) = scene.fleet.api.call(Method::PUT, &path, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    };
    let shown = async || {
        let conversation = scene.fleet.conversation(&scene.account, person).await;
        conversation["draft"]["text"].clone()
    };
    let left = || rows::number(&scene.file(), "SELECT count(*) AS n FROM orders");
    put("written here").await;
    let hit = async || telegram.fault_hits(wait);
    wait::until("the order to wait", hit, |hits| *hits > 0).await;
    // As it comes late from a phone whose words are from an hour ago.
    let long_ago = now() - 3600;
    let told = |text: &str, date: i32| {
        let draft = tl::types::DraftMessage {
            no_webpage: false,
            invert_media: false,
            reply_to: None,
            message: text.to_owned(),
            entities: None,
            media: None,
            date,
            effect: None,
            suggested_post: None,
            rich_message: None,
        };
        let update = tl::types::UpdateDraftMessage {
            peer: tl::types::PeerUser { user_id: person }.into(),
            top_msg_id: None,
            saved_peer_id: None,
            draft: draft.into(),
        };
        let short = tl::types::UpdateShort {
            update: update.into(),
            date: now(),
        };
        let updates = tl::enums::Updates::UpdateShort(short);
        telegram.push_raw(user, &tl::Serializable::to_bytes(&updates));
    };
    told("from long ago", long_ago);
    telegram.say(person, user, "something after it");
    scene.until_stored(&["hello", "something after it"]).await;
    assert_eq!((shown().await, left()), (json!("written here"), 1));
    told("newer on the phone", now() + 60);
    wait::until("the phone's", shown, |text| text == "newer on the phone").await;
    assert_eq!(left(), 0, "what waited here was overtaken");
}

/// Protects forums: what stands unsent in a topic is there for the phone, the phone's is here, each in its own field; after a
/// long absence, too.
#[tokio::test(flavor = "multi_thread")]
async fn each_topic_of_a_forum_has_a_draft_of_its_own() {
    let mut scene = Scene::start().await;
    let telegram = scene.fleet.telegram.clone();
    let (user, person) = (scene.account.user, scene.person);
    let forum = telegram.add_forum("Workshop", &[person, user]);
    let orders = telegram.add_topic(forum, person, "Orders").unwrap();
    let returns = telegram.add_topic(forum, person, "Returns").unwrap();
    let conversation = scene.fleet.conversation(&scene.account, forum).await;
    let path = format!("/conversations/{}", conversation["id"]);
    let put = async |api: &crate::support::api::Api, text: &str, topic: i32| {
        let body = Some(json!({ "text": text, "topic_id": topic.to_string() }));
        let (status, answer) = api.call(Method::PUT, &format!("{path}/draft"), body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["conversation"].clone()
    };
    let api = scene.fleet.api.clone();
    put(&api, "for all", 1).await;
    let kept = put(&api, "two boxes", orders).await;
    assert_eq!(kept["draft"]["text"], "for all");
    assert_eq!(kept["topic_drafts"][0]["topic_id"], orders.to_string());
    assert_eq!(kept["topic_drafts"][0]["text"], "two boxes");
    let there = async || {
        (
            telegram.draft(user, forum),
            telegram.topic_draft(user, forum, orders),
        )
    };
    let wanted = (Some("for all".to_owned()), Some("two boxes".to_owned()));
    wait::until("both at Telegram", there, |there| *there == wanted).await;
    let shown = async |api: &crate::support::api::Api| {
        let now = api.get(&path).await["conversation"]["topic_drafts"].clone();
        let all = now.as_array().cloned().unwrap_or_default().into_iter();
        all.map(|one| one["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    telegram
        .type_topic_draft(user, forum, returns, "it came back")
        .unwrap();
    let look = async || shown(&api).await;
    wait::until("the phone's", look, |all| {
        *all == ["two boxes", "it came back"]
    })
    .await;

    // What is sent in a topic empties its field, and no other.
    let body = json!({ "text": "two boxes, please", "topic_id": orders.to_string() });
    api.post(&format!("{path}/reply"), body).await;
    let wanted = (Some("for all".to_owned()), None);
    wait::until("one field emptied", there, |there| *there == wanted).await;
    assert_eq!(look().await, ["it came back"]);

    // While nobody listened: nothing of it is replayed, for drafts have no numbers.
    scene.fleet.stop_service();
    telegram
        .type_topic_draft(user, forum, orders, "three boxes")
        .unwrap();
    telegram.type_topic_draft(user, forum, returns, "").unwrap();
    scene.fleet.start_service();
    let api = scene.fleet.api.clone();
    let look = async || shown(&api).await;
    wait::until("what is there now", look, |all| *all == ["three boxes"]).await;

    let body = Some(json!({ "text": "x", "topic_id": "7" }));
    let plain = scene.path("draft");
    let (_, answer) = api.call(Method::PUT, &plain, body).await;
    assert_eq!(answer["error"]["code"], "invalid_topic_id");
}

/// Protects whoever reads a forum: a topic that began before the account looked is asked for by its number when something comes
/// in it, once, and one that is gone is not asked for again and again.
#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_topic_is_learned_when_something_comes_in_it() {
    let scene = Scene::start().await;
    let telegram = scene.fleet.telegram.clone();
    let (user, person) = (scene.account.user, scene.person);
    let forum = telegram.add_forum("Workshop", &[person, user]);
    let topic = telegram.say_in_topic(person, forum, 1, "to all");
    telegram.add_old_topic(forum, topic, "Orders").unwrap();
    let conversation = scene.fleet.conversation(&scene.account, forum).await;
    scene
        .fleet
        .wait_for_message(&conversation, "to all", "received")
        .await;
    let asked = || {
        let methods = telegram.ledger().methods;
        methods.get("messages.getForumTopicsByID").copied()
    };
    let mut live = scene.fleet.live(None).await;
    telegram.say_in_topic(person, forum, topic, "an order");
    telegram.say_in_topic(person, forum, topic, "another order");
    let told = |frame: &Value| {
        frame["event"] == "conversation_updated"
            && frame["data"]["conversation"]["id"] == conversation["id"]
    };
    live.until(told).await;
    let path = format!("/conversations/{}/topics", conversation["id"]);
    let topics = async || scene.fleet.api.get(&path).await["topics"].clone();
    wait::until("its name", topics, |topics| topics[0]["title"] == "Orders").await;
    let message = scene
        .fleet
        .wait_for_message(&conversation, "another order", "received")
        .await;
    assert_eq!(message["topic"]["title"], "Orders");
    assert_eq!(asked(), Some(1));

    // One that Telegram no longer has.
    let file = scene.file();
    let gone = || {
        let query = "SELECT count(*) AS n FROM unknown_topics WHERE gone = 1";
        rows::number(&file, query)
    };
    telegram.say_in_topic(person, forum, 999, "into nothing");
    wait::until("the answer", async || gone(), |gone| *gone == 1).await;
    telegram.say_in_topic(person, forum, 999, "into nothing, too");
    scene
        .fleet
        .wait_for_message(&conversation, "into nothing, too", "received")
        .await;
    telegram.say_in_topic(person, forum, topic, "the last");
    scene
        .fleet
        .wait_for_message(&conversation, "the last", "received")
        .await;
    assert_eq!(asked(), Some(2));
}
