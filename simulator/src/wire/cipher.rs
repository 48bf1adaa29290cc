//! MTProto 2.0 encryption: AES-256-IGE under keys derived from the auth key and the message key.

use std::{fmt, sync::Arc};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::port::KeyId;

/// Bytes before the encrypted part: key id and message key.
pub const HEADER: usize = 24;
/// Salt and session id, the first fields of the encrypted part.
pub const ENVELOPE: usize = 16;

/// Which half of the auth key a direction uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    FromClient,
    FromServer,
}

impl Side {
    const fn x(self) -> usize {
        match self {
            Self::FromClient => 0,
            Self::FromServer => 8,
        }
    }
}

/// An auth key: 256 bytes, leading zeros included.
#[derive(Clone)]
pub struct AuthKey {
    bytes: Arc<[u8; 256]>,
    digest: [u8; 20],
}

/// A packet that is not what its key made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    #[error("the encrypted part is {0} bytes long")]
    Length(usize),
    #[error("the message key does not fit")]
    MessageKey,
}

impl AuthKey {
    #[must_use]
    pub fn new(bytes: [u8; 256]) -> Self {
        Self {
            digest: Sha1::digest(bytes).into(),
            bytes: Arc::new(bytes),
        }
    }

    #[must_use]
    pub fn id(&self) -> KeyId {
        let [.., a, b, c, d, e, f, g, h] = self.digest;
        KeyId(i64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// The first 64 bits of the key's SHA-1, which the key exchange refers to it by.
    #[must_use]
    pub fn aux_hash(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.digest;
        [a, b, c, d, e, f, g, h]
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8; 256] {
        &self.bytes
    }

    fn part<const N: usize>(&self, from: usize) -> &[u8] {
        self.bytes.get(from..from + N).unwrap_or_default()
    }

    fn message_key(&self, plaintext: &[u8], side: Side) -> [u8; 16] {
        let mut hasher = Sha256::new();
        hasher.update(self.part::<32>(88 + side.x()));
        hasher.update(plaintext);
        let large: [u8; 32] = hasher.finalize().into();
        large
            .split_at(8)
            .1
            .first_chunk()
            .copied()
            .unwrap_or_default()
    }

    fn key_and_iv(&self, message_key: &[u8; 16], side: Side) -> ([u8; 32], [u8; 32]) {
        let a: [u8; 32] = Sha256::new()
            .chain_update(message_key)
            .chain_update(self.part::<36>(side.x()))
            .finalize()
            .into();
        let b: [u8; 32] = Sha256::new()
            .chain_update(self.part::<36>(40 + side.x()))
            .chain_update(message_key)
            .finalize()
            .into();
        (woven(&a, &b), woven(&b, &a))
    }

    /// Encrypts `buffer` from `at` on, where the caller left [`HEADER`] bytes of room and then the plaintext with
    /// its padding (see [`padding`]). Fills the header in.
    pub fn seal(&self, buffer: &mut [u8], side: Side) {
        debug_assert!(buffer.len() >= HEADER && (buffer.len() - HEADER).is_multiple_of(16));
        let Some((header, plaintext)) = buffer.split_at_mut_checked(HEADER) else {
            return;
        };
        let message_key = self.message_key(plaintext, side);
        let (key, iv) = self.key_and_iv(&message_key, side);
        grammers_crypto::aes::ige_encrypt(plaintext, &key, &iv);
        let (id, place) = header.split_at_mut(8);
        id.copy_from_slice(&self.id().0.to_le_bytes());
        place.copy_from_slice(&message_key);
    }

    /// Decrypts a packet in place; answers to its plaintext, padding included.
    pub fn open<'a>(&self, packet: &'a mut [u8], side: Side) -> Result<&'a [u8], CipherError> {
        let len = packet.len();
        let (header, encrypted) = packet
            .split_at_mut_checked(HEADER)
            .ok_or(CipherError::Length(len))?;
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(16) {
            return Err(CipherError::Length(encrypted.len()));
        }
        let message_key: [u8; 16] = header.last_chunk().copied().unwrap_or_default();
        let (key, iv) = self.key_and_iv(&message_key, side);
        grammers_crypto::aes::ige_decrypt(encrypted, &key, &iv);
        if self.message_key(encrypted, side) != message_key {
            return Err(CipherError::MessageKey);
        }
        Ok(encrypted)
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKey({:?})", self.id())
    }
}

/// Key and initial vector are both eight bytes of one digest, sixteen of the other, eight of the first.
fn woven(outer: &[u8; 32], inner: &[u8; 32]) -> [u8; 32] {
    let mut out = *outer;
    for (place, value) in out.iter_mut().zip(inner).skip(8).take(16) {
        *place = *value;
    }
    out
}

/// How much padding a plaintext of this length takes: at least 12 bytes, up to a whole block.
#[must_use]
pub fn padding(plaintext_len: usize) -> usize {
    12 + (16 - (plaintext_len + 12) % 16) % 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: what the server seals is what a client that nobody here wrote opens.
    #[test]
    fn the_library_of_the_client_opens_what_the_server_seals() {
        let bytes = std::array::from_fn(|at| (at * 7 % 256) as u8);
        let ours = AuthKey::new(bytes);
        let theirs = grammers_crypto::AuthKey::from_bytes(bytes);
        for len in [32, 36, 100, 4000] {
            let mut packet = vec![0; HEADER];
            packet.extend((0..len).map(|at| at as u8));
            packet.resize(packet.len() + padding(len), 3);
            let plain = packet[HEADER..].to_vec();
            ours.seal(&mut packet, Side::FromServer);
            assert_eq!(
                grammers_crypto::decrypt_data_v2(&mut packet, &theirs).unwrap(),
                plain
            );
        }
    }

    /// Protects: the padding stays inside what MTProto 2.0 allows for every length.
    #[test]
    fn padding_fills_blocks_and_is_never_shorter_than_twelve_bytes() {
        for len in 0..64 {
            let pad = padding(len);
            assert!((12..28).contains(&pad));
            assert_eq!((len + pad) % 16, 0);
        }
    }
}
