//! The client's first secret: sealed with RSA, in the current padding (RSA_PAD) or the older one.

use sha2::{Digest, Sha256};

use super::{Nonces, ServerKey, Violation, pq, sha1};
use crate::wire::tl::Reader;

const DATA: u32 = 0x83c9_5aec;
const DATA_DC: u32 = 0xa9f5_5f95;
const DATA_TEMP: u32 = 0x3c6a_84d4;
const DATA_TEMP_DC: u32 = 0x56fd_df88;

/// Takes RSA and padding off. What comes back begins with the inner data.
pub fn unseal(rsa: &ServerKey, encrypted: &[u8]) -> Result<Vec<u8>, Violation> {
    if encrypted.len() != 256 {
        return Err(Violation::Wrong("length of the encrypted data"));
    }
    let block = rsa
        .decrypt(encrypted)
        .ok_or(Violation::Wrong("encrypted data"))?;
    rsa_pad(&block)
        .or_else(|| older_padding(&block))
        .ok_or(Violation::Wrong("padding of the encrypted data"))
}

/// RSA_PAD: a one-time AES key, masked by the hash of what it encrypts; inside, the data backwards and its hash.
fn rsa_pad(block: &[u8; 256]) -> Option<Vec<u8>> {
    let (masked_key, encrypted) = block.split_at(32);
    let mask: [u8; 32] = Sha256::digest(encrypted).into();
    let mut key = mask;
    for (byte, masked) in key.iter_mut().zip(masked_key) {
        *byte ^= masked;
    }
    let mut data = encrypted.to_vec();
    grammers_crypto::aes::ige_decrypt(&mut data, &key, &[0; 32]);
    let hash = data.split_off(192);
    data.reverse();
    let expected: [u8; 32] = Sha256::new()
        .chain_update(key)
        .chain_update(&data)
        .finalize()
        .into();
    (expected.as_slice() == hash).then_some(data)
}

/// The padding before RSA_PAD: SHA-1, the data, random bytes up to 255.
fn older_padding(block: &[u8; 256]) -> Option<Vec<u8>> {
    let [0, rest @ ..] = block else { return None };
    let (hash, data) = rest.split_first_chunk::<20>()?;
    let mut reader = Reader::new(data);
    Inner::read_from(&mut reader).ok()?;
    let used = data.get(..data.len() - reader.rest().len())?;
    (sha1(&[used]) == *hash).then(|| data.to_vec())
}

/// `p_q_inner_data` in any of its four shapes.
#[derive(Debug)]
pub struct Inner {
    pq: Option<u64>,
    p: Vec<u8>,
    q: Vec<u8>,
    client_nonce: [u8; 16],
    server_nonce: [u8; 16],
    pub new_nonce: [u8; 32],
    dc_id: Option<i32>,
    pub expires_in: Option<i32>,
}

impl Inner {
    pub fn read(data: &[u8]) -> Result<Self, Violation> {
        Self::read_from(&mut Reader::new(data))
    }

    fn read_from(reader: &mut Reader) -> Result<Self, Violation> {
        let kind = reader.u32()?;
        let (with_dc, with_expiry) = match kind {
            DATA => (false, false),
            DATA_DC => (true, false),
            DATA_TEMP => (false, true),
            DATA_TEMP_DC => (true, true),
            _ => return Err(Violation::Wrong("inner data")),
        };
        Ok(Self {
            pq: pq::number(reader.bytes()?),
            p: reader.bytes()?.to_vec(),
            q: reader.bytes()?.to_vec(),
            client_nonce: reader.array()?,
            server_nonce: reader.array()?,
            new_nonce: reader.array()?,
            dc_id: if with_dc { Some(reader.i32()?) } else { None },
            expires_in: if with_expiry {
                Some(reader.i32()?)
            } else {
                None
            },
        })
    }

    pub fn check(&self, nonces: Nonces, pq: &pq::Pq, dc_id: i32) -> Result<(), Violation> {
        if self.pq != Some(pq.product()) {
            return Err(Violation::Wrong("pq"));
        }
        pq.check_factors(&self.p, &self.q)?;
        if (Nonces {
            client: self.client_nonce,
            server: self.server_nonce,
        }) != nonces
        {
            return Err(Violation::Wrong("nonces inside"));
        }
        // Test data centres count from 10,000, media ones are negative.
        if let Some(named) = self
            .dc_id
            .filter(|named| named.unsigned_abs() % 10_000 != dc_id.unsigned_abs())
        {
            return Err(Violation::WrongDc(named));
        }
        if self.expires_in.is_some_and(|seconds| seconds <= 0) {
            return Err(Violation::Wrong("expiry"));
        }
        Ok(())
    }
}
