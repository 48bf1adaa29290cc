//! SRP: the server's half of Telegram's password check.

use num_bigint::BigUint;
use sha2::{Digest, Sha256, Sha512};

/// The generator that goes with [`prime`].
pub const GENERATOR: i32 = 3;
const ROUNDS: u32 = 100_000;

/// The 2048-bit safe prime that Telegram's own servers use; clients know it and spare themselves the test.
const PRIME_HEX: &[u8] = b"c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b";

pub fn prime() -> BigUint {
    BigUint::parse_bytes(PRIME_HEX, 16).unwrap_or_default()
}

/// A number as 256 bytes, zeroes in front.
pub fn padded(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut out = vec![0; 256usize.saturating_sub(bytes.len())];
    out.extend(bytes);
    out
}

/// What the server keeps of a password: never the password.
#[derive(Clone, Debug)]
pub struct Password {
    pub salt1: Vec<u8>,
    pub salt2: Vec<u8>,
    pub hint: Option<String>,
    /// g^x mod p.
    verifier: BigUint,
}

/// One question put to a client; each `account.getPassword` makes a new one.
#[derive(Clone, Debug)]
pub struct Challenge {
    pub srp_id: i64,
    /// The public value that the client sees.
    pub b_public: Vec<u8>,
    b_secret: BigUint,
}

impl Password {
    pub fn new(text: &str, salt1: Vec<u8>, salt2: Vec<u8>, hint: Option<String>) -> Self {
        let x = BigUint::from_bytes_be(&password_hash(text, &salt1, &salt2));
        let verifier = BigUint::from(GENERATOR as u32).modpow(&x, &prime());
        Self {
            salt1,
            salt2,
            hint,
            verifier,
        }
    }

    pub fn challenge(&self, srp_id: i64, secret: &[u8]) -> Challenge {
        let p = prime();
        let b_secret = BigUint::from_bytes_be(secret);
        let g_b = BigUint::from(GENERATOR as u32).modpow(&b_secret, &p);
        let b_public = padded(&((multiplier(&p) * &self.verifier + g_b) % p));
        Challenge {
            srp_id,
            b_public,
            b_secret,
        }
    }

    /// Does the answer to `challenge` come from somebody who knows the password?
    pub fn accepts(&self, challenge: &Challenge, a_public: &[u8], proof: &[u8]) -> bool {
        let p = prime();
        let a = BigUint::from_bytes_be(a_public);
        if a_public.len() > 256 || &a % &p == BigUint::default() {
            return false;
        }
        let a_padded = padded(&a);
        let u = BigUint::from_bytes_be(&sha256(&[&a_padded, &challenge.b_public]));
        let secret = (&a * self.verifier.modpow(&u, &p) % &p).modpow(&challenge.b_secret, &p);
        let session = sha256(&[&padded(&secret)]);
        let hash_p = sha256(&[&padded(&p)]);
        let hash_g = sha256(&[&padded(&BigUint::from(GENERATOR as u32))]);
        let both: Vec<u8> = hash_p
            .iter()
            .zip(hash_g.iter())
            .map(|(l, r)| l ^ r)
            .collect();
        let expected = sha256(&[
            &both,
            &sha256(&[&self.salt1]),
            &sha256(&[&self.salt2]),
            &a_padded,
            &challenge.b_public,
            &session,
        ]);
        expected.as_slice() == proof
    }
}

/// k = H(p | g).
fn multiplier(p: &BigUint) -> BigUint {
    BigUint::from_bytes_be(&sha256(&[
        &padded(p),
        &padded(&BigUint::from(GENERATOR as u32)),
    ]))
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().to_vec()
}

fn salted(data: &[u8], salt: &[u8]) -> Vec<u8> {
    sha256(&[salt, data, salt])
}

/// Telegram's PH2: two salted hashes around PBKDF2.
fn password_hash(text: &str, salt1: &[u8], salt2: &[u8]) -> Vec<u8> {
    let first = salted(&salted(text.as_bytes(), salt1), salt2);
    let mut stretched = [0; 64];
    pbkdf2::pbkdf2_hmac::<Sha512>(&first, salt1, ROUNDS, &mut stretched);
    salted(&stretched, salt2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use grammers_crypto::two_factor_auth::calculate_2fa;

    fn password() -> Password {
        Password::new("correct horse", vec![7; 40], vec![9; 16], None)
    }

    /// Protects the agreement with a client's implementation that is not ours.
    #[test]
    fn the_right_password_is_accepted_and_a_wrong_one_is_not() {
        let password = password();
        let challenge = password.challenge(1, &[5; 256]);
        for (text, right) in [("correct horse", true), ("wrong horse", false)] {
            let (proof, a_public) = calculate_2fa(
                &password.salt1,
                &password.salt2,
                &padded(&prime()),
                &GENERATOR,
                challenge.b_public.clone(),
                vec![3; 256],
                text,
            );
            assert_eq!(
                password.accepts(&challenge, &a_public, &proof),
                right,
                "{text}"
            );
        }
    }

    /// Protects against the classic SRP hole: A = 0 makes the secret known.
    #[test]
    fn a_public_value_of_zero_is_refused() {
        let password = password();
        let challenge = password.challenge(1, &[5; 256]);
        assert!(!password.accepts(&challenge, &[0; 256], &[0; 32]));
        assert!(!password.accepts(&challenge, &padded(&prime()), &[0; 32]));
    }
}
