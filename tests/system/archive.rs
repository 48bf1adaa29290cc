//! The archive: an account that has to have all of its history gets it by itself, and says how far it is.

use reqwest::Method;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, Fault, PersonSpec};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    oracle::{File, Listener, until_faithful},
    wait,
};

/// Marked ids of channels lie below this.
const CHANNELS: i64 = -1_000_000_000_000;

async fn choose(fleet: &Fleet, account: &FleetAccount, archive: &str) -> Value {
    let path = format!("/accounts/{}", account.id);
    let body = json!({ "archive": archive });
    let (status, answer) = fleet.api.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer["account"].clone()
}

async fn until_whole(fleet: &Fleet, account: &FleetAccount) -> Value {
    wait::until(
        "the whole history to be there",
        || fleet.api.account(&account.id),
        |account| account["history"]["total"].is_i64() && account["history"]["eta_s"] == 0,
    )
    .await
}

/// Protects the whole of a long history: it comes by itself, silently, over a `kill -9`; a chat that Telegram refuses keeps
/// none of the others from coming, and nothing is asked for twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_history_comes_by_itself() {
    let mut fleet = Fleet::builder().start().await;
    let telegram = fleet.telegram.clone();
    let phone = phone(50);
    let user = telegram.add_account(AccountSpec::new(&phone, "Archive"));
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    let supergroup = telegram.add_supergroup("Supergroup", &[person, user]);
    let channel = telegram.add_channel("Refusing channel", &[person, user]);
    for number in 1..=150 {
        telegram.say(person, channel, &format!("of the channel {number}"));
    }
    for number in 1..=180 {
        telegram.say(person, supergroup, &format!("of the group {number}"));
    }
    for number in 1..=330 {
        telegram.say(person, user, &format!("of the person {number}"));
    }
    // By Telegram's clock: what is said in the second of a sign-in is of its time.
    telegram.advance(Duration::from_secs(60));
    let account = fleet.sign_in("Archive", phone, user).await;
    let before = wait::until(
        "the first sync to end",
        || fleet.api.account(&account.id),
        |account| account["state"] == "online" && account["sync"].is_null(),
    )
    .await;
    assert_eq!(before["archive"], "recent");
    assert_eq!(before["history"], Value::Null);
    let file = File::of(&fleet);
    assert!(file.chat(&account.id, person).len() < 100, "not by itself");
    let listener = Listener::start(fleet.address()).await;
    let refusal = Fault::error(400, "CHANNEL_PRIVATE")
        .on("messages.getHistory")
        .channel(CHANNELS - channel);
    let refused = telegram.set_fault(refusal);
    assert_eq!(choose(&fleet, &account, "all").await["archive"], "all");
    wait::until(
        "the archive to begin",
        async || file.chat(&account.id, person).len(),
        |rows| *rows >= 150,
    )
    .await;
    let heard = listener.seq();
    drop(listener);
    fleet.kill_service();
    fleet.start_service();
    let listener = Listener::resume(fleet.address(), heard).await;
    fleet.wait_for_state(&account.id, "online").await;
    let whole = until_whole(&fleet, &account).await;
    assert!(telegram.fault_hits(refused) > 0);
    assert_eq!(whole["history"]["done"], whole["history"]["total"]);
    until_faithful(&fleet, &account, &[person, supergroup]).await;
    for chat in [person, supergroup, channel] {
        assert_eq!(
            listener.received(&account.id, chat),
            [],
            "history is no news"
        );
    }
    let pages = telegram.ledger().methods["messages.getHistory"];
    // What a recent history of three chats needs, four and two further pages, one refusal, one that the kill took.
    assert!(pages <= 3 + 6 + 1 + 1 + 2, "{pages} pages");
    let metrics = fleet.api.get("/metrics").await;
    for part in ["done", "total"] {
        let series = format!(
            "switchboard_history_messages{{account=\"{}\",part=\"{part}\"}} {}",
            account.id, whole["history"][part]
        );
        assert!(metrics.as_str().unwrap().contains(&series), "{series}");
    }

    // Listed anew, the refused one is asked for again.
    telegram.clear_fault(refused);
    let path = format!("/accounts/{}/login", account.id);
    let session = fleet.session_string(user);
    fleet.api.post(&path, json!({ "session": session })).await;
    until_faithful(&fleet, &account, &[channel]).await;
    let listing = choose(&fleet, &account, "recent").await;
    assert_eq!(listing["history"], Value::Null);
}
