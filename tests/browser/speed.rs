//! Speed: a large desk in a real browser. Times are worth something on a quiet machine only, so these run by name and
//! print what they measured:
//! `cargo test --release --test browser -- --ignored speed --nocapture --test-threads=1`.
//!
//! `SWITCHBOARD_HEAP_MINUTES` sets how long the heap is watched (10).

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};
use switchboard::{
    domain::{AccountId, Batch, Change, ChatId, IncomingMessage, Peer, PeerFlags, Timestamp},
    store::{NoSink, Store, StoreConfig},
};

use switchboard_simulator::world::Media;

use super::world::{Met, met};
use crate::support::{browser::Desk, fleet::Fleet};

const CONVERSATIONS: usize = 5_000;
const HISTORY: usize = 100_000;
/// From the first byte to rows on the screen, and the longest a task may hold the page.
const FIRST_PAINT_MS: f64 = 1_000.0;
const LONGEST_TASK_MS: f64 = 100.0;
const LONGEST_PICTURE_TASK_MS: f64 = 50.0;
const PICTURES: i32 = 1_000;
const MOST_NODES: u64 = 3_000;
/// The flood: so many messages in each of so many beats a second.
const PER_BEAT: usize = 10;
const BEATS_A_SECOND: usize = 20;
/// How much more the heap may hold at the end than after its first minute: less than the events of two seconds.
const HEAP_GROWTH_MB: f64 = 1.0;

/// When the first row of the list stood on the screen.
const WATCH_ROWS: &str = "(() => { const look = () => { if (document.querySelector('.row .name')) window.rowsAt = performance.now(); \
    else requestAnimationFrame(look); }; requestAnimationFrame(look); })()";
const WATCH_TASKS: &str = "(() => { window.longest = 0; new PerformanceObserver((list) => { \
    for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration); }).observe({ entryTypes: ['longtask'] }); })()";
const NODES: &str = "(() => { let n = 0; const all = document.createTreeWalker(document, NodeFilter.SHOW_ALL); while (all.nextNode()) n += 1; return n; })()";
/// Reads upwards a screen at a time: how far anything jumped, how many messages were seen, the most nodes at once.
const WALK: &str = "(async () => { \
    const box = document.querySelector('#scroller'); const frame = () => new Promise((done) => requestAnimationFrame(done)); \
    const count = () => { let n = 0; const all = document.createTreeWalker(document, NodeFilter.SHOW_ALL); while (all.nextNode()) n += 1; return n; }; \
    const seen = new Set(); let worst = 0; let nodes = 0; const start = performance.now(); \
    while (seen.size < 10000 && performance.now() - start < 540000) { \
        const all = [...document.querySelectorAll('.message')]; all.forEach((one) => seen.add(one.dataset.id)); \
        const top = box.getBoundingClientRect().top; const held = all.find((one) => one.getBoundingClientRect().bottom > top + 4); \
        const before = held.getBoundingClientRect().top; const step = Math.min(700, box.scrollTop); box.scrollTop -= step; await frame(); await frame(); \
        if (held.isConnected) worst = Math.max(worst, Math.abs(held.getBoundingClientRect().top - before - step)); \
        nodes = Math.max(nodes, count()); } \
    return { worst, seen: seen.size, nodes, seconds: (performance.now() - start) / 1000 }; })()";

/// One account with 5,000 conversations, one of them of 100,000 messages.
async fn crowded() -> Met {
    let mut met = met(&["Hello"]).await;
    met.fleet.stop_service();
    let file = met.fleet.data_dir().join("switchboard.db");
    let account: AccountId = met.account.id.parse().unwrap();
    let person = met.person;
    std::thread::spawn(move || {
        actix::System::new().block_on(fill(&file, account, person));
    })
    .join()
    .unwrap();
    met.fleet.start_service();
    met.fleet.wait_for_state(&met.account.id, "online").await;
    read(&met.fleet, &met).await;
    met
}

