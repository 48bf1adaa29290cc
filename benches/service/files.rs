//! Files: the first byte of a large one, the rate at which it comes beside bare grammers' own download, and what ten at once
//! cost in memory.

use std::time::{Duration, Instant};

use grammers_tl_types::{enums, functions, types};
use reqwest::Method;
use switchboard_simulator::{Simulator, world::Media};

use super::{
    Reader,
    beside::{Bare, Disk},
    elsewhere, large, people, percentile, resident, told,
};
use crate::{support::fleet::Fleet, world_support::Library};

const MIB: i64 = 1 << 20;
/// As grammers' own download iterator asks for them.
const PART: i32 = 512 * 1024;

pub async fn run() {
    let fleet = Fleet::builder()
        .accounts(1)
        .env("SWITCHBOARD_MEDIA_CACHE", "16GiB")
        .start()
        .await;
    fleet.telegram.wire().files_on(elsewhere());
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = people(telegram, 1)[0];
    let say = |size: i64| {
        let name = format!("{}.bin", telegram.look(|world| world.message_count()));
        let mime = "application/octet-stream".to_owned();
        let caption = name.clone();
        let id = telegram.say_media(
            person,
            account.user,
            Media::Document { name, mime, size },
            &caption,
        );
        (caption, telegram.file_of(account.user, person, id))
    };
    let url_of = async |caption: &str| {
        let conversation = fleet.conversation(&account, person).await;
        let message = fleet
            .wait_for_message(&conversation, caption, "received")
            .await;
        message["media"]["url"].as_str().unwrap().to_owned()
    };

    let mut first = Vec::new();
    for _ in 0..20 {
        let url = url_of(&say(1 << 30).0).await;
        let start = Instant::now();
        let mut answer = fleet.api.request(Method::GET, &url).send().await.unwrap();
        answer.chunk().await.unwrap().unwrap();
        first.push(start.elapsed());
    }
    told("first byte of 1 GiB, which is not here", &mut first);

    let size = 256 * MIB;
    let mut shares = Vec::new();
    for _ in 0..3 {
        let (caption, file) = say(size);
        let bare = bare_rate(telegram, account.user, file, size).await;
        let url = url_of(&caption).await;
        let start = Instant::now();
        let mut answer = fleet.api.request(Method::GET, &url).send().await.unwrap();
        let mut len = 0;
        while let Some(piece) = answer.chunk().await.unwrap() {
            len += piece.len() as i64;
        }
        assert_eq!(len, size);
        let ours = rate(size, start.elapsed());
        let start = Instant::now();
        fleet
            .api
            .request(Method::GET, &url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        let again = rate(size, start.elapsed());
        println!(
            "256 MiB: bare grammers {bare:>6.1} MiB/s, the service {ours:>6.1} MiB/s, once it is here {again:>6.1} MiB/s"
        );
        shares.push(ours / bare);
    }
    shares.sort_by(f64::total_cmp);
    println!(
        "share of bare grammers' rate (median of 3)            {:>6.2}",
        shares[1]
    );

    let caption = say(MIB).0;
    let url = url_of(&caption).await;
    fleet
        .api
        .request(Method::GET, &url)
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let conversation = fleet.conversation(&account, person).await;
    telegram.say_media(
        person,
        account.user,
        Media::Photo {
            width: 1280,
            height: 960,
        },
        "picture",
    );
    let picture = fleet
        .wait_for_message(&conversation, "picture", "received")
        .await;
    let thumb = picture["media"]["thumb_url"].as_str().unwrap().to_owned();
    let mut cached = Vec::new();
    for _ in 0..2_000 {
        let start = Instant::now();
        let answer = fleet.api.request(Method::GET, &thumb).send().await.unwrap();
        answer.bytes().await.unwrap();
        cached.push(start.elapsed());
    }
    // The first one was fetched.
    cached.remove(0);
    told("a small picture that is here", &mut cached);

    let pid = fleet.service().pid();
    let size = i64::try_from(large()).expect("a size");
    let mut reader = Reader::open(fleet.address()).await;
    let mut urls = Vec::new();
    for _ in 0..10 {
        urls.push(url_of(&say(size).0).await);
        reader.message().await;
    }
    let mut number = 0;
    let mut live = async |reader: &mut Reader| {
        number += 1;
        let text = format!("live {number}");
        let said = Instant::now();
        telegram.say(person, account.user, &text);
        let frame = reader.message().await;
        assert!(frame.contains(&text), "{frame}");
        let way = said.elapsed();
        tokio::time::sleep(Duration::from_millis(20)).await;
        way
    };
    let (mut bare, mut disk) = (Bare::start(telegram).await, Disk::open());
    let (mut quiet, mut bare_quiet, mut commits_quiet) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..500 {
        quiet.push(live(&mut reader).await);
        bare_quiet.push(bare.hears(telegram).await);
        commits_quiet.push(disk.commit());
    }
    told("a live message, Telegram to WebSocket", &mut quiet);
    told("the same to bare grammers", &mut bare_quiet);
    told("one row committed", &mut commits_quiet);
    let before = resident(pid);
    let start = Instant::now();
    let readings: Vec<_> = urls
        .into_iter()
        .map(|url| {
            let request = fleet.api.request(Method::GET, &url);
            elsewhere().spawn(async move {
                let mut answer = request.send().await.unwrap();
                let mut len = 0;
                while let Some(piece) = answer.chunk().await.unwrap() {
                    len += piece.len() as i64;
                }
                assert_eq!(len, size);
            })
        })
        .collect();
    let mut highest = before;
    let (mut meanwhile, mut bare_meanwhile, mut commits_meanwhile) =
        (Vec::new(), Vec::new(), Vec::new());
    while !readings.iter().all(tokio::task::JoinHandle::is_finished) {
        highest = highest.max(resident(pid));
        meanwhile.push(live(&mut reader).await);
        bare_meanwhile.push(bare.hears(telegram).await);
        commits_meanwhile.push(disk.commit());
    }
    for reading in readings {
        reading.await.expect("a whole file");
    }
    println!(
        "ten files of {} MiB at once: {:.1} MiB/s, {} KiB more memory",
        size / MIB,
        rate(10 * size, start.elapsed()),
        highest.saturating_sub(before)
    );
    told("a live message meanwhile", &mut meanwhile);
    told("the same to bare grammers", &mut bare_meanwhile);
    told("one row committed", &mut commits_meanwhile);
    let times = |with: &mut [Duration], without: &mut [Duration]| {
        percentile(with, 0.99) / percentile(without, 0.99)
    };
    println!(
        "p99 {:.2} times what it is without them, of bare grammers {:.2}, of a commit {:.2} times",
        times(&mut meanwhile, &mut quiet),
        times(&mut bare_meanwhile, &mut bare_quiet),
        times(&mut commits_meanwhile, &mut commits_quiet)
    );
}

fn rate(bytes: i64, time: Duration) -> f64 {
    bytes as f64 / MIB as f64 / time.as_secs_f64()
}

/// Part after part through unmodified grammers, as its own download does; the bytes are thrown away.
pub async fn bare_rate(telegram: &Simulator, user: i64, file: i64, size: i64) -> f64 {
    let library = Library::start(telegram, user);
    let (access_hash, file_reference) = telegram.look(|world| {
        let hash = switchboard_simulator::world::file_hash(user, file);
        (hash, world.files.reference(file))
    });
    let location: enums::InputFileLocation = types::InputDocumentFileLocation {
        id: file,
        access_hash,
        file_reference,
        thumb_size: String::new(),
    }
    .into();
    let mut request = functions::upload::GetFile {
        precise: true,
        cdn_supported: false,
        location,
        offset: 0,
        limit: PART,
    };
    library
        .call(&functions::updates::GetState {})
        .await
        .expect("signed in");
    let start = Instant::now();
    while request.offset < size {
        library.call(&request).await.expect("a part");
        request.offset += i64::from(PART);
    }
    rate(size, start.elapsed())
}
