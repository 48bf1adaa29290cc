//! Deeds whose answer was lost, that were refused, can not be done, or were asked for twice.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use super::deeds::{DELETE, Talk, path, theirs, told, until_ended};
use crate::support::wait;

const EDIT: &str = "messages.editMessage";

const REACT: &str = "messages.sendReaction";
const PIN: &str = "messages.updatePinnedMessage";

/// Protects against a deed done twice, or not at all: a line that breaks before or after Telegram took it, an answer that
/// never comes, and Telegram's own trouble.
#[tokio::test(flavor = "multi_thread")]
async fn a_deed_whose_answer_was_lost_is_done_once() {
    let talk = Talk::start().await;
    let telegram = &talk.fleet.telegram;
    let trouble = || Effect::Error {
        code: 500,
        message: "INTERNAL".into(),
    };
    for effect in [Effect::Cut, Effect::CutAfter, trouble(), Effect::Unreadable] {
        let word = format!("{effect:?}");
        let (ours, incoming) = (
            talk.sent(&word).await,
            talk.received(&word.to_lowercase()).await,
        );
        let gone = talk.sent(&format!("{word} goes")).await;
        let faults: Vec<_> = [EDIT, DELETE, REACT, PIN]
            .map(|method| telegram.set_fault(Fault::new(effect.clone()).on(method).times(1)))
            .into();
        let notices = talk.notices();
        let mut live = talk.fleet.live(None).await;
        let edit = json!({ "text": format!("{word}, edited") });
        talk.order(Method::PATCH, &path(&ours, ""), Some(edit))
            .await;
        talk.order(
            Method::PUT,
            &path(&incoming, "/reaction"),
            Some(json!({ "emoji": "🔥" })),
        )
        .await;
        talk.order(
            Method::PUT,
            &path(&incoming, "/pin"),
            Some(json!({ "pinned": true })),
        )
        .await;
        talk.order(Method::DELETE, &path(&gone, "?for=everyone"), None)
            .await;
        talk.until_done().await;
        for fault in faults {
            assert_eq!(telegram.fault_hits(fault), 1, "{word}");
        }
        let edited = talk.theirs(&ours);
        assert_eq!(edited.former_texts, std::slice::from_ref(&word));
        let marked = talk.theirs(&incoming);
        assert_eq!(
            marked.reactions,
            [("🔥".to_owned(), talk.account.user)],
            "{word}"
        );
        assert_eq!(
            (marked.pinned, talk.notices() - notices),
            (true, 1),
            "{word}"
        );
        assert!(talk.theirs(&gone).deleted, "{word}");
        let frames = until_ended(&mut live, "delete").await;
        let ended = told(&frames, "order_updated")
            .into_iter()
            .filter(|frame| frame["data"]["order"]["status"] == "done");
        assert!(ended.count() >= 1, "{word}: {frames:?}");
        // The answer that was lost would have said what it changed.
        let seen = async || {
            let ours = talk.fleet.api.get(&path(&ours, "")).await["message"].clone();
            ours["text"].clone()
        };
        let wanted = json!(format!("{word}, edited"));
        wait::until("the desk to know", seen, |text| *text == wanted).await;
    }
}

/// Protects honesty: what Telegram refuses is a failed order with its reason, which can be tried again or put away; the
/// message says so meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_deed_is_told_tried_again_and_put_away() {
    let talk = Talk::start().await;
    let telegram = &talk.fleet.telegram;
    let ours = talk.sent("too old").await;
    telegram.advance(Duration::from_secs(3 * 24 * 3600));
    let mut live = talk.fleet.live(None).await;
    let edit = json!({ "text": "too late" });
    talk.order(Method::PATCH, &path(&ours, ""), Some(edit))
        .await;
    let frames = until_ended(&mut live, "edit").await;
    let failed = &frames.last().unwrap()["data"]["order"];
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "MESSAGE_EDIT_TIME_EXPIRED");
    let seen = talk.fleet.api.get(&path(&ours, "")).await;
    assert_eq!(seen["message"]["text"], "too old");
    assert_eq!(seen["message"]["orders"][0]["error"], failed["error"]);
    let listed = format!("/conversations/{}/orders", talk.id());
    let orders = talk.fleet.api.get(&listed).await;
    assert_eq!(orders["orders"], json!([failed]));
    let order = format!("/orders/{}", failed["id"]);
    talk.order(Method::POST, &format!("{order}/retry"), None)
        .await;
    until_ended(&mut live, "edit").await;
    let (status, _) = talk.fleet.api.call(Method::DELETE, &order, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let frames = until_ended(&mut live, "edit").await;
    assert_eq!(
        frames.last().unwrap()["data"]["order"]["status"],
        "taken_back"
    );
    assert_eq!(
        talk.refused(Method::DELETE, &order, None).await,
        "order_not_found"
    );
    let seen = talk.fleet.api.get(&path(&ours, "")).await;
    assert_eq!(seen["message"]["orders"], Value::Null);

    // A reaction that this chat does not take, and a message of somebody else in a group that is not ours.
    let react = path(&ours, "/reaction");
    talk.order(Method::PUT, &react, Some(json!({ "emoji": "🦀" })))
        .await;
    let frames = until_ended(&mut live, "react").await;
    assert_eq!(
        frames.last().unwrap()["data"]["order"]["error"]["code"],
        "REACTION_INVALID"
    );
    let group = telegram.add_group("Group", &[talk.person, talk.account.user]);
    telegram.say(talk.person, group, "not yours");
    let conversation = talk.fleet.conversation(&talk.account, group).await;
    let foreign = talk
        .fleet
        .wait_for_message(&conversation, "not yours", "received")
        .await;
    talk.order(Method::DELETE, &path(&foreign, "?for=everyone"), None)
        .await;
    let frames = until_ended(&mut live, "delete").await;
    let failed = &frames.last().unwrap()["data"]["order"];
    assert_eq!(failed["error"]["code"], "MESSAGE_DELETE_FORBIDDEN");
    assert!(!theirs(&talk.fleet, &talk.account, group, &foreign).deleted);
}

