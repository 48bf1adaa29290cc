//! The wire under a client that nobody here wrote: grammers, unmodified, with a seeded key.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::{sync::Arc, time::Duration};

use grammers_session::updates::UpdatesLike;
use grammers_tl_types::{self as tl, LAYER, Serializable};
use switchboard_simulator::{
    port::Pusher,
    wire::{Wire, WireConfig, WireHandle},
};
use wire_support::{
    backend::{ECHO, ECHOED, FAIL, LONG, TestBackend},
    client::call_body,
    library::Library,
    seeded_key, soon, until,
};

async fn started() -> (WireHandle, Arc<TestBackend>) {
    let backend = Arc::new(TestBackend::default());
    let wire = Wire::start(WireConfig::loopback(&[2, 4]), Arc::clone(&backend) as _)
        .await
        .unwrap();
    (wire, backend)
}

fn library(wire: &WireHandle, number: u8) -> Library {
    let key = seeded_key(number);
    wire.install_key(2, key);
    Library::start(2, wire.addresses()[0].1, key)
}

/// Protects: the client that the whole service is built on connects, learns its salt and gets answers.
#[tokio::test(flavor = "multi_thread")]
async fn grammers_with_a_seeded_key_calls_and_is_answered() {
    let (wire, backend) = started().await;
    let library = library(&wire, 1);
    let config = soon(
        "help.getConfig",
        library
            .handle
            .invoke_in_dc(2, &tl::functions::help::GetConfig {}),
    )
    .await
    .unwrap();
    let tl::enums::Config::Config(config) = config;
    assert_eq!(config.this_dc, 2);
    let caller = backend.last_caller();
    assert_eq!((caller.dc_id, caller.layer), (2, LAYER));
    assert_eq!(caller.client.unwrap().device_model, "wire test");
    assert_eq!(wire.connections(), 1);

    let failed = soon("an error", library.raw(call_body(FAIL, &[])))
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("TEST_FAILED"), "{failed}");
    wire.shutdown().await;
    assert_eq!(wire.connections(), 0);
}

/// Protects: answers long enough to be gzipped, and requests that the client gzips, arrive whole.
#[tokio::test(flavor = "multi_thread")]
async fn gzip_goes_both_ways() {
    let (wire, _) = started().await;
    let library = library(&wire, 2);
    let long = soon(
        "a long answer",
        library.raw(call_body(LONG, &300_000_u64.to_le_bytes())),
    )
    .await
    .unwrap();
    assert_eq!(long.len(), 300_004);
    let arguments = [5; 100_000];
    let echoed = soon("a long echo", library.raw(call_body(ECHO, &arguments)))
        .await
        .unwrap();
    assert_eq!(echoed, call_body(ECHOED, &arguments));
    let counters = wire.counters();
    assert!(
        counters.bytes_in < 50_000,
        "the request was not gzipped: {counters:?}"
    );
    assert!(
        counters.bytes_out < 50_000,
        "the answers were not gzipped: {counters:?}"
    );
    wire.shutdown().await;
}

/// Protects: pushed updates arrive in order and all of them.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_arrive_in_order() {
    let (wire, _) = started().await;
    let mut library = library(&wire, 3);
    let key = wire.install_key(2, seeded_key(3));
    assert_eq!(wire.push(key, &update(0)), 0, "nobody is connected yet");
    soon("a first call", library.raw(call_body(ECHO, &[])))
        .await
        .unwrap();
    for number in 0..2000 {
        assert_eq!(wire.push(key, &update(number)), 1);
    }
    for number in 0..2000 {
        let update = soon("an update", library.updates.recv()).await.unwrap();
        let UpdatesLike::Updates(tl::enums::Updates::UpdateShort(short)) = update else {
            panic!("{update:?}")
        };
        assert_eq!(short.date, number);
    }
    assert_eq!(wire.layer(key), LAYER);
    wire.shutdown().await;
}

/// Protects: many clients at once, each with its own key, each answered by its own data centre.
#[tokio::test(flavor = "multi_thread")]
async fn many_clients_share_one_wire() {
    let (wire, _) = started().await;
    let addresses = wire.addresses();
    let clients: Vec<Library> = (0..20)
        .map(|number| {
            let (dc_id, address) = addresses[usize::from(number % 2)];
            let key = seeded_key(100 + number);
            wire.install_key(dc_id, key);
            Library::start(dc_id, address, key)
        })
        .collect();
    for client in &clients {
        let answer = client
            .handle
            .invoke_in_dc(client.dc_id, &tl::functions::help::GetConfig {});
        let tl::enums::Config::Config(config) = soon("help.getConfig", answer).await.unwrap();
        assert_eq!(config.this_dc, client.dc_id);
    }
    assert_eq!(wire.connections(), 20);
    drop(clients);
    until("all connections to be gone", || wire.connections() == 0).await;
    wire.shutdown().await;
}

/// Protects: a client that comes back after a cut works as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cut_client_comes_back() {
    let (wire, backend) = started().await;
    let library = library(&wire, 4);
    let key = wire.install_key(2, seeded_key(4));
    for _ in 0..5 {
        soon("an echo", library.raw(call_body(ECHO, &[])))
            .await
            .unwrap();
        wire.cut(key);
        until("the connection to be gone", || wire.connections() == 0).await;
        // The pool notices the cut by itself; a call that it had accepted before that fails.
        while library.raw(call_body(ECHO, &[])).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(backend.offline.lock().unwrap().contains(&key));
    wire.shutdown().await;
}

fn update(number: i32) -> Vec<u8> {
    let update = tl::types::UpdateUserTyping {
        top_msg_id: None,
        user_id: 7,
        action: tl::enums::SendMessageAction::SendMessageTypingAction,
    };
    tl::enums::Updates::UpdateShort(tl::types::UpdateShort {
        update: update.into(),
        date: number,
    })
    .to_bytes()
}
