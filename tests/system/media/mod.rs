//! Media: files of messages through the service, byte for byte, whatever happens on the way.

mod kept;
mod scene;

use std::fs;

use reqwest::{Method, StatusCode};
use serde_json::Value;
use switchboard_simulator::{Effect, Fault, world::Media};

use self::scene::{GET_FILE, PART, Scene, ask, document, get, named};

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

/// Protects the disk's owner: what is kept is told with its bound, can be removed at once, and comes from Telegram again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_told_and_removed_when_asked() {
    let scene = Scene::build().await;
    let api = &scene.fleet.api;
    let sent = scene.send(document(2 * PART)).await;
    scene.check_whole(&sent).await;
    scene.until_kept(&[2 * PART]).await;
    let asked = scene.calls(GET_FILE);
    let about = api.get("/about").await;
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(about["nodes"], 1);
    let files = &about["files"];
    assert_eq!(files["store"], "disk");
    assert_eq!(files["kept_bytes"], 2 * PART);
    assert!(files["bound"].as_i64().unwrap() > 2 * PART, "{about}");

    let (status, cleared) = api.call(Method::DELETE, "/files", None).await;
    assert_eq!(status, StatusCode::OK, "{cleared}");
    assert_eq!(cleared["files"], 1);
    assert_eq!(cleared["freed_bytes"], 2 * PART);
    scene.until_kept(&[]).await;
    assert_eq!(api.get("/about").await["files"]["kept_bytes"], 0);
    let entries = api.get("/audit?newest=true&limit=1").await;
    assert_eq!(entries["entries"][0]["action"], "files_cleared");
    scene.check_whole(&sent).await;
    assert!(
        scene.calls(GET_FILE) >= asked + 2,
        "nothing was fetched again"
    );
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
                assert_eq!(answer.header("content-range"), format!("bytes */{size}"));
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