/// Protects callers: what can't be done is refused before anything is stored, in words.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_done_is_refused_at_once() {
    let talk = Talk::start().await;
    let (ours, incoming) = (talk.sent("mine").await, talk.received("yours").await);
    let text = |text: &str| Some(json!({ "text": text }));
    let outside =
        json!({ "text": "ab", "entities": [{ "type": "bold", "offset": 1, "length": 2 }] });
    for (body, code) in [
        (text(""), "text_empty"),
        (text(&"x".repeat(4097)), "text_too_long"),
        (Some(outside), "entities_invalid"),
    ] {
        assert_eq!(
            talk.refused(Method::PATCH, &path(&ours, ""), body).await,
            code
        );
    }
    assert_eq!(
        talk.refused(Method::PATCH, &path(&incoming, ""), text("x"))
            .await,
        "not_ours"
    );
    for emoji in [
        json!({}),
        json!({ "emoji": "" }),
        json!({ "emoji": "👍 👎" }),
    ] {
        let code = talk
            .refused(Method::PUT, &path(&ours, "/reaction"), Some(emoji))
            .await;
        assert_eq!(code, "emoji_invalid");
    }
    let other = talk
        .fleet
        .telegram
        .add_person(PersonSpec::new("Contact two"));
    talk.fleet
        .telegram
        .say(other, talk.account.user, "elsewhere");
    let conversation = talk.fleet.conversation(&talk.account, other).await;
    let elsewhere = talk
        .fleet
        .wait_for_message(&conversation, "elsewhere", "received")
        .await;
    for (ids, code) in [
        (json!([]), "message_ids_invalid"),
        (
            json!([ours["id"], elsewhere["id"]]),
            "several_conversations",
        ),
        (json!([ours["id"], 999_999]), "message_not_found"),
    ] {
        let body = Some(json!({ "message_ids": ids, "for": "everyone" }));
        assert_eq!(
            talk.refused(Method::POST, "/messages/delete", body).await,
            code
        );
    }
    assert_eq!(
        talk.refused(Method::DELETE, &path(&ours, ""), None).await,
        "message_not_waiting"
    );
    let group = talk
        .fleet
        .telegram
        .add_supergroup("Group", &[talk.account.user, other]);
    talk.fleet.telegram.say(other, group, "for all");
    let conversation = talk.fleet.conversation(&talk.account, group).await;
    let shared = talk
        .fleet
        .wait_for_message(&conversation, "for all", "received")
        .await;
    assert_eq!(
        talk.refused(Method::DELETE, &path(&shared, "?for=me"), None)
            .await,
        "only_for_everyone"
    );

    let failing = Fault::error(500, "INTERNAL").on("messages.sendMessage");
    let failing = talk.fleet.telegram.set_fault(failing);
    let pending = talk.fleet.api.reply(talk.id(), "not there yet").await;
    let hits = || async { talk.fleet.telegram.fault_hits(failing) };
    wait::until("the reply to fail once", hits, |hits| *hits > 0).await;
    assert_eq!(
        talk.refused(Method::PATCH, &path(&pending, ""), text("x"))
            .await,
        "message_not_sent"
    );
    let (status, _) = talk
        .fleet
        .api
        .call(
            Method::DELETE,
            &path(&pending, "?for=everyone&force=true"),
            None,
        )
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    talk.order(Method::DELETE, &path(&ours, "?for=everyone"), None)
        .await;
    talk.until_done().await;
    assert_eq!(
        talk.refused(Method::PATCH, &path(&ours, ""), text("x"))
            .await,
        "message_deleted"
    );
    talk.order(Method::DELETE, &path(&ours, "?for=everyone"), None)
        .await;
    assert_eq!(talk.waiting(), 0);
}

/// Protects callers that repeat a call, and two desks at one message: the same key is one order, two deeds at once are two,
/// one after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_is_one_order_and_two_desks_get_their_turns() {
    let talk = Talk::start().await;
    let ours = talk.sent("zero").await;
    let keyed = talk.fleet.api.with_header("idempotency-key", "edit-1");
    let one = Some(json!({ "text": "one" }));
    for _ in 0..3 {
        let (status, answer) = keyed
            .call(Method::PATCH, &path(&ours, ""), one.clone())
            .await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        assert_eq!(answer["message"]["id"], ours["id"]);
    }
    let (status, answer) = keyed
        .call(
            Method::PATCH,
            &path(&ours, ""),
            Some(json!({ "text": "two" })),
        )
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::CONFLICT, &json!("idempotency_conflict"))
    );
    talk.until_done().await;
    assert_eq!(talk.theirs(&ours).former_texts, ["zero"]);

    let edits = (0..8).map(|desk| {
        let (talk, ours) = (&talk, &ours);
        async move {
            let edit = json!({ "text": format!("desk {desk}") });
            talk.order(Method::PATCH, &path(ours, ""), Some(edit)).await
        }
    });
    futures_util::future::join_all(edits).await;
    talk.until_done().await;
    let message = talk.theirs(&ours);
    assert_eq!(message.former_texts.len(), 9, "{message:?}");
    let both = ["?for=everyone", "?for=everyone"].map(|rest| {
        let path = path(&ours, rest);
        let talk = &talk;
        async move { talk.order(Method::DELETE, &path, None).await }
    });
    futures_util::future::join_all(both).await;
    talk.until_done().await;
    assert!(talk.theirs(&ours).deleted);
}