/// Years of work, stored as history is.
async fn fill(file: &Path, account: AccountId, person: i64) {
    let store = Store::open(StoreConfig::at(file), Arc::new(NoSink)).unwrap();
    let mut others = Batch::empty(account);
    others.backfilled = true;
    for n in 1..CONVERSATIONS {
        let chat = ChatId::user(5_000_000 + n as i64);
        others.peers.push(Peer {
            id: chat,
            access_hash: Some(n as i64),
            name: format!("Customer {n}"),
            username: None,
            flags: PeerFlags {
                can_send: true,
                ..PeerFlags::default()
            },
        });
        let text = "Is it in stock?".to_owned();
        others.changes.push(old(chat, 500_000 + n, text));
    }
    store.record_batch(others).await.unwrap();
    let chat = ChatId::user(person);
    let lines: Vec<usize> = (1..=HISTORY).collect();
    for part in lines.chunks(2_000) {
        let mut batch = Batch::empty(account);
        batch.backfilled = true;
        batch.changes = part
            .iter()
            .map(|n| {
                let text = format!("message {n} {}", "lorem ipsum ".repeat(n % 9));
                old(chat, 1_000_000 + n, text)
            })
            .collect();
        store.record_batch(batch).await.unwrap();
    }
    store.close().await;
}

/// One a minute, all of them before today.
fn old(chat: ChatId, number: usize, text: String) -> Change {
    let id = i32::try_from(number).unwrap();
    let date = Timestamp::from_seconds(1_600_000_000 + number as i64 * 60);
    Change::Message(IncomingMessage::plain(chat, id, text, date))
}

async fn read(fleet: &Fleet, met: &Met) {
    let conversation = fleet.conversation(&met.account, met.person).await;
    let path = format!("/conversations/{}/read", conversation["id"]);
    fleet.api.post(&path, Value::Null).await;
}

/// Two hundred messages a second into the open chat.
async fn flood(met: &Met, seconds: usize, name: &str) {
    let mut beat = tokio::time::interval(Duration::from_secs(1) / BEATS_A_SECOND as u32);
    for n in 0..seconds * BEATS_A_SECOND {
        beat.tick().await;
        for line in 0..PER_BEAT {
            let text = format!("{name} {n} {line}");
            met.fleet.telegram.say(met.person, met.account.user, &text);
        }
    }
}

async fn heap(desk: &Desk) -> f64 {
    desk.cdp("HeapProfiler.collectGarbage", json!({})).await;
    let usage = desk.cdp("Runtime.getHeapUsage", json!({})).await;
    usage["usedSize"].as_f64().unwrap() / 1e6
}

/// Protects the start of a working day: a full list is there within a second and costs few nodes however one scrolls.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn a_crowded_desk_is_painted_within_a_second() {
    let met = crowded().await;
    let desk = Desk::blank(crate::support::browser::Look::default()).await;
    let script = json!({ "source": WATCH_ROWS });
    desk.cdp("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    desk.goto(&format!("http://{}/", met.fleet.address())).await;
    desk.until("rows", "window.rowsAt").await;
    let paint = desk
        .js("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        .await
        .as_f64()
        .unwrap();
    let rows = desk.js("window.rowsAt").await.as_f64().unwrap();
    let scroll = "(async () => { const box = document.querySelector('#rows'); for (let i = 0; i < 400; i += 1) { box.scrollTop += 2000; await new Promise((done) => requestAnimationFrame(done)); } })()";
    desk.js(scroll).await;
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    eprintln!(
        "{CONVERSATIONS} conversations: first paint {paint:.0} ms, first row {rows:.0} ms, {nodes} nodes"
    );
    assert!(paint < FIRST_PAINT_MS && rows < FIRST_PAINT_MS);
    assert!(nodes < MOST_NODES);
    desk.close().await;
}

/// Protects reading back: ten thousand of a hundred thousand messages upwards without a jump, in a page that stays
/// small.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn ten_thousand_messages_are_scrolled_up_without_a_jump() {
    let met = crowded().await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "messages",
        "document.querySelectorAll('.message').length >= 50",
    )
    .await;
    let walked = desk.js(WALK).await;
    eprintln!("scrolled up through a chat of {HISTORY}: {walked}");
    assert!(walked["seen"].as_u64().unwrap() >= 10_000, "{walked}");
    assert!(walked["worst"].as_f64().unwrap() < 2.0, "{walked}");
    assert!(walked["nodes"].as_u64().unwrap() < MOST_NODES, "{walked}");
    desk.close().await;
}

