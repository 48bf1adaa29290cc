//! Files: what is picked, dropped, pasted or spoken goes out as it was shown, and can be stopped until it is sent.

use std::{io::Write, path::PathBuf};

use switchboard_simulator::world::LedgerMessage;
use tempfile::TempDir;

use super::world::{Met, met};
use crate::support::{
    browser::{Desk, Look},
    wait,
};

fn sent(met: &Met) -> Vec<LedgerMessage> {
    let ledger = met.fleet.telegram.ledger_of(met.account.user);
    let chat = ledger[&met.person].messages.iter();
    chat.filter(|message| message.out).cloned().collect()
}

async fn until_sent(met: &Met, count: usize) -> Vec<LedgerMessage> {
    let look = async || sent(met);
    wait::until("the files at Telegram", look, |all| all.len() == count).await
}

fn file(folder: &TempDir, name: &str, size: usize) -> PathBuf {
    let path = folder.path().join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&vec![7; size]).unwrap();
    path
}

/// A picture that the page draws, as a file.
const DRAWN: &str = "(async () => { const canvas = new OffscreenCanvas(64, 48); const pen = canvas.getContext('2d'); pen.fillStyle = 'teal'; pen.fillRect(0, 0, 64, 48); \
    return new File([await canvas.convertToBlob({ type: 'image/png' })], 'drawn.png', { type: 'image/png' }); })()";

/// Protects what a customer gets: the files in the order that the sheet showed, with the caption; and what can't go is said
/// before.
#[tokio::test(flavor = "multi_thread")]
async fn picked_files_go_out_in_their_order_with_a_caption() {
    let met = met(&["Hello"]).await;
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.pick_files(
        ".composer [data-part=pick]",
        &[
            file(&folder, "prices.pdf", 40_000),
            file(&folder, "empty.txt", 0),
            file(&folder, "terms.pdf", 20_000),
        ],
    )
    .await;
    desk.until_text(".outgoing", "prices.pdf").await;
    desk.until_text(".sheet .error", "cannot be sent").await;
    desk.assert_accessible("files about to go").await;
    desk.js("document.querySelector('.outgoing li:nth-child(2) [data-move=out]').click()")
        .await;
    desk.until(
        "two of them",
        "document.querySelectorAll('.outgoing li').length === 2",
    )
    .await;
    desk.js("document.querySelector('.outgoing li:nth-child(2) [data-move=up]').focus()")
        .await;
    desk.keys("Enter").await;
    desk.until_text(".outgoing li:first-child", "terms.pdf")
        .await;
    desk.fill(".sheet textarea", "as promised").await;
    desk.screenshot("files").await;
    desk.keys("Enter").await;
    desk.until_gone(".sheet").await;
    desk.until_text(".own .body", "as promised").await;
    let arrived = until_sent(&met, 2).await;
    let sizes: Vec<i64> = arrived
        .iter()
        .map(|one| one.file.as_ref().unwrap().size)
        .collect();
    assert_eq!(sizes, [20_000, 40_000]);
    assert_eq!(arrived[0].text, "as promised");
    desk.until(
        "one bubble that is sent",
        "document.querySelectorAll('.message.own').length === 1 && document.querySelector('.message.own').dataset.status === 'sent' && !document.querySelector('.uploads')",
    )
    .await;
    desk.until_text(".own .file-name", "terms.pdf").await;
    desk.close().await;
}

/// Protects: what is pasted and what is dropped comes into the same sheet, pictures as pictures.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_pasted_and_dropped() {
    let met = met(&["Hello"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.js(&format!(
        "(async () => {{ const data = new DataTransfer(); data.items.add(await {DRAWN}); document.querySelector('#reply').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }})); }})()"
    ))
    .await;
    desk.until_text(".outgoing", "drawn.png").await;
    desk.until_text(".outgoing", "Photo").await;
    desk.until(
        "its picture",
        "document.querySelector('.outgoing img').naturalWidth === 64",
    )
    .await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
    desk.js(&format!(
        "(async () => {{ const data = new DataTransfer(); data.items.add(await {DRAWN}); window.dragged = data; \
         document.querySelector('#chat').dispatchEvent(new DragEvent('dragover', {{ dataTransfer: data, bubbles: true, cancelable: true }})); }})()"
    ))
    .await;
    desk.until_text("#drop", "Drop files here").await;
    desk.js("document.querySelector('#log').dispatchEvent(new DragEvent('drop', { dataTransfer: window.dragged, bubbles: true, cancelable: true }))")
        .await;
    desk.until_gone("#drop").await;
    desk.click_text(".sheet .button", "Send").await;
    let arrived = until_sent(&met, 1).await;
    assert_eq!(arrived[0].media.as_deref(), Some("photo"));
    desk.close().await;
}

/// Protects from the wrong file: until it is sent it can be stopped, and then nobody gets it; on a phone as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_its_way_out_can_be_stopped() {
    let met = met(&["Hello"]).await;
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open_with(met.fleet.address(), Look::PHONE).await;
    desk.expect_console("net::ERR_");
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.slow_way_out(200_000).await;
    desk.pick_files(
        ".composer [data-part=pick]",
        &[file(&folder, "wrong.bin", 4_000_000)],
    )
    .await;
    desk.until_text(".outgoing", "wrong.bin").await;
    desk.click_text(".sheet .button", "Send").await;
    desk.until(
        "its progress",
        "document.querySelector('.upload [role=progressbar]')",
    )
    .await;
    desk.assert_accessible("a file on its way out").await;
    desk.screenshot("upload-phone").await;
    desk.click(".upload .ring-stop").await;
    desk.until_gone(".message.own").await;
    desk.slow_way_out(-1).await;
    desk.reply("not that one").await;
    desk.until_message("not that one", "sent").await;
    assert_eq!(sent(&met).len(), 1);
    desk.close().await;
}

