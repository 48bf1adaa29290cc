//! Uploads: the rate at which a file goes out beside bare grammers' own upload, what ten at once cost in memory, and the way of
//! a reply meanwhile. Once with what can't be packed, as pictures and films, and once with what packs best.

use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use grammers_tl_types::functions;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use switchboard_simulator::{AccountSpec, Simulator};
use tokio::io::{AsyncRead, ReadBuf};

use super::{
    beside::{Bare, Disk},
    elsewhere, large, people, percentile,
    ratios::Ratios,
    resident, told,
};
use crate::{
    support::{
        api::Api,
        fleet::{Fleet, phone},
        forms::{Form, content_type},
    },
    world_support::Library,
};

const MIB: u64 = 1 << 20;
const PIECE: usize = 256 << 10;
/// From one reply to the next.
const BETWEEN: Duration = Duration::from_millis(50);
/// Of the floor's account: the fleet has those below.
const BARE: usize = 90;

pub async fn run(ratios: &mut Ratios) {
    // Four files of one account go up at the same time: ten are those of three.
    let fleet = Fleet::builder().accounts(4).start().await;
    let telegram = &fleet.telegram;
    telegram.keep_uploads(false);
    telegram.wire().files_on(elsewhere());
    let (writers, other) = (&fleet.accounts[..3], fleet.accounts[3].clone());
    let mut chats = Vec::new();
    for (number, person) in people(telegram, 10).into_iter().enumerate() {
        let writer = &writers[number % writers.len()];
        telegram.say(person, writer.user, "hello");
        chats.push(fleet.conversation(writer, person).await["id"].clone());
    }
    let person = people(telegram, 1)[0];
    telegram.say(person, other.user, "hello");
    let words = fleet.conversation(&other, person).await["id"]
        .as_i64()
        .unwrap();

    // Its connections are driven by the threads that give way, so replies have others.
    let senders = Api::new(fleet.address());
    let size = 256 * MIB;
    let bare = telegram.add_account(AccountSpec::new(&phone(BARE), "Bare"));
    for (what, noisy) in [("as films", true), ("all alike", false)] {
        let mut shares = Vec::new();
        for _ in 0..3 {
            let floor = bare_rate(telegram, bare, size, noisy).await;
            let message = post(&senders, &chats[0], size, noisy).await;
            let start = Instant::now();
            until_sent(&fleet, &message, Duration::from_millis(20)).await;
            let ours = rate(size, start.elapsed());
            println!(
                "256 MiB {what}: bare grammers {floor:>6.1} MiB/s, the service {ours:>6.1} MiB/s from its answer to Telegram's"
            );
            shares.push(ours / floor);
        }
        shares.sort_by(f64::total_cmp);
        ratios.add(
            &format!("uploads, 256 MiB {what} beside bare grammers"),
            shares[1],
        );
        println!(
            "share of bare grammers' rate, {what} (median of 3)   {:>6.2}",
            shares[1]
        );
    }

    let (mut beside, mut disk) = (Bare::start(telegram).await, Disk::open());
    let (mut quiet, mut bare_quiet, mut commits_quiet) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..500 {
        quiet.push(
            reply(
                &fleet,
                words,
                person,
                other.user,
                &format!("quiet {number}"),
            )
            .await,
        );
        bare_quiet.push(beside.says(telegram).await);
        commits_quiet.push(disk.commit());
        tokio::time::sleep(BETWEEN).await;
    }
    told("a reply's way, POST to Telegram", &mut quiet);
    told("a bare call's way", &mut bare_quiet);
    told("one row committed", &mut commits_quiet);
    let pid = fleet.service().pid();
    let size = large();
    let before = resident(pid);
    let start = Instant::now();
    let posts = join_all(chats.iter().map(|chat| async {
        let message = post(&senders, chat, size, true).await;
        // Who asks ten times as often costs a reply more than the files do.
        until_sent(&fleet, &message, Duration::from_millis(500)).await;
    }));
    tokio::pin!(posts);
    let mut highest = before;
    let (mut meanwhile, mut bare_meanwhile, mut commits_meanwhile) =
        (Vec::new(), Vec::new(), Vec::new());
    let mut number = 0;
    loop {
        number += 1;
        let text = format!("meanwhile {number}");
        let replied = async {
            let way = reply(&fleet, words, person, other.user, &text).await;
            let bare_way = beside.says(telegram).await;
            let commit = disk.commit();
            tokio::time::sleep(BETWEEN).await;
            (way, bare_way, commit)
        };
        tokio::select! {
            _ = &mut posts => break,
            (way, bare_way, commit) = replied => {
                meanwhile.push(way);
                bare_meanwhile.push(bare_way);
                commits_meanwhile.push(commit);
            }
        }
        highest = highest.max(resident(pid));
    }
    println!(
        "ten files of {} MiB at once: {:.1} MiB/s with their forms, {} KiB more memory",
        size / MIB,
        rate(10 * size, start.elapsed()),
        highest.saturating_sub(before)
    );
    told("a reply's way meanwhile", &mut meanwhile);
    told("a bare call's way meanwhile", &mut bare_meanwhile);
    told("one row committed meanwhile", &mut commits_meanwhile);
    let more = |with: &mut [Duration], without: &mut [Duration]| {
        percentile(with, 0.99) - percentile(without, 0.99)
    };
    println!(
        "p99 {:>+.2} ms of what it is without them, of the bare call {:>+.2} ms, of a commit {:>+.2} ms",
        more(&mut meanwhile, &mut quiet),
        more(&mut bare_meanwhile, &mut bare_quiet),
        more(&mut commits_meanwhile, &mut commits_quiet)
    );
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / MIB as f64 / time.as_secs_f64()
}