/// Protects a busy hour: two hundred messages a second for ten seconds neither freeze the page nor fill it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn a_flood_of_messages_never_freezes_the_page() {
    let met = crowded().await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.js(WATCH_TASKS).await;
    flood(&met, 10, "flood").await;
    desk.until_text(".row .preview", "flood 199 9").await;
    let longest = desk.js("window.longest").await.as_f64().unwrap();
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    eprintln!("200 messages/s for 10 s: longest task {longest:.0} ms, {nodes} nodes");
    assert!(longest < LONGEST_TASK_MS);
    assert!(nodes < MOST_NODES);
    desk.close().await;
}

/// Protects a desk that stays open for weeks: what came and went is forgotten.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes"]
async fn the_heap_stays_flat_in_a_long_flood() {
    let minutes: usize = std::env::var("SWITCHBOARD_HEAP_MINUTES")
        .map_or(10, |minutes| minutes.parse().expect("a number of minutes"));
    let met = crowded().await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    let mut sizes = Vec::new();
    for minute in 0..minutes {
        let name = format!("minute {minute}");
        flood(&met, 60, &name).await;
        desk.until_text(".row .preview", &format!("{name} 1199 9"))
            .await;
        sizes.push(heap(&desk).await);
    }
    let nodes = desk.js(NODES).await.as_u64().unwrap();
    eprintln!("heap in MB after each minute of 200 messages/s: {sizes:.1?}, {nodes} nodes");
    let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
    assert!(last < first + HEAP_GROWTH_MB, "from {first} to {last} MB");
    assert!(nodes < MOST_NODES);
    desk.close().await;
}

/// Protects a chat of pictures: a thousand of them are scrolled through without the page standing still or jumping.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures time: wants a quiet machine"]
async fn a_thousand_pictures_are_scrolled_without_a_long_task() {
    let met = met(&["Hello"]).await;
    for n in 0..PICTURES {
        let picture = Media::Photo {
            width: 1_280,
            height: 720 + (n % 7) * 120,
        };
        met.fleet
            .telegram
            .say_media(met.person, met.account.user, picture, "");
    }
    let conversation = met.fleet.conversation(&met.account, met.person).await;
    met.fleet
        .telegram
        .say(met.person, met.account.user, "that is all");
    met.fleet
        .wait_for_message(&conversation, "that is all", "received")
        .await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "pictures",
        "document.querySelectorAll('.picture').length >= 20",
    )
    .await;
    desk.js(WATCH_TASKS).await;
    let walked = desk
        .js(&WALK.replace(
            "seen.size < 10000",
            "seen.size < 1000 && performance.now() - start < 120000",
        ))
        .await;
    let longest = desk.js("window.longest").await.as_f64().unwrap();
    eprintln!("{PICTURES} pictures: longest task {longest:.0} ms, {walked}");
    assert!(walked["seen"].as_u64().unwrap() >= 1_000, "{walked}");
    assert!(walked["worst"].as_f64().unwrap() < 2.0, "{walked}");
    assert!(walked["nodes"].as_u64().unwrap() < MOST_NODES, "{walked}");
    assert!(longest < LONGEST_PICTURE_TASK_MS);
    desk.close().await;
}
