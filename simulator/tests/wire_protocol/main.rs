//! MTProto as the server checks and answers it, seen by a client that can break every rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod answers;
mod lines;
#[path = "../wire_support/mod.rs"]
mod wire_support;

use std::sync::Arc;

use switchboard_simulator::wire::{
    Limits, Wire, WireConfig, WireHandle,
    tl::{Put, Reader},
};
use wire_support::{
    backend::{ECHO, ECHOED, FAIL, TestBackend},
    client::{GZIP, RawClient, Transport, call_body, container},
    seeded_key,
};

pub async fn with_limits(limits: Limits) -> (WireHandle, Arc<TestBackend>) {
    let backend = Arc::new(TestBackend::default());
    let config = WireConfig {
        limits,
        ..WireConfig::loopback(&[2])
    };
    let wire = Wire::start(config, Arc::clone(&backend) as _)
        .await
        .unwrap();
    wire.install_key(2, seeded_key(1));
    (wire, backend)
}

pub async fn started() -> (WireHandle, Arc<TestBackend>) {
    with_limits(Limits::default()).await
}

pub async fn client(wire: &WireHandle) -> RawClient {
    RawClient::ready(wire.addresses()[0].1, seeded_key(1)).await
}

pub fn service(constructor: u32, arguments: &[u8]) -> Vec<u8> {
    call_body(constructor, arguments)
}

/// Protects: every transport, plain and obfuscated, carries short and long packets both ways.
#[tokio::test]
async fn all_transports_carry_calls() {
    let (wire, _) = started().await;
    for transport in [
        Transport::Full,
        Transport::Intermediate,
        Transport::Padded,
        Transport::Abridged,
    ] {
        for obfuscated in [false, true] {
            if obfuscated && transport == Transport::Full {
                continue; // has no tag to announce there
            }
            let mut client =
                RawClient::connect(wire.addresses()[0].1, transport, obfuscated, seeded_key(1))
                    .await;
            client.settle().await;
            for len in [0, 4, 400, 600, 70_000] {
                let arguments: Vec<u8> = (0..len).map(|at: usize| (at * at / 7) as u8).collect();
                let call = client.call(ECHO, &arguments).await;
                let answer = client.result(call).await;
                let plain = inflate(&answer).unwrap_or(answer);
                assert_eq!(
                    plain,
                    call_body(ECHOED, &arguments),
                    "{transport:?} {obfuscated} {len}"
                );
            }
        }
    }
    wire.shutdown().await;
}

pub fn inflate(answer: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(answer);
    (reader.u32().unwrap() == GZIP).then(|| {
        let mut plain = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(reader.bytes().unwrap()),
            &mut plain,
        )
        .unwrap();
        plain
    })
}

fn deflated(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, body).unwrap();
    let mut packed = GZIP.to_le_bytes().to_vec();
    packed.put_bytes(&encoder.finish().unwrap());
    packed
}

/// Protects: a client that asks for a quick acknowledgement gets the token that belongs to its packet.
#[tokio::test]
async fn quick_acknowledgements_carry_the_hash_of_the_packet() {
    use sha2::{Digest, Sha256};
    let (wire, _) = started().await;
    let address = wire.addresses()[0].1;
    let mut client =
        RawClient::connect(address, Transport::Intermediate, false, seeded_key(1)).await;
    client.settle().await;
    let (msg_id, seqno) = (client.next_msg_id(), client.next_seqno(true));
    let payload = client.encrypted(msg_id, seqno, &call_body(ECHO, &[]));
    client.send_quick(&payload).await;
    let token = u32::from_le_bytes(client.read_token().await);
    let key = switchboard_simulator::wire::cipher::AuthKey::new(seeded_key(1));
    let mut opened = payload.clone();
    let plain = key
        .open(
            &mut opened,
            switchboard_simulator::wire::cipher::Side::FromClient,
        )
        .unwrap();
    let digest = Sha256::new()
        .chain_update(&key.bytes()[88..120])
        .chain_update(plain)
        .finalize();
    assert_eq!(
        token,
        u32::from_le_bytes(digest[..4].try_into().unwrap()) | 1 << 31
    );
    client.result(msg_id).await;
    wire.shutdown().await;
}

