//! Fetch: somebody who looks at files while everything goes wrong. A line that breaks is gone on with where it broke; what came whole
//! in the end is what Telegram has, byte for byte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Text},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Client, StatusCode, header::RANGE};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_simulator::{ChatRef, Simulator};

use super::{door::Door, facts::Facts, findings::Findings};
use crate::support::{fleet::FleetAccount, oracle::File};

const PAUSE: Duration = Duration::from_millis(400);
/// Of one file.
const TRIES: usize = 30;

#[derive(QueryableByName)]
struct Sent {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    chat: i64,
    #[diesel(sql_type = BigInt)]
    message_no: i64,
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub struct Fetcher {
    pub door: Door,
    pub telegram: Simulator,
    pub accounts: Vec<FleetAccount>,
    pub file: Arc<File>,
    pub findings: Findings,
    pub facts: Facts,
    pub over: Arc<AtomicBool>,
}

impl Fetcher {
    pub fn start(self, seed: u64) {
        self.facts.expect("a file was fetched whole");
        self.facts
            .expect("a file was gone on with where its line had broken");
        tokio::spawn(async move {
            let mut chance = StdRng::seed_from_u64(seed ^ 0xf11e);
            let client = self.door.client_within(Duration::from_secs(20));
            while !self.over.load(Ordering::Acquire) {
                tokio::time::sleep(PAUSE).await;
                let Some(sent) = self.some(&mut chance) else {
                    continue;
                };
                // Many look elsewhere before it is there.
                let hurried = chance.random_ratio(1, 3);
                self.fetch(&client, &sent, hurried).await;
            }
        });
    }

    /// One of the newest that came with a file.
    fn some(&self, chance: &mut StdRng) -> Option<Sent> {
        let newest: Vec<Sent> = sql_query(
            "SELECT id, telegram_account_id AS account, CAST(chat_id AS INTEGER) AS chat, message_no FROM messages \
             WHERE (media LIKE '%\"document\"%' OR media LIKE '%\"voice\"%') AND deleted_at IS NULL AND status = 'received' \
             ORDER BY id DESC LIMIT 40",
        )
        .load(&mut self.file.open())
        .unwrap_or_default();
        let at = chance.random_range(0..newest.len().max(1));
        newest.into_iter().nth(at)
    }

    /// As Telegram has it.
    fn real(&self, sent: &Sent) -> Option<[u8; 32]> {
        let user = self
            .accounts
            .iter()
            .find(|one| one.id == sent.account)?
            .user;
        let number = i32::try_from(sent.message_no).ok()?;
        let file = self
            .telegram
            .file_of(user, ChatRef::from(sent.chat), number);
        Some(hash(&self.telegram.file_bytes(file, "")?))
    }

    async fn fetch(&self, client: &Client, sent: &Sent, hurried: bool) {
        let mut read = Vec::new();
        for attempt in 0..TRIES {
            if self.over.load(Ordering::Acquire) {
                return;
            }
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let Some(link) = self.link(client, sent.id).await else {
                continue;
            };
            let from = read.len();
            let request = client.get(self.door.url(&link));
            let request = if from > 0 {
                request.header(RANGE, format!("bytes={from}-"))
            } else {
                request
            };
            let Ok(mut answer) = request.send().await else {
                continue;
            };
            match answer.status() {
                StatusCode::OK => read.clear(),
                StatusCode::PARTIAL_CONTENT => {
                    self.facts
                        .once("a file was gone on with where its line had broken");
                }
                // It was deleted meanwhile, or Telegram is away.
                _ => continue,
            }
            let whole = loop {
                match answer.chunk().await {
                    Ok(Some(piece)) => read.extend_from_slice(&piece),
                    Ok(None) => break true,
                    Err(_) => break false,
                }
                if hurried && attempt == 0 && read.len() > 16 << 10 {
                    break false;
                }
            };
            if whole {
                return self.judge(sent, &read);
            }
        }
    }

    fn judge(&self, sent: &Sent, read: &[u8]) {
        let Some(real) = self.real(sent) else { return };
        self.facts.once("a file was fetched whole");
        if hash(read) != real {
            self.findings.add(&format!(
                "the file of row {} ({}/{}) came with other bytes than Telegram has: {} of them",
                sent.id,
                sent.chat,
                sent.message_no,
                read.len()
            ));
        }
    }

    async fn link(&self, client: &Client, row: i64) -> Option<String> {
        let path = self.door.url(&format!("/messages/{row}"));
        let answer: Value = client.get(path).send().await.ok()?.json().await.ok()?;
        Some(answer["message"]["media"]["url"].as_str()?.to_owned())
    }
}