/// Among so many messages of a chat there is one of the person's: to others the service writes at a pace of its own.
const THEIRS: u64 = 200;

pub async fn reply(fleet: &Fleet, words: i64, person: i64, user: i64, text: &str) -> Duration {
    let number = text
        .rsplit(' ')
        .next()
        .and_then(|text| text.parse::<u64>().ok());
    if number.is_some_and(|number| number.is_multiple_of(THEIRS)) {
        fleet.telegram.say(person, user, "and then?");
    }
    let start = Instant::now();
    fleet.api.reply(words, text).await;
    let arrived = fleet
        .telegram
        .wait_until("the reply", Duration::from_secs(60), |world| {
            let ledger = world.ledger_of(user);
            let last = ledger[&person].messages.last();
            last.is_some_and(|message| message.text == text)
        });
    arrived.await.unwrap();
    start.elapsed()
}

/// Answers when it is staged. Where too many come in at once, it is sent again.
async fn post(senders: &Api, chat: &Value, size: u64, noisy: bool) -> Value {
    let path = format!("/conversations/{chat}/reply");
    loop {
        let request = senders.request(Method::POST, &path);
        let request = request.header("Content-Type", content_type());
        let sending = elsewhere().spawn(request.body(streamed(size, noisy)).send());
        if let Ok(Ok(answer)) = sending.await
            && answer.status() == StatusCode::ACCEPTED
        {
            let answer: Value = answer.json().await.unwrap();
            return answer["message"].clone();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// A form whose one file is nowhere whole.
pub fn streamed(size: u64, noisy: bool) -> reqwest::Body {
    let whole = Form::default().file("large.bin", "application/octet-stream", b"");
    let whole = whole.body();
    let ends = |bytes: &[u8]| bytes == b"\r\n\r\n";
    let at = whole.windows(4).position(ends).unwrap() + 4;
    let (head, tail) = (whole[..at].to_vec(), whole[at..].to_vec());
    let all = stream::iter([head])
        .chain(stream::iter(contents(size, noisy)))
        .chain(stream::iter([tail]));
    reqwest::Body::wrap_stream(all.map(Ok::<_, std::io::Error>))
}

/// A piece after the other. Noise can't be packed, like pictures and films.
pub fn contents(size: u64, noisy: bool) -> impl Iterator<Item = Vec<u8>> {
    let pieces = usize::try_from(size).expect("a size") / PIECE;
    (0..pieces).map(move |number| match noisy {
        true => noise(number * PIECE, PIECE).to_vec(),
        false => vec![number as u8; PIECE],
    })
}

/// So many bytes without a pattern, from some place on; never beyond the noise's end where both are multiples of one size.
fn noise(at: usize, length: usize) -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        (0..MIB / 8).flat_map(|_| next().to_le_bytes()).collect()
    });
    let at = at % noise.len();
    &noise[at..noise.len().min(at + length)]
}

async fn until_sent(fleet: &Fleet, message: &Value, every: Duration) {
    let path = format!("/messages/{}", message["id"]);
    loop {
        let now = fleet.api.get(&path).await;
        match now["message"]["status"].as_str() {
            Some("sent") => return,
            Some("pending") => tokio::time::sleep(every).await,
            _ => panic!("{now}"),
        }
    }
}

/// Noise or zeros, without an end.
struct Endless {
    noisy: bool,
    at: usize,
}

impl AsyncRead for Endless {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let some = noise(self.at, buffer.remaining());
        if self.noisy {
            buffer.put_slice(some);
        } else {
            buffer.initialize_unfilled_to(some.len()).fill(0);
            buffer.advance(some.len());
        }
        self.at += some.len();
        Poll::Ready(Ok(()))
    }
}

/// As grammers' own upload sends a large file; nothing is made of it.
pub async fn bare_rate(telegram: &Simulator, user: i64, size: u64, noisy: bool) -> f64 {
    let library = Library::start(telegram, user);
    library
        .call(&functions::updates::GetState {})
        .await
        .expect("signed in");
    let start = Instant::now();
    let length = usize::try_from(size).expect("a size");
    let name = "large.bin".to_owned();
    let mut endless = Endless { noisy, at: 0 };
    let up = library.client.upload_stream(&mut endless, length, name);
    let up = up.await;
    up.expect("an upload");
    rate(size, start.elapsed())
}
