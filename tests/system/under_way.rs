//! Under way: what a token began and is not through with ends with the token, within a second, and does nothing any more.

use std::time::{Duration, Instant};

use futures_util::stream;
use reqwest::{Body, Method, StatusCode};
use serde_json::json;
use switchboard_simulator::{Effect, Fault, PersonSpec, world::Media};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::support::{
    api::Api,
    fleet::{Fleet, FleetAccount},
    forms::{self, Form},
    rows, tokens, wait,
};

const A_SECOND: Duration = Duration::from_secs(1);

fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

/// How an answer ended, and when.
struct Ended {
    whole: bool,
    at: Instant,
}

/// Reads an answer as it comes, and says when its first bytes are there.
async fn read(api: Api, path: String) -> JoinHandle<Ended> {
    let (began, beginning) = oneshot::channel();
    let reading = tokio::spawn(async move {
        let mut answer = api.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let mut began = Some(began);
        let whole = loop {
            match answer.chunk().await {
                Ok(Some(_)) => {
                    if let Some(began) = began.take() {
                        began.send(()).unwrap();
                    }
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        Ended {
            whole,
            at: Instant::now(),
        }
    });
    beginning.await.unwrap();
    reading
}

/// A body that goes on for as long as somebody writes.
struct Writing {
    parts: mpsc::UnboundedSender<Vec<u8>>,
    answer: JoinHandle<(Option<StatusCode>, Instant)>,
}

fn write(api: &Api, path: &str, kind: &str) -> Writing {
    let (parts, coming) = mpsc::unbounded_channel();
    let body = stream::unfold(
        coming,
        |mut coming: mpsc::UnboundedReceiver<Vec<u8>>| async {
            let part = coming.recv().await?;
            Some((Ok::<_, std::io::Error>(part), coming))
        },
    );
    let request = api
        .request(Method::POST, path)
        .header("content-type", kind)
        .body(Body::wrap_stream(body));
    let answer = tokio::spawn(async move {
        let status = request.send().await.ok().map(|answer| answer.status());
        (status, Instant::now())
    });
    Writing { parts, answer }
}

fn imported(numbers: std::ops::Range<i64>) -> Vec<u8> {
    let messages = numbers.map(|n| {
        let comma = if n > 1 { "," } else { "" };
        let at = 1_600_000_000 + n;
        format!(r#"{comma}{{"id":{n},"type":"message","date_unixtime":"{at}","from":"Amal","from_id":"user9001","text":"from long ago"}}"#)
    });
    messages.collect::<String>().into_bytes()
}

fn count(fleet: &Fleet, what: &str) -> i64 {
    rows::number(&fleet.data_dir().join("switchboard.db"), what)
}

const FROM_LONG_AGO: &str = "SELECT count(*) AS n FROM messages WHERE text = 'from long ago'";

fn staged(fleet: &Fleet, account: &FleetAccount) -> usize {
    let folder = fleet.data_dir().join("staged").join(&account.id);
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Protects against whoever got hold of a token: what comes out ends, and looks broken; what goes in is not taken, neither a
/// file nor a history; the portal's calls are refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_began_ends_with_it() {
    const SIZE: i64 = 30 << 20;
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let telegram = &fleet.telegram;
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    for n in 0..2 {
        let film = Media::Document {
            name: format!("film {n}.bin"),
            mime: "application/octet-stream".to_owned(),
            size: SIZE,
        };
        telegram.say_media(person, account.user, film, &format!("film {n}"));
    }
    let conversation = fleet.conversation(&account, person).await;
    let film = fleet
        .wait_for_message(&conversation, "film 1", "received")
        .await;
    let slow = Fault::new(Effect::SlowStart { millis: 1000 }).on("upload.getFile");
    let slow = telegram.set_fault(slow);
    let id = conversation["id"].as_i64().unwrap();

    let data = fleet.data_dir();
    tokens::create(&data, "keeper", "admin");
    let leaver = bearer(&fleet, &tokens::create(&data, "leaver", "admin"));
    let page = format!("/export/conversations/{id}?format=html");
    let readings = [
        read(
            leaver.clone(),
            film["media"]["url"].as_str().unwrap().to_owned(),
        )
        .await,
        read(leaver.clone(), page).await,
    ];
    let reply = format!("/conversations/{id}/reply");
    let upload = write(&leaver, &reply, &forms::content_type());
    let form = Form::default()
        .field("text", "sent too late")
        .file("late.bin", "application/octet-stream", &[7; 300_000])
        .body();
    let (first, rest) = form.split_at(100_000);
    upload.parts.send(first.to_vec()).unwrap();
    let bring = format!("/accounts/{}/import", account.id);
    let import = write(&leaver, &bring, "application/json");
    let head = r#"{"name":"Long","type":"private_supergroup","id":1600000002,"messages":["#;
    import.parts.send(head.as_bytes().to_vec()).unwrap();
    import.parts.send(imported(1..250)).unwrap();
    wait::until(
        "a part of both to have come in",
        async || (staged(&fleet, &account), count(&fleet, FROM_LONG_AGO)),
        |(files, messages)| *files > 0 && *messages > 0,
    )
    .await;
    let session = "/telegram/session/status/";
    assert_eq!(
        leaver.call(Method::GET, session, None).await.0,
        StatusCode::OK
    );

    tokens::revoke(&data, "leaver");
    let revoked = Instant::now();
    wait::until(
        "the portal to be shut",
        || leaver.call(Method::GET, session, None),
        |(status, _)| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    assert!(revoked.elapsed() < A_SECOND, "{:?}", revoked.elapsed());
    for reading in readings {
        let ended = reading.await.unwrap();
        let took = ended.at.saturating_duration_since(revoked);
        assert!(!ended.whole, "what was cut must not look whole");
        assert!(took < A_SECOND, "still coming after {took:?}");
    }
    for answer in [upload.answer, import.answer] {
        // Whoever still writes may find the line broken before it reads the answer.
        let (status, at) = answer.await.unwrap();
        assert!(
            status.is_none_or(|status| status == StatusCode::UNAUTHORIZED),
            "{status:?}"
        );
        let took = at.saturating_duration_since(revoked);
        assert!(took < A_SECOND, "still taken after {took:?}");
    }
    for parts in [upload.parts, import.parts] {
        let _ = parts.send(rest.to_vec());
    }
    wait::until(
        "nothing staged",
        async || staged(&fleet, &account),
        |left| *left == 0,
    )
    .await;
    let before = count(&fleet, FROM_LONG_AGO);
    assert!((100..=249).contains(&before), "{before}");
    assert_eq!(
        count(
            &fleet,
            "SELECT count(*) AS n FROM messages WHERE text = 'sent too late'"
        ),
        0
    );
    assert!(telegram.fault_hits(slow) > 0);
    // Another one, who may, does the same to its end.
    telegram.clear_fault(slow);
    let next = bearer(&fleet, &tokens::create(&data, "next", "admin"));
    let messages = format!("{head}{}]}}", String::from_utf8(imported(1..250)).unwrap());
    let body = serde_json::from_str(&messages).unwrap();
    let answer = next.post(&bring, body).await;
    let counts = &answer["import"];
    assert_eq!(
        (&counts["known"], &counts["added"]),
        (&json!(before), &json!(249 - before))
    );
}
