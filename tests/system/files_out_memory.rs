//! Files out in numbers: many and large ones at once take no more memory than a few parts, and nobody's words wait behind them.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, future::join_all, stream};
use serde_json::Value;
use switchboard_simulator::PersonSpec;

use crate::support::{
    fleet::Fleet,
    forms::{Form, content_type, paper},
    wait,
};

const PIECE: usize = 256 << 10;
/// What the service may grow by.
const ROOM: u64 = 32 << 20;

/// What a process has in memory.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() << 10
}

/// A form whose one file of so many bytes is nowhere whole.
fn streamed(size: u64) -> reqwest::Body {
    let whole = Form::default().file("large.bin", "application/octet-stream", b"");
    let whole = whole.body();
    // The file's bytes stand before the line break that ends the part.
    let at = whole
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap()
        + 4;
    let (head, tail) = (whole[..at].to_vec(), whole[at..].to_vec());
    let pieces = size / PIECE as u64;
    let bytes = stream::iter((0..pieces).map(|number| vec![number as u8; PIECE]));
    let all = stream::iter([head])
        .chain(bytes)
        .chain(stream::iter([tail]));
    reqwest::Body::wrap_stream(all.map(Ok::<_, std::io::Error>))
}

/// By how much the service grew, at most, while so many files of so many bytes went out, and the longest way of a reply
/// meanwhile.
async fn growth(files: usize, size: u64) -> (u64, Duration) {
    let fleet = Fleet::builder().accounts(2).start().await;
    let telegram = &fleet.telegram;
    telegram.keep_uploads(false);
    let [one, other] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let mut chats = Vec::new();
    for number in 0..files {
        let person = telegram.add_person(PersonSpec::new(&format!("Contact {number}")));
        telegram.say(person, one.user, "hello");
        chats.push(fleet.conversation(&one, person).await["id"].clone());
    }
    let writer = telegram.add_person(PersonSpec::new("Writer"));
    telegram.say(writer, other.user, "hello");
    let words = fleet.conversation(&other, writer).await["id"]
        .as_i64()
        .unwrap();
    // What the first of each kind takes is there once.
    let (status, first) = fleet
        .api
        .form(
            &format!("/conversations/{words}/reply"),
            Form::default().add(&paper(1, 3 << 20)),
        )
        .await;
    assert_eq!(status.as_u16(), 202);
    let path = format!("/messages/{}", first["messages"][0]["id"]);
    let sent = |path: String| {
        let api = fleet.api.clone();
        async move {
            let start = Instant::now();
            while api.get(&path).await["message"]["status"] != "sent" {
                assert!(start.elapsed() < 30 * wait::LIMIT, "{path} never arrived");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    sent(path).await;
    let pid = fleet.service().pid();
    let before = resident(pid);
    let (api, until_sent) = (&fleet.api, &sent);
    let posts = chats.iter().map(|chat| async move {
        let answer = loop {
            let path = format!("/conversations/{chat}/reply");
            let request = api.request(reqwest::Method::POST, &path);
            let request = request.header("Content-Type", content_type());
            // An account brings in eight at once: the others come again, as they are told.
            match request.body(streamed(size)).send().await {
                Ok(answer) if answer.status().as_u16() != 429 => break answer,
                _ => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        };
        assert_eq!(answer.status().as_u16(), 202);
        let answer: Value = answer.json().await.unwrap();
        until_sent(format!("/messages/{}", answer["messages"][0]["id"])).await;
    });
    let mut all = std::pin::pin!(join_all(posts));
    let (mut most, mut longest) = (before, Duration::ZERO);
    let mut number = 0;
    loop {
        let written = Instant::now();
        number += 1;
        let text = format!("words {number}");
        fleet.api.reply(words, &text).await;
        let arrived = telegram.wait_until("the reply", wait::LIMIT, |world| {
            let ledger = world.ledger_of(other.user);
            ledger[&writer]
                .messages
                .iter()
                .any(|message| message.text == text)
        });
        tokio::select! {
            _ = &mut all => break,
            arrived = arrived => arrived.unwrap(),
        }
        longest = longest.max(written.elapsed());
        most = most.max(resident(pid));
    }
    let ledger = telegram.ledger_of(one.user);
    // Telegram takes a file only with all of its parts.
    let arrived = ledger.values().flat_map(|chat| &chat.messages);
    let arrived = arrived.filter(|message| message.out && message.media.is_some());
    assert_eq!(arrived.count(), files);
    (most - before, longest)
}

/// Protects the machine: what goes out is in memory by the part, however many and large the files are.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_go_out_take_a_few_parts_of_memory() {
    let (grown, _) = growth(5, 40 << 20).await;
    assert!(grown < ROOM, "it grew by {} MiB", grown >> 20);
}

/// The same as it was promised: ten files of a gibibyte. Minutes, and ten gibibytes of disk.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes and ten gibibytes of disk"]
async fn ten_files_of_a_gibibyte_take_a_few_parts_of_memory() {
    let (grown, longest) = growth(10, 1 << 30).await;
    println!(
        "grew by {} MiB; the longest way of a reply {longest:?}",
        grown >> 20
    );
    assert!(grown < ROOM, "it grew by {} MiB", grown >> 20);
}
