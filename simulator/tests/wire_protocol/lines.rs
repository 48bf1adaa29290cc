//! Lines: pushes, limits, slow readers, and ends.

use std::{sync::Arc, time::Duration};

use crate::wire_support::{
    backend::{CUT, ECHO, ECHOED, HELD, LONG, PANIC, PANIC_LATER, SILENCE, TestBackend},
    client::{NEW_SESSION, PONG, RPC_RESULT, RawClient, Transport, call_body, random},
    seeded_key, soon, until,
};
use switchboard_simulator::{
    port::Pusher,
    wire::{Limits, Wire, WireConfig},
};
use tokio::io::AsyncWriteExt;

use crate::{answers::again, client, inflate, service, started, with_limits};

const UPDATE: u32 = 0x0100_00aa;

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
