//! Refusals: keys that are burnt, storms, garbage and a wrong clock.

use std::net::Ipv4Addr;

use crate::wire_support::{
    backend::{ECHO, ECHOED},
    client::{RawClient, Transport, call_body},
    seeded_key, soon, until,
};
use switchboard_simulator::wire::{FaultScope, WireFault};

use crate::{Ground, echo, hangs, works, works_again};

/// Two addresses of this machine.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Protects: transport errors reach the client as what they are.
#[tokio::test(flavor = "multi_thread")]
async fn transport_errors_reach_the_client() {
    let ground = Ground::start().await;
    for (number, code) in [(1, -429), (2, -444)] {
        let library = ground.library(number);
        ground.once(WireFault::TransportError { code });
        let error = echo(&library).await.unwrap_err();
        assert!(
            error.to_string().contains(&code.unsigned_abs().to_string()),
            "{error}"
        );
        works_again(&library).await;
    }
    let mut raw = RawClient::connect(
        ground.wire.addresses()[0].1,
        Transport::Padded,
        true,
        seeded_key(1),
    )
    .await;
    ground.once(WireFault::TransportError { code: -404 });
    raw.ping(1).await;
    assert_eq!(raw.read_transport_error().await, Some(-404));
    raw.hangs_up().await;
    ground.wire.shutdown().await;
}

/// Protects: a packet of a wrong session, which makes grammers panic, can be had at will.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_session_id_makes_the_library_panic() {
    let ground = Ground::start().await;
    let mut library = ground.library(1);
    works(&library).await;
    ground.once(WireFault::WrongSessionId);
    assert!(echo(&library).await.is_err());
    let end = soon("the pool to end", &mut library.runner).await;
    assert!(end.unwrap_err().is_panic());
    ground.wire.shutdown().await;
}

/// Protects: storms of bad_msg_notification and bad_server_salt happen, and are over when they are used up.
#[tokio::test(flavor = "multi_thread")]
async fn storms_of_refusals_can_be_had() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    works(&library).await;
    let before = ground.wire.counters().messages_refused;
    ground
        .wire
        .set_fault(FaultScope::All, WireFault::BadMsg { code: 17 }, Some(5));
    works(&library).await;
    ground
        .wire
        .set_fault(FaultScope::All, WireFault::BadSalt, Some(5));
    works(&library).await;
    assert_eq!(ground.wire.counters().messages_refused - before, 10);
    ground.set(WireFault::BadSalt);
    hangs(&library).await;
    ground.wire.clear_faults();
    works_again(&library).await;
    ground.wire.shutdown().await;
}

/// Protects: grammers sends nothing while it waits for salts; the fault shows it.
#[tokio::test(flavor = "multi_thread")]
async fn unanswered_future_salts_block_the_library() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    ground.set(WireFault::NoFutureSalts);
    hangs(&library).await;
    assert!(ground.wire.counters().faults > 0);
    ground.wire.shutdown().await;
}

/// Protects: a signed-in key on two connections is burnt for both, and one that is not signed in is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_key_is_burnt() {
    let ground = Ground::start().await;
    ground.set(WireFault::DuplicatedKeys);
    let (first, second) = (ground.library(1), ground.library(1));
    works(&first).await;
    works(&second).await;
    let key = ground.key(2);
    ground.backend.authorised.lock().unwrap().insert(key);
    let (first, second) = (ground.library(2), ground.library(2));
    works(&first).await;
    let error = echo(&second).await.unwrap_err();
    assert!(error.to_string().contains("AUTH_KEY_DUPLICATED"), "{error}");
    let error = echo(&first).await.unwrap_err();
    assert!(error.to_string().contains("AUTH_KEY_DUPLICATED"), "{error}");
    ground.wire.shutdown().await;
}

