//! MTProto as the server checks and answers it, seen by a client that can break every rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::{sync::Arc, time::Duration};

use tokio::io::AsyncWriteExt;

use switchboard_simulator::{
    port::Pusher,
    wire::{
        Limits, Wire, WireConfig, WireHandle,
        tl::{Put, Reader},
    },
};
use wire_support::{
    backend::{CUT, ECHO, ECHOED, FAIL, HELD, LONG, NAP, PANIC, PANIC_LATER, SILENCE, TestBackend},
    client::{
        GZIP, MSGS_ACK, NEW_SESSION, PONG, RPC_RESULT, RawClient, Transport, call_body, container,
        put_longs, random,
    },
    seeded_key, soon, until,
};

const UPDATE: u32 = 0x0100_00aa;

async fn with_limits(limits: Limits) -> (WireHandle, Arc<TestBackend>) {
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

async fn started() -> (WireHandle, Arc<TestBackend>) {
    with_limits(Limits::default()).await
}

async fn client(wire: &WireHandle) -> RawClient {
    RawClient::ready(wire.addresses()[0].1, seeded_key(1)).await
}

/// A second connection of the same session.
async fn again(wire: &WireHandle, before: &mut RawClient) -> RawClient {
    let mut client =
        RawClient::connect(wire.addresses()[0].1, Transport::Full, false, seeded_key(1)).await;
    client.continue_session(before);
    client
}

fn service(constructor: u32, arguments: &[u8]) -> Vec<u8> {
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

fn inflate(answer: &[u8]) -> Option<Vec<u8>> {
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

/// Protects: the server hangs up when a client that asked for it stays silent, and not before.
#[tokio::test]
async fn ping_delay_disconnect_hangs_up() {
    let (wire, _) = started().await;
    let mut client = client(&wire).await;
    let mut body = service(0xf342_7b8c, &5_i64.to_le_bytes());
    body.put_i32(100);
    let ping = client.say(true, &body).await;
    let pong = client.expect(PONG).await;
    assert_eq!(pong.reader().i64().unwrap(), ping);
    body.truncate(12);
    body.put_i32(1);
    client.say(true, &body).await;
    client.expect(PONG).await;
    let begun = std::time::Instant::now();
    client.hangs_up().await;
    assert!(
        (900..15_000).contains(&begun.elapsed().as_millis()),
        "{:?}",
        begun.elapsed()
    );
    wire.shutdown().await;
}

/// Protects: sessions and keys that a client destroys are gone, and nothing else is.
#[tokio::test]
async fn sessions_and_keys_can_be_destroyed() {
    let (wire, _) = started().await;
    let other = client(&wire).await;
    let mut client = client(&wire).await;
    for expected in [0xe220_45fc, 0x62d3_50c9] {
        client
            .say(true, &service(0xe751_2126, &other.session_id.to_le_bytes()))
            .await;
        assert_eq!(
            client.expect(expected).await.reader().i64().unwrap(),
            other.session_id
        );
    }
    client.say(true, &service(0xd143_5160, &[])).await;
    client.expect(0xf660_e1d4).await;
    client.hangs_up().await;
    let mut late =
        RawClient::connect(wire.addresses()[0].1, Transport::Full, false, seeded_key(1)).await;
    late.ping(1).await;
    assert_eq!(late.read_transport_error().await, Some(-404));
    wire.shutdown().await;
}

/// Protects: an answer can be dropped before, while and after it is made.
#[tokio::test]
async fn answers_can_be_dropped() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let done = client.call(ECHO, &[]).await;
    let answer = client.expect(RPC_RESULT).await;
    let drop_answer = |msg_id: i64| service(0x58e4_a740, &msg_id.to_le_bytes());

    let asked = client.say(true, &drop_answer(done)).await;
    let result = client.result(asked).await;
    let mut reader = Reader::new(&result);
    assert_eq!(reader.u32().unwrap(), 0xa43a_d8b7);
    assert_eq!(
        (reader.i64().unwrap(), reader.i32().unwrap()),
        (answer.msg_id, answer.seqno)
    );

    let running = client.call(HELD, &[]).await;
    let asked = client.say(true, &drop_answer(running)).await;
    assert_eq!(client.result(asked).await, 0xcd78_e586_u32.to_le_bytes());
    backend.release.notify_one();
    assert_eq!(client.result(running).await, 0xcd78_e586_u32.to_le_bytes());

    let asked = client.say(true, &drop_answer(12345)).await;
    assert_eq!(client.result(asked).await, 0x5e2a_d36e_u32.to_le_bytes());
    wire.shutdown().await;
}

/// Protects: an answer that nobody acknowledged comes again on the next connection, an acknowledged one does not.
#[tokio::test]
async fn unacknowledged_answers_come_again_on_a_new_connection() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let acknowledged = client.call(ECHO, &[1; 4]).await;
    client.result(acknowledged).await;
    client.acknowledge().await;
    let lost = client.call(ECHO, &[2; 4]).await;
    client.result(lost).await;
    let running = client.call(HELD, &[3; 4]).await;
    assert_eq!(
        client.expect(MSGS_ACK).await.reader().longs().unwrap(),
        [running]
    );

    let mut second = again(&wire, &mut client).await;
    drop(client);
    until("the first connection to be gone", || {
        wire.connections() == 1
    })
    .await;
    second.ping(9).await;
    let repeated = second.expect(RPC_RESULT).await;
    assert_eq!(repeated.reader().i64().unwrap(), lost);
    backend.release.notify_one();
    assert_eq!(second.result(running).await, call_body(ECHOED, &[3; 4]));
    assert_eq!(wire.counters().answers_resent, 1);
    wire.shutdown().await;
}

/// Protects: a call that a client repeats with its id runs once and is answered again.
#[tokio::test]
async fn a_repeated_call_runs_once() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    let (msg_id, seqno) = (client.next_msg_id(), client.next_seqno(true));
    let body = call_body(ECHO, &[6; 8]);
    for _ in 0..2 {
        client.send(msg_id, seqno, &body).await;
        assert_eq!(client.result(msg_id).await, call_body(ECHOED, &[6; 8]));
    }
    client.acknowledge().await;
    client.send(msg_id, seqno, &body).await;
    assert_eq!(
        client.expect(MSGS_ACK).await.reader().longs().unwrap(),
        [msg_id]
    );
    assert_eq!(backend.methods(), [ECHO]);
    wire.shutdown().await;
}

