//! Hooks: two webhook receivers. One takes everything; the other fails in every way that a receiver can.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{facts::Facts, findings::Findings, listen::Listener};
use crate::support::frames;

/// What a receiver does with one post.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Takes,
    /// Takes it, and hangs up instead of saying so: it is posted again.
    TakesSilently,
    Says(&'static str),
    HangsUp,
    /// Half of an answer.
    Stops,
    /// Answers after a while.
    Dawdles,
    /// Never answers.
    Sleeps,
}

const MOODS: [Mood; 14] = [
    Mood::TakesSilently,
    Mood::Says("500 Internal Server Error"),
    Mood::Says("503 Service Unavailable"),
    Mood::Says("400 Bad Request"),
    Mood::Says("404 Not Found"),
    Mood::Says("410 Gone"),
    Mood::Says("413 Content Too Large"),
    Mood::Says("429 Too Many Requests\r\nRetry-After: 1"),
    Mood::Says("302 Found\r\nLocation: http://127.0.0.1:9/"),
    Mood::Says("401 Unauthorized"),
    Mood::HangsUp,
    Mood::Stops,
    Mood::Dawdles,
    Mood::Sleeps,
];

/// Of a hundred posts, how many are not simply taken.
#[derive(Clone)]
pub struct Manners(Arc<AtomicU32>);

impl Manners {
    pub fn set(&self, bad: u32) {
        self.0.store(bad, Ordering::Release);
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }
}

pub struct Hook {
    pub url: String,
    pub manners: Manners,
    listener: Listener,
    socket: TcpListener,
}

impl Hook {
    pub async fn bind(name: &str, bad: u32) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self {
            url: format!("http://{}/events", socket.local_addr().expect("a port")),
            listener: Listener::new(name, 0, true),
            socket,
            manners: Manners(Arc::new(AtomicU32::new(bad))),
        }
    }

    /// What came before `after` is none of its business.
    pub fn serve(self, after: i64, seed: u64, findings: &Findings, facts: &Facts) -> Listener {
        let mut chance = StdRng::seed_from_u64(seed ^ 0x400c);
        let listener = self.listener.clone();
        *listener.fold() = super::fold::Fold::from(after);
        let (findings, facts) = (findings.clone(), facts.clone());
        if self.manners.get() > 0 {
            for mood in MOODS {
                facts.expect(&fact(mood));
            }
        }
        let own = listener.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.socket.accept().await {
                let (own, findings, facts) = (own.clone(), findings.clone(), facts.clone());
                let (manners, seed) = (self.manners.clone(), chance.random());
                tokio::spawn(async move {
                    converse(
                        stream,
                        &manners,
                        StdRng::seed_from_u64(seed),
                        &own,
                        &findings,
                        &facts,
                    )
                    .await;
                });
            }
        });
        listener
    }
}

fn fact(mood: Mood) -> String {
    format!("the receiver was {mood:?}").replace("\\r\\n", ", ")
}

async fn converse(
    mut stream: TcpStream,
    manners: &Manners,
    mut chance: StdRng,
    listener: &Listener,
    findings: &Findings,
    facts: &Facts,
) {
    while let Some((id, body)) = post(&mut stream).await {
        let bad = manners.get();
        let mood = if chance.random_range(0..100) < bad {
            MOODS[chance.random_range(0..MOODS.len())]
        } else {
            Mood::Takes
        };
        if bad > 0 {
            facts.once(&fact(mood));
        }
        let takes = matches!(mood, Mood::Takes | Mood::TakesSilently | Mood::Dawdles);
        match serde_json::from_str::<Value>(&body) {
            Ok(event) if takes => {
                frames::hold(&event);
                listener.fold().under(&event, &id);
                listener.take(&event);
            }
            Ok(_) => {}
            Err(error) => findings.add(&format!("{} was posted no JSON: {error}", listener.name)),
        }
        let taken = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".to_owned();
        let answer = match mood {
            Mood::Takes => taken,
            Mood::Says(status) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
            Mood::TakesSilently | Mood::HangsUp => return,
            Mood::Stops => {
                let _ = stream.write_all(b"HTTP/1.1 20").await;
                return;
            }
            Mood::Dawdles => {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                taken
            }
            Mood::Sleeps => {
                // Until the other side has had enough.
                let mut rest = [0; 64];
                while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
                return;
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The `webhook-id` and the body of the next whole request.
async fn post(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
            let body = &bytes[end + 4..];
            if body.len() >= length {
                let id = head
                    .lines()
                    .find_map(|line| line.strip_prefix("webhook-id:"))?
                    .trim();
                let body = String::from_utf8_lossy(&body[..length]).into_owned();
                return Some((id.to_owned(), body));
            }
        }
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return None,
        }
    }
}
