//! Files that go out and meet trouble: answers that do not come, parts that are lost, a disk that is full.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard_simulator::{Effect, Fault, PersonSpec};

use super::files_out::{Scene, has};
use crate::support::{
    fleet::{Fleet, FleetAccount},
    forms::{Form, content_type, paper},
    wait,
};

const SMALL_PART: &str = "upload.saveFilePart";
const BIG_PART: &str = "upload.saveBigFilePart";
const SEND: &str = "messages.sendMedia";

/// Protects whoever waits: how far a file is, is told while it goes up, and never backwards.
#[tokio::test(flavor = "multi_thread")]
async fn how_far_a_file_is_is_told() {
    let scene = Scene::build().await;
    let telegram = &scene.fleet.telegram;
    telegram.set_fault(Fault::new(Effect::SlowAnswer { millis: 300 }).on(BIG_PART));
    let mut live = scene.fleet.live(None).await;
    let size = 12 << 20;
    let sent = scene.send(Form::default().add(&paper(1, size))).await;
    let mut told = Vec::new();
    loop {
        let frame = live.next().await;
        if frame["event"] == "upload_progress" {
            assert_eq!(frame["data"]["id"], sent[0]["id"], "{frame}");
            assert_eq!(frame["data"]["total"], size, "{frame}");
            told.push(frame["data"]["done"].as_u64().unwrap());
        }
        if frame["event"] == "message_sent" && frame["data"]["message"]["status"] == "sent" {
            break;
        }
    }
    assert!(told.len() > 2 && told.is_sorted(), "{told:?}");
    assert_eq!(
        (told.first(), told.last()),
        (Some(&0), Some(&(size as u64)))
    );
}

/// Protects second thoughts: what is taken back while it goes up goes no further, also one of an album, and nobody waits behind
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_goes_no_further() {
    let scene = Scene::build().await;
    let (telegram, user) = (&scene.fleet.telegram, scene.account.user);
    let slow = telegram.set_fault(Fault::new(Effect::SlowAnswer { millis: 500 }).on(BIG_PART));
    let alone = scene.send(Form::default().add(&paper(1, 30 << 20))).await;
    wait::until(
        "its parts",
        async || telegram.parts_of(user),
        |parts| *parts > 0,
    )
    .await;
    scene.take_back(&alone[0]).await;
    scene.until_nothing_is_staged().await;
    let files = [paper(2, 20 << 20), paper(3, 9_000), paper(4, 8_000)];
    let album = scene
        .send(files.iter().fold(Form::default(), Form::add))
        .await;
    let before = telegram.parts_of(user);
    wait::until(
        "more parts",
        async || telegram.parts_of(user),
        |parts| *parts > before,
    )
    .await;
    scene.take_back(&album[0]).await;
    telegram.clear_fault(slow);
    // Each gets Telegram's own number of the album with its update, which may come after the answer.
    wait::until(
        "one album",
        || scene.until_sent(&album[1..]),
        |told| told[0]["album_id"] == told[1]["album_id"],
    )
    .await;
    let arrived = scene.arrived();
    assert_eq!(arrived.len(), 2);
    assert!(has(&arrived[0], &files[1]) && has(&arrived[1], &files[2]));
    scene.until_nothing_is_staged().await;
    assert!(telegram.parts_of(user) < 70, "the rest was not uploaded");
}

/// Protects the other accounts: parts that get no answer, as many as there may be, keep nobody else's file.
#[tokio::test(flavor = "multi_thread")]
async fn parts_without_an_answer_keep_no_other_account() {
    let fleet = Fleet::builder().accounts(2).start().await;
    let telegram = &fleet.telegram;
    let [stuck, free] = [fleet.accounts[0].clone(), fleet.accounts[1].clone()];
    let send = async |account: &FleetAccount, number: u64, size| {
        let person = telegram.add_person(PersonSpec::new(&format!("Contact {number}")));
        telegram.say(person, account.user, "before");
        let chat = fleet.conversation(account, person).await["id"].clone();
        let path = format!("/conversations/{chat}/reply");
        let form = Form::default().add(&paper(number, size));
        let (status, answer) = fleet.api.form(&path, form).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        format!("/messages/{}", answer["message"]["id"])
    };
    let dead = Fault::new(Effect::NeverAnswer).on(BIG_PART);
    let dead = telegram.set_fault(dead.account(stuck.user));
    for number in 0..4 {
        send(&stuck, number, 12 << 20).await;
    }
    wait::until(
        "parts that hang",
        async || telegram.fault_hits(dead),
        |hits| *hits >= 4,
    )
    .await;
    let begun = Instant::now();
    let sent = send(&free, 9, 12 << 20).await;
    wait::until(
        "the other account's file",
        || fleet.api.get(&sent),
        |answer| answer["message"]["status"] == "sent",
    )
    .await;
    // A part is given up after a minute.
    assert!(begun.elapsed() < Duration::from_secs(30));
    telegram.clear_fault(dead);
}