/// Protects whoever would rather speak: a recording is seen, sent as a voice message with its waveform, or thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn a_voice_message_is_recorded_and_sent() {
    let met = met(&["Hello"]).await;
    let desk = Desk::blank_with(
        Look::default(),
        &[
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ],
    )
    .await;
    desk.goto(&format!("http://{}/", met.fleet.address())).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    desk.js("document.querySelector('.composer [data-part=record]').focus()")
        .await;
    desk.keys("Enter").await;
    desk.until_text(".recorder", "0:01").await;
    desk.assert_accessible("a recording").await;
    desk.screenshot("recording").await;
    desk.keys("Escape").await;
    desk.until_gone(".recorder").await;
    assert_eq!(sent(&met).len(), 0);

    desk.keys("Enter").await;
    desk.until_text(".recorder", "0:01").await;
    desk.click(".recorder .primary").await;
    let arrived = until_sent(&met, 1).await;
    assert_eq!(arrived[0].media.as_deref(), Some("voice"));
    desk.until(
        "the voice in the chat",
        "document.querySelector('.message.own[data-status=sent] .sound')",
    )
    .await;
    desk.close().await;
}

/// Protects who sent the wrong file: another one stands in its message, under the caption that it had; what can't go is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_sent_file_is_replaced() {
    let met = met(&["Hello"]).await;
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    let wrong = file(&folder, "wrong.pdf", 40_000);
    desk.pick_files(".composer [data-part=pick]", &[wrong])
        .await;
    desk.fill(".sheet textarea", "**as** promised").await;
    desk.keys("Enter").await;
    desk.until_gone(".sheet").await;
    until_sent(&met, 1).await;
    let own = "document.querySelector('.message.own[data-status=sent]')";
    desk.until("the message", own).await;
    desk.js(&format!("{own}.querySelector('.more').click()"))
        .await;
    desk.click_text(".popup-item", "Replace the file").await;
    desk.until_text(".sheet", "New file").await;
    desk.assert_accessible("a file that is replaced").await;
    desk.pick_files("#replace-file", &[file(&folder, "empty.pdf", 0)])
        .await;
    desk.until(
        "the trouble",
        "document.querySelector('.sheet .error').textContent !== '' && document.querySelector('.sheet .primary').disabled",
    )
    .await;
    desk.pick_files("#replace-file", &[file(&folder, "prices.pdf", 30_000)])
        .await;
    desk.until(
        "the button",
        "!document.querySelector('.sheet .primary').disabled",
    )
    .await;
    desk.screenshot("replace").await;
    desk.click(".sheet .primary").await;
    desk.until_gone(".sheet").await;
    desk.until_text(".message.own .file-name", "prices.pdf")
        .await;
    let now = sent(&met).pop().unwrap();
    assert_eq!(now.file.unwrap().size, 30_000);
    assert_eq!(now.text, "as promised");
    desk.until(
        "its formatting",
        "document.querySelector('.message.own .body strong, .message.own .body b')",
    )
    .await;
    desk.close().await;
}

/// Protects who would rather not be seen: that somebody types is said where this browser was set to, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_types_is_said_where_it_is_wanted() {
    let met = met(&["Hello"]).await;
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    let told = || {
        let methods = met.fleet.telegram.ledger().methods;
        methods.get("messages.setTyping").copied().unwrap_or(0)
    };
    desk.fill("#reply", "a first word").await;
    desk.keys("Enter").await;
    desk.until_message("a first word", "sent").await;
    assert_eq!(told(), 0);
    desk.click("#open-settings").await;
    desk.click("#set-sayTyping").await;
    desk.keys("Escape").await;
    desk.until_gone(".sheet").await;
    desk.fill("#reply", "a second word").await;
    wait::until("it to be said", async || told(), |told| *told == 1).await;
    desk.close().await;
}

/// Protects a price list for Monday: the sheet takes any moment to come, says of one that has passed that it has, and the file
/// waits at Telegram.
#[tokio::test(flavor = "multi_thread")]
async fn picked_files_wait_for_a_date() {
    let met = met(&["Hello"]).await;
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(met.fleet.address()).await;
    desk.choose("Contact one").await;
    desk.until_message("Hello", "received").await;
    let prices = file(&folder, "prices.pdf", 4_000);
    desk.pick_files(".composer [data-part=pick]", &[prices])
        .await;
    desk.until_text(".outgoing", "prices.pdf").await;
    desk.js("(() => { const choice = document.querySelector('.sheet select.when'); choice.value = 'date'; choice.dispatchEvent(new Event('change')); })()")
        .await;
    let set = async |moment: &str| {
        desk.js(&format!(
            "document.querySelector('.sheet [type=datetime-local]').value = '{moment}'"
        ))
        .await;
        desk.click(".sheet .actions .primary").await;
    };
    set("2020-01-01T09:00").await;
    desk.until_text(".sheet .when .error", "still to come")
        .await;
    desk.assert_accessible("files for a date").await;
    let soon = jiff::Zoned::now() + jiff::SignedDuration::from_hours(48);
    set(&soon.strftime("%Y-%m-%dT%H:%M").to_string()).await;
    desk.until_gone(".sheet").await;
    let there = || async { met.fleet.telegram.scheduled(met.account.user, met.person) };
    wait::until("it to wait", there, |all| all.len() == 1).await;
    assert!(sent(&met).is_empty());
    desk.until_text("[data-part=waiting]", "1 message is scheduled")
        .await;
    desk.close().await;
}
