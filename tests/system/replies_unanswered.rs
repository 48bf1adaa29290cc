//! Replies without a definite answer: they end, nobody waits behind them for ever, and none is sent twice. Judged by the
//! simulator's ledger, the database file and a WebSocket that resumes.

use std::{collections::BTreeMap, path::PathBuf};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    live::Live,
    rows, wait,
};

const SEND: &str = "messages.sendMessage";

struct Talk {
    fleet: Fleet,
    account: FleetAccount,
    person: i64,
    conversation: Value,
}

impl Talk {
    /// `patience` in seconds.
    async fn start(patience: &str) -> Self {
        let fleet = Fleet::builder()
            .accounts(1)
            .env("SWITCHBOARD_REPLY_PATIENCE", patience)
            .start()
            .await;
        let account = fleet.accounts[0].clone();
        let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        fleet.telegram.say(person, account.user, "hello");
        let conversation = fleet.conversation(&account, person).await;
        Self {
            fleet,
            account,
            person,
            conversation,
        }
    }

    fn id(&self) -> i64 {
        self.conversation["id"].as_i64().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.fleet.data_dir().join("switchboard.db")
    }

    /// Row id of a reply.
    async fn reply(&self, text: &str) -> i64 {
        let message = self.fleet.api.reply(self.id(), text).await;
        message["id"].as_i64().unwrap()
    }

    fn texts(&self) -> Vec<String> {
        self.fleet.telegram.texts(self.account.user, self.person)
    }

    /// The state of a reply's order in the file, `sent` when it has none any more.
    fn state(&self, reply: i64) -> String {
        let query = format!(
            "SELECT state AS t FROM orders WHERE id = (SELECT order_id FROM order_messages WHERE message_row = {reply})"
        );
        let state = rows::texts(&self.file(), &query).pop();
        state.unwrap_or_else(|| "sent".to_owned())
    }

    async fn until_state(&self, reply: i64, state: &str) {
        wait::until(
            &format!("reply {reply} to be {state}"),
            async || self.state(reply),
            |seen| seen == state,
        )
        .await;
    }

    /// Moves to a supergroup, whose difference names no random ids. Answers its id.
    async fn in_a_group(&mut self) -> i64 {
        let telegram = &self.fleet.telegram;
        let group = telegram.add_supergroup("Group", &[self.person, self.account.user]);
        telegram.say(self.person, group, "question");
        self.conversation = self.fleet.conversation(&self.account, group).await;
        self.fleet
            .wait_for_message(&self.conversation, "question", "received")
            .await;
        group
    }

    async fn until_texts(&self, chat: i64, wanted: &[&str]) {
        wait::until(
            "Telegram to have the texts",
            async || self.fleet.telegram.texts(self.account.user, chat),
            |seen| seen == wanted,
        )
        .await;
    }
}

/// What a dashboard shows that only listens: row id → (number, text, status).
type Heard = BTreeMap<i64, (String, String, String)>;

/// Reads a WebSocket until what it says makes sense.
async fn hear(live: &mut Live, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    while !enough(heard) {
        let frame = live.next().await;
        let data = &frame["data"];
        match frame["event"].as_str().unwrap() {
            "message_received" | "message_sent" | "message_edited" => {
                let message = &data["message"];
                let text = |field: &str| message[field].as_str().unwrap_or_default().to_owned();
                heard.insert(
                    message["id"].as_i64().unwrap(),
                    (text("message_id"), text("text"), text("status")),
                );
            }
            "message_deleted" => {
                for id in data["ids"].as_array().unwrap() {
                    heard.remove(&id.as_i64().unwrap());
                }
            }
            _ => {}
        }
    }
}

/// Protects a chat from one reply that Telegram neither takes nor refuses: it ends with a stated failure after the
/// patience, the next one goes out, and "again" repeats the same random id.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_a_definite_answer_ends_and_the_next_one_goes_out() {
    for (code, name) in [(500, "INTERNAL"), (500, "RANDOM_ID_DUPLICATE")] {
        let talk = Talk::start("3").await;
        let telegram = &talk.fleet.telegram;
        let fault = telegram.set_fault(Fault::error(code, name).on(SEND));
        let first = talk.reply("first").await;
        let second = talk.reply("second").await;
        let failed = talk
            .fleet
            .wait_for_message(&talk.conversation, "first", "failed")
            .await;
        assert_eq!(failed["error"]["code"], "no_definite_answer", "{failed}");
        assert_eq!(failed["delivery"], "given_up", "{failed}");
        let calls = telegram.ledger().methods[SEND];
        assert!(calls > 1, "{name} came {calls} times");
        telegram.clear_fault(fault);
        talk.until_state(second, "sent").await;
        assert_eq!(talk.texts(), ["hello", "second"]);

        let random_id =
            format!("SELECT random_id AS n FROM order_messages WHERE message_row = {first}");
        let random_id = rows::number(&talk.file(), &random_id);
        let retry = format!("/messages/{first}/retry");
        talk.fleet.api.post(&retry, Value::Null).await;
        talk.until_state(first, "sent").await;
        assert_eq!(talk.texts(), ["hello", "second", "first"]);
        let sends = telegram.ledger().sends;
        assert_eq!(sends.last().unwrap().random_id, random_id, "{sends:?}");
    }
}

