//! Media: files of messages through the service, byte for byte, whatever happens on the way.

use std::{fs, path::PathBuf, time::Duration};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_simulator::{Effect, Fault, PersonSpec, world::Media};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    wait,
};
use crate::telethon_support;

const PART: i64 = 512 * 1024;
const GET_FILE: &str = "upload.getFile";

fn document(size: i64) -> Media {
    named("report.bin", "application/octet-stream", size)
}

fn named(name: &str, mime: &str, size: i64) -> Media {
    Media::Document {
        name: name.to_owned(),
        mime: mime.to_owned(),
        size,
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(fleet: &Fleet, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = fleet.api.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

async fn get(fleet: &Fleet, path: &str) -> Answer {
    ask(fleet, Method::GET, path, &[]).await
}

/// One account with one chat.
struct Scene {
    fleet: Fleet,
    account: FleetAccount,
    person: i64,
}

/// A message with a file, on both sides.
struct Sent {
    /// In the service's JSON.
    media: Value,
    row: i64,
    /// Of the simulated Telegram.
    file: i64,
}

impl Sent {
    fn url(&self) -> &str {
        self.media["url"].as_str().unwrap()
    }
}

impl Scene {
    async fn build() -> Self {
        Self::of(Fleet::builder().accounts(1).start().await).await
    }

    async fn of(fleet: Fleet) -> Self {
        let account = fleet.accounts[0].clone();
        let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
        fleet.telegram.say(person, account.user, "before");
        fleet.conversation(&account, person).await;
        Self {
            fleet,
            account,
            person,
        }
    }

    async fn send(&self, media: Media) -> Sent {
        self.send_to(&self.account, self.account.user, self.person, media)
            .await
    }

    /// `to`: where the person says it; `chat`: what that is for the account.
    async fn send_to(&self, account: &FleetAccount, to: i64, chat: i64, media: Media) -> Sent {
        let telegram = &self.fleet.telegram;
        let caption = format!("file {}", telegram.look(|world| world.message_count()));
        let id = telegram.say_media(self.person, to, media, &caption);
        self.seen(account, chat, id, &caption).await
    }

    async fn seen(&self, account: &FleetAccount, chat: i64, id: i32, caption: &str) -> Sent {
        let file = self.fleet.telegram.file_of(account.user, chat, id);
        let conversation = self.fleet.conversation(account, chat).await;
        let message = self
            .fleet
            .wait_for_message(&conversation, caption, "received")
            .await;
        Sent {
            media: message["media"].clone(),
            row: message["id"].as_i64().unwrap(),
            file,
        }
    }

    fn bytes(&self, sent: &Sent) -> Vec<u8> {
        self.fleet.telegram.file_bytes(sent.file, "").unwrap()
    }

    async fn check_whole(&self, sent: &Sent) {
        let answer = get(&self.fleet, sent.url()).await;
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        let wanted = self.bytes(sent);
        assert_eq!(answer.body.len(), wanted.len());
        assert_eq!(digest(&answer.body), digest(&wanted));
    }

    fn calls(&self, method: &str) -> u64 {
        self.fleet
            .telegram
            .look(|world| world.methods.get(method).copied().unwrap_or_default())
    }

    fn fault(&self, fault: Fault) {
        self.fleet.telegram.set_fault(fault);
    }

    async fn until_calls(&self, method: &str, count: u64) {
        wait::until(
            &format!("{count} calls of {method}"),
            || async { self.calls(method) },
            |calls| *calls >= count,
        )
        .await;
    }

    fn folder(&self) -> PathBuf {
        self.fleet.data_dir().join("media")
    }

    /// Whole files of an account, by size.
    fn kept(&self, account: &FleetAccount) -> Vec<u64> {
        let folder = self.folder().join("files").join(&account.id);
        let Ok(files) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut sizes: Vec<u64> = files
            .map(|file| file.unwrap().metadata().unwrap().len())
            .collect();
        sizes.sort_unstable();
        sizes
    }

    async fn until_kept(&self, sizes: &[i64]) {
        let sizes: Vec<u64> = sizes.iter().map(|size| *size as u64).collect();
        wait::until(
            &format!("{sizes:?} to be kept"),
            || async { self.kept(&self.account) },
            |kept| *kept == sizes,
        )
        .await;
    }
}

/// Protects the bytes: every awkward size, from home and from another data centre, is what was sent; once it is here,
/// Telegram is not asked again.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_size_come_whole_and_once() {
    let scene = Scene::build().await;
    for dc in [2, 4] {
        scene.fleet.telegram.set_files_dc(dc);
        for size in [
            0,
            1,
            PART - 1,
            PART,
            PART + 1,
            10 * (1 << 20) - 1,
            10 * (1 << 20) + 1,
        ] {
            let sent = scene.send(document(size)).await;
            assert_eq!(sent.media["size"], size, "{:?}", sent.media);
            let before = scene.calls(GET_FILE);
            scene.check_whole(&sent).await;
            let asked = scene.calls(GET_FILE) - before;
            // Once more where the account had to be signed in first.
            let parts = u64::try_from((size + PART - 1) / PART).unwrap();
            assert!((parts..=parts + 8).contains(&asked), "{size}: {asked}");
            let before = scene.calls(GET_FILE);
            scene.check_whole(&sent).await;
            assert_eq!(scene.calls(GET_FILE), before, "{size} was fetched twice");
        }
    }
    assert_eq!(scene.calls("auth.importAuthorization"), 1);
    // The other data centre's key was kept with the session, and is still let in.
    let (person, account) = (scene.person, scene.account.clone());
    scene
        .fleet
        .telegram
        .say(person, account.user, "something comes in");
    let conversation = scene.fleet.conversation(&account, person).await;
    scene
        .fleet
        .wait_for_message(&conversation, "something comes in", "received")
        .await;
    scene.fleet.restart_account(&account.id).await;
    scene.fleet.wait_for_state(&account.id, "online").await;
    let sent = scene.send(document(100)).await;
    scene.check_whole(&sent).await;
    assert_eq!(scene.calls("auth.importAuthorization"), 1);
}

/// Protects pictures in lists and of chats: small ones come by themselves, are told by address, and a chat without a photo
/// says so.
#[tokio::test(flavor = "multi_thread")]
async fn small_pictures_and_the_photos_of_chats_are_served() {
    let scene = Scene::build().await;
    let telegram = &scene.fleet.telegram;
    let sent = scene
        .send(Media::Photo {
            width: 1_280,
            height: 960,
        })
        .await;
    let thumb = get(&scene.fleet, sent.media["thumb_url"].as_str().unwrap()).await;
    assert_eq!(thumb.status, StatusCode::OK);
    assert_eq!(thumb.header("content-type"), "image/jpeg");
    assert_eq!(Some(thumb.body), telegram.file_bytes(sent.file, "m"));
    let whole = get(&scene.fleet, sent.url()).await;
    assert_eq!(Some(whole.body), telegram.file_bytes(sent.file, "x"));
    let text = scene
        .send(Media::Location {
            latitude: 1.0,
            longitude: 2.0,
        })
        .await;
    assert_eq!(text.media["url"], Value::Null);
    let none = get(&scene.fleet, &format!("/messages/{}/media", text.row)).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);

    let conversation = scene.fleet.conversation(&scene.account, scene.person).await;
    let path = format!("/conversations/{}/photo", conversation["id"]);
    assert_eq!(get(&scene.fleet, &path).await.status, StatusCode::NOT_FOUND);
    let quiet = get(&scene.fleet, &format!("{path}?else=nothing")).await;
    assert_eq!(quiet.status, StatusCode::NO_CONTENT);
    assert_eq!(quiet.header("cache-control"), "private, max-age=3600");
    let group = telegram.add_supergroup("Team", &[scene.person, scene.account.user]);
    let photo = telegram.set_photo(group);
    telegram.say(scene.person, group, "hello all");
    let conversation = scene.fleet.conversation(&scene.account, group).await;
    let path = format!("/conversations/{}/photo", conversation["id"]);
    let shown = get(&scene.fleet, &path).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(Some(shown.body), telegram.file_bytes(photo, "a"));
    let asked = scene.calls(GET_FILE);
    assert_eq!(get(&scene.fleet, &path).await.status, StatusCode::OK);
    assert_eq!(scene.calls(GET_FILE), asked);
    // One that was changed before anybody saw the old one.
    let other = telegram.add_supergroup("Others", &[scene.person, scene.account.user]);
    let old = telegram.set_photo(other);
    telegram.say(scene.person, other, "hello others");
    let conversation = scene.fleet.conversation(&scene.account, other).await;
    let path = format!("/conversations/{}/photo", conversation["id"]);
    let head = ask(&scene.fleet, Method::HEAD, &path, &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    let new = telegram.set_photo(other);
    let kept = scene.folder().join("files").join(&scene.account.id);
    fs::remove_file(kept.join(format!("peer-{old:016x}"))).unwrap();
    let shown = get(&scene.fleet, &path).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(Some(shown.body), telegram.file_bytes(new, "a"));
}

/// Protects players and programs: ranges, conditions and HEAD say what RFC 9110 has them say.
#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_conditions_are_answered() {
    let scene = Scene::build().await;
    let size = 3 * PART + 5;
    let sent = scene.send(named("film.mp4", "video/mp4", size)).await;
    let wanted = scene.bytes(&sent);
    let head = ask(&scene.fleet, Method::HEAD, sent.url(), &[]).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.header("content-length"), size.to_string());
    assert_eq!(scene.calls(GET_FILE), 0, "what is only told needs no file");
    let tag = head.header("etag").to_owned();
    for _ in 0..2 {
        for (range, from, to) in [
            ("bytes=0-0", 0, 1),
            ("bytes=524287-524289", PART - 1, PART + 2),
            ("bytes=1572869-", size, size),
            ("bytes=-5", size - 5, size),
            ("bytes=100-99999999", 100, size),
        ] {
            let answer = ask(&scene.fleet, Method::GET, sent.url(), &[("range", range)]).await;
            if from == to {
                assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
                continue;
            }
            assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
            let said = format!("bytes {from}-{}/{size}", to - 1);
            assert_eq!(answer.header("content-range"), said);
            assert!(answer.body == wanted[from as usize..to as usize], "{range}");
        }
        scene.check_whole(&sent).await;
    }
    let same = [("range", "bytes=0-9"), ("if-range", tag.as_str())];
    let answer = ask(&scene.fleet, Method::GET, sent.url(), &same).await;
    assert_eq!(
        (answer.status, answer.body.len()),
        (StatusCode::PARTIAL_CONTENT, 10)
    );
    let other = [("range", "bytes=0-9"), ("if-range", "\"other\"")];
    let answer = ask(&scene.fleet, Method::GET, sent.url(), &other).await;
    assert_eq!(
        (answer.status, answer.body.len()),
        (StatusCode::OK, size as usize)
    );
    let known = [("if-none-match", tag.as_str())];
    let answer = ask(&scene.fleet, Method::GET, sent.url(), &known).await;
    assert_eq!(
        (answer.status, answer.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
}

/// Protects whoever opens a file: nothing that was sent is run, whatever it is called.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_are_bytes() {
    let scene = Scene::build().await;
    for (name, mime, kind, how) in [
        (
            "cat.jpg",
            "text/html",
            "application/octet-stream",
            "attachment",
        ),
        (
            "cat.svg",
            "image/svg+xml",
            "application/octet-stream",
            "attachment",
        ),
        (
            "../../evil\u{202e}gpj.html",
            "application/xhtml+xml",
            "application/octet-stream",
            "attachment",
        ),
        (
            "a\r\nSet-Cookie: a=b.pdf",
            "application/pdf",
            "application/octet-stream",
            "attachment",
        ),
        ("cat.html", "image/jpeg", "image/jpeg", "inline"),
    ] {
        let sent = scene.send(named(name, mime, 100)).await;
        let answer = get(&scene.fleet, sent.url()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), kind, "{name}");
        let said = answer.header("content-disposition");
        assert!(said.starts_with(how), "{name}: {said}");
        assert!(!said.contains("..") && !said.contains('/'), "{said}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(
            answer.header("content-security-policy"),
            "sandbox; default-src 'none'"
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
}

/// Protects a download over a bad line: it is cut in each of its parts, on the line of files alone, and comes whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_in_any_part_is_dialled_again() {
    let scene = Scene::build().await;
    for part in 0..6 {
        for effect in [Effect::Cut, Effect::CutAfter] {
            let sent = scene.send(document(6 * PART)).await;
            scene.fault(Fault::new(effect).on(GET_FILE).skip(part).times(1));
            scene.check_whole(&sent).await;
        }
    }
    let account = scene.fleet.api.account(&scene.account.id).await;
    assert_eq!(account["state"], "online");
    assert!(!scene.fleet.service().log().contains("reconnecting"));
}

/// Protects a download of hours: its reference ends in the middle, and the message brings a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_expires_in_the_middle_is_renewed() {
    let scene = Scene::build().await;
    let sent = scene.send(document(16 * PART)).await;
    let slow = Effect::SlowStart { millis: 40 };
    scene.fault(Fault::new(slow).on(GET_FILE).times(12));
    let whole = scene.check_whole(&sent);
    let expire = async {
        scene.until_calls(GET_FILE, 4).await;
        scene.fleet.telegram.expire_file_references();
    };
    tokio::join!(whole, expire);
    assert!(scene.calls("messages.getMessages") >= 1);
    let renewed = scene.calls("messages.getMessages");
    // The new one was kept: another size of the file needs no other.
    let folder = scene.folder();
    assert!(folder.exists());
    let old = scene.send(document(100)).await;
    scene.fleet.telegram.expire_file_references();
    scene.check_whole(&old).await;
    assert_eq!(scene.calls("messages.getMessages"), renewed + 1);
}

