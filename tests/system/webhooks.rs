//! Webhooks: events posted to an address.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use switchboard::{domain::SecretText, web::sha256_hex, webhooks::sign};
use switchboard_simulator::{AccountSpec, PersonSpec};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::licence_phone::connect;
use crate::support::{
    fleet::{Fleet, FleetBuilder, phone},
    frames,
    oracle::received_in,
    wait,
};

const SECRET: &str = "a-secret-of-the-receiver";

/// Takes posts, or refuses them for a while.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    pub taken: Arc<Mutex<Vec<Value>>>,
    refused: Arc<Mutex<u32>>,
    refuses: Arc<Mutex<Refuses>>,
    owners: Arc<Mutex<Vec<String>>>,
    /// What posts are signed with; `None`: not looked at.
    pub secret: Arc<Mutex<Option<String>>>,
    /// `webhook-id` of each, in order.
    pub ids: Arc<Mutex<Vec<String>>>,
}

/// What a receiver does not take.
#[derive(Clone, Copy, Default)]
pub enum Refuses {
    #[default]
    Nothing,
    Everything,
    /// A message with this text.
    Text(&'static str),
    /// Says that it lies elsewhere.
    Elsewhere(&'static str),
    /// One post in each way that there is, so many times.
    InEveryWay,
}

/// What a receiver may answer that does not take a post; empty: it never does; one that stops in the middle is cut there.
const WAYS: [&str; 12] = [
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 20",
    "not a word of HTTP\r\n\r\n",
    "",
];

impl Receiver {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    pub async fn start_at(ip: &str) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let receiver = Self {
            url: format!("http://{}/events", listener.local_addr().unwrap()),
            taken: Arc::default(),
            refused: Arc::default(),
            refuses: Arc::default(),
            owners: Arc::default(),
            secret: Arc::new(Mutex::new(Some(SECRET.to_owned()))),
            ids: Arc::default(),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut part = [0; 8192];
                    while let Ok(read) = socket.read(&mut part).await {
                        bytes.extend_from_slice(&part[..read]);
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        if let Some(status) = serving.post(&text) {
                            let answer = if status.starts_with(char::is_numeric) {
                                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
                            } else {
                                status.to_owned()
                            };
                            let _ = socket.write_all(answer.as_bytes()).await;
                            bytes.clear();
                            if !answer.is_empty() && !answer.ends_with("\r\n\r\n") {
                                break;
                            }
                        }
                        if read == 0 {
                            break;
                        }
                    }
                });
            }
        });
        receiver
    }

    /// The status to answer with, once the request is whole.
    pub fn post(&self, text: &str) -> Option<&'static str> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let length: usize = header("content-length")?.parse().unwrap();
        if body.len() < length {
            return None;
        }
        let refuses = match *self.refuses.lock().unwrap() {
            Refuses::Nothing => false,
            Refuses::Everything => true,
            Refuses::Text(text) => body.contains(text),
            Refuses::InEveryWay => {
                let mut refused = self.refused.lock().unwrap();
                // Every other post is taken, so that the next one's pause is short again.
                let way = *refused as usize;
                *refused += 1;
                match WAYS.get(way / 2).filter(|_| way.is_multiple_of(2)) {
                    Some(answer) => return Some(answer),
                    None => false,
                }
            }
            Refuses::Elsewhere(answer) => {
                *self.refused.lock().unwrap() += 1;
                return Some(answer);
            }
        };
        if refuses {
            *self.refused.lock().unwrap() += 1;
            return Some("500 Internal Server Error");
        }
        let timestamp = header("x-switchboard-timestamp").unwrap();
        if let Some(secret) = self.secret.lock().unwrap().as_ref() {
            let secret = SecretText::new(secret.as_str());
            let wanted = format!("v1={}", sign(&secret, &timestamp, body));
            if header("x-switchboard-signature").unwrap() != wanted {
                *self.refused.lock().unwrap() += 1;
                return Some("401 Unauthorized");
            }
        }
        self.ids.lock().unwrap().push(header("webhook-id").unwrap());
        let event: Value = serde_json::from_str(body).unwrap();
        frames::hold(&event);
        assert_eq!(
            header("x-switchboard-event").unwrap(),
            event["event"].as_str().unwrap()
        );
        self.taken.lock().unwrap().push(event);
        self.owners
            .lock()
            .unwrap()
            .extend(header("x-switchboard-owner"));
        Some("204 No Content")
    }

    /// What was posted of a chat, as far as it was not posted again: posting is at least once, the number tells.
    pub fn received(&self, account: &str, chat: i64) -> Vec<(i32, bool)> {
        let mut known = HashSet::new();
        let mut taken = self.taken.lock().unwrap().clone();
        taken.retain(|event| known.insert(event["seq"].as_i64()));
        received_in(&taken, account, chat)
    }

    pub fn texts(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let received = taken
            .iter()
            .filter(|event| event["event"] == "message_received");
        received
            .map(|event| {
                event["data"]["message"]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    pub fn refuse(&self, what: Refuses) {
        *self.refuses.lock().unwrap() = what;
    }

    /// The texts, once the last one is there.
    pub async fn until(&self, last: &str) -> Vec<String> {
        let look = || async { self.texts() };
        let there = |texts: &Vec<String>| texts.iter().any(|text| text == last);
        wait::until(&format!("{last:?} at the webhook"), look, there).await
    }

    pub async fn until_refused(&self) {
        let before = *self.refused.lock().unwrap();
        let look = || async { *self.refused.lock().unwrap() };
        wait::until("a refusal", look, |count| *count > before).await;
    }
}

pub fn fleet_with(receivers: &[&str]) -> FleetBuilder {
    Fleet::builder()
        .env("SWITCHBOARD_WEBHOOKS", &receivers.join(","))
        .env("SWITCHBOARD_WEBHOOK_SECRET", SECRET)
}

/// Protects receivers: signed, in order, at least once; what happened while they or the service were away comes later.
#[tokio::test(flavor = "multi_thread")]
async fn events_reach_a_webhook_in_order_and_after_a_restart() {
    let receiver = Receiver::start().await;
    let mut fleet = fleet_with(&[&receiver.url]).accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for text in ["1", "2", "3"] {
        fleet.telegram.say(person, account.user, text);
    }
    assert_eq!(receiver.until("3").await, ["1", "2", "3"]);

    // The receiver is away: nothing else waits for it.
    receiver.refuse(Refuses::Everything);
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, account.user, "4");
    live.until(|frame| frame["data"]["message"]["text"] == "4")
        .await;
    receiver.until_refused().await;
    fleet.kill_service();
    receiver.refuse(Refuses::Nothing);
    fleet.start_service();
    fleet.telegram.say(person, account.user, "5");

    let mut texts = receiver.until("5").await;
    // At least once: what a crash interrupted may come twice, one after the other.
    texts.dedup();
    assert_eq!(texts, ["1", "2", "3", "4", "5"]);
    let seqs: Vec<i64> = receiver
        .taken
        .lock()
        .unwrap()
        .iter()
        .map(|event| event["seq"].as_i64().unwrap())
        .collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
    assert!(!fleet.service().log().contains(SECRET));
}

/// Protects receivers that are overloaded, misconfigured or half dead, in every way that there is: each event is posted until it
/// is taken, in order, and none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_in_every_way_misses_nothing() {
    let receiver = Receiver::start().await;
    let fleet = fleet_with(&[&receiver.url]).accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "first");
    receiver.until("first").await;
    receiver.refuse(Refuses::InEveryWay);
    let said: Vec<String> = (0..WAYS.len()).map(|way| format!("way {way}")).collect();
    for text in &said {
        fleet.telegram.say(person, account.user, text);
    }
    let last = said.last().unwrap();
    let texts = receiver.until(last).await;
    assert_eq!(texts[1..], said);
    let failed = *receiver.refused.lock().unwrap() as usize;
    assert!(failed >= 2 * WAYS.len(), "only {failed} posts");
}