/// Protects honesty: a reply that was given up and did arrive is sent as soon as Telegram says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_was_given_up_is_sent_when_telegram_says_so() {
    let talk = Talk::start("2").await;
    let telegram = &talk.fleet.telegram;
    // Carried out, but nobody can read the answer; Telegram pushes nothing to the session that sent.
    let fault = telegram.set_fault(Fault::new(Effect::Unreadable).on(SEND));
    let reply = talk.reply("are you there").await;
    talk.until_state(reply, "given_up").await;
    assert_eq!(talk.texts(), ["hello", "are you there"]);
    telegram.clear_fault(fault);
    telegram.say(talk.person, talk.account.user, "yes");
    talk.until_state(reply, "sent").await;
    let status = format!("SELECT status AS t FROM messages WHERE id = {reply}");
    assert_eq!(rows::texts(&talk.file(), &status), ["sent"]);
    assert_eq!(talk.texts(), ["hello", "are you there", "yes"]);
    let rows = "SELECT count(*) AS n FROM messages WHERE text = 'are you there'";
    assert_eq!(rows::number(&talk.file(), rows), 1);
}

/// Protects a reply whose first call still runs: RANDOM_ID_DUPLICATE passes, and it was sent once.
#[tokio::test(flavor = "multi_thread")]
async fn a_random_id_that_is_still_being_used_is_waited_for() {
    let talk = Talk::start("60").await;
    let telegram = &talk.fleet.telegram;
    telegram.set_fault(Fault::error(500, "RANDOM_ID_DUPLICATE").on(SEND).times(2));
    let reply = talk.reply("slowly").await;
    talk.until_state(reply, "sent").await;
    assert_eq!(talk.texts(), ["hello", "slowly"]);
    assert_eq!(telegram.ledger().methods[SEND], 3);
}

/// Protects the person at the desk: a reply that hangs can be taken back, with a word that says what that means.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_hangs_can_be_discarded_with_a_word_of_its_own() {
    let talk = Talk::start("600").await;
    let telegram = &talk.fleet.telegram;
    let fault = telegram.set_fault(Fault::error(500, "INTERNAL").on(SEND));
    let first = talk.reply("hangs").await;
    let second = talk.reply("goes out").await;
    talk.until_state(first, "unanswered").await;
    let path = format!("/messages/{first}");
    let (status, body) = talk.fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(body["error"]["code"], "message_may_have_arrived");
    telegram.clear_fault(fault);
    let forced = format!("{path}?force=true");
    // It may have gone out by itself in this moment; then it is sent, and no word takes it back.
    let (status, body) = talk.fleet.api.call(Method::DELETE, &forced, None).await;
    talk.until_state(second, "sent").await;
    if status == StatusCode::NO_CONTENT {
        assert_eq!(talk.texts(), ["hello", "goes out"]);
    } else {
        assert_eq!(body["error"]["code"], "message_not_waiting", "{body}");
        assert_eq!(talk.texts(), ["hello", "hangs", "goes out"]);
    }
    // What surely did not leave needs no such word.
    talk.fleet.set_active(&talk.account, false).await;
}

