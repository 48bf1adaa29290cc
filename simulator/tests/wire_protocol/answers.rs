//! Answers: lost, repeated, asked for, and in their order.

use std::time::Duration;

use crate::wire_support::{
    backend::{ECHO, ECHOED, FAIL, HELD, NAP, SILENCE},
    client::{MSGS_ACK, PONG, RPC_RESULT, RawClient, Transport, call_body, put_longs},
    seeded_key, until,
};
use switchboard_simulator::wire::{
    Limits, WireHandle,
    tl::{Put, Reader},
};

use crate::{client, service, started, with_limits};

/// A second connection of the same session.
pub async fn again(wire: &WireHandle, before: &mut RawClient) -> RawClient {
    let mut client =
        RawClient::connect(wire.addresses()[0].1, Transport::Full, false, seeded_key(1)).await;
    client.continue_session(before);
    client
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
