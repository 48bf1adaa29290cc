//! Scene: an account with a chat in which files are sent, and what is asked of the service there.

use std::{fs, path::PathBuf};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use switchboard_simulator::{Fault, PersonSpec, world::Media};

use crate::support::{
    fleet::{Fleet, FleetAccount},
    wait,
};

pub const PART: i64 = 512 * 1024;
pub const GET_FILE: &str = "upload.getFile";

pub fn document(size: i64) -> Media {
    named("report.bin", "application/octet-stream", size)
}

pub fn named(name: &str, mime: &str, size: i64) -> Media {
    Media::Document {
        name: name.to_owned(),
        mime: mime.to_owned(),
        size,
    }
}

pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn ask(fleet: &Fleet, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
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

pub async fn get(fleet: &Fleet, path: &str) -> Answer {
    ask(fleet, Method::GET, path, &[]).await
}

/// One account with one chat.
pub struct Scene {
    pub fleet: Fleet,
    pub account: FleetAccount,
    pub person: i64,
}

/// A message with a file, on both sides.
pub struct Sent {
    /// In the service's JSON.
    pub media: Value,
    pub row: i64,
    /// Of the simulated Telegram.
    pub file: i64,
}

impl Sent {
    pub fn url(&self) -> &str {
        self.media["url"].as_str().unwrap()
    }
}

impl Scene {
    pub async fn build() -> Self {
        Self::of(Fleet::builder().accounts(1).start().await).await
    }

    pub async fn of(fleet: Fleet) -> Self {
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

    pub async fn send(&self, media: Media) -> Sent {
        self.send_to(&self.account, self.account.user, self.person, media)
            .await
    }

    /// `to`: where the person says it; `chat`: what that is for the account.
    pub async fn send_to(&self, account: &FleetAccount, to: i64, chat: i64, media: Media) -> Sent {
        let telegram = &self.fleet.telegram;
        let caption = format!("file {}", telegram.look(|world| world.message_count()));
        let id = telegram.say_media(self.person, to, media, &caption);
        self.seen(account, chat, id, &caption).await
    }

    pub async fn seen(&self, account: &FleetAccount, chat: i64, id: i32, caption: &str) -> Sent {
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

    pub fn bytes(&self, sent: &Sent) -> Vec<u8> {
        self.fleet.telegram.file_bytes(sent.file, "").unwrap()
    }

    pub async fn check_whole(&self, sent: &Sent) {
        let answer = get(&self.fleet, sent.url()).await;
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        let wanted = self.bytes(sent);
        assert_eq!(answer.body.len(), wanted.len());
        assert_eq!(digest(&answer.body), digest(&wanted));
    }

    pub fn calls(&self, method: &str) -> u64 {
        self.fleet
            .telegram
            .look(|world| world.methods.get(method).copied().unwrap_or_default())
    }

    pub fn fault(&self, fault: Fault) {
        self.fleet.telegram.set_fault(fault);
    }

    pub async fn until_calls(&self, method: &str, count: u64) {
        wait::until(
            &format!("{count} calls of {method}"),
            || async { self.calls(method) },
            |calls| *calls >= count,
        )
        .await;
    }

    pub fn folder(&self) -> PathBuf {
        self.fleet.data_dir().join("media")
    }

    /// Whole files of an account, by size.
    pub fn kept(&self, account: &FleetAccount) -> Vec<u64> {
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

    pub async fn until_kept(&self, sizes: &[i64]) {
        let sizes: Vec<u64> = sizes.iter().map(|size| *size as u64).collect();
        wait::until(
            &format!("{sizes:?} to be kept"),
            || async { self.kept(&self.account) },
            |kept| *kept == sizes,
        )
        .await;
    }
}
