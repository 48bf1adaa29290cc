//! The steps of the key exchange as pure functions: randomness comes in, so each can be tested against a played server.

use grammers_client::tl::{self as tl, Cursor, Deserializable, Serializable};
use grammers_crypto::{AuthKey, aes, generate_key_data_from_nonce, rsa::encrypt_hashed};
use num_bigint::BigUint;
use sha1::{Digest, Sha1};

use super::{HandshakeError, ServerKey};

type Nonce = [u8; 16];

const fn refused<T>(why: &'static str) -> Result<T, HandshakeError> {
    Err(HandshakeError::Refused(why))
}

pub(super) const fn ask_pq(nonce: Nonce) -> (tl::functions::ReqPqMulti, Nonce) {
    (tl::functions::ReqPqMulti { nonce }, nonce)
}

/// The number to factorise.
pub(super) fn read_pq(answer: &tl::enums::ResPq, nonce: &Nonce) -> Result<u64, HandshakeError> {
    let tl::enums::ResPq::Pq(answer) = answer;
    if answer.nonce != *nonce {
        return refused("the server answered another exchange");
    }
    if answer.pq.is_empty() || answer.pq.len() > 8 {
        return refused("the server's pq is not of 64 bits");
    }
    Ok(answer
        .pq
        .iter()
        .fold(0, |pq, byte| pq << 8 | u64::from(*byte)))
}

/// What both sides know once the server key is used.
pub(super) struct Exchange {
    nonce: Nonce,
    server_nonce: Nonce,
    new_nonce: [u8; 32],
    aes_key: [u8; 32],
    aes_iv: [u8; 32],
}

/// The server's half of Diffie-Hellman.
pub(super) struct Params {
    g: i32,
    prime: BigUint,
    g_a: BigUint,
}

pub(super) enum Verdict {
    Agreed,
    Again { retry_id: i64 },
}

impl Exchange {
    pub(super) fn begin(
        answer: tl::enums::ResPq,
        nonce: Nonce,
        (p, q): (u64, u64),
        server_key: &ServerKey,
        new_nonce: [u8; 32],
        padding: &[u8; 224],
    ) -> Result<(tl::functions::ReqDhParams, Self), HandshakeError> {
        let tl::enums::ResPq::Pq(answer) = answer;
        if !answer
            .server_public_key_fingerprints
            .contains(&server_key.fingerprint)
        {
            return refused("the server does not have the configured key");
        }
        let inner = tl::enums::PQInnerData::Data(tl::types::PQInnerData {
            pq: answer.pq,
            p: shortest(p),
            q: shortest(q),
            nonce,
            server_nonce: answer.server_nonce,
            new_nonce,
        });
        let (aes_key, aes_iv) = generate_key_data_from_nonce(&answer.server_nonce, &new_nonce);
        let request = tl::functions::ReqDhParams {
            nonce,
            server_nonce: answer.server_nonce,
            p: shortest(p),
            q: shortest(q),
            public_key_fingerprint: server_key.fingerprint,
            encrypted_data: encrypt_hashed(&inner.to_bytes(), &server_key.key, padding),
        };
        let exchange = Self {
            nonce,
            server_nonce: answer.server_nonce,
            new_nonce,
            aes_key,
            aes_iv,
        };
        Ok((request, exchange))
    }

    /// Opens the server's parameters and checks all that can be checked without the slow test of the prime.
    pub(super) fn read_params(
        &self,
        answer: tl::enums::ServerDhParams,
    ) -> Result<Params, HandshakeError> {
        let tl::enums::ServerDhParams::Ok(answer) = answer else {
            return refused("the server refused the factors");
        };
        self.same(answer.nonce, answer.server_nonce)?;
        let mut plain = answer.encrypted_answer;
        if plain.len() % 16 != 0 || plain.len() < 32 {
            return refused("the server's parameters are not padded");
        }
        aes::ige_decrypt(&mut plain, &self.aes_key, &self.aes_iv);
        let Some((hash, body)) = plain.split_first_chunk::<20>() else {
            return refused("the server's parameters are cut short");
        };
        let mut cursor = Cursor::from_slice(body);
        let Ok(inner) = tl::enums::ServerDhInnerData::deserialize(&mut cursor) else {
            return refused("the server's parameters could not be read");
        };
        let read = body.get(..cursor.pos()).unwrap_or_default();
        if Sha1::digest(read).as_slice() != hash {
            return refused("the server's parameters have another hash");
        }
        let tl::enums::ServerDhInnerData::Data(inner) = inner;
        self.same(inner.nonce, inner.server_nonce)?;
        let params = Params {
            g: inner.g,
            prime: BigUint::from_bytes_be(&inner.dh_prime),
            g_a: BigUint::from_bytes_be(&inner.g_a),
        };
        params.check_power(&params.g_a)?;
        Ok(params)
    }