/// Protects: a client can ask what became of messages, and have answers sent again.
#[tokio::test]
async fn states_and_resends_can_be_asked_for() {
    let (wire, _) = started().await;
    let mut client = client(&wire).await;
    let done = client.call(ECHO, &[]).await;
    let answer = client.expect(RPC_RESULT).await;
    let running = client.call(SILENCE, &[]).await;
    let later = client.next_msg_id() + (1 << 32);
    let ask = |constructor: u32, ids: &[i64]| {
        let mut body = constructor.to_le_bytes().to_vec();
        put_longs(&mut body, ids);
        body
    };
    let asked = client
        .say(false, &ask(0xda69_fb52, &[done, running, done + 4, later]))
        .await;
    let info = client.expect(0x04de_b57d).await;
    let mut reader = info.reader();
    assert_eq!(reader.i64().unwrap(), asked);
    assert_eq!(reader.bytes().unwrap(), [100, 100, 2, 3]);

    client.say(false, &ask(0x7d86_1a08, &[answer.msg_id])).await;
    let repeated = client.expect(RPC_RESULT).await;
    assert_eq!(
        (repeated.msg_id, repeated.seqno),
        (answer.msg_id, answer.seqno)
    );
    client.say(false, &ask(0x8610_baeb, &[done])).await;
    assert_eq!(client.expect(RPC_RESULT).await.msg_id, answer.msg_id);
    client.say(false, &ask(0x7d86_1a08, &[44])).await;
    client.expect(0x04de_b57d).await;
    wire.shutdown().await;
}

