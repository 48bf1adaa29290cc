//! The Diffie-Hellman half of the exchange.

use std::sync::LazyLock;

use num_bigint::BigUint;
use rand::RngExt;

use super::{ExchangeOptions, Nonces, Surroundings, Violation, padded_256, sha1};
use crate::wire::{
    cipher::AuthKey,
    tl::{Put, Reader},
};

/// The safe prime that Telegram uses and that careful clients insist on.
static PRIME: LazyLock<BigUint> = LazyLock::new(|| {
    let hex = b"C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C3720FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F642477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B";
    BigUint::parse_bytes(hex, 16).unwrap_or_default()
});
const GENERATOR: u32 = 3;

/// How the server answers the client's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Retry,
    Fail,
}

/// What comes of the client's number.
pub enum Conclusion {
    Key(AuthKey),
    /// This key will not do; the client draws another number.
    Again(AuthKey),
    Never(AuthKey),
}

/// From `server_DH_params_ok` to the verdict.
pub struct Agreement {
    pub nonces: Nonces,
    new_nonce: [u8; 32],
    pub expires_in: Option<i32>,
    a: BigUint,
    g_a: [u8; 256],
    retries: u32,
    /// Of the key that was refused last; the client's next attempt names it.
    refused: [u8; 8],
}

impl Agreement {
    pub fn begin(
        nonces: Nonces,
        new_nonce: [u8; 32],
        expires_in: Option<i32>,
        options: &ExchangeOptions,
    ) -> Self {
        let (a, g_a) = loop {
            let secret: [u8; 256] = rand::rng().random();
            let a = BigUint::from_bytes_be(&secret);
            let number = BigUint::from(GENERATOR).modpow(&a, &PRIME);
            let Some(g_a) = padded_256(&number) else {
                continue;
            };
            let [first, ..] = g_a;
            if in_range(&number) && !(options.avoid_leading_zeros && first == 0) {
                break (a, g_a);
            }
        };
        Self {
            nonces,
            new_nonce,
            expires_in,
            a,
            g_a,
            retries: 0,
            refused: [0; 8],
        }
    }

    /// `server_DH_params_ok`.
    pub fn offer(&self, now: i32) -> Vec<u8> {
        let mut inner = Vec::with_capacity(600);
        inner.put_u32(0xb589_0dba); // server_DH_inner_data
        self.nonces.put(&mut inner);
        inner.put_u32(GENERATOR);
        inner.put_bytes(&PRIME.to_bytes_be());
        inner.put_bytes(&self.g_a);
        inner.put_i32(now);

        let mut encrypted = sha1(&[&inner]).to_vec();
        encrypted.append(&mut inner);
        let padding: [u8; 16] = rand::rng().random();
        let missing = (16 - encrypted.len() % 16) % 16;
        encrypted.extend(padding.iter().take(missing));
        let (key, iv) =
            grammers_crypto::generate_key_data_from_nonce(&self.nonces.server, &self.new_nonce);
        grammers_crypto::aes::ige_encrypt(&mut encrypted, &key, &iv);

        let mut answer = Vec::with_capacity(700);
        answer.put_u32(0xd0e8_075c); // server_DH_params_ok
        self.nonces.put(&mut answer);
        answer.put_bytes(&encrypted);
        answer
    }

    /// Reads the client's number and makes the key.
    pub fn conclude(
        &mut self,
        encrypted: &[u8],
        around: Surroundings<'_>,
    ) -> Result<Conclusion, Violation> {
        if encrypted.is_empty() || !encrypted.len().is_multiple_of(16) {
            return Err(Violation::Wrong("length of the encrypted data"));
        }
        let (key, iv) =
            grammers_crypto::generate_key_data_from_nonce(&self.nonces.server, &self.new_nonce);
        let mut plain = encrypted.to_vec();
        grammers_crypto::aes::ige_decrypt(&mut plain, &key, &iv);
        let (hash, data) = plain
            .split_first_chunk::<20>()
            .ok_or(Violation::Wrong("encrypted data"))?;

        let mut reader = Reader::new(data);
        if reader.u32()? != 0x6643_b654 {
            return Err(Violation::Wrong("inner data"));
        }
        self.nonces.check(&mut reader)?;
        let retry_id: [u8; 8] = reader.array()?;
        let g_b = reader.bytes()?;
        let used = data
            .get(..data.len() - reader.rest().len())
            .unwrap_or_default();
        if sha1(&[used]) != *hash || reader.rest().len() > 15 {
            return Err(Violation::Wrong("hash of the inner data"));
        }
        if g_b.len() > 256 {
            return Err(Violation::Wrong("g_b"));
        }
        if retry_id != self.refused {
            return Err(Violation::Wrong("retry_id"));
        }
        Ok(self.judge(&BigUint::from_bytes_be(g_b), around))
    }

    fn judge(&mut self, g_b: &BigUint, around: Surroundings<'_>) -> Conclusion {
        let shared = padded_256(&g_b.modpow(&self.a, &PRIME)).unwrap_or([0; 256]);
        let [first, ..] = shared;
        let key = AuthKey::new(shared);
        if !in_range(g_b) {
            return Conclusion::Never(key);
        }
        let unwelcome = around.options.avoid_leading_zeros && first == 0;
        if !unwelcome && !(around.is_taken)(key.id()) {
            return Conclusion::Key(key);
        }
        self.refused = key.aux_hash();
        self.retries += 1;
        if self.retries > around.options.retries {
            Conclusion::Never(key)
        } else {
            Conclusion::Again(key)
        }
    }

    /// `dh_gen_ok`, `dh_gen_retry` or `dh_gen_fail`.
    pub fn verdict(&self, verdict: Verdict, key: &AuthKey) -> Vec<u8> {
        let (constructor, number) = match verdict {
            Verdict::Ok => (0x3bcb_f734, 1),
            Verdict::Retry => (0x46dc_1fb9, 2),
            Verdict::Fail => (0xa69d_ae02, 3),
        };
        let mut answer = Vec::with_capacity(52);
        answer.put_u32(constructor);
        self.nonces.put(&mut answer);
        let hash = sha1(&[&self.new_nonce, &[number], &key.aux_hash()]);
        answer.extend(hash.iter().skip(4));
        answer
    }

    pub fn first_salt(&self) -> i64 {
        let mut salt = [0; 8];
        for ((byte, one), other) in salt.iter_mut().zip(self.new_nonce).zip(self.nonces.server) {
            *byte = one ^ other;
        }
        i64::from_le_bytes(salt)
    }
}

/// Both sides' numbers keep 2^1984 away from either end of the field.
fn in_range(number: &BigUint) -> bool {
    let margin = BigUint::from(1_u32) << (2048 - 64);
    *number >= margin && *number <= &*PRIME - &margin
}
