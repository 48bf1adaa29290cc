//! What the wire costs, beside its floor: the same bytes over loopback with nothing done to them.
//!
//! Server and clients share the process and its two worker threads. A figure here is therefore what a test or a
//! load tool on the same machine can count on, not what the server could do alone.
//!
//! `cargo bench -p switchboard-simulator --bench wire`

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench ends when something is wrong"
)]

#[path = "wire/floor.rs"]
mod floor;
#[path = "../tests/wire_support/mod.rs"]
mod wire_support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use switchboard_simulator::{
    port::{KeyId, Pusher},
    wire::{Wire, WireConfig, WireHandle, transport::FrameReader},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};
use wire_support::{
    backend::{ECHO, TestBackend},
    client::{RPC_RESULT, RawClient, Transport, call_body},
    library::Library,
};

const CONNECTIONS: u64 = 3;
const PUSHES: u64 = 300_000;
const CALLS: u64 = 120_000;
/// Calls under way per connection.
const WINDOW: u64 = 64;
const IDLE: usize = 5_000;
/// Body of a small update: what `updateShortMessage` with a line of text takes.
const UPDATE_LEN: usize = 120;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // `cargo test --benches` runs this too: then only to see that it works.
    let full = std::env::args().any(|argument| argument == "--bench");
    let scale = if full { 1 } else { 100 };
    println!("two worker threads, shared by server and clients\n");
    // First: later benches leave memory behind that this one would take for free.
    idle(IDLE / scale as usize).await;
    row(
        "frames, floor (raw loopback, 3 connections)",
        floor::frames(PUSHES / scale).await,
        None,
    );
    row(
        "pushes, raw readers that decrypt (3 connections)",
        pushes(PUSHES / scale).await,
        Some(40_000),
    );
    row(
        "pushes, grammers (3 connections)",
        pushes_to_grammers(PUSHES / 3 / scale).await,
        Some(40_000),
    );
    row(
        "round trips, floor (raw loopback, 3 connections)",
        floor::calls(CALLS / scale).await,
        None,
    );
    row(
        "small calls, raw clients (3 connections)",
        calls(CALLS / scale).await,
        Some(20_000),
    );
    row(
        "small calls, grammers (3 connections)",
        calls_of_grammers(CALLS / 2 / scale).await,
        Some(20_000),
    );
}

fn row(what: &str, per_second: f64, least: Option<u64>) {
    let verdict = match least {
        Some(least) if per_second < least as f64 => {
            format!("  BELOW the {least} that are asked for")
        }
        Some(least) => format!(
            "  ({:.1} times the {least} that are asked for)",
            per_second / least as f64
        ),
        None => String::new(),
    };
    println!("{what:<55} {per_second:>10.0} /s{verdict}");
}

fn key_bytes(number: u64) -> [u8; 256] {
    wire_support::seeded_key(number as u8 + 1)
}

async fn started() -> WireHandle {
    let backend = Arc::new(TestBackend {
        quiet: true,
        ..TestBackend::default()
    });
    Wire::start(WireConfig::loopback(&[2]), backend)
        .await
        .unwrap()
}

async fn raw_clients(wire: &WireHandle) -> Vec<(KeyId, RawClient)> {
    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let key = wire.install_key(2, key_bytes(number));
        let mut client = RawClient::ready(wire.addresses()[0].1, key_bytes(number)).await;
        client.call(ECHO, &[]).await;
        client.expect(RPC_RESULT).await;
        clients.push((key, client));
    }
    clients
}

/// Reads frames, opens each, and counts.
fn count_packets(mut client: RawClient, counter: Arc<AtomicU64>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut reader = FrameReader::new(1 << 20);
        reader.expect_full(client.got_frames);
        loop {
            if client.stream.read_buf(reader.room()).await.unwrap_or(0) == 0 {
                return;
            }
            reader.arrived();
            while let Some(payload) = reader.next_payload().unwrap() {
                grammers_crypto::decrypt_data_v2(reader.bytes(&payload), &client.key).unwrap();
                counter.fetch_add(1, Ordering::Release);
            }
        }
    })
}

