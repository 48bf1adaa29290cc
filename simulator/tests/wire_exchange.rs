//! Key exchanges, right and wrong.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::sync::Arc;

use switchboard_simulator::wire::{
    ExchangeOptions, ServerKey, Wire, WireConfig, WireHandle, tl::Put,
};
use wire_support::{
    backend::{ECHO, ECHOED, TestBackend},
    client::{RPC_RESULT, RawClient, Transport, call_body},
    exchange::{Agreed, Broken, Mistake, Plan, exchange, sha1},
};

async fn started(options: ExchangeOptions) -> (WireHandle, Arc<TestBackend>) {
    let backend = Arc::new(TestBackend::default());
    let config = WireConfig {
        exchange: options,
        ..WireConfig::loopback(&[2])
    };
    let wire = Wire::start(config, Arc::clone(&backend) as _)
        .await
        .unwrap();
    (wire, backend)
}

async fn dial(wire: &WireHandle, transport: Transport, obfuscated: bool) -> RawClient {
    RawClient::connect(wire.addresses()[0].1, transport, obfuscated, [1; 256]).await
}

async fn agree(wire: &WireHandle, plan: Plan) -> (RawClient, Result<Agreed, Broken>) {
    let mut client = dial(wire, Transport::Full, false).await;
    let agreed = exchange(&mut client, &wire.public_pem(), plan).await;
    (client, agreed)
}

/// Uses a fresh key on the connection that made it: the first salt is good at once.
async fn use_key(client: &mut RawClient, agreed: &Agreed) {
    client.key = grammers_crypto::AuthKey::from_bytes(agreed.key);
    client.salt = agreed.first_salt;
    let call = client.call(ECHO, &7_i64.to_le_bytes()).await;
    assert_eq!(
        client.result(call).await,
        call_body(ECHOED, &7_i64.to_le_bytes())
    );
}

/// Protects: every kind of first secret that clients send leads to a key that works.
#[tokio::test(flavor = "multi_thread")]
async fn every_inner_data_and_both_paddings_make_a_key() {
    let (wire, _) = started(ExchangeOptions::default()).await;
    for older_padding in [false, true] {
        for dc in [None, Some(2), Some(10_002), Some(-2)] {
            for expires_in in [None, Some(3600)] {
                let plan = Plan {
                    older_padding,
                    dc,
                    expires_in,
                    ..Plan::default()
                };
                let (mut client, agreed) = agree(&wire, plan).await;
                use_key(
                    &mut client,
                    &agreed.unwrap_or_else(|broken| panic!("{plan:?}: {broken:?}")),
                )
                .await;
            }
        }
    }
    assert_eq!(wire.counters().keys_made, 16);
    assert_eq!(wire.counters().violations, 0);
    wire.shutdown().await;
}

/// Protects: keys can be made over every transport, plain and obfuscated.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_over_every_transport() {
    let (wire, _) = started(ExchangeOptions::default()).await;
    let transports = [
        (Transport::Full, false),
        (Transport::Intermediate, false),
        (Transport::Padded, false),
        (Transport::Abridged, false),
        (Transport::Intermediate, true),
        (Transport::Padded, true),
        (Transport::Abridged, true),
    ];
    for (transport, obfuscated) in transports {
        let mut client = dial(&wire, transport, obfuscated).await;
        let agreed = exchange(&mut client, &wire.public_pem(), Plan::default())
            .await
            .unwrap();
        use_key(&mut client, &agreed).await;
    }
    wire.shutdown().await;
}