/// Protects: each rule on message ids and sequence numbers answers with its own code, and the line goes on.
#[tokio::test]
async fn wrong_ids_and_numbers_are_refused_by_code() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let first = client.call(ECHO, &[]).await;
    client.result(first).await;
    let now = first >> 32;
    let body = call_body(ECHO, &[]);
    // http_wait needs no acknowledgement, so its number is even.
    let wait = service(0x9299_359f, &[0; 12]);
    let id = |client: &mut RawClient| client.next_msg_id();
    let table: Vec<(i64, i32, Vec<u8>, i32)> = vec![
        ((now - 301) << 32, 9, body.clone(), 16),
        ((now + 40) << 32, 9, body.clone(), 17),
        (id(&mut client) + 1, 9, body.clone(), 18),
        (id(&mut client), 1, body.clone(), 32),
        (first - 4, 99, body.clone(), 33),
        (id(&mut client), 9, wait, 34),
        (id(&mut client), 8, body.clone(), 35),
    ];
    let calls = backend.methods().len();
    for (msg_id, seqno, body, code) in table {
        client.send(msg_id, seqno, &body).await;
        assert_eq!(client.refusal().await, (msg_id, code));
    }
    assert_eq!(backend.methods().len(), calls, "a refused call is not run");
    let call = client.call(ECHO, &[]).await;
    client.result(call).await;
    wire.shutdown().await;
}

/// Protects: ids older than what a session remembers are refused instead of being run twice.
#[tokio::test]
async fn forgotten_ids_are_refused_with_twenty() {
    let (wire, _) = with_limits(Limits {
        remembered_ids: 4,
        ..Limits::default()
    })
    .await;
    let mut client = client(&wire).await;
    let mut first = 0;
    for round in 0..6 {
        let call = client.call(ECHO, &[]).await;
        client.result(call).await;
        first = if round == 0 { call } else { first };
    }
    client.send(first, 99, &call_body(ECHO, &[])).await;
    assert_eq!(client.refusal().await, (first, 20));
    wire.shutdown().await;
}

/// Protects: a wrong salt is answered with the right one; announced salts are good.
#[tokio::test]
async fn salts_are_checked_and_announced() {
    let (wire, _) = started().await;
    let mut client = client(&wire).await;
    let call = client
        .say(true, &service(0xb921_bd04, &64_i32.to_le_bytes()))
        .await;
    let salts = client.expect(0xae50_0895).await;
    let mut reader = salts.reader();
    assert_eq!(reader.i64().unwrap(), call);
    let (now, count) = (reader.i32().unwrap(), reader.i32().unwrap());
    assert_eq!(count, 64);
    let (since, until) = (reader.i32().unwrap(), reader.i32().unwrap());
    assert!(since <= now && now < until);
    assert_eq!(reader.i64().unwrap(), client.salt);

    client.salt ^= 2;
    let call = client.call(ECHO, &[]).await;
    let bad = client.expect(wire_support::client::BAD_SALT).await;
    let mut reader = bad.reader();
    assert_eq!(reader.i64().unwrap(), call);
    reader.i32().unwrap();
    assert_eq!(reader.i32().unwrap(), 48);
    assert_eq!(reader.i64().unwrap(), client.salt ^ 2);
    wire.shutdown().await;
}

