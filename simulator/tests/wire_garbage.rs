//! Whatever comes to the port, the server stays up and serves others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use switchboard_simulator::wire::{Limits, Wire, WireConfig, WireHandle, tl::Put};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use wire_support::{
    backend::{ECHO, ECHOED, TestBackend},
    client::{RawClient, Transport, call_body},
    seeded_key, soon, until,
};

async fn started(limits: Limits) -> WireHandle {
    let config = WireConfig {
        limits,
        ..WireConfig::loopback(&[2])
    };
    let wire = Wire::start(config, Arc::new(TestBackend::default()))
        .await
        .unwrap();
    wire.install_key(2, seeded_key(1));
    wire
}

async fn serves(wire: &WireHandle) {
    let mut client = RawClient::ready(wire.addresses()[0].1, seeded_key(1)).await;
    let call = client.call(ECHO, &[3; 8]).await;
    assert_eq!(client.result(call).await, call_body(ECHOED, &[3; 8]));
}

/// Sends bytes and closes; the server may hang up in the middle.
async fn throw(wire: &WireHandle, bytes: &[u8]) {
    let mut stream = soon("a connection", TcpStream::connect(wire.addresses()[0].1))
        .await
        .unwrap();
    let _ = stream.write_all(bytes).await;
}

/// A first piece that settles the transport, so that what follows is read as frames.
fn openings() -> Vec<Vec<u8>> {
    vec![
        vec![],
        vec![0xef],
        vec![0xee; 4],
        vec![0xdd; 4],
        vec![16, 0, 0, 0, 0, 0, 0, 0],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0x16, 0x03, 0x01, 0x02],
        vec![0xff; 64],
    ]
}

/// Protects: random bytes of any length, after every beginning, take nothing down.
#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_take_nothing_down() {
    let wire = started(Limits::default()).await;
    let mut rng = StdRng::seed_from_u64(1);
    for round in 0..600 {
        let mut bytes = openings()[round % openings().len()].clone();
        let len = rng.random_range(0..3000);
        bytes.extend((0..len).map(|_| rng.random::<u8>()));
        throw(&wire, &bytes).await;
    }
    until("all of them to be gone", || wire.connections() == 0).await;
    serves(&wire).await;
    wire.shutdown().await;
}

/// Protects: a valid conversation cut off or damaged at any byte takes nothing down.
#[tokio::test(flavor = "multi_thread")]
async fn truncated_and_damaged_conversations_take_nothing_down() {
    let wire = started(Limits::default()).await;
    let mut rng = StdRng::seed_from_u64(2);
    for transport in [
        Transport::Full,
        Transport::Intermediate,
        Transport::Padded,
        Transport::Abridged,
    ] {
        let recorded = record(transport).await;
        for round in 0..150 {
            let mut bytes = recorded.clone();
            if round % 2 == 0 {
                bytes.truncate(rng.random_range(0..bytes.len()));
            } else {
                let at = rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
            throw(&wire, &bytes).await;
        }
    }
    until("all of them to be gone", || wire.connections() == 0).await;
    serves(&wire).await;
    wire.shutdown().await;
}

/// What a client sends: a request for a key, and two encrypted packets.
async fn record(transport: Transport) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = RawClient::connect(
        listener.local_addr().unwrap(),
        transport,
        false,
        seeded_key(1),
    )
    .await;
    let (mut server, _) = listener.accept().await.unwrap();
    let mut plain = vec![0; 16];
    plain.put_u32(20);
    plain.put_u32(0xbe7e_8ef1);
    plain.extend_from_slice(&[7; 16]);
    client.send_frame(&plain).await;
    client.ping(1).await;
    client.call(ECHO, &[0; 64]).await;
    drop(client);
    let mut bytes = Vec::new();
    server.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// Protects: a frame that announces gigabytes is refused at once and reserves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn oversized_lengths_are_refused_at_once() {
    let wire = started(Limits::default()).await;
    let full = [0xffff_fffc_u32, 0].map(u32::to_le_bytes).concat();
    for bytes in [
        [&[0xee; 4][..], &0x7fff_fffc_u32.to_le_bytes()].concat(),
        [&[0xdd; 4][..], &0x7fff_ffff_u32.to_le_bytes()].concat(),
        vec![0xef, 0x7f, 0xff, 0xff, 0xff],
        full,
    ] {
        let mut stream = TcpStream::connect(wire.addresses()[0].1).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        let _ = soon("the server to hang up", stream.read_to_end(&mut rest)).await;
    }
    assert_eq!(wire.counters().violations, 4);
    serves(&wire).await;
    wire.shutdown().await;
}

/// Protects: damaged content under a valid key (random bodies, lying lengths, containers of nonsense) is answered
/// or refused, and the server stays up.
#[tokio::test(flavor = "multi_thread")]
async fn nonsense_under_a_valid_key_takes_nothing_down() {
    let wire = started(Limits::default()).await;
    let mut rng = StdRng::seed_from_u64(3);
    let constructors = [
        0x73f1_f8dc_u32,
        0x3072_cfa1,
        0x62d6_b459,
        0xda9b_0d0d,
        0xc1cd_5ea9,
        0xcb9f_372d,
        0x3dc4_b4f0,
        0xcdd4_2a05,
        0xb921_bd04,
        0xf342_7b8c,
        0xda69_fb52,
        0x7d86_1a08,
        0x58e4_a740,
    ];
    for round in 0..40 {
        let mut client = RawClient::ready(wire.addresses()[0].1, seeded_key(1)).await;
        for constructor in constructors {
            let mut body = constructor.to_le_bytes().to_vec();
            let words = rng.random_range(0..40);
            for _ in 0..words {
                let word = if rng.random_bool(0.3) {
                    constructors[round % 13]
                } else {
                    rng.random()
                };
                body.put_u32(word >> (rng.random_range(0..4) * 8));
            }
            client.say(true, &body).await;
        }
    }
    until("all of them to be gone", || wire.connections() == 0).await;
    serves(&wire).await;
    wire.shutdown().await;
}

/// Protects: a hundred thousand short connections one after the other leave nothing behind. `WIRE_CONNECTIONS`
/// takes another number.
#[tokio::test(flavor = "multi_thread")]
async fn many_short_connections_leave_nothing_behind() {
    let count: usize =
        std::env::var("WIRE_CONNECTIONS").map_or(100_000, |count| count.parse().unwrap());
    let wire = started(Limits::default()).await;
    for round in 0..count {
        let bytes: &[u8] = match round % 4 {
            0 => &[],
            1 => &[0xef, 1, 0, 0, 0, 0],
            2 => &[0xee, 0xee, 0xee, 0xee, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            _ => &[0x55; 80],
        };
        throw(&wire, bytes).await;
    }
    // The last ones may not have been taken yet.
    let gone = || wire.counters().connections_closed == count as u64;
    until("all of them to be gone", gone).await;
    assert_eq!(wire.counters().connections_opened, count as u64);
    assert_eq!(wire.connections(), 0);
    serves(&wire).await;
    wire.shutdown().await;
}

/// Protects: hundreds of idle connections at once disturb nobody and end with their time.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_silent_connections_disturbs_nobody() {
    let wire = started(Limits {
        unauthenticated: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let mut crowd = Vec::new();
    for _ in 0..400 {
        crowd.push(TcpStream::connect(wire.addresses()[0].1).await.unwrap());
    }
    until("the crowd to be let in", || {
        wire.counters().connections_opened == 400
    })
    .await;
    serves(&wire).await;
    until("the crowd to be sent away", || wire.connections() == 0).await;
    drop(crowd);
    wire.shutdown().await;
}
