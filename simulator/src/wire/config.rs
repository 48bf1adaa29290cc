//! What a wire is started with: addresses, the server's key and the limits that hold for every connection.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::ServerKey;

/// Options of a [`Wire`](super::Wire). `..WireConfig::default()` fills what a caller does not care about.
#[derive(Clone, Debug)]
pub struct WireConfig {
    /// Data centre ids and where each listens; port 0 picks a free one.
    pub dcs: Vec<(i32, SocketAddr)>,
    pub rsa: ServerKey,
    pub limits: Limits,
    pub exchange: ExchangeOptions,
    /// Answers of at least this many bytes travel as `gzip_packed` when that makes them shorter. `None`: never.
    pub gzip_over: Option<usize>,
}

impl WireConfig {
    /// These data centres on free loopback ports, with the well-known test key.
    #[must_use]
    pub fn loopback(dc_ids: &[i32]) -> Self {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            dcs: dc_ids.iter().map(|dc_id| (*dc_id, address)).collect(),
            rsa: ServerKey::well_known(),
            limits: Limits::default(),
            exchange: ExchangeOptions::default(),
            gzip_over: Some(1024),
        }
    }
}

impl Default for WireConfig {
    fn default() -> Self {
        Self::loopback(&[2])
    }
}

/// Bounds of one connection or session, and what happens at each.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A longer frame from a client ends its connection. Buffers grow with the bytes that come, never with the
    /// length that a frame announces.
    pub frame_bytes: usize,
    /// What may wait to be written to one connection. One byte more and the connection is dropped: its reader is
    /// too slow, and Telegram does not wait either; the client asks for the difference when it comes back.
    pub outgoing_bytes: usize,
    /// A connection without a single valid encrypted packet ends after this time.
    pub unauthenticated: Duration,
    /// A `gzip_packed` that grows beyond this is refused.
    pub unpacked_bytes: usize,
    /// Answers that a session keeps until the client acknowledges them; the oldest is forgotten first.
    pub unacknowledged_answers: usize,
    /// Bytes of those answers.
    pub unacknowledged_bytes: usize,
    /// Message ids that a session remembers, to recognise repeats; older ones are refused with code 20.
    pub remembered_ids: usize,
    /// Sessions of one key without a connection; the oldest is forgotten first.
    pub resting_sessions: usize,
    /// Calls of one connection that run at the same time; a client that sends more is not read meanwhile.
    pub running_calls: usize,
    /// How long `invokeAfterMsg` waits for the call before it.
    pub wait_for_previous: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 2 << 20,
            outgoing_bytes: 16 << 20,
            unauthenticated: Duration::from_secs(60),
            unpacked_bytes: 10 << 20,
            unacknowledged_answers: 512,
            unacknowledged_bytes: 4 << 20,
            remembered_ids: 1024,
            resting_sessions: 16,
            running_calls: 4096,
            wait_for_previous: Duration::from_secs(10),
        }
    }
}

/// How the key exchange behaves where the protocol leaves a choice.
#[derive(Clone, Debug)]
pub struct ExchangeOptions {
    /// Numbers of the exchange never begin with a zero byte: the server draws another `a` until `g_a` does not,
    /// and answers `dh_gen_retry` when the shared key does. Both are legal, and spare tests the 1 in 200 failures
    /// of clients that drop such a byte (Telethon 1.45). Off: such keys are used, padded to 256 bytes.
    pub avoid_leading_zeros: bool,
    /// Attempts that end in `dh_gen_retry` before `dh_gen_fail` is the answer.
    pub retries: u32,
}

impl Default for ExchangeOptions {
    fn default() -> Self {
        Self {
            avoid_leading_zeros: true,
            retries: 8,
        }
    }
}
