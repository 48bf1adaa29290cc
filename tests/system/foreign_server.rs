//! The same service on a Telegram that is not our simulator: `tests/foreign/`. Its frames, message encryption, service
//! messages, types and primitives are by others; the small world behind them is ours, written anew from Telegram's public
//! descriptions.

use serde_json::{Value, json};

use super::foreign_ground::{Ground, attempts, count};
use crate::support::wait;

/// Protects the key exchange, the sign-in with code and password and the live way in from fitting our simulator alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_signs_in_and_shows_messages_on_a_server_of_another_making() {
    let mut ground = Ground::build().await;
    ground.add_account(Some("correct horse")).await;
    let asked = ground.sign_in_with_code().await;
    assert_eq!(asked["login"]["step"], "password", "{asked}");
    assert_eq!(asked["login"]["password_hint"], "the usual one");
    let path = format!("/accounts/{}/login/password", ground.account);
    let wrong = json!({ "password": "battery staple" });
    let (status, refused) = ground
        .api
        .call(reqwest::Method::POST, &path, Some(wrong))
        .await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(refused["error"]["code"], "wrong_password");
    let right = json!({ "password": "correct horse" });
    let done = ground.api.post(&path, right).await;
    assert_eq!(done["login"]["step"], "done", "{done}");
    let account = ground.wait_for_state("online").await;
    assert_eq!(account["user"]["first_name"], "Support");
    let seen = ground.seen().await;
    assert_eq!(count(&seen, "dh_gen_retry"), 1, "the exchange was repeated");

    let mut live = ground.live().await;
    // Each shape once with somebody known and once with somebody whom the account never heard of.
    for (person, shape) in [
        ("Contact one", "full"),
        ("Contact one", "short_message"),
        ("Contact two", "short_message"),
        ("Contact three", "combined"),
        ("Contact three", "short_message"),
    ] {
        let text = format!("{person}, {shape} 🙂");
        let number = ground.say(person, &text, shape).await;
        let frame = live.until_event("message_received").await;
        let message = &frame["data"]["message"];
        assert_eq!(message["text"], text.as_str());
        assert_eq!(message["message_id"], number.to_string());
        assert_eq!(message["sender"]["name"], person, "{frame:#}");
    }
    let mistaken = ground.say("Contact one", "mistaken", "full").await;
    live.until_event("message_received").await;
    let change = json!({ "message": mistaken, "text": "corrected" });
    ground.order("edit", change).await;
    let frame = live.until_event("message_edited").await;
    assert_eq!(frame["data"]["message"]["text"], "corrected");
    let gone = json!({ "messages": [mistaken], "shape": "short" });
    ground.order("delete", gone).await;
    let frame = live.until_event("message_deleted").await;
    assert_eq!(frame["data"]["message_ids"], json!([mistaken.to_string()]));
    let elsewhere = json!({ "person": "Contact one", "text": "from the phone", "out": true });
    ground.order("say", elsewhere).await;
    let frame = live.until_event("message_sent").await;
    assert_eq!(frame["data"]["message"]["text"], "from the phone");
    ground.until_equal().await;
    ground.finish().await;
}

/// Protects people from reading the same reply twice, by another server's reading of random ids.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_reaches_the_other_server_once_whatever_becomes_of_the_answer() {
    let ground = Ground::signed_in().await;
    ground.say("Contact one", "hello", "full").await;
    let conversation = ground.conversation().await;
    let send = "messages.SendMessage";
    for (text, fates, times) in [
        ("answered", json!([]), 1),
        ("answer lost", json!(["lose"]), 2),
        (
            "lost, lost and under way",
            json!(["lose", "lose", "busy"]),
            4,
        ),
    ] {
        ground
            .order("fates", json!({ "method": send, "fates": fates }))
            .await;
        ground.api.reply(conversation, text).await;
        let sent = ground.wait_for_reply(conversation, text).await;
        let seen = ground.seen().await;
        assert_eq!(attempts(&seen, text), (times, 1), "{seen:#}");
        let number = sent["message_id"].as_str().unwrap();
        assert_eq!(seen["messages"][number]["text"], text, "{seen:#}");
    }

    // Received and acknowledged, answered later.
    let hold = json!({ "method": send, "fates": ["hold"] });
    ground.order("fates", hold).await;
    ground.api.reply(conversation, "answered late").await;
    wait::until(
        "the reply to be held",
        || ground.seen(),
        |seen| seen["held"] == 1,
    )
    .await;
    let waiting = ground.api.messages(conversation).await;
    assert_eq!(waiting.last().unwrap()["status"], "pending");
    ground.order("release", json!({})).await;
    ground.wait_for_reply(conversation, "answered late").await;
    let seen = ground.seen().await;
    assert_eq!(attempts(&seen, "answered late"), (1, 1), "{seen:#}");
    ground.until_equal().await;
    ground.finish().await;
}

