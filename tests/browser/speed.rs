//! Speed: a large desk in a real browser. Times are worth something on a quiet machine only, so these run by name:
//! `cargo test --release --test browser -- --ignored`.

use std::time::Duration;

use serde_json::Value;
use switchboard_simulator::PersonSpec;

use super::world::{Met, met};
use crate::support::{browser::Desk, wait};

const CONVERSATIONS: usize = 5_000;
const HISTORY: usize = 20_000;
/// From the first byte to rows on the screen, and the longest a task may hold the page.
const FIRST_PAINT_MS: f64 = 1_000.0;
const LONGEST_TASK_MS: f64 = 100.0;
const MOST_NODES: u64 = 3_000;

const WATCH_TASKS: &str = "(() => { window.longest = 0; new PerformanceObserver((list) => { \
    for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration); }).observe({ entryTypes: ['longtask'] }); })()";
const NODES: &str = "(() => { let n = 0; const all = document.createTreeWalker(document, NodeFilter.SHOW_ALL); while (all.nextNode()) n += 1; return n; })()";

/// One account with 5,000 conversations.
async fn crowded() -> Met {
    let met = met(&["Hello"]).await;
    for n in 1..CONVERSATIONS {
        let person = met
            .fleet
            .telegram
            .add_person(PersonSpec::new(&format!("Customer {n}")));
        met.fleet
            .telegram
            .say(person, met.account.user, "Is it in stock?");
    }
    wait::until(
        "all conversations",
        || async { met.fleet.api.account(&met.account.id).await },
        |account| account["unread"].as_u64() >= Some(CONVERSATIONS as u64),
    )
    .await;
    met
}

/// Protects the start of a working day: a full list is there within a second and costs few nodes however one scrolls.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn five_thousand_conversations_are_painted_within_a_second() {
    let met = crowded().await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.until("rows", "document.querySelectorAll('.row').length > 5")
        .await;
    let paint = desk
        .js("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        .await;
    assert!(
        paint.as_f64().unwrap() < FIRST_PAINT_MS,
        "first paint after {paint} ms"
    );
    let scroll = "(async () => { const box = document.querySelector('#rows'); for (let i = 0; i < 400; i += 1) { box.scrollTop += 2000; await new Promise((done) => requestAnimationFrame(done)); } })()";
    desk.js(scroll).await;
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    assert!(nodes < MOST_NODES, "{nodes} nodes");
    desk.close().await;
}

/// Protects a busy hour: two hundred messages a second for ten seconds neither freeze the page nor fill it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn a_flood_of_messages_never_freezes_the_page() {
    let met = crowded().await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Customer 4999").await;
    desk.js(WATCH_TASKS).await;
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    for n in 0..200 {
        beat.tick().await;
        for line in 0..10 {
            met.fleet
                .telegram
                .say(met.person, met.account.user, &format!("flood {n} {line}"));
        }
    }
    desk.until_text(".row .preview", "flood 199 9").await;
    let longest = desk.js("window.longest").await;
    assert!(
        longest.as_f64().unwrap() < LONGEST_TASK_MS,
        "a task of {longest} ms"
    );
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    assert!(nodes < MOST_NODES, "{nodes} nodes");
    desk.close().await;
}

/// Protects reading back: ten thousand messages upwards without a jump, in a page that stays small.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn ten_thousand_messages_are_scrolled_up_without_a_jump() {
    let Met {
        fleet,
        account,
        person,
    } = met(&[]).await;
    for n in 1..=HISTORY {
        fleet.telegram.say(
            person,
            account.user,
            &format!("message {n} {}", "lorem ipsum ".repeat(n % 9)),
        );
    }
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(
            &conversation,
            &format!("message {HISTORY} {}", "lorem ipsum ".repeat(HISTORY % 9)),
            "received",
        )
        .await;
    let id = conversation["id"].as_i64().unwrap();
    fleet
        .api
        .post(&format!("/conversations/{id}/read"), Value::Null)
        .await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "messages",
        "document.querySelectorAll('.message').length >= 50",
    )
    .await;
    let walk = "(async () => { \
        const box = document.querySelector('#scroller'); const frame = () => new Promise((done) => requestAnimationFrame(done)); \
        const seen = new Set(); let worst = 0; const start = performance.now(); \
        while (seen.size < 10000 && performance.now() - start < 240000) { \
            const all = [...document.querySelectorAll('.message')]; all.forEach((one) => seen.add(one.dataset.id)); \
            const top = box.getBoundingClientRect().top; const held = all.find((one) => one.getBoundingClientRect().bottom > top + 4); \
            const before = held.getBoundingClientRect().top; const step = Math.min(700, box.scrollTop); box.scrollTop -= step; await frame(); await frame(); \
            if (held.isConnected) worst = Math.max(worst, Math.abs(held.getBoundingClientRect().top - before - step)); } \
        return { worst, seen: seen.size }; })()";
    let walked = desk.js(walk).await;
    assert!(walked["seen"].as_u64().unwrap() >= 10_000, "{walked}");
    assert!(walked["worst"].as_f64().unwrap() < 2.0, "{walked}");
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    assert!(nodes < MOST_NODES, "{nodes} nodes");
    desk.close().await;
}