/// Protects one customer from another's receiver: with an owner behind its address a webhook is told of that owner's
/// account alone, and each post says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_one_licence_hears_of_no_other() {
    let (one, all) = (Receiver::start().await, Receiver::start().await);
    let hash = |key: &str| sha256_hex(key);
    let of_one = format!("{}#licence={}", one.url, hash("licence-one"));
    let fleet = fleet_with(&[&of_one, &all.url]).start().await;
    let mut users = Vec::new();
    for (index, key) in ["licence-one", "licence-two"].into_iter().enumerate() {
        let number = phone(index);
        users.push(fleet.telegram.add_account(AccountSpec::new(&number, key)));
        let api = fleet.api.with_header("x-license-key", key);
        connect(&fleet, &api, &number).await;
    }
    for account in fleet.api.get("/accounts").await["accounts"]
        .as_array()
        .unwrap()
    {
        let id = account["id"].as_str().unwrap();
        fleet.wait_for_state(id, "online").await;
    }
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    fleet.telegram.say(person, users[1], "for licence two");
    all.until("for licence two").await;
    fleet.telegram.say(person, users[0], "for licence one");
    assert_eq!(one.until("for licence one").await, ["for licence one"]);
    all.until("for licence one").await;
    let own = format!("licence:{}", hash("licence-one"));
    let owners = one.owners.lock().unwrap().clone();
    assert!(owners.iter().all(|owner| *owner == own), "{owners:?}");
    let owners = all.owners.lock().unwrap().clone();
    for key in ["licence-one", "licence-two"] {
        assert!(owners.contains(&format!("licence:{}", hash(key))), "{key}");
    }
}
