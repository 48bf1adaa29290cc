//! A long history passes through in little memory.

use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};

use super::transfer::{file, one_account};

/// Protects memory: a file of any length is read and written at the pace of the other side.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute: a history of 200,000 messages in and out"]
async fn a_long_history_passes_through_in_little_memory() {
    let (fleet, account) = one_account().await;
    let memory = || {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", fleet.service().pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            / 1024
    };
    let before = memory();
    const MESSAGES: usize = 200_000;
    let head =
        r#"{"name":"Long","type":"private_supergroup","id":1600000002,"messages":["#.to_owned();
    let parts = (1..=MESSAGES).map(|n| {
        let comma = if n > 1 { "," } else { "" };
        format!(r#"{comma}{{"id":{n},"type":"message","date_unixtime":"{}","from":"Amal","from_id":"user9001","text":"message {n} {}"}}"#, 1_600_000_000 + n, "x".repeat(200))
    });
    let parts = std::iter::once(head)
        .chain(parts)
        .chain(["]}".to_owned()])
        .map(Ok::<_, std::io::Error>);
    let request = fleet
        .api
        .request(Method::POST, &format!("/accounts/{}/import", account.id));
    let request = request
        .header("content-type", "application/json")
        .timeout(Duration::from_secs(600));
    let began = std::time::Instant::now();
    let answer = request
        .body(Body::wrap_stream(stream::iter(parts)))
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["import"]["added"], json!(MESSAGES), "{answer}");
    let (imported, after_import) = (began.elapsed(), memory());
    let began = std::time::Instant::now();
    let whole = file(&fleet.api, &format!("/export/accounts/{}", account.id))
        .await
        .text;
    let parsed: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(
        parsed["chats"]["list"][0]["messages"]
            .as_array()
            .unwrap()
            .len(),
        MESSAGES
    );
    println!(
        "in: {imported:?}, out: {:?} ({} MiB); MiB: {before}, {after_import}, {}",
        began.elapsed(),
        whole.len() >> 20,
        memory()
    );
    assert!(
        memory() < before + 150,
        "{before} {after_import} {}",
        memory()
    );
}
