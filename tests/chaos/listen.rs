//! Listeners over the network's own lines: a WebSocket that resumes, a program that polls, a client that stops reading.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::StatusCode;
use serde_json::Value;

use super::{
    door::Door,
    facts::{Facts, struck},
    findings::Findings,
    fold::Fold,
    plan::Kind,
};
use crate::support::live::Live;

/// Between two tries to come back.
const PAUSE: Duration = Duration::from_millis(60);
/// For what has come already.
const AT_ONCE: Duration = Duration::from_secs(5);

/// What one listener was told.
#[derive(Clone)]
pub struct Listener {
    pub name: String,
    fold: Arc<Mutex<Fold>>,
    /// The same event may come twice.
    pub at_least_once: bool,
}

impl Listener {
    pub fn new(name: &str, after: i64, at_least_once: bool) -> Self {
        Self {
            name: name.to_owned(),
            fold: Arc::new(Mutex::new(Fold::from(after))),
            at_least_once,
        }
    }

    pub fn fold(&self) -> MutexGuard<'_, Fold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&self, frame: &Value) {
        self.fold().take(frame, self.at_least_once);
    }
}

/// A dashboard: it comes back after each cut, from where it was, at the next door.
pub fn socket(
    (name, doors): (&str, &[Door]),
    after: i64,
    findings: &Findings,
    facts: &Facts,
) -> Listener {
    let listener = Listener::new(name, after, false);
    facts.expect("the WebSocket was resumed");
    let (own, doors, findings, facts) = (
        listener.clone(),
        doors.to_vec(),
        findings.clone(),
        facts.clone(),
    );
    tokio::spawn(async move {
        let mut opened = 0;
        for door in doors.iter().cycle() {
            let last = own.fold().last;
            let Some(mut live) = Live::resume(&door.address, last, &door.headers()).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            opened += 1;
            facts.add("the WebSocket was resumed", u64::from(opened > 1));
            while let Some(frame) = live.until_broken().await {
                if frame["event"] == "resync" {
                    let name = &own.name;
                    findings.add(&format!("{name} was told to begin anew after {last}"));
                }
                own.take(&frame);
            }
        }
    });
    listener
}

/// A program that asks for events and waits for the next, at one door after the other.
pub fn poll(
    (name, doors): (&str, &[Door]),
    after: i64,
    findings: &Findings,
    facts: &Facts,
) -> Listener {
    let listener = Listener::new(name, after, false);
    facts.expect("GET /events was cut off");
    let (own, doors, findings, facts) = (
        listener.clone(),
        doors.to_vec(),
        findings.clone(),
        facts.clone(),
    );
    let client = doors[0].client();
    tokio::spawn(async move {
        for door in doors.iter().cycle() {
            let last = own.fold().last;
            let url = door.url(&format!("/events?after={last}&limit=200&wait=10"));
            let asked = client
                .get(url)
                .timeout(Duration::from_secs(25))
                .send()
                .await;
            let Ok(response) = asked else {
                facts.once("GET /events was cut off");
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            if response.status() == StatusCode::GONE {
                findings.add(&format!("GET /events?after={last} is answered 410"));
            }
            let ready = response.status().is_success();
            let Ok(answer) = response.json::<Value>().await else {
                facts.once("GET /events was cut off");
                continue;
            };
            if !ready {
                tokio::time::sleep(PAUSE * 5).await;
                continue;
            }
            for event in answer["events"].as_array().into_iter().flatten() {
                own.take(event);
            }
            let mut fold = own.fold();
            let next = answer["next_after"].as_i64().unwrap_or(last);
            if next < fold.last {
                findings.add(&format!(
                    "GET /events names {next} as the next after {}",
                    fold.last
                ));
            }
            fold.last = fold.last.max(next);
        }
    });
    listener
}

/// Opens a WebSocket from the beginning and reads nothing for a while.
pub fn stall(door: &Door, lasts: Duration, facts: &Facts) {
    let (door, facts) = (door.clone(), facts.clone());
    tokio::spawn(async move {
        let Some(mut live) = Live::resume(&door.address, 0, &door.headers()).await else {
            return;
        };
        tokio::time::sleep(lasts).await;
        facts.once(&struck(Kind::StalledReader));
        // What lies in the line comes first; behind it is the end, if nobody waited for this one.
        let to_the_end = async { while live.until_broken().await.is_some() {} };
        if tokio::time::timeout(AT_ONCE, to_the_end).await.is_ok() {
            facts.once("a reader that stood still was hung up on");
        }
    });
}