/// Does `step` for each number, never more than a few thousand ahead of what was received.
async fn pace(total: u64, received: &AtomicU64, mut step: impl FnMut(u64)) {
    for number in 0..total {
        step(number);
        while number % 64 == 0 && number.saturating_sub(received.load(Ordering::Acquire)) > 4096 {
            tokio::task::yield_now().await;
        }
    }
    while received.load(Ordering::Acquire) < total {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

async fn pushes(total: u64) -> f64 {
    let wire = started().await;
    let received = Arc::new(AtomicU64::new(0));
    let mut keys = Vec::new();
    for (key, client) in raw_clients(&wire).await {
        keys.push(key);
        count_packets(client, Arc::clone(&received));
    }
    let update = vec![7; UPDATE_LEN];
    let begun = Instant::now();
    pace(total, &received, |number| {
        assert_eq!(wire.push(keys[(number % CONNECTIONS) as usize], &update), 1);
    })
    .await;
    let took = begun.elapsed();
    wire.shutdown().await;
    total as f64 / took.as_secs_f64()
}

async fn pushes_to_grammers(total: u64) -> f64 {
    use grammers_tl_types::{self as tl, Serializable};
    let wire = started().await;
    let received = Arc::new(AtomicU64::new(0));
    let mut keys = Vec::new();
    let mut libraries = Vec::new();
    for number in 0..CONNECTIONS {
        keys.push(wire.install_key(2, key_bytes(number)));
        let mut library = Library::start(2, wire.addresses()[0].1, key_bytes(number));
        library.raw(call_body(ECHO, &[])).await.unwrap();
        let (_, closed) = tokio::sync::mpsc::channel(1);
        let mut updates = std::mem::replace(&mut library.updates, closed);
        let received = Arc::clone(&received);
        tokio::spawn(async move {
            while updates.recv().await.is_some() {
                received.fetch_add(1, Ordering::Release);
            }
        });
        libraries.push(library);
    }
    let update = tl::enums::Updates::UpdateShortMessage(tl::types::UpdateShortMessage {
        out: false,
        mentioned: false,
        media_unread: false,
        silent: false,
        id: 1,
        user_id: 7,
        message: "a line of text as people write it, not long, not short".into(),
        pts: 1,
        pts_count: 1,
        date: 1,
        fwd_from: None,
        via_bot_id: None,
        reply_to: None,
        entities: None,
        ttl_period: None,
    })
    .to_bytes();
    let begun = Instant::now();
    pace(total, &received, |number| {
        assert_eq!(wire.push(keys[(number % CONNECTIONS) as usize], &update), 1);
    })
    .await;
    let took = begun.elapsed();
    drop(libraries);
    wire.shutdown().await;
    total as f64 / took.as_secs_f64()
}

/// Each connection keeps a window of calls under way.
async fn calls(total: u64) -> f64 {
    let wire = started().await;
    let clients = raw_clients(&wire).await;
    let begun = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|(_, client)| tokio::spawn(call_in_window(client, total / CONNECTIONS)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let took = begun.elapsed();
    wire.shutdown().await;
    total as f64 / took.as_secs_f64()
}

async fn call_in_window(mut client: RawClient, total: u64) {
    let mut reader = FrameReader::new(1 << 20);
    reader.expect_full(client.got_frames);
    let body = call_body(ECHO, &[1; 16]);
    let (mut sent, mut answered) = (0, 0);
    while answered < total {
        let mut out = Vec::new();
        while sent < total && sent - answered < WINDOW {
            let (msg_id, seqno) = (client.next_msg_id(), client.next_seqno(true));
            let packet = client.encrypted(msg_id, seqno, &body);
            out.extend(client.framed(&packet));
            sent += 1;
        }
        client.stream.write_all(&out).await.unwrap();
        assert!(client.stream.read_buf(reader.room()).await.unwrap() > 0);
        reader.arrived();
        while let Some(payload) = reader.next_payload().unwrap() {
            grammers_crypto::decrypt_data_v2(reader.bytes(&payload), &client.key).unwrap();
            answered += 1;
        }
    }
}

async fn calls_of_grammers(total: u64) -> f64 {
    let wire = started().await;
    let mut tasks = Vec::new();
    let mut libraries = Vec::new();
    for number in 0..CONNECTIONS {
        wire.install_key(2, key_bytes(number));
        let library = Library::start(2, wire.addresses()[0].1, key_bytes(number));
        library.raw(call_body(ECHO, &[])).await.unwrap();
        libraries.push(library);
    }
    let begun = Instant::now();
    for library in &libraries {
        for _ in 0..WINDOW {
            let handle = library.handle.thin.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..total / CONNECTIONS / WINDOW {
                    handle
                        .raw_invoke_in_dc(2, call_body(ECHO, &[1; 16]))
                        .await
                        .unwrap();
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let took = begun.elapsed();
    drop(libraries);
    wire.shutdown().await;
    (total / CONNECTIONS / WINDOW * CONNECTIONS * WINDOW) as f64 / took.as_secs_f64()
}

/// Memory of connections that have called once and then say nothing.
async fn idle(count: usize) {
    let wire = started().await;
    for number in 0..CONNECTIONS {
        wire.install_key(2, key_bytes(number));
    }
    let before = resident();
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let key = key_bytes(number as u64 % CONNECTIONS);
        let mut client =
            RawClient::connect(wire.addresses()[0].1, Transport::Full, false, key).await;
        client.settle().await;
        clients.push(client);
    }
    let each = resident().saturating_sub(before) / count as u64;
    let verdict = if each > 100 << 10 {
        "BELOW what is asked for"
    } else {
        "of the 100 KiB that are allowed"
    };
    println!(
        "{:<55} {:>10.1} KiB each, both ends  ({verdict})",
        format!("{} idle connections", wire.connections()),
        each as f64 / 1024.0
    );
    let begun = Instant::now();
    for client in &mut clients {
        client.ping(1).await;
    }
    for client in &mut clients {
        client.expect(wire_support::client::PONG).await;
    }
    println!(
        "{:<55} {:>10.0} ms",
        "one ping from each of them",
        begun.elapsed().as_secs_f64() * 1000.0
    );
    drop(clients);
    wire.shutdown().await;
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or(0)
        * 4096
}
