//! The parts of the bench, and what they share: percentiles, the service's memory and processor time, a counting reader.

mod beside;
pub mod burst;
pub mod files;
pub mod flood;
pub mod growth;
pub mod memory;
pub mod orders;
pub mod paced;
pub mod page;
mod processor;
pub mod ratios;
pub mod readers;
pub mod relay;
mod replay;
pub mod start;
pub mod sync;
pub mod uploads;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use grammers_session::updates::UpdatesLike;
use grammers_tl_types::{enums, functions};
use switchboard::aside;
use switchboard_simulator::{AccountSpec, PersonSpec, Simulator};
use tokio::{net::TcpStream, runtime::Handle, sync::watch};

use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

pub use processor::processor;

use crate::{
    support::fleet::{Fleet, phone},
    world_support::Library,
};

pub fn seconds(default: u64) -> Duration {
    let asked = std::env::var("SERVICE_BENCH_SECONDS").ok();
    Duration::from_secs(asked.and_then(|text| text.parse().ok()).unwrap_or(default))
}

/// The size of each of ten large files; `SERVICE_BENCH_FILE_MIB` takes another number.
pub fn large() -> u64 {
    let asked = std::env::var("SERVICE_BENCH_FILE_MIB").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(1_024) << 20
}

/// Milliseconds at a share of sorted times.
pub fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let place = (times.len() as f64 * share) as usize;
    times
        .get(place.min(times.len().saturating_sub(1)))
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

pub fn told(what: &str, times: &mut [Duration]) {
    println!(
        "{what:<52} n={:<6} p50 {:>7.2} ms  p99 {:>7.2} ms  max {:>7.2} ms",
        times.len(),
        percentile(times, 0.5),
        percentile(times, 0.99),
        percentile(times, 1.0)
    );
}

/// Resident memory of a process, in kibibytes.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|text| text.parse().ok()).expect("VmRSS")
}

pub fn people(telegram: &Simulator, count: usize) -> Vec<i64> {
    (0..count)
        .map(|number| telegram.add_person(PersonSpec::new(&format!("Contact {number}"))))
        .collect()
}

/// Accounts with bare grammers on each, which hands over what it is pushed and does nothing else.
pub async fn bare_accounts(
    telegram: &Simulator,
    count: usize,
    pushed: impl Fn(enums::Updates) + Clone + Send + 'static,
) -> Vec<i64> {
    let mut accounts = Vec::new();
    for number in 0..count {
        let account = telegram.add_account(AccountSpec::new(&phone(number), "Account"));
        let mut library = Library::start(telegram, account);
        library
            .call(&functions::updates::GetState {})
            .await
            .expect("signed in");
        let pushed = pushed.clone();
        tokio::spawn(async move {
            while let Some(update) = library.updates.recv().await {
                if let UpdatesLike::Updates(updates) = update {
                    pushed(updates);
                }
            }
        });
        accounts.push(account);
    }
    accounts
}

/// A dashboard that checks the numbers, counts new messages and keeps nothing.
pub struct Reader {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    seq: Option<u64>,
}

impl Reader {
    pub async fn open(address: &str) -> Self {
        let (socket, _) = connect_async(format!("ws://{address}/ws"))
            .await
            .expect("let in");
        let mut reader = Self { socket, seq: None };
        let hello = reader.frame().await;
        assert!(hello.contains("\"hello\""), "{hello}");
        reader
    }

    async fn frame(&mut self) -> String {
        loop {
            match self.socket.next().await.expect("open").expect("whole") {
                Message::Text(text) => return text.as_str().to_owned(),
                other => assert!(!other.is_close(), "the service hung up"),
            }
        }
    }

    /// The text of the next new message's frame.
    pub async fn message(&mut self) -> String {
        loop {
            let frame = self.frame().await;
            let Some(seq) = seq_of(&frame) else { continue };
            if let Some(before) = self.seq.replace(seq) {
                assert_eq!(seq, before + 1, "a number is missing");
            }
            if frame.as_bytes()[..frame.len().min(120)]
                .windows(18)
                .any(|part| part == b"\"message_received\"")
            {
                return frame;
            }
        }
    }

    /// Counts until `count` messages were read.
    pub async fn count(mut self, count: watch::Sender<u64>, limit: impl Fn() -> u64) -> Self {
        let mut read = *count.borrow();
        while read < limit() {
            self.message().await;
            read += 1;
            count.send_replace(read);
        }
        self
    }
}

fn seq_of(frame: &str) -> Option<u64> {
    let digits = frame.strip_prefix("{\"seq\":")?;
    digits[..digits.find(',')?].parse().ok()
}

/// The number that [`numbered`] put into a text.
pub fn number_in(frame: &str) -> Option<usize> {
    let at = frame.find("number ")? + 7;
    let digits: String = frame[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

pub fn numbered(number: usize) -> String {
    format!("number {number} of the messages that people write to a desk like this one")
}

/// Waits for a moment of the clock, spinning over its last part: timers of the runtime are a millisecond coarse.
pub async fn at(moment: Instant) {
    let coarse = moment.saturating_duration_since(Instant::now());
    if let Some(sleep) = coarse.checked_sub(Duration::from_millis(2)) {
        tokio::time::sleep(sleep).await;
    }
    while Instant::now() < moment {
        tokio::task::yield_now().await;
    }
}

/// Adds accounts until there are so many, and waits until all of them are online.
pub async fn fill(fleet: &mut Fleet, count: usize) {
    while fleet.accounts.len() < count {
        let label = format!("Account {}", fleet.accounts.len() + 1);
        fleet.add_account(&label).await;
    }
    all_online(fleet).await;
}

/// Threads of those who send and fetch large files. In truth they are on other machines; on this one they give way, or what is
/// measured beside them would be their own share of the processor.
pub fn elsewhere() -> Handle {
    aside::handle()
}

pub async fn all_online(fleet: &Fleet) {
    loop {
        let metrics = fleet.api.get("/metrics").await;
        let text = metrics.as_str().expect("text");
        let online = text
            .lines()
            .find(|line| line.starts_with("switchboard_accounts{state=\"online\"}"))
            .and_then(|line| line.rsplit(' ').next())
            .and_then(|number| number.parse::<usize>().ok());
        if online == Some(fleet.accounts.len()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
