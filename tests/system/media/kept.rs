//! Kept: what is fetched once, how much of it stays, and what it costs.

use std::{fs, time::Duration};

use reqwest::{Method, StatusCode};
use sha2::{Digest, Sha256};
use switchboard_simulator::{Effect, Fault, world::Media};

use super::scene::{GET_FILE, PART, Scene, Sent, ask, digest, document, get, named};
use crate::support::{fleet::Fleet, wait};
use crate::telethon_support;

/// Protects Telegram's patience and our line: one file is fetched once, however many ask, and through whichever account;
/// what two have stays with the second when the first goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_once_for_everybody() {
    let scene = Scene::of(Fleet::builder().accounts(2).start().await).await;
    let second = scene.fleet.accounts[1].clone();
    let telegram = &scene.fleet.telegram;
    let members = [scene.person, scene.account.user, second.user];
    let group = telegram.add_supergroup("Team", &members);
    let first = scene
        .send_to(&scene.account, group, group, document(8 * PART))
        .await;
    let conversation = scene.fleet.conversation(&second, group).await;
    let path = format!("/conversations/{}/messages", conversation["id"]);
    let page = scene.fleet.api.get(&path).await;
    let other = Sent {
        media: page["messages"][0]["media"].clone(),
        row: page["messages"][0]["id"].as_i64().unwrap(),
        file: first.file,
    };
    assert_ne!(first.row, other.row);
    scene.fault(Fault::new(Effect::SlowStart { millis: 30 }).on(GET_FILE));
    tokio::join!(
        scene.check_whole(&first),
        scene.check_whole(&other),
        scene.check_whole(&first),
        scene.check_whole(&other),
    );
    assert_eq!(scene.calls(GET_FILE), 8);
    let size = u64::try_from(8 * PART).unwrap();
    let figures = scene.fleet.api.get("/metrics").await;
    for line in [
        format!("switchboard_media_fetched_bytes_total {size}\n"),
        "switchboard_media_files_total{end=\"whole\"} 1\n".to_owned(),
        "switchboard_media_kept_bytes ".to_owned(),
        "switchboard_media_on_their_way ".to_owned(),
    ] {
        assert!(figures.as_str().unwrap().contains(&line), "{line}{figures}");
    }
    assert_eq!(scene.kept(&scene.account), [size]);
    assert_eq!(scene.kept(&second), [size]);
    let path = format!("/accounts/{}?history=delete", scene.account.id);
    let (status, body) = scene.fleet.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(
        !scene
            .folder()
            .join("files")
            .join(&scene.account.id)
            .exists()
    );
    scene.check_whole(&other).await;
    assert_eq!(scene.calls(GET_FILE), 8);
}

/// Protects the disk: the folder keeps its bound, what was used last stays, and what is larger than all comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_folder_keeps_its_bound() {
    let fleet = Fleet::builder()
        .accounts(1)
        .env("SWITCHBOARD_MEDIA_CACHE", "5MiB")
        .start()
        .await;
    let scene = Scene::of(fleet).await;
    let mib = 1 << 20;
    let [one, two, three] = [
        scene.send(document(2 * mib)).await,
        scene.send(document(2 * mib + 1)).await,
        scene.send(document(2 * mib + 2)).await,
    ];
    scene.check_whole(&one).await;
    scene.check_whole(&two).await;
    // What is still being put away does not go.
    scene.until_kept(&[2 * mib, 2 * mib + 1]).await;
    scene.check_whole(&one).await;
    scene.check_whole(&three).await;
    scene.until_kept(&[2 * mib, 2 * mib + 2]).await;
    let large = scene.send(document(12 * mib)).await;
    scene.check_whole(&large).await;
    let range = [("range", "bytes=9000000-9000009")];
    let answer = ask(&scene.fleet, Method::GET, large.url(), &range).await;
    assert!(answer.body == scene.bytes(&large)[9_000_000..9_000_010]);
    scene.until_kept(&[2 * mib, 2 * mib + 2]).await;
    let asked = scene.calls(GET_FILE);
    scene.check_whole(&three).await;
    assert_eq!(scene.calls(GET_FILE), asked);
}

