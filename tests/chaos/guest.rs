//! Guest: somebody with a token of their own, which is revoked while they listen. From then on they are told nothing.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::{
    door::Door,
    facts::{Facts, struck},
    findings::Findings,
    plan::Kind,
};
use crate::support::live::Live;

/// For calls that have to be answered some time: the service may be away meanwhile.
const INSISTS: Duration = Duration::from_secs(100);
/// A token's end is known everywhere within a second; the service may be dead, stopped or starting meanwhile.
const SHUT: Duration = Duration::from_secs(90);

/// A second, and a little for a machine that is busy.
const ELSEWHERE: Duration = Duration::from_millis(1_500);
const LOOK: Duration = Duration::from_millis(50);

pub const STRUCK: &str = "a token was revoked while its owner listened";

/// Comes, listens for a while, and is shown out: at several doors, where there are, each of this at another one.
pub async fn visit(doors: Vec<Door>, stays: Duration, findings: Findings, facts: Facts) {
    facts.expect(STRUCK);
    let client = doors[0].client_within(Duration::from_secs(15));
    let body = json!({ "name": "guest", "scope": "read" });
    let Some(made) = insist(&client, Method::POST, (&doors, "/tokens"), Some(body)).await else {
        findings.add("no token could be made");
        return;
    };
    let (Some(id), Some(text)) = (made["token"]["id"].as_i64(), made["secret"].as_str()) else {
        findings.add(&format!("a token was made without its text: {made}"));
        return;
    };
    let listened = &doors[usize::from(doors.len() > 1)];
    let guest = listened.with(text);
    let mut live = Live::resume(&guest.address, 0, &guest.headers()).await;
    let listens = async {
        while let Some(socket) = &mut live {
            if socket.until_broken().await.is_none() {
                return;
            }
        }
        std::future::pending::<()>().await;
    };
    let _ = tokio::time::timeout(stays, listens).await;
    let path = format!("/tokens/{id}");
    let mut there = doors.clone();
    there.reverse();
    if insist(&client, Method::DELETE, (&there, &path), None)
        .await
        .is_none()
    {
        findings.add("a token could not be revoked");
        return;
    }
    facts.once(STRUCK);
    facts.once(&struck(Kind::TokenRevoked));
    // The door that was told refuses at once, the others within a second.
    let limit = match doors.len() {
        1 => Duration::ZERO,
        _ => ELSEWHERE,
    };
    let (asked, revoked) = (guest.client_within(Duration::from_secs(15)), Instant::now());
    for door in &doors {
        loop {
            let late = revoked.elapsed() > limit;
            let answer = asked.get(door.url("/accounts")).send().await;
            if answer.map_or(true, |answer| answer.status() != StatusCode::OK) {
                break;
            }
            if late {
                findings.add("a revoked token is still let in");
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    let shut = async {
        while let Some(socket) = &mut live {
            if socket.until_broken().await.is_none() {
                return;
            }
        }
    };
    if tokio::time::timeout(SHUT, shut).await.is_err() {
        findings.add(&format!("a revoked token still listens after {SHUT:?}"));
    }
}

/// Asks until it is carried out, at one door after the other; its answer, or null where there is none.
async fn insist(
    client: &Client,
    method: Method,
    (doors, path): (&[Door], &str),
    body: Option<Value>,
) -> Option<Value> {
    let began = Instant::now();
    for door in doors.iter().cycle() {
        if began.elapsed() > INSISTS {
            break;
        }
        let mut request = client.request(method.clone(), door.url(path));
        if let Some(body) = &body {
            request = request.json(body);
        }
        if let Ok(response) = request.send().await {
            let gone = response.status() == StatusCode::NOT_FOUND && method == Method::DELETE;
            if response.status().is_success() || gone {
                return Some(response.json().await.unwrap_or(Value::Null));
            }
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    None
}
