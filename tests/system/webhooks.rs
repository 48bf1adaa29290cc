//! Webhooks: events posted to an address.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use switchboard::{domain::SecretText, webhooks::sign};
use switchboard_simulator::PersonSpec;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{fleet::Fleet, wait};

const SECRET: &str = "a-secret-of-the-receiver";

/// Takes posts, or refuses them for a while.
#[derive(Clone)]
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<Value>>>,
    refused: Arc<Mutex<u32>>,
    refuses: Arc<Mutex<bool>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/events", listener.local_addr().unwrap()),
            taken: Arc::default(),
            refused: Arc::default(),
            refuses: Arc::default(),
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
                            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                            let _ = socket.write_all(answer.as_bytes()).await;
                            bytes.clear();
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
    fn post(&self, text: &str) -> Option<&'static str> {
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
        if *self.refuses.lock().unwrap() {
            *self.refused.lock().unwrap() += 1;
            return Some("500 Internal Server Error");
        }
        let timestamp = header("x-switchboard-timestamp").unwrap();
        let wanted = format!("v1={}", sign(&SecretText::new(SECRET), &timestamp, body));
        assert_eq!(header("x-switchboard-signature").unwrap(), wanted);
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            header("x-switchboard-event").unwrap(),
            event["event"].as_str().unwrap()
        );
        self.taken.lock().unwrap().push(event);
        Some("204 No Content")
    }

    fn texts(&self) -> Vec<String> {
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
}

/// Protects receivers: signed, in order, at least once; what happened while they or the service were away comes later.
#[tokio::test(flavor = "multi_thread")]
async fn events_reach_a_webhook_in_order_and_after_a_restart() {
    let receiver = Receiver::start().await;
    let mut fleet = Fleet::builder()
        .accounts(1)
        .env("SWITCHBOARD_WEBHOOKS", &receiver.url)
        .env("SWITCHBOARD_WEBHOOK_SECRET", SECRET)
        .start()
        .await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Contact one"));
    for text in ["1", "2", "3"] {
        fleet.telegram.say(person, account.user, text);
    }
    let until = |count: usize| {
        let receiver = receiver.clone();
        async move {
            let look = || async { receiver.texts() };
            wait::until("the events", look, |texts| texts.len() >= count).await
        }
    };
    assert_eq!(until(3).await, ["1", "2", "3"]);

    // The receiver is away: nothing else waits for it.
    *receiver.refuses.lock().unwrap() = true;
    let mut live = fleet.live(None).await;
    fleet.telegram.say(person, account.user, "4");
    live.until(|frame| frame["data"]["message"]["text"] == "4")
        .await;
    wait::until(
        "a refusal",
        || async { *receiver.refused.lock().unwrap() },
        |count| *count > 0,
    )
    .await;
    fleet.kill_service();
    *receiver.refuses.lock().unwrap() = false;
    fleet.start_service();
    fleet.telegram.say(person, account.user, "5");

    let mut texts = until(5).await;
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