/// Protects a file from what Telegram loses of it: a part goes up again, all of them, or the whole file when it was put up and
/// is known no longer; the message is sent once.
#[tokio::test(flavor = "multi_thread")]
async fn what_telegram_loses_goes_up_again() {
    let scene = Scene::build().await;
    let telegram = &scene.fleet.telegram;
    let calls = |method: &str| telegram.ledger().methods.get(method).copied().unwrap_or(0);
    // One part was acknowledged, and is not there.
    let lost = telegram.set_fault(Fault::new(Effect::Pretend).on(SMALL_PART).skip(2).times(1));
    let first = paper(1, 3 << 20);
    let sent = scene.send(Form::default().add(&first)).await;
    scene.until_sent(&sent).await;
    assert_eq!(telegram.fault_hits(lost), 1);
    assert_eq!(calls(SMALL_PART), 7, "six parts, one of them twice");
    // All of them are gone when they are to become a file.
    let gone = telegram.set_fault(
        Fault::error(400, "FILE_PARTS_INVALID")
            .on("messages.uploadMedia")
            .times(1),
    );
    let second = paper(2, 1 << 20);
    let sent = scene.send(Form::default().add(&second)).await;
    scene.until_sent(&sent).await;
    assert_eq!(telegram.fault_hits(gone), 1);
    assert_eq!(calls(SMALL_PART), 7 + 4);
    // It was put up, then the wait was too long.
    let flood = telegram.set_fault(Fault::flood_wait(2).on(SEND).times(1));
    let third = paper(3, 1 << 20);
    let sent = scene.send(Form::default().add(&third)).await;
    wait::until(
        "the wait",
        async || telegram.fault_hits(flood),
        |hits| *hits == 1,
    )
    .await;
    telegram.expire_file_references();
    scene.until_sent(&sent).await;
    assert_eq!(calls(SMALL_PART), 7 + 4 + 4);
    let arrived = scene.arrived();
    assert_eq!(arrived.len(), 3);
    for (message, sample) in arrived.iter().zip([&first, &second, &third]) {
        assert!(has(message, sample), "{message:?}");
    }
    scene.until_nothing_is_staged().await;
}

/// Protects against going round for ever: what Telegram never takes ends in its own words, and "again" begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn what_telegram_never_takes_ends_in_words() {
    let scene = Scene::build().await;
    let telegram = &scene.fleet.telegram;
    let never = telegram.set_fault(Fault::error(400, "MEDIA_EMPTY").on(SEND));
    let file = paper(1, 9_000);
    let sent = scene.send(Form::default().add(&file)).await;
    let path = format!("/messages/{}", sent[0]["id"]);
    let failed = wait::until(
        "the end",
        || scene.fleet.api.get(&path),
        |answer| answer["message"]["status"] == "failed",
    )
    .await;
    assert_eq!(
        failed["message"]["error"]["code"], "MEDIA_EMPTY",
        "{failed}"
    );
    assert_eq!(scene.staged(), 1, "it may be wanted again");
    telegram.clear_fault(never);
    scene
        .fleet
        .api
        .post(&format!("{path}/retry"), json!({}))
        .await;
    scene.until_sent(&sent).await;
    assert!(has(&scene.arrived()[0], &file));
    scene.until_nothing_is_staged().await;
}

/// Protects the database and the disk: a file that does not fit is refused in words, with or without a length told, and what
/// fits still goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_nothing_of_the_file_stays() {
    let scene = Scene::of(Fleet::builder().disk("20m")).await;
    let large = || {
        Form::default()
            .add(&paper(1, 9 << 20))
            .add(&paper(2, 9 << 20))
    };
    let (status, code, words) = scene.refused(large()).await;
    assert_eq!((status, code.as_str()), (507, "disk_full"), "{words}");
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = large()
        .add(&paper(4, 9 << 20))
        .body()
        .chunks(1 << 20)
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request = scene
        .fleet
        .api
        .request(Method::POST, &scene.path())
        .header("Content-Type", content_type());
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 507);
    let small = paper(3, 1 << 20);
    let sent = scene.send(Form::default().add(&small)).await;
    scene.until_sent(&sent).await;
    assert!(has(&scene.arrived()[0], &small));
}
