//! Files: one large one in and one out, through each service's own interface; beside them bare grammers.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use switchboard_simulator::{AccountSpec, world::Media};

use super::{
    Size,
    contestant::{Contestant, Kind, ask},
    report::{Goal, Report},
};
use crate::{
    parts::{self, people},
    support::fleet::phone,
};

const MIB: u64 = 1 << 20;
/// Of the floor's account: the contestants have those below.
const BARE: usize = 90;

pub async fn run(size: Size, report: &mut Report) {
    let bytes = size.mebibytes * MIB;
    println!("files: {} MiB in and out", size.mebibytes);
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    for kind in Kind::SERVICES {
        let contestant = Contestant::start(kind, 1).await;
        contestant.telegram().keep_uploads(false);
        let (conversation, person) = chat(&contestant).await;
        let (link, file) = incoming_file(&contestant, person, &conversation, bytes).await;
        incoming.push((kind, fetch(&contestant, &link, bytes).await));
        outgoing.push((kind, send(&contestant, person, &conversation, bytes).await));
        if kind == Kind::Switchboard {
            let telegram = contestant.telegram();
            let user = contestant.users[0];
            let length = i64::try_from(bytes).expect("a size");
            let bare = parts::files::bare_rate(telegram, user, file, length).await;
            incoming.push((Kind::Grammers, bare));
            let user = telegram.add_account(AccountSpec::new(&phone(BARE), "Bare"));
            let bare = parts::uploads::bare_rate(telegram, user, bytes, true).await;
            outgoing.push((Kind::Grammers, bare));
        }
        contestant.end().await;
    }
    report.add("a file in", "MiB/s", incoming, Goal::None);
    report.add("a file out", "MiB/s", outgoing, Goal::None);
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / MIB as f64 / time.as_secs_f64()
}

/// The file, and no form around it.
fn alone(bytes: u64) -> reqwest::Body {
    let pieces = parts::uploads::contents(bytes, true).map(Ok::<_, std::io::Error>);
    reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
}

/// The number of a conversation, and who it is with.
async fn chat(contestant: &Contestant) -> (Value, i64) {
    let person = people(contestant.telegram(), 1)[0];
    contestant
        .telegram()
        .say(person, contestant.users[0], "hello");
    let api = contestant.api();
    for _ in 0..1_000 {
        let list = ask(&api, Method::GET, "/conversations", None).await;
        let chat = person.to_string();
        let mut all = list["conversations"].as_array().expect("a list").iter();
        let found = all.find(|one| one["chat_id"] == chat.as_str() || one["chat_id"] == person);
        if let Some(found) = found {
            return (found["id"].clone(), person);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no conversation came");
}

/// Where the service hands out a file that has just come, and which it is.
async fn incoming_file(
    contestant: &Contestant,
    person: i64,
    conversation: &Value,
    bytes: u64,
) -> (String, i64) {
    let user = contestant.users[0];
    let media = Media::Document {
        name: "large.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: i64::try_from(bytes).expect("a size"),
    };
    let telegram = contestant.telegram();
    let number = telegram.say_media(person, user, media, "here it is");
    let file = telegram.file_of(user, person, number);
    let api = contestant.api();
    let messages = format!("/conversations/{conversation}/messages");
    for _ in 0..1_000 {
        let page = ask(&api, Method::GET, &messages, None).await;
        let mut all = page["messages"].as_array().expect("a list").iter();
        if let Some(found) = all.find(|one| one["text"] == "here it is") {
            let link = match contestant.kind {
                Kind::Switchboard => found["media"]["url"]
                    .as_str()
                    .expect("an address")
                    .to_owned(),
                _ => format!("{messages}/{}/file", found["message_id"]),
            };
            return (link, file);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the file's message did not come");
}

async fn fetch(contestant: &Contestant, link: &str, bytes: u64) -> f64 {
    let start = Instant::now();
    let request = contestant.api().request(Method::GET, link).send();
    let mut answer = request.await.expect("an answer");
    let mut read = 0;
    while let Some(piece) = answer.chunk().await.expect("whole") {
        read += piece.len() as u64;
    }
    assert_eq!(read, bytes);
    rate(bytes, start.elapsed())
}

/// From the first byte of the request to the message at Telegram.
async fn send(contestant: &Contestant, person: i64, conversation: &Value, bytes: u64) -> f64 {
    let api = contestant.api();
    let start = Instant::now();
    let request = match contestant.kind {
        Kind::Switchboard => {
            let path = format!("/conversations/{conversation}/reply");
            let form = parts::uploads::streamed(bytes, true);
            let kind = crate::support::forms::content_type();
            api.request(Method::POST, &path)
                .header("Content-Type", kind)
                .body(form)
        }
        _ => {
            let path = format!("/conversations/{conversation}/files/large.bin");
            api.request(Method::POST, &path).body(alone(bytes))
        }
    };
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
    let user = contestant.users[0];
    let arrived = contestant
        .telegram()
        .wait_until("the file", Duration::from_secs(120), |world| {
            let ledger = world.ledger_of(user);
            let mut messages = ledger[&person].messages.iter();
            messages.any(|message| message.out)
        });
    arrived.await.expect("it arrives");
    rate(bytes, start.elapsed())
}