/// Protects the database, which shares the disk: a file that would fill it is not kept, and comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_keeps_no_file_from_anybody() {
    let fleet = Fleet::builder().accounts(1).disk("48m").start().await;
    let scene = Scene::of(fleet).await;
    let large = scene.send(document(60 << 20)).await;
    scene.check_whole(&large).await;
    let small = scene.send(document(1 << 20)).await;
    scene.check_whole(&small).await;
    let (status, body) = scene
        .fleet
        .api
        .call(Method::GET, "/health/ready", None)
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

/// Protects against the crash: killed in the middle, no half file is served, and the download goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_a_file_goes_on_where_it_was() {
    let mut scene = Scene::build().await;
    let sent = scene.send(document(24 * PART)).await;
    scene.fault(Fault::new(Effect::SlowStart { millis: 50 }).on(GET_FILE));
    let url = sent.url().to_owned();
    let request = scene.fleet.api.request(Method::GET, &url);
    let reading = tokio::spawn(async move {
        let answer = request.send().await?;
        answer.bytes().await
    });
    scene.until_calls(GET_FILE, 14).await;
    scene.fleet.kill_service();
    assert!(reading.await.unwrap().is_err(), "killed too late");
    scene.fleet.telegram.clear_faults();
    let before = scene.calls(GET_FILE);
    scene.fleet.start_service();
    scene
        .fleet
        .wait_for_state(&scene.account.id, "online")
        .await;
    scene.check_whole(&sent).await;
    let again = scene.calls(GET_FILE) - before;
    assert!(
        (1..=16).contains(&again),
        "{again} of 24 parts were fetched again"
    );
    scene.until_kept(&[24 * PART]).await;
}

fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse().unwrap()
}

/// Protects the machine: ten large files at once, one of them to somebody who does not read, cost no more memory than few;
/// and the first bytes are there long before the last.
#[tokio::test(flavor = "multi_thread")]
async fn many_large_files_at_once_leave_the_memory_flat() {
    let scene = Scene::build().await;
    let warm = scene.send(document(4 << 20)).await;
    scene.check_whole(&warm).await;
    let mut files = Vec::new();
    for _ in 0..10 {
        files.push(scene.send(document(48 << 20)).await);
    }
    let pid = scene.fleet.service().pid();
    let before = resident(pid);
    let mut readings = Vec::new();
    for sent in &files {
        let request = scene.fleet.api.request(Method::GET, sent.url());
        readings.push(tokio::spawn(async move {
            let mut answer = request.send().await.unwrap();
            let mut sum = Sha256::new();
            let mut len = 0;
            while let Some(piece) = answer.chunk().await.unwrap() {
                sum.update(&piece);
                len += piece.len();
            }
            (len, <[u8; 32]>::from(sum.finalize()))
        }));
    }
    let lazy = scene.send(document(64 << 20)).await;
    let unread = scene
        .fleet
        .api
        .request(Method::GET, lazy.url())
        .send()
        .await
        .unwrap();
    let mut highest = before;
    while !readings.iter().all(tokio::task::JoinHandle::is_finished) {
        highest = highest.max(resident(pid));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (reading, sent) in readings.into_iter().zip(&files) {
        let (len, sum) = reading.await.unwrap();
        assert_eq!((len, sum), (48 << 20, digest(&scene.bytes(sent))));
    }
    drop(unread);
    let grown = highest.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

/// Protects the first look at a film: its first bytes leave while the last are far away.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_bytes_leave_before_the_last_have_come() {
    let scene = Scene::build().await;
    let sent = scene.send(named("film.mp4", "video/mp4", 1 << 30)).await;
    let mut answer = scene
        .fleet
        .api
        .request(Method::GET, sent.url())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(!first.is_empty());
    assert!(
        scene.calls(GET_FILE) < 200,
        "it was read ahead of whoever reads"
    );
    // From its end, without all that lies between.
    let range = [("range", "bytes=-10")];
    let end = ask(&scene.fleet, Method::GET, sent.url(), &range).await;
    assert_eq!(
        (end.status, end.body.len()),
        (StatusCode::PARTIAL_CONTENT, 10)
    );
    drop(answer);
}

/// Protects the bytes once more: what Telethon sends is what the service gives out, of every kind, and under its name.
#[tokio::test(flavor = "multi_thread")]
async fn what_telethon_sends_is_what_comes_out() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let to = [("SCENARIO_TO", account.user.to_string())];
    telethon_support::scenario_on(&fleet.telegram, "sending_files", "full", &to).await;
    let conversation = wait::until(
        "ten files",
        || async {
            let all = fleet.api.conversations().await;
            let mine = all.into_iter().find(|one| one["title"] == "Sender");
            match mine {
                Some(mine) => fleet.api.messages(mine["id"].as_i64().unwrap()).await,
                None => Vec::new(),
            }
        },
        |messages| messages.len() == 11,
    )
    .await;
    let mut seen = Vec::new();
    for message in conversation {
        let Some((kind, sum)) = message["text"].as_str().unwrap().split_once(' ') else {
            continue;
        };
        assert_eq!(message["media"]["kind"], kind);
        let answer = get(&fleet, message["media"]["url"].as_str().unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK);
        let came: String = digest(&answer.body)
            .map(|byte| format!("{byte:02x}"))
            .concat();
        assert_eq!(came, sum, "{message}");
        if kind == "document" {
            let name = format!(
                "filename*=UTF-8''%D0%BE%D1%82%D1%87%D1%91%D1%82%20{}.bin",
                answer.body.len()
            );
            assert!(answer.header("content-disposition").contains(&name));
        }
        seen.push(kind.to_owned());
    }
    seen.sort();
    assert_eq!(seen[..6], ["document"; 6]);
    assert_eq!(seen[6..], ["photo", "video", "video", "voice"]);
}

