//! The server's RSA key: clients encrypt the first secret of a key exchange for it.

use std::fmt;

use num_bigint::BigUint;
use rsa::{
    pkcs1::{EncodeRsaPublicKey, LineEnding},
    rand_core,
    traits::{PrivateKeyParts, PublicKeyParts},
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
#[error("no RSA key: {0}")]
pub struct ServerKeyError(String);

impl ServerKey {
    /// A new random key; takes a second or two in a debug build.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn generate() -> Result<Self, ServerKeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| ServerKeyError(error.to_string()))?;
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
        let mut rng = OldRng(rand::rngs::StdRng::from_seed(seed));
        let key = rsa::RsaPrivateKey::new(&mut rng, 2048)
            .map_err(|error| ServerKeyError(error.to_string()))?;
        Self::from_rsa(&key)
    }

    /// A fixed key that is ready at once: for tests.
    #[must_use]
    pub fn well_known() -> Self {
        let number = |hex| rsa::BigUint::parse_bytes(hex, 16).unwrap_or_default();
        let key = rsa::RsaPrivateKey::from_p_q(
            number(WELL_KNOWN_P),
            number(WELL_KNOWN_Q),
            EXPONENT.into(),
        );
        #[expect(clippy::expect_used, reason = "constants, and a test makes this key")]
        key.ok()
            .and_then(|key| Self::from_rsa(&key).ok())
            .expect("the well-known primes make a key")
    }

    fn from_rsa(key: &rsa::RsaPrivateKey) -> Result<Self, ServerKeyError> {
        let public = key.to_public_key();
        let public_pem = public
            .to_pkcs1_pem(LineEnding::LF)
            .map_err(|error| ServerKeyError(error.to_string()))?;
        let mut encoded = Vec::with_capacity(280);
        encoded.put_bytes(&public.n().to_bytes_be());
        encoded.put_bytes(&public.e().to_bytes_be());
        let digest: [u8; 20] = Sha1::digest(&encoded).into();
        let [.., a, b, c, d, e, f, g, h] = digest;
        Ok(Self {
            modulus: BigUint::from_bytes_be(&key.n().to_bytes_be()),
            private_exponent: BigUint::from_bytes_be(&key.d().to_bytes_be()),
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

/// Lends a current generator to the `rsa` crate, which still asks for the traits of `rand_core` 0.6.
struct OldRng(rand::rngs::StdRng);

impl rand_core::RngCore for OldRng {
    fn next_u32(&mut self) -> u32 {
        rand::Rng::next_u32(&mut self.0)
    }

    fn next_u64(&mut self) -> u64 {
        rand::Rng::next_u64(&mut self.0)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        rand::Rng::fill_bytes(&mut self.0, dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl rand_core::CryptoRng for OldRng {}

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