/// Protects: calls wait for those they name, fail with them, and do not wait for ever.
#[tokio::test]
async fn invoke_after_waits_for_the_call_before() {
    let limits = Limits {
        wait_for_previous: Duration::from_secs(1),
        ..Limits::default()
    };
    let (wire, backend) = with_limits(limits).await;
    let mut client = client(&wire).await;
    let after = |ids: &[i64], method: u32| {
        let mut body = Vec::new();
        body.put_u32(0x3dc4_b4f0);
        put_longs(&mut body, ids);
        body.extend_from_slice(&call_body(method, &[]));
        body
    };
    let nap = client.call(NAP, &[]).await;
    let quick = client.call(ECHO, &[]).await;
    let waiting = client.say(true, &after(&[nap, quick], FAIL)).await;
    assert_eq!(client.error(waiting).await.1, "TEST_FAILED");
    assert_eq!(backend.methods(), [NAP, ECHO, FAIL]);

    let mut single = Vec::new();
    single.put_u32(0xcb9f_372d);
    single.put_i64(waiting);
    single.extend_from_slice(&call_body(ECHO, &[]));
    let failed = client.say(true, &single).await;
    assert_eq!(client.error(failed).await, (400, "MSG_WAIT_FAILED".into()));
    let never = client.say(true, &after(&[nap + 4], ECHO)).await;
    assert_eq!(client.error(never).await, (500, "MSG_WAIT_TIMEOUT".into()));
    assert_eq!(backend.methods().len(), 3);
    wire.shutdown().await;
}

/// Protects: packets that are not what their key made end the line with -404, as an unknown key does.
#[tokio::test]
async fn damaged_and_foreign_packets_get_a_transport_error() {
    let (wire, _) = started().await;
    let address = wire.addresses()[0].1;
    let mut damaged = client(&wire).await;
    let (msg_id, seqno) = (damaged.next_msg_id(), damaged.next_seqno(true));
    let mut payload = damaged.encrypted(msg_id, seqno, &call_body(ECHO, &[]));
    payload[40] ^= 1;
    damaged.send_frame(&payload).await;
    assert_eq!(damaged.read_transport_error().await, Some(-404));
    damaged.hangs_up().await;

    let mut unknown = RawClient::connect(address, Transport::Abridged, true, seeded_key(99)).await;
    unknown.ping(1).await;
    assert_eq!(unknown.read_transport_error().await, Some(-404));
    unknown.hangs_up().await;

    let mut uneven = client(&wire).await;
    uneven.send_frame(&[&payload[..], &[0; 4]].concat()).await;
    assert_eq!(uneven.read_transport_error().await, Some(-404));
    assert_eq!(wire.counters().violations, 3);
    wire.shutdown().await;
}

/// Protects: pushes go to the newest connection of every session that wants updates, and to no other.
#[tokio::test]
async fn pushes_go_to_the_newest_connection_of_each_session() {
    let (wire, backend) = started().await;
    let key = wire.install_key(2, seeded_key(1));
    let mut first = client(&wire).await;
    assert_eq!(wire.push(key, &UPDATE.to_le_bytes()), 0, "no call came yet");
    let quiet = [&0xbf94_59b7_u32.to_le_bytes()[..], &ECHO.to_le_bytes()].concat();
    let call = first.say(true, &quiet).await;
    first.result(call).await;
    assert_eq!(
        wire.push(key, &UPDATE.to_le_bytes()),
        0,
        "invokeWithoutUpdates wants none"
    );
    let call = first.call(ECHO, &[]).await;
    first.result(call).await;
    assert_eq!(wire.push(key, &UPDATE.to_le_bytes()), 1);
    let update = first.expect(UPDATE).await;
    assert_eq!((update.msg_id & 3, update.seqno & 1), (3, 1));

    let mut other = client(&wire).await;
    let call = other.call(ECHO, &[]).await;
    other.result(call).await;
    let mut second = again(&wire, &mut first).await;
    second.ping(3).await;
    second.expect(PONG).await;
    assert_eq!(wire.push(key, &UPDATE.to_le_bytes()), 2);
    second.expect(UPDATE).await;
    other.expect(UPDATE).await;
    assert_eq!(wire.connections_of(key), 3);
    assert_eq!(backend.sessions.lock().unwrap().len(), 2);

    drop((first, second, other));
    until("the key to go offline", || {
        !backend.offline.lock().unwrap().is_empty()
    })
    .await;
    assert_eq!(wire.push(key, &UPDATE.to_le_bytes()), 0);
    assert_eq!(*backend.offline.lock().unwrap(), [key]);
    wire.shutdown().await;
}

