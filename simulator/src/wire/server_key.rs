//! The server's RSA key: clients encrypt the first secret of a key exchange for it.

use std::fmt;

use glass_pumpkin::prime;
use num_bigint::BigUint;
use pkcs1::{
    RsaPublicKey, UintRef,
    der::{self, Document, pem::LineEnding},
};
use sha1::{Digest, Sha1};

use super::tl::Put;

/// Two primes made once for tests. The key is public knowledge: it protects nothing and is not meant to.
const WELL_KNOWN_P: &[u8] = b"D35C331991D13495BE1FAFD80A5EE14DCFB2FDF4BAE18A5EADE49337F3B95C2DEDB03442A75E25DA33ACB377C80D28A86FD51EFBEFF4CA7B7B36DCA2E4E0EC08E84D87BA1226922223A8EE234E0AD820B88D2E63CACB7C8619DA0BBDB18F712092FEF6CF9DE7690A01786FA4B3C3D9A3E95F0E98D3DF20B5B3463024F4D37653";
const WELL_KNOWN_Q: &[u8] = b"D03C18752C11DFD1FC9808D43C8D68CD3EE03F05D31BC7A869DF4D66223ECF52B56A54C963F7E859B776108852494DA702B30A0ABA69B597103F2405A16F6B295AA5846C651E72AF092DAB436A54FF4FE386CC9FDCEB42DA3F51A6654F066CD5667A66D89DD499D358CCC8362D78EADAF9FAD47FC5B21D0784ABFA8CF898BAA5";
const EXPONENT: u32 = 65537;

/// An RSA-2048 private key.
#[derive(Clone)]
pub struct ServerKey {
    modulus: BigUint,
    private_exponent: BigUint,
    public_pem: String,
    fingerprint: i64,
}

/// Why a key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyError {
    #[error("no random bytes for an RSA key: {0}")]
    Random(#[from] getrandom::Error),
    #[error("no primes for an RSA key: {0}")]
    Primes(#[from] glass_pumpkin::error::Error),
    #[error("no RSA key comes of these primes")]
    NoKey,
    #[error("no RSA key: {0}")]
    Written(#[from] der::Error),
}

impl ServerKey {
    /// A new random key; takes a second or two in a debug build.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn generate() -> Result<Self, ServerKeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Self::from_seed_bytes(seed)
    }

    /// The same key for the same seed: for worlds that must be reproducible without being well-known.
    ///
    /// # Errors
    /// When no key comes of it, which no seed is known for.
    pub fn from_seed(seed: u64) -> Result<Self, ServerKeyError> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self::from_seed_bytes(bytes)
    }

    fn from_seed_bytes(seed: [u8; 32]) -> Result<Self, ServerKeyError> {
        use rand::SeedableRng;
        let mut rng = rand::rngs::StdRng::from_seed(seed);
        loop {
            let (p, q) = (
                prime::from_rng(1024, &mut rng)?,
                prime::from_rng(1024, &mut rng)?,
            );
            match Self::from_primes(&p, &q) {
                Err(ServerKeyError::NoKey) => {}
                key => return key,
            }
        }
    }

    /// A fixed key that is ready at once: for tests.
    #[must_use]
    pub fn well_known() -> Self {
        let number = |hex| BigUint::parse_bytes(hex, 16).unwrap_or_default();
        #[expect(clippy::expect_used, reason = "constants, and a test makes this key")]
        Self::from_primes(&number(WELL_KNOWN_P), &number(WELL_KNOWN_Q))
            .expect("the well-known primes make a key")
    }

    /// `NoKey` when their product has not 2048 bits, or one of them less one shares a factor with the exponent.
    fn from_primes(p: &BigUint, q: &BigUint) -> Result<Self, ServerKeyError> {
        let modulus = p * q;
        let exponent = BigUint::from(EXPONENT);
        let private_exponent = exponent
            .modinv(&((p - 1_u32) * (q - 1_u32)))
            .filter(|_| modulus.bits() == 2048)
            .ok_or(ServerKeyError::NoKey)?;
        let (n, e) = (modulus.to_bytes_be(), exponent.to_bytes_be());
        let public_pem = Document::encode_msg(&RsaPublicKey {
            modulus: UintRef::new(&n)?,
            public_exponent: UintRef::new(&e)?,
        })?
        .to_pem("RSA PUBLIC KEY", LineEnding::LF)?;
        let mut encoded = Vec::with_capacity(280);
        encoded.put_bytes(&n);
        encoded.put_bytes(&e);
        let digest: [u8; 20] = Sha1::digest(&encoded).into();
        let [.., a, b, c, d, e, f, g, h] = digest;
        Ok(Self {
            modulus,
            private_exponent,
            public_pem,
            fingerprint: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        })
    }

    /// The public half in PKCS#1 PEM ("BEGIN RSA PUBLIC KEY"), as clients take it.
    #[must_use]
    pub fn public_pem(&self) -> String {
        self.public_pem.clone()
    }

    /// The last 64 bits of SHA-1 over the public half: how `resPQ` names it.
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    /// Raw RSA: the 256 bytes that a client encrypted. `None` when the number is not smaller than the modulus.
    pub(super) fn decrypt(&self, encrypted: &[u8]) -> Option<[u8; 256]> {
        let number = BigUint::from_bytes_be(encrypted);
        if encrypted.len() > 256 || number >= self.modulus {
            return None;
        }
        super::exchange::padded_256(&number.modpow(&self.private_exponent, &self.modulus))
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({:016x})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the fingerprint and PEM that clients are configured with stay those of the key in use.
    #[test]
    fn the_well_known_key_decrypts_what_its_public_half_encrypts() {
        let key = ServerKey::well_known();
        let secret = BigUint::from(0x1234_5678_9abc_def0_u64);
        let encrypted = secret
            .modpow(&BigUint::from(EXPONENT), &key.modulus)
            .to_bytes_be();
        assert_eq!(
            BigUint::from_bytes_be(&key.decrypt(&encrypted).unwrap()),
            secret
        );
        assert!(
            key.public_pem()
                .starts_with("-----BEGIN RSA PUBLIC KEY-----")
        );
        assert_eq!(key.fingerprint(), ServerKey::well_known().fingerprint());
    }
}