/// Protects the two of one text: a reply from the desk and a message from the phone at the same moment, the answer lost,
/// the service killed in between. Each is there once, under its own number, and nobody was told anything else.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_from_desk_and_phone_stay_two_messages_through_a_kill() {
    let mut talk = Talk::start("600").await;
    let group = talk.in_a_group().await;
    let mut live = talk.fleet.live(None).await;
    let mut heard = Heard::new();
    let telegram = talk.fleet.telegram.clone();
    // Carried out and never answered: the kill strikes in the middle.
    telegram.set_fault(Fault::new(Effect::SilentAfter).on(SEND).times(1));
    let reply = talk.reply("ok").await;
    talk.until_texts(group, &["question", "ok"]).await;
    telegram.say(talk.account.user, group, "ok");
    telegram.say(talk.person, group, "both?");
    // They are in the file, and held: each may be the reply.
    let held = "SELECT count(*) AS n FROM messages WHERE text = 'ok' AND held";
    wait::until(
        "both to be held",
        async || rows::number(&talk.file(), held),
        |held| *held == 2,
    )
    .await;
    hear(&mut live, &mut heard, |heard| {
        heard.values().any(|one| one.1 == "both?")
    })
    .await;
    assert_eq!(talk.state(reply), "in_flight", "the kill strikes in flight");
    let oks = heard.values().filter(|one| one.1 == "ok").count();
    assert_eq!(oks, 1, "only the reply is known as yet: {heard:?}");
    let seq = live.seq;
    talk.fleet.kill_service();
    talk.fleet.start_service();

    talk.until_state(reply, "sent").await;
    let mut live = talk.fleet.live(Some(seq)).await;
    let both = |heard: &Heard| {
        let sent = |one: &&(String, String, String)| one.1 == "ok" && one.2 == "sent";
        heard.values().filter(sent).count() == 2
    };
    hear(&mut live, &mut heard, both).await;

    let sends = telegram.ledger().sends;
    assert_eq!(sends.len(), 1, "{sends:?}");
    assert_eq!(heard[&reply].0, sends[0].message_id.to_string());
    let real = telegram.ledger_of(talk.account.user);
    let real: Vec<String> = real[&group]
        .messages
        .iter()
        .filter(|message| !message.service)
        .map(|message| format!("{} {}", message.id, message.text))
        .collect();
    let stored = "SELECT message_no || ' ' || text AS t FROM messages \
                  WHERE scope != 0 AND service IS NULL AND NOT held ORDER BY message_no";
    assert_eq!(rows::texts(&talk.file(), stored), real);
}

/// A reply that was in flight when the service was killed, four hours ago.
async fn of_long_ago(effect: Effect) -> (Talk, i64, i64) {
    let mut talk = Talk::start("600").await;
    let telegram = talk.fleet.telegram.clone();
    let group = talk.in_a_group().await;
    let fault = telegram.set_fault(Fault::new(effect.clone()).on(SEND).times(1));
    let reply = talk.reply("answer").await;
    talk.until_state(reply, "in_flight").await;
    // In flight is written before it leaves: the kill comes once Telegram has it.
    wait::until(
        "the call to reach Telegram",
        async || telegram.fault_hits(fault),
        |hits| *hits == 1,
    )
    .await;
    if effect == Effect::SilentAfter {
        talk.until_texts(group, &["question", "answer"]).await;
    }
    talk.fleet.kill_service();
    let mut file = SqliteConnection::establish(&talk.file().display().to_string()).unwrap();
    file.batch_execute("UPDATE orders SET last_at = last_at - 4 * 3600 * 1000")
        .unwrap();
    drop(file);
    telegram.forget_random_ids(talk.account.user);
    telegram.clear_faults();
    talk.fleet.start_service();
    (talk, reply, group)
}

/// Protects against the double on a server that forgets: what may have arrived hours ago is looked for first. It is there:
/// nothing is sent, and a person is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_random_id_is_not_sent_again_when_the_chat_has_a_message_of_ours() {
    let (talk, reply, group) = of_long_ago(Effect::SilentAfter).await;
    talk.until_state(reply, "given_up").await;
    let texts = talk.fleet.telegram.texts(talk.account.user, group);
    assert_eq!(texts, ["question", "answer"]);
    let error = format!(
        "SELECT error_code AS t FROM orders WHERE id = (SELECT order_id FROM order_messages WHERE message_row = {reply})"
    );
    assert_eq!(rows::texts(&talk.file(), &error), ["no_definite_answer"]);
    // What is in the chat is on the desk, as a message from another device.
    let shown =
        "SELECT count(*) AS n FROM messages WHERE text = 'answer' AND status = 'sent' AND NOT held";
    wait::until(
        "the message in the chat to be shown",
        async || rows::number(&talk.file(), shown),
        |shown| *shown == 1,
    )
    .await;
}

/// Protects the reply that never arrived: nothing of ours is in the chat, so it goes out, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_long_ago_that_did_not_arrive_goes_out() {
    let (talk, reply, group) = of_long_ago(Effect::NeverAnswer).await;
    talk.until_state(reply, "sent").await;
    let texts = talk.fleet.telegram.texts(talk.account.user, group);
    assert_eq!(texts, ["question", "answer"]);
}
