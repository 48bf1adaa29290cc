//! Obfuscated transport: 64 random-looking bytes carry two AES-CTR keys, and everything after them is encrypted.

use aes::Aes256;
use ctr::cipher::{KeyIvInit, StreamCipher as _};

use super::{FrameError, Framing};

/// One direction of an obfuscated connection.
pub struct StreamCipher(Box<ctr::Ctr128BE<Aes256>>);

impl StreamCipher {
    #[must_use]
    pub fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self(Box::new(ctr::Ctr128BE::<Aes256>::new(
            key.into(),
            iv.into(),
        )))
    }

    pub fn apply(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

/// The framing inside, the cipher for what the client sends and the one for what it gets.
pub(super) fn unmask(head: &[u8; 64]) -> Result<(Framing, StreamCipher, StreamCipher), FrameError> {
    let mut secret: [u8; 48] = head.split_at(8).1.first_chunk().copied().unwrap_or([0; 48]);
    let mut incoming = cipher(&secret);
    secret.reverse();
    let outgoing = cipher(&secret);

    let mut plain = *head;
    incoming.apply(&mut plain);
    let [.., a, b, c, d, _, _, _, _] = plain;
    let framing = match [a, b, c, d] {
        [0xef, 0xef, 0xef, 0xef] => Framing::Abridged,
        [0xee, 0xee, 0xee, 0xee] => Framing::Intermediate,
        [0xdd, 0xdd, 0xdd, 0xdd] => Framing::Padded,
        _ => return Err(FrameError::UnknownTransport),
    };
    Ok((framing, incoming, outgoing))
}

fn cipher(secret: &[u8; 48]) -> StreamCipher {
    let key = secret.first_chunk().copied().unwrap_or_default();
    let iv = secret.last_chunk().copied().unwrap_or_default();
    StreamCipher::new(&key, &iv)
}