/// Protects: a signed-in key that is used at two addresses is burnt for both, at one it may have several lines, and it is known
/// where it was used.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_at_two_places_is_burnt() {
    let ground = Ground::start().await;
    ground.set(WireFault::KeyAtTwoPlaces);
    let (address, keys) = (
        ground.wire.addresses()[0].1,
        [1, 2].map(|one| ground.key(one)),
    );
    // Who is not signed in may be anywhere.
    let mut first = RawClient::ready_from(HERE, address, seeded_key(1)).await;
    let mut second = RawClient::ready_from(THERE, address, seeded_key(1)).await;
    for client in [&mut first, &mut second] {
        let call = client.call(ECHO, &[]).await;
        assert_eq!(client.result(call).await, call_body(ECHOED, &[]));
    }
    ground.backend.authorised.lock().unwrap().insert(keys[1]);
    let mut first = RawClient::ready_from(HERE, address, seeded_key(2)).await;
    let mut beside = RawClient::ready_from(HERE, address, seeded_key(2)).await;
    for client in [&mut first, &mut beside] {
        let call = client.call(ECHO, &[]).await;
        assert_eq!(client.result(call).await, call_body(ECHOED, &[]));
    }
    assert!(ground.wire.burnt().is_empty());
    let mut elsewhere = RawClient::ready_from(THERE, address, seeded_key(2)).await;
    for client in [&mut elsewhere, &mut first, &mut beside] {
        let call = client.call(ECHO, &[]).await;
        let refused = (406, "AUTH_KEY_DUPLICATED".to_owned());
        assert_eq!(client.error(call).await, refused);
    }
    let burnt = ground.wire.burnt();
    assert_eq!(burnt.len(), 1, "{burnt:?}");
    let place = |client: &RawClient| client.stream.local_addr().unwrap();
    assert_eq!(burnt[0].key, keys[1]);
    assert_eq!(burnt[0].by, place(&elsewhere));
    assert_eq!(burnt[0].beside, [&first, &beside].map(place));
    ground.wire.shutdown().await;
}

/// Protects: whoever went on elsewhere has not used a key twice, whether the server was told of the end of the first line or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_over_is_no_use_of_its_key() {
    let ground = Ground::start().await;
    ground.set(WireFault::KeyAtTwoPlaces);
    let (address, key) = (ground.wire.addresses()[0].1, ground.key(1));
    ground.backend.authorised.lock().unwrap().insert(key);
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 {
            (HERE, THERE)
        } else {
            (THERE, HERE)
        };
        let closed = RawClient::ready_from(from, address, seeded_key(1)).await;
        drop(closed);
        let unheard = RawClient::ready_from(to, address, seeded_key(1)).await;
        ground
            .wire
            .set_fault(FaultScope::Key(key), WireFault::HalfOpen, None);
        let mut client = RawClient::ready_from(from, address, seeded_key(1)).await;
        let call = client.call(ECHO, &[]).await;
        assert_eq!(client.result(call).await, call_body(ECHOED, &[]));
        drop((unheard, client));
    }
    assert!(ground.wire.burnt().is_empty());
    ground.wire.shutdown().await;
}

/// Protects: bytes that are no packet, and frames that stop half-way, end the client's line, not the server.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_truncated_frames_reach_the_client() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    for fault in [WireFault::Garbage, WireFault::TruncatedFrame] {
        works_again(&library).await;
        let before = ground.wire.counters().connections_closed;
        ground.set(fault.clone());
        until("the line to be gone", || {
            ground.wire.counters().connections_closed > before
        })
        .await;
    }
    works_again(&library).await;
    ground.wire.shutdown().await;
}

/// Protects: a server whose clock is wrong corrects its clients, who then work.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_refuses_ids_and_corrects_clients() {
    let ground = Ground::start().await;
    ground.set(WireFault::WrongClock { seconds: 4000 });
    let library = ground.library(1);
    works(&library).await;
    assert!(ground.wire.counters().messages_refused > 0);
    let mut raw = RawClient::connect(
        ground.wire.addresses()[0].1,
        Transport::Full,
        false,
        seeded_key(1),
    )
    .await;
    let ping = raw.ping(1).await;
    assert_eq!(raw.refusal().await, (ping, 16));
    ground.wire.clear_faults();
    ground.set(WireFault::WrongClock { seconds: -100 });
    let ping = raw.ping(1).await;
    assert_eq!(raw.refusal().await, (ping, 17));
    ground.wire.shutdown().await;
}