/// Protects: each thing a server has to check is checked, and ends in the right error and a closed line.
#[tokio::test(flavor = "multi_thread")]
async fn every_violation_ends_in_its_error() {
    let (wire, _) = started(ExchangeOptions::default()).await;
    let refused = |code| Broken::TransportError(code);
    let table = [
        (Mistake::Nonce, refused(-404)),
        (Mistake::ServerNonce, refused(-404)),
        (Mistake::Factors, refused(-404)),
        (Mistake::Fingerprint, refused(-404)),
        (Mistake::NotRsa, refused(-404)),
        (Mistake::Unpadded, refused(-404)),
        (Mistake::InnerPq, refused(-404)),
        (Mistake::InnerNonce, refused(-404)),
        (Mistake::InnerDc, refused(-444)),
        (Mistake::Expiry, refused(-404)),
        (Mistake::ConcludeNonce, refused(-404)),
        (Mistake::ConcludeHash, refused(-404)),
        (Mistake::ConcludeLength, refused(-404)),
        (Mistake::RetryId, refused(-404)),
        (Mistake::SkipDh, refused(-404)),
        (Mistake::SkipPq, refused(-404)),
        (Mistake::SmallNumber, Broken::DhGenFail),
    ];
    for (mistake, expected) in table {
        let plan = Plan {
            dc: Some(2),
            expires_in: Some(60),
            mistake: Some(mistake),
            ..Plan::default()
        };
        let (mut client, agreed) = agree(&wire, plan).await;
        assert_eq!(agreed.unwrap_err(), expected, "{mistake:?}");
        if mistake == Mistake::SmallNumber {
            let agreed = exchange(&mut client, &wire.public_pem(), Plan::default()).await;
            use_key(
                &mut client,
                &agreed.expect("a new exchange on the same line"),
            )
            .await;
        } else {
            client.hangs_up().await;
        }
    }
    assert_eq!(wire.counters().keys_made, 1);
    wire.shutdown().await;
}

/// Protects: clients that drop leading zeros never get such a key, by a retry that the protocol knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_leading_zero_is_made_again() {
    let (wire, _) = started(ExchangeOptions::default()).await;
    let (mut client, agreed) = agree(
        &wire,
        Plan {
            zero_key: true,
            ..Plan::default()
        },
    )
    .await;
    let agreed = agreed.unwrap();
    assert!(agreed.retries >= 1 && agreed.key[0] != 0);
    use_key(&mut client, &agreed).await;

    let (wire, _) = started(ExchangeOptions {
        retries: 0,
        ..ExchangeOptions::default()
    })
    .await;
    let (_, broken) = agree(
        &wire,
        Plan {
            zero_key: true,
            ..Plan::default()
        },
    )
    .await;
    assert_eq!(
        broken.unwrap_err(),
        Broken::DhGenFail,
        "retries have an end"
    );
}

/// Protects: where leading zeros are not avoided, such a key is padded to 256 bytes everywhere and works.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_leading_zero_works_when_it_is_kept() {
    let options = ExchangeOptions {
        avoid_leading_zeros: false,
        ..ExchangeOptions::default()
    };
    let (wire, _) = started(options).await;
    let (mut client, agreed) = agree(
        &wire,
        Plan {
            zero_key: true,
            ..Plan::default()
        },
    )
    .await;
    let agreed = agreed.unwrap();
    assert_eq!((agreed.key[0], agreed.retries), (0, 0));
    use_key(&mut client, &agreed).await;
    wire.shutdown().await;
}

