//! The key exchange against GramJS from npm: a client of a third ecosystem.
//!
//! Needs Node.js and a folder where `npm install telegram` was done:
//! `GRAMJS_MODULES=/path/to/node_modules cargo test --test wire_gramjs -- --ignored`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod wire_support;

use std::{process::Stdio, sync::Arc, time::Duration};

use rsa::{RsaPublicKey, pkcs1::DecodeRsaPublicKey, traits::PublicKeyParts};
use switchboard_simulator::wire::{ServerKey, Wire, WireConfig};
use tokio::process::Command;
use wire_support::backend::TestBackend;

/// Protects: a JavaScript client makes keys with this server over all of its transports.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node.js and GRAMJS_MODULES, a node_modules with the package telegram"]
async fn gramjs_makes_keys_over_all_transports() {
    let modules = std::env::var("GRAMJS_MODULES").expect("GRAMJS_MODULES names a node_modules");
    let wire = Wire::start(WireConfig::loopback(&[2]), Arc::new(TestBackend::default()))
        .await
        .unwrap();
    let modulus = RsaPublicKey::from_pkcs1_pem(&wire.public_pem())
        .unwrap()
        .n()
        .to_string();
    let (dc_id, address) = wire.addresses()[0];
    let child = Command::new("node")
        .env("NODE_PATH", modules)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/wire_support/gramjs_exchange.js"
        ))
        .args([
            address.ip().to_string(),
            address.port().to_string(),
            dc_id.to_string(),
        ])
        .args([
            modulus,
            ServerKey::well_known().fingerprint().to_string(),
            "2".into(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = tokio::time::timeout(Duration::from_secs(90), child.wait_with_output())
        .await
        .expect("GramJS ends")
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    let rounds = out.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(rounds, 6, "{out}\n{err}");
    wire.shutdown().await;
}