/// Protects: numbers of the server rise, and say what needs an acknowledgement.
#[tokio::test]
async fn the_servers_own_ids_and_numbers_rise() {
    let (wire, _) = started().await;
    let key = wire.install_key(2, seeded_key(1));
    let mut client = client(&wire).await;
    let (mut last_id, mut last_seqno) = (0, 0);
    for round in 0..50 {
        client.call(ECHO, &[]).await;
        let answer = client.expect(RPC_RESULT).await;
        assert_eq!((answer.msg_id & 3, answer.seqno & 1), (1, 1));
        assert_eq!(answer.session_id, client.session_id);
        wire.push(key, &UPDATE.to_le_bytes());
        let update = client.expect(UPDATE).await;
        client.ping(round).await;
        let pong = client.expect(PONG).await;
        assert_eq!(pong.seqno & 1, 0);
        for message in [answer, update, pong] {
            assert!(message.msg_id > last_id && message.seqno >= last_seqno);
            (last_id, last_seqno) = (message.msg_id, message.seqno);
        }
    }
    wire.shutdown().await;
}

/// Protects: a client that does not read is dropped, and costs no more than the limit until then.
#[tokio::test]
async fn a_reader_that_is_too_slow_is_dropped() {
    let limits = Limits {
        outgoing_bytes: 256 << 10,
        ..Limits::default()
    };
    let (wire, _) = with_limits(limits).await;
    let key = wire.install_key(2, seeded_key(1));
    let mut client = client(&wire).await;
    client.call(ECHO, &[]).await;
    client.expect(RPC_RESULT).await;
    let update = [&UPDATE.to_le_bytes()[..], &[0; 16 << 10]].concat();
    soon("the slow reader to be dropped", async {
        while wire.connections() > 0 {
            wire.push(key, &update);
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(wire.counters().slow_readers, 1);
    wire.shutdown().await;
}

/// Protects: a connection that never says anything valid does not stay.
#[tokio::test]
async fn an_unauthenticated_connection_ends_in_time() {
    let limits = Limits {
        unauthenticated: Duration::from_secs(1),
        ..Limits::default()
    };
    let (wire, _) = with_limits(limits).await;
    let address = wire.addresses()[0].1;
    let mut mute = RawClient::connect(address, Transport::Intermediate, false, seeded_key(1)).await;
    let mut valid = client(&wire).await;
    mute.hangs_up().await;
    // Opened later than the other, so its own second ends within this one.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let call = valid.call(ECHO, &[]).await;
    valid.result(call).await;
    wire.shutdown().await;
}

/// Protects: scripted answers of the backend do what they say; http_wait and unknown sessions disturb nothing.
#[tokio::test]
async fn silence_and_cuts_of_the_backend_happen() {
    let (wire, backend) = started().await;
    let mut client = client(&wire).await;
    client.say(false, &service(0x9299_359f, &[0; 12])).await;
    client.call(SILENCE, &[]).await;
    let call = client.call(ECHO, &[]).await;
    assert_eq!(
        client.receive().await.unwrap().reader().i64().unwrap(),
        call,
        "nothing else was answered"
    );
    client.call(CUT, &[]).await;
    client.hangs_up().await;
    assert_eq!(backend.methods(), [SILENCE, ECHO, CUT]);
    wire.shutdown().await;
}

/// Protects: a client that asks for more than fits into its queue gets it all, as long as it reads.
#[tokio::test]
async fn many_long_answers_wait_for_their_reader() {
    let backend = Arc::new(TestBackend::default());
    let limits = Limits {
        outgoing_bytes: 2 << 20,
        ..Limits::default()
    };
    let config = WireConfig {
        limits,
        gzip_over: None,
        ..WireConfig::loopback(&[2])
    };
    let wire = Wire::start(config, backend).await.unwrap();
    wire.install_key(2, seeded_key(1));
    let mut client = client(&wire).await;
    let mut calls = Vec::new();
    for _ in 0..30 {
        calls.push(client.call(LONG, &500_000_u64.to_le_bytes()).await);
    }
    for call in calls {
        assert_eq!(client.result(call).await.len(), 500_004);
    }
    assert_eq!(wire.counters().slow_readers, 0);
    wire.shutdown().await;
}

/// Protects: a client with more calls running than allowed waits, and is then served.
#[tokio::test]
async fn running_calls_are_limited_per_connection() {
    let (wire, backend) = with_limits(Limits {
        running_calls: 2,
        ..Limits::default()
    })
    .await;
    let mut client = client(&wire).await;
    let mut calls = Vec::new();
    for _ in 0..6 {
        calls.push(client.call(HELD, &[]).await);
    }
    until("two calls to run", || backend.methods().len() == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(backend.methods().len(), 2);
    let release = Arc::clone(&backend.release);
    let releasing = tokio::spawn(async move {
        loop {
            release.notify_one();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut answered = Vec::new();
    soon("all held calls to be answered", async {
        while answered.len() < calls.len() {
            let answer = client.expect(RPC_RESULT).await;
            answered.push(answer.reader().i64().unwrap());
        }
    })
    .await;
    releasing.abort();
    answered.sort_unstable();
    assert_eq!(answered, calls);
    assert_eq!(backend.methods().len(), 6);
    wire.shutdown().await;
}

/// Protects: a call that makes the backend panic costs its own connection at most.
#[tokio::test]
async fn a_panicking_backend_costs_one_connection_at_most() {
    let (wire, _) = started().await;
    let mut other = client(&wire).await;
    let mut late = client(&wire).await;
    late.call(PANIC_LATER, &[]).await;
    let call = late.call(ECHO, &[]).await;
    late.result(call).await;
    let mut early = client(&wire).await;
    early.call(PANIC, &[]).await;
    early.hangs_up().await;
    for client in [&mut other, &mut late] {
        let call = client.call(ECHO, &[]).await;
        client.result(call).await;
    }
    until("the connection to be taken down", || {
        wire.connections() == 2
    })
    .await;
    wire.shutdown().await;
}

/// Protects: long answers arrive whole, packed or not.
#[tokio::test]
async fn long_random_answers_arrive_whole() {
    let (wire, _) = started().await;
    let mut client = client(&wire).await;
    let arguments = random::<60_000>();
    let call = client.call(ECHO, &arguments).await;
    assert_eq!(
        client.result(call).await,
        call_body(ECHOED, &arguments),
        "not worth packing, so not packed"
    );
    let call = client.call(LONG, &5_000_000_u64.to_le_bytes()).await;
    let plain = inflate(&client.result(call).await).unwrap();
    assert_eq!(plain.len(), 5_000_004);
    wire.shutdown().await;
}

/// Protects: what sessions without a connection cost has a bound; the oldest is forgotten, and greeted when it
/// comes back.
#[tokio::test]
async fn old_sessions_without_a_connection_are_forgotten() {
    let limits = Limits {
        resting_sessions: 2,
        ..Limits::default()
    };
    let (wire, _) = with_limits(limits).await;
    let mut before = Vec::new();
    for _ in 0..3 {
        let mut client = client(&wire).await;
        client.stream.shutdown().await.unwrap();
        until("the connection to be gone", || wire.connections() == 0).await;
        before.push(client);
    }
    // Each that is connected stays so, and rests no more.
    let mut connected = vec![client(&wire).await];
    for (mut before, expected) in before.into_iter().zip([NEW_SESSION, NEW_SESSION, PONG]) {
        let mut back = again(&wire, &mut before).await;
        back.ping(7).await;
        assert_eq!(back.receive().await.unwrap().constructor, expected);
        connected.push(back);
    }
    wire.shutdown().await;
}

/// Protects: a session that begins is greeted once, however many connections it has.
#[tokio::test]
async fn a_session_is_greeted_once() {
    let (wire, _) = started().await;
    let mut client = client(&wire).await;
    let mut second = again(&wire, &mut client).await;
    second.ping(5).await;
    assert_eq!(second.receive().await.unwrap().constructor, PONG);
    second.session_id ^= 1;
    second.ping(6).await;
    let greeting = second.receive().await.unwrap();
    assert_eq!((greeting.constructor, greeting.seqno & 1), (NEW_SESSION, 1));
    wire.shutdown().await;
}