/// Protects what is said while the line is cut or the service is down, by differences that another server cuts in slices.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_after_an_outage_or_a_restart_on_the_other_server() {
    let mut ground = Ground::signed_in().await;
    let first = ground.say("Contact one", "early", "full").await;
    let second = ground.say("Contact one", "early, too", "full").await;
    ground.until_equal().await;

    ground.order("away", json!({ "away": true })).await;
    ground.wait_for_state("reconnecting").await;
    for number in 0..20 {
        let person = ["Contact one", "Contact two"][number % 2];
        ground
            .say(person, &format!("missed {number}"), "full")
            .await;
    }
    let change = json!({ "message": first, "text": "changed meanwhile" });
    ground.order("edit", change).await;
    ground
        .order("delete", json!({ "messages": [second] }))
        .await;
    ground.order("away", json!({ "away": false })).await;
    ground.wait_for_state("online").await;
    ground.until_equal().await;

    ground.stop_service();
    for number in 0..9 {
        let text = format!("while down {number}");
        ground.say("Contact three", &text, "full").await;
    }
    ground.start_service();
    ground.wait_for_state("online").await;
    ground.until_equal().await;
    let mut live = ground.live().await;
    ground
        .say("Contact three", "afterwards", "short_message")
        .await;
    let frame = live.until_event("message_received").await;
    assert_eq!(frame["data"]["message"]["text"], "afterwards");
    ground.until_equal().await;
    ground.finish().await;
}

/// Protects the account from what a server may do at the wire at any time.
#[tokio::test(flavor = "multi_thread")]
async fn another_servers_ways_at_the_wire_are_coped_with() {
    let ground = Ground::signed_in().await;
    let mut live = ground.live().await;
    let together = json!({ "person": "Contact one", "texts": ["one", "two", "three"] });
    ground.order("say_at_once", together).await;
    for text in ["one", "two", "three"] {
        let frame = live.until_event("message_received").await;
        assert_eq!(frame["data"]["message"]["text"], text);
    }
    let conversation = ground.conversation().await;
    let reply = async |text: &str| {
        ground.api.reply(conversation, text).await;
        ground.wait_for_reply(conversation, text).await;
        ground.seen().await
    };

    let before = ground.seen().await;
    ground.order("change_salts", json!({})).await;
    let after = reply("under a new salt").await;
    assert!(
        count(&after, "bad_server_salt") > count(&before, "bad_server_salt"),
        "{after:#}"
    );
    assert_eq!(attempts(&after, "under a new salt"), (1, 1), "{after:#}");

    // The session is gone at the server, and with it what it would have been told.
    let before = after;
    ground.order("forget_sessions", json!({})).await;
    ground.say("Contact one", "told to nobody", "full").await;
    let after = reply("in a new session").await;
    assert_eq!(
        count(&after, "new_session_created"),
        count(&before, "new_session_created") + 1
    );
    ground.until_equal().await;

    // A machine whose clock is a quarter of an hour slow.
    ground.order("set_clock", json!({ "ahead": 900 })).await;
    let after = reply("by a slow clock").await;
    assert!(count(&after, "bad_msg_notification_16") > 0, "{after:#}");
    assert_eq!(attempts(&after, "by a slow clock"), (1, 1), "{after:#}");

    ground.say("Contact one", "told twice", "full").await;
    live.until(|frame| frame["data"]["message"]["text"] == "told twice")
        .await;
    ground.order("repeat", json!({})).await;
    let long = "a long reply, ".repeat(100);
    let after = reply(long.trim()).await;
    ground.until_equal().await;

    for what in [
        "acks_apart",
        "acks_received",
        "containers_received",
        "containers_sent",
        "get_future_salts",
        "gzip_packed",
        "gzip_received",
        "pongs",
        "repeated",
    ] {
        let seen = wait::until(what, || ground.seen(), |seen| count(seen, what) > 0).await;
        assert!(count(&seen, what) > 0);
    }
    assert!(after["unacknowledged"].as_i64().unwrap() <= 3, "{after:#}");
    ground.finish().await;
}