    /// Chooses our exponent: the request, and the key it leads to when the server agrees.
    pub(super) fn choose(
        &self,
        params: &Params,
        exponent: &[u8; 256],
        retry_id: i64,
        padding: [u8; 16],
    ) -> Result<(tl::functions::SetClientDhParams, AuthKey), HandshakeError> {
        let b = BigUint::from_bytes_be(exponent);
        let g_b = BigUint::from(params.g.unsigned_abs()).modpow(&b, &params.prime);
        params.check_power(&g_b)?;
        let inner = tl::enums::ClientDhInnerData::Data(tl::types::ClientDhInnerData {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            retry_id,
            g_b: padded(&g_b)?.to_vec(),
        })
        .to_bytes();
        let mut sealed = Sha1::digest(&inner).to_vec();
        sealed.extend(inner);
        let missing = (16 - sealed.len() % 16) % 16;
        sealed.extend(padding.iter().take(missing));
        aes::ige_encrypt(&mut sealed, &self.aes_key, &self.aes_iv);
        let request = tl::functions::SetClientDhParams {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            encrypted_data: sealed,
        };
        let key = padded(&params.g_a.modpow(&b, &params.prime))?;
        Ok((request, AuthKey::from_bytes(key)))
    }

    /// The server's last word, proven by a hash that only the holder of the same key can make.
    pub(super) fn judge(
        &self,
        answer: &tl::enums::SetClientDhParamsAnswer,
        key: &AuthKey,
    ) -> Result<Verdict, HandshakeError> {
        use tl::enums::SetClientDhParamsAnswer as Answer;
        let (nonce, server_nonce, hash, number) = match answer {
            Answer::DhGenOk(x) => (x.nonce, x.server_nonce, x.new_nonce_hash1, 1),
            Answer::DhGenRetry(x) => (x.nonce, x.server_nonce, x.new_nonce_hash2, 2),
            Answer::DhGenFail(x) => (x.nonce, x.server_nonce, x.new_nonce_hash3, 3),
        };
        self.same(nonce, server_nonce)?;
        if key.calc_new_nonce_hash(&self.new_nonce, number) != hash {
            return refused("the server has come to another key");
        }
        match number {
            1 => Ok(Verdict::Agreed),
            2 => Ok(Verdict::Again {
                retry_id: aux_hash(key),
            }),
            _ => refused("the server gave up"),
        }
    }

    fn same(&self, nonce: Nonce, server_nonce: Nonce) -> Result<(), HandshakeError> {
        if nonce == self.nonce && server_nonce == self.server_nonce {
            return Ok(());
        }
        refused("the server answered another exchange")
    }
}

impl Params {
    pub(super) fn prime_bytes(&self) -> Vec<u8> {
        self.prime.to_bytes_be()
    }

    pub(super) const fn g(&self) -> i32 {
        self.g
    }

    /// Between 2^(2048-64) and prime - 2^(2048-64), as Telegram recommends for both powers.
    fn check_power(&self, power: &BigUint) -> Result<(), HandshakeError> {
        let margin = BigUint::from(1_u8) << (2048 - 64);
        if *power > margin && power + &margin < self.prime {
            return Ok(());
        }
        refused("a power of g is out of range")
    }
}

/// The key's name for a retry: the high 64 bits of its SHA-1.
fn aux_hash(key: &AuthKey) -> i64 {
    Sha1::digest(key.to_bytes())
        .first_chunk()
        .map_or(0, |high| i64::from_le_bytes(*high))
}

/// Always 256 bytes: one number in 256 begins with a zero byte, which belongs to the key.
fn padded(number: &BigUint) -> Result<[u8; 256], HandshakeError> {
    let bytes = number.to_bytes_be();
    let mut out = [0; 256];
    match out
        .len()
        .checked_sub(bytes.len())
        .and_then(|at| out.get_mut(at..))
    {
        Some(tail) => tail.copy_from_slice(&bytes),
        None => return refused("a number is longer than the prime"),
    }
    Ok(out)
}

