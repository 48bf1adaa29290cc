//! People: address books, whom a name, a number or a link means, and coming into a chat.

use grammers_tl_types::{Serializable as _, enums, types};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    wait,
};

async fn contacts(fleet: &Fleet, account: &FleetAccount, query: &str) -> Value {
    let path = format!("/accounts/{}/contacts{query}", account.id);
    fleet.api.get(&path).await
}

fn names(page: &Value) -> Vec<&str> {
    let listed = page["contacts"].as_array().unwrap();
    listed
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

async fn post(
    fleet: &Fleet,
    account: &FleetAccount,
    call: &str,
    body: Value,
) -> (StatusCode, Value) {
    let path = format!("/accounts/{}/{call}", account.id);
    fleet.api.call(Method::POST, &path, Some(body)).await
}

async fn find(fleet: &Fleet, account: &FleetAccount, recipient: &str) -> Value {
    let body = json!({ "recipient": recipient });
    let (status, body) = post(fleet, account, "find", body).await;
    assert_eq!(status, 200, "{recipient}: {body}");
    body["found"].clone()
}

async fn refusal(fleet: &Fleet, account: &FleetAccount, call: &str, recipient: &str) -> String {
    let body = json!({ "recipient": recipient, "text": "Good morning" });
    let (status, body) = post(fleet, account, call, body).await;
    assert!(status.is_client_error(), "{recipient}: {status} {body}");
    body["error"]["code"].as_str().unwrap().to_owned()
}

/// Protects the list that a conversation is begun from: all of an address book, in its order, page by page, found by a part
/// of a name however that is written; and who has them too.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_book_is_listed_and_searched() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [first, second] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let mut people = Vec::new();
    for name in ["Émile Zoë", "Ёлка", "Anna", "Nobody's"] {
        let spec = PersonSpec::new(name).username(&format!("person{}", people.len()));
        let person = fleet.telegram.add_person(spec);
        if name != "Nobody's" {
            fleet.telegram.add_contact(first.user, person);
        }
        people.push(person);
    }
    fleet.telegram.add_contact(second.user, people[2]);
    fleet.telegram.say(people[0], second.user, "Hello");
    let known = fleet.conversation(&second, people[0]).await;
    contacts(&fleet, &second, "").await;

    let all = contacts(&fleet, &first, "").await;
    assert_eq!(names(&all), ["Anna", "Émile Zoë", "Ёлка"], "{all}");
    assert!(all["fetched_at"].is_string(), "{all}");
    let both = json!([first.id, second.id]);
    assert_eq!(all["contacts"][0]["accounts"], both, "{all}");
    assert_eq!(all["contacts"][1]["accounts"], both, "{all}");
    assert_eq!(all["contacts"][2]["accounts"], json!([first.id]), "{all}");
    assert_eq!(all["contacts"][1]["conversation_id"], Value::Null);
    assert!(known["id"].is_number());

    for (q, found) in [
        ("zoe", vec!["Émile Zoë"]),
        ("%D0%95%D0%9B%D0%9A", vec!["Ёлка"]),
        ("PERSON2", vec!["Anna"]),
        ("nobody", vec![]),
    ] {
        let page = contacts(&fleet, &first, &format!("?q={q}")).await;
        assert_eq!(names(&page), found, "{q}");
    }

    // Page by page, also when the one that a page ended with is called something else by then.
    let page = contacts(&fleet, &first, "?limit=2").await;
    assert_eq!(names(&page), ["Anna", "Émile Zoë"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = contacts(&fleet, &first, &format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(names(&page), ["Ёлка"]);
    assert_eq!(page["next_cursor"], Value::Null);
    fleet.telegram.rename(people[2], "Zora", "");
    wait::until(
        "the new name",
        || contacts(&fleet, &first, "?q=zora"),
        |page| names(page) == ["Zora"],
    )
    .await;
    let asked = fleet
        .telegram
        .look(|world| world.methods["contacts.getContacts"]);
    assert_eq!(asked, 2, "a fresh list was asked for again");

    // Telegram says that the list is another one.
    let new = fleet.telegram.add_person(PersonSpec::new("Newest"));
    fleet.telegram.add_contact(first.user, new);
    let reset = types::UpdateShort {
        update: enums::Update::ContactsReset,
        date: 1,
    };
    let packet: enums::Updates = reset.into();
    fleet.telegram.push_raw(first.user, &packet.to_bytes());
    wait::until(
        "the new contact",
        || contacts(&fleet, &first, "?q=newest"),
        |page| names(page) == ["Newest"],
    )
    .await;
}

/// Protects from strangers: whatever names somebody exactly finds them, nothing is written or joined for it, and what names
/// nobody exactly never sends.
#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_found_and_an_inexact_name_never_sends() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let [account, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let number = phone(901);
    let person = fleet.telegram.add_person(
        PersonSpec::new("Contact one")
            .username("contact_one")
            .phone(&number),
    );
    fleet.telegram.say(person, other.user, "Hello");
    fleet.conversation(&other, person).await;

    let digits = number.trim_start_matches('+').to_owned();
    for recipient in [
        "@contact_one".to_owned(),
        "https://t.me/contact_one".to_owned(),
        "tg://resolve?domain=contact_one".to_owned(),
        number.clone(),
        format!("https://t.me/+{digits}"),
        person.to_string(),
    ] {
        let found = find(&fleet, &account, &recipient).await;
        assert_eq!(found["chat_id"], person.to_string(), "{recipient}: {found}");
        assert_eq!(found["accounts"], json!([other.id]), "{recipient}: {found}");
        assert_eq!(found["conversation"], Value::Null);
    }
    for (recipient, code) in [
        ("@contact_on", "recipient_not_found"),
        ("Contact one", "recipient_invalid"),
        ("Contact", "recipient_not_found"),
        ("https://t.me/contact_on", "recipient_not_found"),
        ("https://example.org/contact_one", "recipient_invalid"),
        ("+99966200000", "recipient_not_found"),
    ] {
        for call in ["find", "send"] {
            assert_eq!(
                refusal(&fleet, &account, call, recipient).await,
                code,
                "{call} {recipient}"
            );
        }
    }
    assert_eq!(fleet.telegram.texts(account.user, person), [""; 0]);
    let log = fleet.service().log();
    assert!(!log.contains(&digits), "a number is in the log");
}

/// Protects what is joined from a click: a link shows what is behind it, and only joining joins; a chat whose admins decide
/// says so, and joining twice is joining once.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_shown_before_anything_is_joined() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    let group = fleet.telegram.add_supergroup("Suppliers", &[person]);
    let hash = fleet.telegram.add_invite(group, false);
    let link = format!("https://t.me/+{hash}");

    let found = find(&fleet, &account, &link).await;
    assert_eq!(found["title"], "Suppliers", "{found}");
    assert_eq!(found["kind"], "supergroup");
    assert_eq!(
        (&found["members"], &found["joinable"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(found["chat_id"], Value::Null);
    // Nobody writes into a chat by an invitation.
    assert_eq!(
        refusal(&fleet, &account, "send", &link).await,
        "recipient_not_found"
    );
    assert!(
        fleet
            .telegram
            .ledger_of(account.user)
            .get(&group)
            .is_none_or(|chat| chat.messages.is_empty())
    );

    for _ in 0..2 {
        let (status, joined) = post(&fleet, &account, "join", json!({ "recipient": link })).await;
        assert_eq!(status, 200, "{joined}");
        assert_eq!(joined["requested"], false);
        assert_eq!(
            joined["conversation"]["chat_id"],
            group.to_string(),
            "{joined}"
        );
    }
    let conversation = fleet.conversation(&account, group).await;
    fleet
        .api
        .reply(conversation["id"].as_i64().unwrap(), "Good morning")
        .await;
    fleet
        .wait_for_message(&conversation, "Good morning", "sent")
        .await;
    fleet.telegram.say(person, group, "Welcome");
    fleet
        .wait_for_message(&conversation, "Welcome", "received")
        .await;
    let found = find(&fleet, &account, &link).await;
    assert_eq!(found["chat_id"], group.to_string(), "{found}");
    assert_eq!(found["joinable"], false);

    let closed = fleet.telegram.add_supergroup("Closed", &[person]);
    let hash = fleet.telegram.add_invite(closed, true);
    let link = format!("tg://join?invite={hash}");
    assert_eq!(find(&fleet, &account, &link).await["on_request"], true);
    let (status, joined) = post(&fleet, &account, "join", json!({ "recipient": link })).await;
    assert_eq!(status, 200, "{joined}");
    assert_eq!(
        (&joined["requested"], &joined["conversation"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        refusal(&fleet, &account, "find", "https://t.me/+0123456789").await,
        "recipient_not_found"
    );

    let public = fleet
        .telegram
        .add_public("News", "news_here", true, &[person]);
    let found = find(&fleet, &account, "@news_here").await;
    assert_eq!(
        (&found["kind"], &found["joinable"]),
        (&json!("channel"), &json!(true)),
        "{found}"
    );
    let (status, joined) = post(
        &fleet,
        &account,
        "join",
        json!({ "recipient": "@news_here" }),
    )
    .await;
    assert_eq!(status, 200, "{joined}");
    assert_eq!(joined["conversation"]["chat_id"], public.to_string());
    let log = fleet.service().log();
    assert!(!log.contains(&hash), "an invitation is in the log");
}

/// Protects whoever shows a number to contacts alone, and the address book: a number is put into it when that is asked
/// for, and never by looking.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_goes_into_the_address_book_only_when_asked() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let (open, hidden) = (phone(902), phone(903));
    let person = fleet
        .telegram
        .add_person(PersonSpec::new("Contact one").phone(&open));
    fleet.telegram.add_person(PersonSpec {
        number_hidden: true,
        ..PersonSpec::new("Contact two").phone(&hidden)
    });
    assert_eq!(names(&contacts(&fleet, &account, "").await), [""; 0]);
    find(&fleet, &account, &open).await;
    let kept = || {
        fleet
            .telegram
            .look(|world| world.accounts[&account.user].contacts.len())
    };
    assert_eq!(kept(), 0);

    let body = json!({ "phone": open, "first_name": "Contact one" });
    let (status, added) = post(&fleet, &account, "contacts", body).await;
    assert_eq!(status, StatusCode::CREATED, "{added}");
    assert_eq!(added["found"]["chat_id"], person.to_string());
    assert_eq!(kept(), 1);
    assert_eq!(
        names(&contacts(&fleet, &account, "").await),
        ["Contact one"]
    );
    let body = json!({ "phone": hidden, "first_name": "Contact two" });
    let (status, refused) = post(&fleet, &account, "contacts", body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["error"]["code"], "recipient_not_found");
    let found = find(&fleet, &account, &open).await;
    assert_eq!(found["accounts"], json!([account.id]), "{found}");

    let sent = json!({ "recipient": found["chat_id"], "text": "Good morning" });
    let (status, sent) = post(&fleet, &account, "send", sent).await;
    assert_eq!(status, 202, "{sent}");
    fleet
        .wait_for_message(&sent["conversation"], "Good morning", "sent")
        .await;
    let log = fleet.service().log();
    for number in [&open, &hidden] {
        assert!(
            !log.contains(number.trim_start_matches('+')),
            "a number is in the log"
        );
    }
}