/// Protects what people set: an account fetches nothing, small pictures or whole files ahead, as it was told to, and large
/// ones wait for somebody.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_fetches_ahead_what_it_was_told_to() {
    let scene = Scene::build().await;
    let photo = || Media::Photo {
        width: 1_280,
        height: 960,
    };
    let set = async |policy: &str| {
        let path = format!("/accounts/{}", scene.account.id);
        let body = serde_json::json!({ "media": policy });
        let (status, body) = scene.fleet.api.call(Method::PATCH, &path, Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["account"]["media"], policy);
    };
    let account = scene.fleet.api.account(&scene.account.id).await;
    assert_eq!(account["media"], "none");
    scene.send(photo()).await;
    set("previews").await;
    let shown = scene.send(photo()).await;
    wait::until(
        "the small picture",
        || async { scene.kept(&scene.account) },
        |kept| kept.len() == 1,
    )
    .await;
    scene.send(document(2 * PART)).await;
    set("all").await;
    let small = scene.send(document(3 * PART)).await;
    scene.send(document(21 << 20)).await;
    let last = scene.send(document(100)).await;
    wait::until(
        "both files",
        || async { scene.kept(&scene.account) },
        |kept| kept.len() == 3,
    )
    .await;
    let thumb = scene.fleet.telegram.file_bytes(shown.file, "m").unwrap();
    let mut sizes = [thumb.len() as u64, 3 * PART as u64, 100];
    sizes.sort_unstable();
    assert_eq!(scene.kept(&scene.account), sizes);
    scene.fleet.set_active(&scene.account, false).await;
    scene.check_whole(&small).await;
    scene.check_whole(&last).await;
    let path = shown.media["thumb_url"].as_str().unwrap();
    assert_eq!(get(&scene.fleet, path).await.body, thumb);
}

/// Protects the largest of them, byte for byte, and that none of it is fetched twice. By request: it takes its time.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a gigabyte"]
async fn half_a_gigabyte_comes_whole() {
    let scene = Scene::build().await;
    let sent = scene.send(document(512 << 20)).await;
    scene.check_whole(&sent).await;
    scene.check_whole(&sent).await;
    assert_eq!(scene.calls(GET_FILE), 1_024);
}