/// Protects: messages of a container are all handled, in the order of their ids; a bad one refuses the whole.
#[tokio::test]
async fn containers_are_taken_whole_or_not_at_all() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let ids: Vec<i64> = (0..4).map(|_| client.next_msg_id()).collect();
    let inner: Vec<(i64, i32, Vec<u8>)> = [(0, ECHO), (1, FAIL), (2, ECHO)]
        .map(|(at, method)| (ids[at], client.next_seqno(true), call_body(method, &[])))
        .to_vec();
    let shuffled = [inner[2].clone(), inner[0].clone(), inner[1].clone()];
    let seqno = client.next_seqno(false);
    client.send(ids[3], seqno, &container(&shuffled)).await;
    client.result(ids[0]).await;
    client.error(ids[1]).await;
    client.result(ids[2]).await;
    assert_eq!(backend.methods(), [ECHO, FAIL, ECHO]);

    let (a, b, c) = (
        client.next_msg_id(),
        client.next_msg_id(),
        client.next_msg_id(),
    );
    let good = (a, client.next_seqno(true), call_body(ECHO, &[]));
    let nested = (b, client.next_seqno(false), container(&[]));
    let seqno = client.next_seqno(false);
    client
        .send(c, seqno, &container(&[good.clone(), nested]))
        .await;
    assert_eq!(client.refusal().await, (c, 64));
    client
        .send(
            c,
            seqno,
            &container(&[(c + 4, seqno, call_body(ECHO, &[]))]),
        )
        .await;
    assert_eq!(
        client.refusal().await,
        (c, 64),
        "inside ids lie below the container's"
    );
    let even = (b, seqno, call_body(ECHO, &[]));
    client
        .send(c, seqno, &container(&[good.clone(), even]))
        .await;
    assert_eq!(client.refusal().await, (b, 35));
    client.send(c, seqno + 1, &container(&[])).await;
    assert_eq!(client.refusal().await, (c, 34));
    assert_eq!(backend.methods().len(), 3);
    client.send(c, seqno, &container(&[good])).await;
    client.result(a).await;
    client.send(c, seqno, &container(&[])).await;
    assert_eq!(client.refusal().await, (c, 19));
    wire.shutdown().await;
}

/// Protects: wrappers come off in any order, gzip between them too, and the backend learns what they said.
#[tokio::test]
async fn wrappers_come_off_in_any_order() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let mut init = Vec::new();
    init.put_u32(0xc1cd_5ea9);
    init.put_i32(3); // proxy and params
    init.put_i32(12345);
    for text in ["phone", "os 1", "app 2", "de", "", "fr"] {
        init.put_bytes(text.as_bytes());
    }
    init.put_u32(0x7558_8b3f);
    init.put_bytes(b"localhost");
    init.put_i32(443);
    json_params(&mut init);
    init.extend_from_slice(&call_body(ECHO, &[8; 8]));

    let mut layered = Vec::new();
    layered.put_u32(0xda9b_0d0d);
    layered.put_i32(229);
    layered.extend_from_slice(&deflated(&init));
    let mut quiet = Vec::new();
    quiet.put_u32(0xbf94_59b7);
    quiet.extend_from_slice(&layered);
    let call = client.say(true, &deflated(&quiet)).await;
    assert_eq!(client.result(call).await, call_body(ECHOED, &[8; 8]));
    let caller = backend.last_caller();
    assert_eq!(
        (caller.layer, caller.without_updates, caller.msg_id),
        (229, true, call)
    );
    let info = caller.client.unwrap();
    assert_eq!(info.api_id, 12345);
    assert_eq!(
        [
            &info.device_model,
            &info.system_version,
            &info.app_version,
            &info.system_lang_code,
            &info.lang_code
        ],
        ["phone", "os 1", "app 2", "de", "fr"]
    );

    let call = client.call(ECHO, &[]).await;
    client.result(call).await;
    let caller = backend.last_caller();
    assert_eq!(
        (caller.layer, caller.without_updates),
        (229, false),
        "the session remembers"
    );
    assert!(caller.client.is_some());

    let call = client.say(true, &quiet[..quiet.len() - 8]).await;
    assert_eq!(client.error(call).await, (400, "INPUT_FETCH_ERROR".into()));
    wire.shutdown().await;
}

fn json_params(out: &mut Vec<u8>) {
    out.put_u32(0x99c1_d49d);
    out.put_u32(0x1cb5_c415);
    out.put_u32(1);
    out.put_u32(0xc0de_1bd9);
    out.put_bytes(b"tz_offset");
    out.put_u32(0x2be0_dfa4);
    out.put_i64(0);
}

/// Protects: a packed bomb costs the server nothing.
#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let limits = Limits {
        unpacked_bytes: 1 << 20,
        ..Limits::default()
    };
    let (wire, backend) = with_limits(limits).await;
    let mut client = client(&wire).await;
    let call = client
        .say(true, &deflated(&call_body(ECHO, &vec![0; 2 << 20])))
        .await;
    assert_eq!(client.error(call).await, (400, "INPUT_FETCH_ERROR".into()));
    assert!(backend.methods().is_empty());
    wire.shutdown().await;
}
