//! Readers: a thousand dashboards at a hundred messages a second, one of which never reads.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc, task::JoinSet};

use super::{Reader, at, number_in, numbered, people, resident, seconds, told};
use crate::support::fleet::Fleet;

const READERS: usize = 1_000;
const GAP: Duration = Duration::from_millis(10);

pub async fn run() {
    let length = seconds(10).min(Duration::from_secs(60));
    println!("readers: {READERS} dashboards, 100 messages a second, {length:?}");
    for deaf in [0, 1] {
        let (mut delays, held) = service(length, deaf).await;
        let what = format!("{READERS} readers, {deaf} that never read, {held:.1} MB");
        told(&what, &mut delays);
    }
    println!();
}

async fn service(length: Duration, deaf: usize) -> (Vec<Duration>, f64) {
    let fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].user;
    let person = people(&fleet.telegram, 1)[0];
    let mut silent = Vec::new();
    for _ in 0..deaf {
        silent.push(never_reads(fleet.address()).await);
    }
    let (tell, mut heard) = mpsc::unbounded_channel();
    let mut reading = JoinSet::new();
    for _ in 0..READERS {
        let mut reader = Reader::open(fleet.address()).await;
        let tell = tell.clone();
        reading.spawn(async move {
            loop {
                let frame = reader.message().await;
                let heard = (number_in(&frame).expect("a number"), Instant::now());
                tell.send(heard).expect("the bench counts");
            }
        });
    }
    let gaps = u32::try_from(length.as_millis() / GAP.as_millis()).expect("short enough");
    let start = Instant::now() + GAP;
    let mut said = Vec::new();
    for number in 0..gaps {
        at(start + GAP * number).await;
        said.push(Instant::now());
        fleet
            .telegram
            .say(person, account, &numbered(number as usize));
    }
    let mut delays = Vec::with_capacity(said.len() * READERS);
    while delays.len() < said.len() * READERS {
        let (number, when) = heard.recv().await.expect("the readers live");
        delays.push(when - said[number]);
    }
    let held = resident(fleet.service().pid()) as f64 / 1024.0;
    reading.abort_all();
    drop(silent);
    (delays, held)
}

/// Asks for the stream and never reads a byte of it.
async fn never_reads(address: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("connects");
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3dpdGNoYm9hcmQgYmVuY2g=\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("asks");
    socket
}