/// Protects what people are told: a file that is gone is gone, a pause is waited out or said, an account that is away says so,
/// and what is here is served all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_file_away_is_said() {
    let scene = Scene::build().await;
    let telegram = &scene.fleet.telegram;
    let gone = scene.send(document(100)).await;
    telegram.forget_file(gone.file);
    let answer = get(&scene.fleet, gone.url()).await;
    assert_eq!(answer.status, StatusCode::GONE);

    let here = scene.send(document(3 * PART)).await;
    let before = scene.calls(GET_FILE);
    for wait in ["FLOOD_WAIT_1", "FLOOD_PREMIUM_WAIT_1"] {
        scene.fault(Fault::error(420, wait).on(GET_FILE).skip(1).times(1));
    }
    scene.check_whole(&here).await;
    assert_eq!(scene.calls(GET_FILE) - before, 3 + 2);
    let held = scene.send(document(100)).await;
    scene.fault(Fault::flood_wait(300).on(GET_FILE).times(1));
    let answer = get(&scene.fleet, held.url()).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "300");
    let asked = scene.calls(GET_FILE);
    let again = get(&scene.fleet, held.url()).await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(scene.calls(GET_FILE), asked, "it was asked before its time");

    scene.fleet.set_active(&scene.account, false).await;
    scene.check_whole(&here).await;
    let away = get(&scene.fleet, held.url()).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(&away.body).contains("media_unavailable"));
}

/// Protects an account from its files: a key that another data centre does not let in costs a few calls and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_centre_that_lets_nobody_in_ends_in_an_error() {
    let scene = Scene::build().await;
    scene.fleet.telegram.set_files_dc(4);
    let sent = scene.send(document(100)).await;
    scene.fault(Fault::error(401, "AUTH_KEY_UNREGISTERED").on(GET_FILE));
    let answer = get(&scene.fleet, sent.url()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    scene.fleet.telegram.clear_faults();
    let account = scene.fleet.api.account(&scene.account.id).await;
    assert_eq!(account["state"], "online");
    scene.check_whole(&sent).await;
}

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