/// Without leading zero bytes, as the server compares the factors.
fn shortest(number: u64) -> Vec<u8> {
    number
        .to_be_bytes()
        .into_iter()
        .skip_while(|byte| *byte == 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::prime;

    const NONCE: Nonce = [1; 16];
    const SERVER_NONCE: Nonce = [2; 16];

    fn exchange() -> Exchange {
        let new_nonce = [3; 32];
        let (aes_key, aes_iv) = generate_key_data_from_nonce(&SERVER_NONCE, &new_nonce);
        Exchange {
            nonce: NONCE,
            server_nonce: SERVER_NONCE,
            new_nonce,
            aes_key,
            aes_iv,
        }
    }

    fn params(a: &BigUint) -> Params {
        let prime = BigUint::from_bytes_be(&prime::known());
        let g_a = BigUint::from(3_u8).modpow(a, &prime);
        Params { g: 3, prime, g_a }
    }

    fn random_256() -> [u8; 256] {
        let mut bytes = [0; 256];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }

    /// An exponent whose shared key begins with a zero byte: one more multiplication per step instead of a power.
    fn exponent_with_leading_zero(params: &Params) -> [u8; 256] {
        let start = BigUint::from_bytes_be(&random_256()) >> 8;
        let mut key = params.g_a.modpow(&start, &params.prime);
        let mut b = start;
        while key.bits() > 2040 {
            key = key * &params.g_a % &params.prime;
            b += 1_u8;
        }
        padded(&b).unwrap()
    }

    /// The server's side: opens our request and answers with the number's hash.
    fn server_key(request: &tl::functions::SetClientDhParams, a: &BigUint) -> (Vec<u8>, [u8; 256]) {
        let e = exchange();
        let mut plain = request.encrypted_data.clone();
        aes::ige_decrypt(&mut plain, &e.aes_key, &e.aes_iv);
        let tl::enums::ClientDhInnerData::Data(inner) =
            tl::enums::ClientDhInnerData::from_bytes(&plain[20..]).unwrap();
        let prime = BigUint::from_bytes_be(&prime::known());
        let key = BigUint::from_bytes_be(&inner.g_b).modpow(a, &prime);
        (inner.g_b, padded(&key).unwrap())
    }

    /// Protects one account in 256: a shared key that begins with a zero byte stays 256 bytes long on both sides.
    #[test]
    fn a_key_with_a_leading_zero_byte_is_agreed_on() {
        let a = BigUint::from_bytes_be(&random_256());
        let params = params(&a);
        let b = exponent_with_leading_zero(&params);
        let (request, key) = exchange().choose(&params, &b, 0, [9; 16]).unwrap();
        assert_eq!(key.to_bytes()[0], 0);
        let (g_b, theirs) = server_key(&request, &a);
        assert_eq!(g_b.len(), 256);
        assert_eq!(theirs, key.to_bytes());

        let ok = tl::types::DhGenOk {
            nonce: NONCE,
            server_nonce: SERVER_NONCE,
            new_nonce_hash1: AuthKey::from_bytes(theirs).calc_new_nonce_hash(&[3; 32], 1),
        };
        assert!(matches!(
            exchange().judge(&ok.into(), &key),
            Ok(Verdict::Agreed)
        ));
    }

    /// Protects against a man in the middle: another key, another exchange and weak powers are all refused.
    #[test]
    fn answers_that_do_not_hold_are_refused() {
        let a = BigUint::from_bytes_be(&random_256());
        let (_, key) = exchange()
            .choose(&params(&a), &random_256(), 0, [9; 16])
            .unwrap();
        let forged = tl::types::DhGenOk {
            nonce: NONCE,
            server_nonce: SERVER_NONCE,
            new_nonce_hash1: [0; 16],
        };
        assert!(exchange().judge(&forged.clone().into(), &key).is_err());
        let other = tl::types::DhGenOk {
            nonce: [8; 16],
            ..forged
        };
        assert!(exchange().judge(&other.into(), &key).is_err());

        let mut weak = params(&a);
        weak.g_a = BigUint::from(1_u8);
        assert!(weak.check_power(&weak.g_a).is_err());
        weak.g_a = &weak.prime - 1_u8;
        assert!(weak.check_power(&weak.g_a).is_err());
    }

    /// Protects the exchange when a server asks for another exponent: the retry names the key that was refused.
    #[test]
    fn a_retry_names_the_refused_key() {
        let a = BigUint::from_bytes_be(&random_256());
        let (_, key) = exchange()
            .choose(&params(&a), &random_256(), 0, [9; 16])
            .unwrap();
        let retry = tl::types::DhGenRetry {
            nonce: NONCE,
            server_nonce: SERVER_NONCE,
            new_nonce_hash2: key.calc_new_nonce_hash(&[3; 32], 2),
        };
        let Ok(Verdict::Again { retry_id }) = exchange().judge(&retry.into(), &key) else {
            panic!("a retry was expected");
        };
        assert_eq!(retry_id.to_le_bytes(), Sha1::digest(key.to_bytes())[..8]);
    }

    #[test]
    fn factors_are_written_as_short_as_possible() {
        assert_eq!(shortest(0x1_02), [1, 2]);
        assert_eq!(shortest(0xffff_ffff), [255; 4]);
    }
}