/// Protects: a client's temporary key stands for its permanent one: same caller, same pushes.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_temporary_key_acts_as_its_permanent_key() {
    use switchboard_simulator::port::Pusher;
    let (wire, backend) = started(ExchangeOptions::default()).await;
    let (_, permanent) = agree(&wire, Plan::default()).await;
    let permanent = permanent.unwrap();
    let permanent_id = wire.install_key(2, permanent.key);
    let (mut client, temporary) = agree(
        &wire,
        Plan {
            expires_in: Some(3600),
            ..Plan::default()
        },
    )
    .await;
    let temporary = temporary.unwrap();
    use_key(&mut client, &temporary).await;
    assert_ne!(backend.last_caller().key, permanent_id);

    let msg_id = client.next_msg_id();
    let temporary_id = i64::from_le_bytes(sha1(&[&temporary.key])[12..].try_into().unwrap());
    for (proof_for, expected) in [(1_i64, false), (temporary_id, true)] {
        let msg_id = if expected {
            client.next_msg_id()
        } else {
            msg_id
        };
        let body = binding(
            &permanent.key,
            permanent_id.0,
            proof_for,
            client.session_id,
            msg_id,
        );
        let seqno = client.next_seqno(true);
        client.send(msg_id, seqno, &body).await;
        if expected {
            assert_eq!(client.result(msg_id).await, 0x9972_75b5_u32.to_le_bytes());
        } else {
            assert_eq!(
                client.error(msg_id).await,
                (400, "ENCRYPTED_MESSAGE_INVALID".into())
            );
        }
    }
    use_key(&mut client, &temporary).await;
    assert_eq!(backend.last_caller().key, permanent_id);
    assert_eq!(wire.push(permanent_id, &0x0100_00aa_u32.to_le_bytes()), 1);
    client.expect(0x0100_00aa).await;
    wire.shutdown().await;
}

fn binding(
    permanent: &[u8; 256],
    permanent_id: i64,
    temporary_id: i64,
    session_id: i64,
    msg_id: i64,
) -> Vec<u8> {
    let (nonce, expires_at) = (77_i64, 2_000_000_000_i32);
    let mut plain = vec![3; 16];
    plain.put_i64(msg_id);
    plain.put_i32(0);
    plain.put_u32(40);
    plain.put_u32(0x75a3_f765);
    for number in [nonce, temporary_id, permanent_id, session_id] {
        plain.put_i64(number);
    }
    plain.put_i32(expires_at);
    let message_key = sha1(&[&plain])[4..].to_vec();
    let a = sha1(&[&message_key, &permanent[..32]]);
    let b = sha1(&[&permanent[32..48], &message_key, &permanent[48..64]]);
    let c = sha1(&[&permanent[64..96], &message_key]);
    let d = sha1(&[&message_key, &permanent[96..128]]);
    let key = [&a[..8], &b[8..], &c[4..16]].concat();
    let iv = [&a[8..], &b[..8], &c[16..], &d[..8]].concat();
    plain.resize(plain.len().next_multiple_of(16), 5);
    grammers_crypto::aes::ige_encrypt(
        &mut plain,
        &key.try_into().unwrap(),
        &iv.try_into().unwrap(),
    );
    let mut encrypted = permanent_id.to_le_bytes().to_vec();
    encrypted.extend_from_slice(&message_key);
    encrypted.extend_from_slice(&plain);

    let mut body = Vec::new();
    body.put_u32(0xcdd4_2a05);
    body.put_i64(permanent_id);
    body.put_i64(nonce);
    body.put_i32(expires_at);
    body.put_bytes(&encrypted);
    body
}

/// Protects: a simulator that starts again with its keys serves the clients of the one before.
#[tokio::test(flavor = "multi_thread")]
async fn keys_survive_a_restart_when_they_are_handed_on() {
    let rsa = ServerKey::from_seed(7).unwrap();
    let config = WireConfig {
        rsa: rsa.clone(),
        ..WireConfig::default()
    };
    let wire = Wire::start(config, Arc::new(TestBackend::default()))
        .await
        .unwrap();
    assert_eq!(
        wire.public_pem(),
        ServerKey::from_seed(7).unwrap().public_pem()
    );
    let (_, agreed) = agree(&wire, Plan::default()).await;
    let agreed = agreed.unwrap();
    let keys = wire.export_keys();
    assert_eq!(keys, [(2, agreed.key)]);
    wire.shutdown().await;

    let (wire, _) = started(ExchangeOptions::default()).await;
    for (dc_id, key) in keys {
        wire.install_key(dc_id, key);
    }
    let mut client = RawClient::ready(wire.addresses()[0].1, agreed.key).await;
    client.call(ECHO, &[]).await;
    client.expect(RPC_RESULT).await;
    wire.shutdown().await;
}
