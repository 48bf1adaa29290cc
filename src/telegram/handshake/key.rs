//! The RSA public key of custom data centres, read from PEM.

use std::fmt;

use grammers_client::tl::Serializable;
use grammers_crypto::rsa::Key;
use rsa::{
    RsaPublicKey, pkcs1::DecodeRsaPublicKey, pkcs8::DecodePublicKey, traits::PublicKeyParts,
};
use sha1::{Digest, Sha1};

/// One server key, with the fingerprint that servers list it under.
pub(in crate::telegram) struct ServerKey {
    pub(super) key: Key,
    pub(super) fingerprint: i64,
}

impl ServerKey {
    /// Reads PKCS#1 (`RSA PUBLIC KEY`) or SPKI (`PUBLIC KEY`). The padding of the exchange needs 2048 bits.
    pub(in crate::telegram) fn from_pem(pem: &str) -> Option<Self> {
        let pem = pem.trim();
        let public = RsaPublicKey::from_pkcs1_pem(pem)
            .or_else(|_| RsaPublicKey::from_public_key_pem(pem))
            .ok()?;
        if public.n().bits() != 2048 {
            return None;
        }
        let key = Key::new(&public.n().to_str_radix(10), &public.e().to_str_radix(10))?;
        Some(Self {
            key,
            fingerprint: fingerprint(&public.n().to_bytes_be(), &public.e().to_bytes_be()),
        })
    }
}

/// The low 64 bits of the SHA-1 of the bare `rsa_public_key n:string e:string`.
fn fingerprint(n: &[u8], e: &[u8]) -> i64 {
    let mut bytes = Vec::new();
    n.serialize(&mut bytes);
    e.serialize(&mut bytes);
    let hash = Sha1::digest(&bytes);
    hash.last_chunk().map_or(0, |low| i64::from_le_bytes(*low))
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({:016x})", self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Telegram's published production key, whose fingerprint is published with it.
    const PRODUCTION: &str = "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEA6LszBcC1LGzyr992NzE0ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g
5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9krM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO
62cECs5HKhT5DZ98K33vmWiLowc621dQuwKWSQKjWf50XYFw42h21P2KXUGyp2y/
+aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5gpYc397aYp438fsJoHIgJ2lgMv5h7WY9
t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRUhebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs
5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB
-----END RSA PUBLIC KEY-----";

    /// Protects custom data centres: the key that servers are asked for is the one in the file.
    #[test]
    fn the_fingerprint_is_the_published_one() {
        let key = ServerKey::from_pem(PRODUCTION).unwrap();
        assert_eq!(key.fingerprint, -3_414_540_481_677_951_611);
    }

    /// Protects people who export their key in the other usual form.
    #[test]
    fn both_usual_forms_give_the_same_key() {
        use rsa::pkcs8::{EncodePublicKey, LineEnding};
        let public = RsaPublicKey::from_pkcs1_pem(PRODUCTION).unwrap();
        let spki = public.to_public_key_pem(LineEnding::LF).unwrap();
        assert!(spki.contains("BEGIN PUBLIC KEY"));
        assert_eq!(
            ServerKey::from_pem(&spki).unwrap().fingerprint,
            -3_414_540_481_677_951_611
        );
        assert!(
            ServerKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
                .is_none()
        );
    }
}
