//! The key exchange against Telethon from PyPI, over every transport that it speaks.
//!
//! Needs a Python with Telethon: `TELETHON_PYTHON=/path/to/venv/bin/python cargo test --test wire_telethon -- --ignored`.
//!
//! The recipe for any Telethon test: `telethon.crypto.rsa.add_key(pem, old=False)` with [`WireHandle::public_pem`],
//! `session.set_dc(dc_id, host, port)` with [`WireHandle::addresses`] before the client is made, and then
//! `TelegramClient(session, api_id, api_hash, connection=…)`. Telethon 1.45 drops leading zero bytes in the exchange;
//! `ExchangeOptions::avoid_leading_zeros` (on by default) keeps that from failing 1 exchange in 200. When the shared
//! key begins with zero, Telethon logs one failed attempt and begins again on the same connection.
//!
//! [`WireHandle::public_pem`]: switchboard_simulator::wire::WireHandle::public_pem
//! [`WireHandle::addresses`]: switchboard_simulator::wire::WireHandle::addresses

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::{process::Stdio, sync::Arc, time::Duration};

use switchboard_simulator::wire::{Wire, WireConfig};
use tokio::process::Command;
use wire_support::backend::TestBackend;

/// Protects: a client from another ecosystem makes keys with this server over all of its transports.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs TELETHON_PYTHON, a Python with Telethon"]
async fn telethon_makes_keys_over_all_transports() {
    let python =
        std::env::var("TELETHON_PYTHON").expect("TELETHON_PYTHON names a Python with Telethon");
    let rounds: usize =
        std::env::var("TELETHON_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    let wire = Wire::start(WireConfig::loopback(&[2]), Arc::new(TestBackend::default()))
        .await
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let pem = directory.path().join("server.pem");
    std::fs::write(&pem, wire.public_pem()).unwrap();
    let (dc_id, address) = wire.addresses()[0];
    let child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/wire_support/telethon_exchange.py"
        ))
        .args([
            address.ip().to_string(),
            address.port().to_string(),
            dc_id.to_string(),
        ])
        .arg(&pem)
        .arg(rounds.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let limit = Duration::from_secs(30 + 10 * rounds as u64);
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .expect("Telethon ends")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(
        out.lines().filter(|line| line.starts_with("ok ")).count(),
        4 * rounds,
        "{out}\n{err}"
    );
    assert_eq!(wire.counters().keys_made, 4 * rounds as u64);
    wire.shutdown().await;
}
