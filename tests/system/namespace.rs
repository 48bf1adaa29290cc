//! Namespace: where nothing but a proxy can be reached, an account does all that it does elsewhere.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{AccountSpec, PersonSpec, world::Media};

use crate::support::{
    fleet::{Fleet, FleetAccount, phone},
    forms::{Form, paper},
    inside::{self, Inside},
    proxies::{Kind, Proxy},
    wait,
};

/// One that lives in another data centre than the one that sign-ins begin at.
fn elsewhere(fleet: &Fleet, number: &str) -> i64 {
    fleet.telegram.add_account(AccountSpec {
        phone: number.to_owned(),
        home_dc: 4,
        ..AccountSpec::default()
    })
}

async fn by_code(fleet: &Fleet, number: &str) -> String {
    let body = json!({ "label": "By code", "phone": number });
    let added = fleet.api.post("/accounts/add", body).await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let code = fleet.telegram.code_for(number).unwrap();
    let path = format!("/accounts/{id}/login/code");
    fleet.api.post(&path, json!({ "code": code })).await;
    fleet.wait_for_state(&id, "online").await;
    id
}

async fn by_qr(fleet: &Fleet, user: i64) -> String {
    let body = json!({ "label": "By QR code", "qr": true });
    let added = fleet.api.post("/accounts/add", body).await;
    let id = added["account"]["id"].as_str().unwrap().to_owned();
    let url = added["login"]["qr"]["url"].as_str().unwrap();
    fleet.telegram.accept_qr(url, user).unwrap();
    fleet.wait_for_state(&id, "online").await;
    id
}

/// Protects whoever may not be seen to talk to Telegram: signing in by code and by QR code, in another data centre than the
/// first, messages both ways, files and a restart send not one packet past the proxy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_a_packet_goes_past_the_proxy() {
    if let Some(why) = inside::impossible() {
        eprintln!("skipped: whoever runs this may make no network namespace: {why}");
        return;
    }
    let proxy = Proxy::start(Kind::Microsocks { login: false }, &[]).await;
    let inside = Inside::before(proxy.port);
    let way = format!("socks5://127.0.0.1:{}", inside.proxy_port);
    let mut fleet = Fleet::builder()
        .inside(&inside)
        .arg("--proxy")
        .arg(&way)
        .start()
        .await;
    let (number, scanned) = (phone(300), phone(301));
    let user = elsewhere(&fleet, &number);
    let id = by_code(&fleet, &number).await;
    let other = elsewhere(&fleet, &scanned);
    by_qr(&fleet, other).await;

    let account = FleetAccount {
        id: id.clone(),
        user,
        phone: number,
    };
    let person = fleet.telegram.add_person(PersonSpec::new("Amal"));
    fleet.telegram.say(person, user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    let reply = format!("/conversations/{}/reply", conversation["id"]);
    let text = json!({ "text": "hello back" });
    fleet.api.post(&reply, text).await;
    fleet
        .wait_for_message(&conversation, "hello back", "sent")
        .await;
    let paper = paper(1, 700_000);
    let (status, answer) = fleet.api.form(&reply, Form::default().add(&paper)).await;
    assert_eq!(status, 202, "{answer}");
    let sent = format!("/messages/{}", answer["message"]["id"]);
    let sent = wait::until(
        "the file to be sent",
        || fleet.api.get(&sent),
        |answer| answer["message"]["status"] == "sent",
    )
    .await;
    let number = sent["message"]["message_id"].as_str().unwrap();
    let there = fleet
        .telegram
        .file_of(user, person, number.parse().unwrap());
    assert_eq!(Some(paper.bytes), fleet.telegram.file_bytes(there, ""));

    fleet.telegram.set_files_dc(2);
    let media = Media::Document {
        name: "report.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 300_000,
    };
    let file = fleet.telegram.say_media(person, user, media, "take it");
    let message = fleet
        .wait_for_message(&conversation, "take it", "received")
        .await;
    let address = message["media"]["url"].as_str().unwrap();
    let answer = fleet.api.request(Method::GET, address).send().await;
    let bytes = answer.unwrap().bytes().await.unwrap().to_vec();
    let there = fleet.telegram.file_of(user, person, file);
    assert_eq!(Some(bytes), fleet.telegram.file_bytes(there, ""));

    fleet.stop_service();
    fleet.start_service();
    fleet.wait_for_state(&id, "online").await;
    fleet.telegram.say(person, user, "still there?");
    fleet
        .wait_for_message(&conversation, "still there?", "received")
        .await;
    assert_eq!(inside.strays(), Vec::<String>::new());

    // One that is sent past it would have been seen.
    let directly = json!({ "proxies": [] });
    let path = format!("/accounts/{id}");
    let (status, changed): (_, Value) = fleet.api.call(Method::PATCH, &path, Some(directly)).await;
    assert_eq!(status, 200, "{changed}");
    wait::until(
        "a packet past the proxy",
        || std::future::ready(inside.strays()),
        |strays| !strays.is_empty(),
    )
    .await;
}
