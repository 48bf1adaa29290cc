//! A conversation far up: scrolling, quotes, and what can not be had now.

use super::world::{Met, met};
use crate::support::{
    browser::Desk,
    past::{Past, with_a_past},
};

/// Protects the reader's place: history grows above and news below without moving what is being read.
#[tokio::test(flavor = "multi_thread")]
async fn scrolling_up_through_history_never_jumps() {
    let lines: Vec<String> = (1..=240)
        .map(|n| format!("line {n}\n{}", "more ".repeat(n % 17)))
        .collect();
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let Met {
        fleet,
        account,
        person,
    } = met(&texts).await;
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until("the unread line", "document.querySelector('.unread-line')")
        .await;
    desk.until(
        "messages",
        "document.querySelectorAll('.message').length >= 50",
    )
    .await;
    desk.click(".latest").await;
    desk.until("the end", "document.querySelector('.latest').hidden && [...document.querySelectorAll('#log .body')].pop().textContent.startsWith('line 240')")
        .await;
    let walk = "(async () => { \
        const box = document.querySelector('#scroller'); const frame = () => new Promise((done) => requestAnimationFrame(done)); \
        const seen = new Set(); let worst = 0; let nodes = 0; const start = performance.now(); \
        while (!seen.has('line 1') && performance.now() - start < 40000) { \
            const all = [...document.querySelectorAll('.message')]; all.forEach((one) => seen.add(one.querySelector('.body').textContent.split('\\n')[0])); \
            const top = box.getBoundingClientRect().top; const held = all.find((one) => one.getBoundingClientRect().bottom > top + 4); if (!held) return { all: all.length, top: box.scrollTop, height: box.scrollHeight, seen: seen.size, text: box.innerText.slice(0, 300) }; \
            const before = held.getBoundingClientRect().top; const step = Math.min(400, box.scrollTop); box.scrollTop -= step; await frame(); await frame(); \
            if (held.isConnected) worst = Math.max(worst, Math.abs(held.getBoundingClientRect().top - before - step)); \
            nodes = Math.max(nodes, all.length); } \
        return { worst, nodes, first: seen.has('line 1'), last: seen.has('line 240') }; })()";
    let walked = desk.js(walk).await;
    assert!(walked["worst"].is_number(), "{walked}");
    assert!(walked["worst"].as_f64().unwrap() < 2.0, "{walked}");
    assert!(walked["nodes"].as_u64().unwrap() <= 200, "{walked}");
    assert_eq!(walked["first"], true, "{walked}");

    fleet.telegram.say(person, account.user, "news");
    desk.until_text(".latest", "1 new").await;
    desk.click(".latest").await;
    desk.until_message("news", "received").await;
    desk.until("the end", "document.querySelector('.latest').hidden")
        .await;
    desk.close().await;
}

/// Protects reading back while an account is away: the desk does not call the end of what it has the beginning of the
/// chat, says what is the matter, and goes on by itself when the account is back.
#[tokio::test(flavor = "multi_thread")]
async fn older_messages_that_can_not_be_had_now_are_not_the_beginning() {
    let Past {
        fleet, account, id, ..
    } = with_a_past(400).await;
    let path = format!("/conversations/{id}/read");
    fleet.api.post(&path, serde_json::json!({})).await;
    fleet.set_active(&account, false).await;
    let mut desk = Desk::open(fleet.address()).await;
    desk.expect_console("503");
    desk.choose("Contact one").await;
    desk.until_message("old 400", "received").await;
    desk.until(
        "the reason to be on the screen",
        "(document.querySelector('#scroller').scrollTop = 0, \
         document.querySelector('.edge').innerText.includes('Older messages are at Telegram'))",
    )
    .await;
    desk.screenshot("history-away").await;
    desk.assert_accessible("older messages that are away").await;
    let began = desk.texts(".edge").await.concat();
    assert!(!began.contains("begins here"), "{began}");
    desk.click_text(".edge button", "Retry").await;
    desk.until_text(".edge", "Older messages are at Telegram")
        .await;

    let oldest = "document.querySelector('.message .body').textContent";
    let had = desk.js(oldest).await;
    fleet.set_active(&account, true).await;
    desk.until(
        "older ones, fetched without being asked for again",
        &format!("{oldest} !== {had}"),
    )
    .await;
    desk.until(
        "the true beginning",
        "(document.querySelector('#scroller').scrollTop = 0, \
         [...document.querySelectorAll('.message .body')].some((one) => one.textContent === 'old 1'))",
    )
    .await;
    desk.until_text(".edge", "The conversation begins here")
        .await;
    desk.close().await;
}

/// Protects the way to what an answer quotes: far above anything loaded, or stored, it is one click away, and so is
/// the way back.
#[tokio::test(flavor = "multi_thread")]
async fn a_quote_leads_to_its_message_however_far_up_it_is() {
    let Past {
        fleet,
        account,
        person,
        id,
    } = with_a_past(400).await;
    let newest = fleet
        .api
        .get(&format!("/conversations/{id}/messages?limit=1"))
        .await;
    let top: i32 = newest["messages"][0]["message_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    fleet
        .telegram
        .answer(person, account.user, top - 380, "as I said then");
    let desk = Desk::open(fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until(
        "messages",
        "document.querySelectorAll('.message').length >= 50",
    )
    .await;
    if desk.js("!document.querySelector('.latest').hidden").await == true {
        desk.click(".latest").await;
    }
    desk.until_message("as I said then", "received").await;
    desk.until_text(".quote", "Show it").await;
    desk.click(".quote").await;
    desk.until(
        "the quoted message, marked and on the screen",
        "(() => { const one = document.querySelector('.message.found'); const a = one.getBoundingClientRect(); \
         const b = document.querySelector('#scroller').getBoundingClientRect(); \
         return one.querySelector('.body').textContent === 'old 20' && a.top >= b.top && a.bottom <= b.bottom; })()",
    )
    .await;
    desk.click(".latest").await;
    desk.until_message("as I said then", "received").await;
    desk.until("the end", "document.querySelector('.latest').hidden")
        .await;
    desk.close().await;
}
