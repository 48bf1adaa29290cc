//! The obfuscated transport: 64 random bytes carry two keys, the kind of packets and the data centre; all that follows
//! is encrypted with them. The proxy's secret goes into both keys.

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher as _};
use sha2::{Digest, Sha256};

use crate::telegram::ways::WayError;

const HEAD: usize = 64;
const PADDED: [u8; 4] = [0xdd; 4];
const INTERMEDIATE: [u8; 4] = [0xee; 4];

/// One direction. Boxed: its key schedule is large, and an idle line should be small.
pub(super) struct StreamCipher(Box<ctr::Ctr128BE<Aes256>>);

impl StreamCipher {
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

pub(super) struct Ciphers {
    /// As it goes over the wire.
    pub(super) head: [u8; HEAD],
    pub(super) outward: StreamCipher,
    pub(super) inward: StreamCipher,
}

pub(super) fn begin(secret: &[u8; 16], padded: bool, dc: i16) -> Result<Ciphers, WayError> {
    loop {
        let mut head = [0; HEAD];
        getrandom::fill(&mut head)
            .map_err(|_| WayError::NoRelay(std::io::ErrorKind::Unsupported))?;
        if is_free(&head) {
            return Ok(over(head, secret, padded, dc));
        }
    }
}

/// Beginnings that a server would take for another transport.
fn is_free(head: &[u8; HEAD]) -> bool {
    let [a, b, c, d, e, f, g, h, ..] = *head;
    let taken = matches!(
        &[a, b, c, d],
        b"HEAD" | b"POST" | b"GET " | b"OPTI" | &INTERMEDIATE | &PADDED | &[0x16, 3, 1, 2]
    );
    a != 0xef && !taken && [e, f, g, h] != [0; 4]
}

fn over(mut head: [u8; HEAD], secret: &[u8; 16], padded: bool, dc: i16) -> Ciphers {
    let tag = if padded { PADDED } else { INTERMEDIATE };
    let [low, high] = dc.to_le_bytes();
    for (at, byte) in (56..).zip(tag.into_iter().chain([low, high])) {
        if let Some(slot) = head.get_mut(at) {
            *slot = byte;
        }
    }
    // 32 bytes of key and 16 of the counter's beginning, forwards for us and backwards for the proxy.
    let mut seed: [u8; 48] = head.split_at(8).1.first_chunk().copied().unwrap_or([0; 48]);
    let mut outward = cipher(&seed, secret);
    seed.reverse();
    let inward = cipher(&seed, secret);
    let mut wire = head;
    outward.apply(&mut wire);
    // Only the last eight bytes travel encrypted.
    for (seen, plain) in wire.iter_mut().zip(head).take(56) {
        *seen = plain;
    }
    Ciphers {
        head: wire,
        outward,
        inward,
    }
}

fn cipher(seed: &[u8; 48], secret: &[u8; 16]) -> StreamCipher {
    let (key, counter) = seed.split_at(32);
    let key: [u8; 32] = Sha256::new()
        .chain_update(key)
        .chain_update(secret)
        .finalize()
        .into();
    let counter: [u8; 16] = counter.try_into().unwrap_or_default();
    StreamCipher(Box::new(ctr::Ctr128BE::<Aes256>::new(
        &key.into(),
        &counter.into(),
    )))
}