/// Protects a person whose machine has a wrong clock from an account that is away for no reason that one could see.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_too_far_ahead_is_told_and_waited_for() {
    let mut ground = Ground::signed_in().await;
    ground.stop_service();
    ground.order("set_clock", json!({ "ahead": -900 })).await;
    ground.say("Contact one", "in the meantime", "full").await;
    ground.start_service();
    let account = wait::until(
        "the clock to be named",
        || ground.api.account(&ground.account),
        |account| {
            let reason = account["state_reason"].as_str();
            reason.is_some_and(|reason| reason.contains("clock is 9"))
        },
    )
    .await;
    assert_eq!(account["state"], "reconnecting", "{account:#}");
    assert_eq!(account["state_code"], "clock_ahead", "{account:#}");
    let ahead = account["state_params"]["seconds"].as_i64().unwrap();
    assert!((880..1_000).contains(&ahead), "{account:#}");
    let seen = ground.seen().await;
    assert_eq!(count(&seen, "bad_msg_notification_17"), 0, "nobody dialled");
    ground.order("set_clock", json!({ "ahead": 0 })).await;
    ground.wait_for_state("online").await;
    ground.until_equal().await;
    ground.finish().await;
}

/// Protects groups and channels from fitting our simulator alone: they come in live, with who wrote; replies go out once; what was
/// said, edited and deleted in them while the line was down is there after it.
#[tokio::test(flavor = "multi_thread")]
async fn groups_and_channels_of_another_making_are_followed() {
    let ground = Ground::signed_in().await;
    let made = |what: &str, title: &str| json!({ "do": what, "title": title, "phones": [ground.phone], "people": ["Contact one"] });
    let group = ground.telegram.order(made("add_group", "Group")).await;
    let supergroup = ground
        .telegram
        .order(made("add_channel", "Supergroup"))
        .await;
    let say = async |chat: &Value, text: &str, shape: &str| {
        let what = json!({ "do": "say_in", "chat": chat, "person": "Contact one", "text": text, "shape": shape });
        ground.telegram.order(what).await
    };
    let mut live = ground.live().await;
    for (chat, title) in [(&group, "Group"), (&supergroup, "Supergroup")] {
        say(chat, &format!("hello {title}"), "full").await;
        let frame = live.until_event("message_received").await;
        let message = &frame["data"]["message"];
        assert_eq!(message["text"], format!("hello {title}"));
        assert_eq!(message["chat_id"], chat.to_string(), "{frame:#}");
        assert_eq!(message["sender"]["name"], "Contact one");
        let all = ground.api.conversations().await;
        let marked = chat.to_string();
        let found = all.iter().find(|one| one["chat_id"] == marked);
        let conversation = found.unwrap()["id"].as_i64().unwrap();
        assert_eq!(found.unwrap()["title"], title);
        let text = format!("from here to {title}");
        ground.api.reply(conversation, &text).await;
        ground.wait_for_reply(conversation, &text).await;
        let (times, ids) = attempts(&ground.seen().await, &text);
        assert_eq!((times, ids), (1, 1), "sent once");
    }

    ground.order("away", json!({ "away": true })).await;
    ground.wait_for_state("reconnecting").await;
    for number in 0..20 {
        say(&group, &format!("group {number}"), "untold").await;
        say(&supergroup, &format!("supergroup {number}"), "untold").await;
    }
    let change =
        json!({ "do": "change_in", "chat": supergroup, "edit": 3, "text": "edited", "delete": 4 });
    ground.telegram.order(change).await;
    ground.order("away", json!({ "away": false })).await;
    ground.wait_for_state("online").await;
    // A server need not say by itself which channels have changed; the next post does.
    say(&supergroup, "after", "full").await;
    ground.until_equal().await;
    ground
        .until_channel_equal(supergroup.as_i64().unwrap())
        .await;
    ground.finish().await;
}
