//! Chat marks: muted, archived, marked as unread, blocked and reported, here and on the account's other devices.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::support::{fleet::Fleet, rows, wait};

async fn until(fleet: &Fleet, conversation: &Value, wanted: [(&str, bool); 4]) {
    let path = format!("/conversations/{}", conversation["id"]);
    let seen = async || {
        let now = fleet.api.get(&path).await["conversation"].clone();
        wanted.map(|(mark, _)| (mark, now[mark] == true))
    };
    wait::until("the marks", seen, |seen| *seen == wanted).await;
}

/// Protects what a person marked: it is at Telegram, also when an answer is lost, and marks of other devices are seen here.
#[tokio::test(flavor = "multi_thread")]
async fn marks_go_to_telegram_and_come_from_it() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let telegram = &fleet.telegram;
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    let path = format!("/conversations/{}", conversation["id"]);
    let mut faults = Vec::new();
    for method in [
        "account.updateNotifySettings",
        "folders.editPeerFolders",
        "messages.markDialogUnread",
        "contacts.block",
    ] {
        faults.push(telegram.set_fault(Fault::new(Effect::CutAfter).on(method).times(1)));
    }
    let keyed = fleet.api.with_header("idempotency-key", "marks-1");
    let all = json!({ "muted": true, "archived": true, "marked_unread": true, "blocked": true });
    for _ in 0..2 {
        let (status, answer) = keyed.call(Method::PATCH, &path, Some(all.clone())).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    let marks = |on: bool| {
        [
            ("muted", on),
            ("archived", on),
            ("marked_unread", on),
            ("blocked", on),
        ]
    };
    until(&fleet, &conversation, marks(true)).await;
    let dialog = telegram.look(|world| {
        let account = world.accounts.get(&account.user).unwrap();
        let dialog = account.mailbox.dialogs.get(&person.into()).unwrap();
        let blocked = account.blocked.contains(&person);
        (
            dialog.muted_until,
            dialog.folder,
            dialog.unread_mark,
            blocked,
        )
    });
    assert_eq!(dialog, (i32::MAX, 1, true, true));
    let file = fleet.data_dir().join("switchboard.db");
    let left = async || rows::number(&file, "SELECT count(*) AS n FROM orders");
    wait::until("every order to be done", left, |left| *left == 0).await;
    for fault in faults {
        assert_eq!(telegram.fault_hits(fault), 1);
    }

    // The phone takes them off again.
    telegram.with(|world| {
        let chat = person.into();
        world.mute(account.user, chat, 0, None).unwrap();
        world.put_in_folder(account.user, chat, 0, None).unwrap();
        world.mark_unread(account.user, chat, false, None).unwrap();
        world
            .set_blocked(account.user, person, false, None)
            .unwrap();
    });
    until(&fleet, &conversation, marks(false)).await;

    let (status, _) = fleet
        .api
        .call(Method::PATCH, &path, Some(json!({ "marked_unread": true })))
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let marked = [
        ("muted", false),
        ("archived", false),
        ("marked_unread", true),
        ("blocked", false),
    ];
    until(&fleet, &conversation, marked).await;
    fleet.api.post(&format!("{path}/read"), Value::Null).await;
    until(&fleet, &conversation, marks(false)).await;

    let (status, answer) = fleet
        .api
        .call(Method::POST, &format!("{path}/report"), None)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let reports = async || {
        telegram
            .ledger()
            .methods
            .get("messages.reportSpam")
            .copied()
    };
    wait::until("the report", reports, |count| *count == Some(1)).await;
    let (status, _) = fleet
        .api
        .call(Method::POST, &format!("{path}/typing"), None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(telegram.ledger().methods["messages.setTyping"], 1);

    let group = telegram.add_group("Group", &[person, account.user]);
    telegram.say(person, group, "all of you");
    let group = fleet.conversation(&account, group).await;
    let path = format!("/conversations/{}", group["id"]);
    let (_, answer) = fleet
        .api
        .call(Method::PATCH, &path, Some(json!({ "blocked": true })))
        .await;
    assert_eq!(answer["error"]["code"], "not_a_person");
}
