//! The RSA public key of custom data centres, read from PEM.

use std::fmt;

use grammers_client::tl::Serializable;
use grammers_crypto::rsa::Key;
use num_bigint::BigUint;
use pkcs1::{
    RsaPublicKey,
    der::{Document, asn1::ObjectIdentifier},
};
use sha1::{Digest, Sha1};
use spki::SubjectPublicKeyInfoRef;

/// `rsaEncryption` (RFC 8017, appendix C): what the other usual form says that its key is for.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// One server key, with the fingerprint that servers list it under.
pub(in crate::telegram) struct ServerKey {
    pub(super) key: Key,
    pub(super) fingerprint: i64,
}

impl ServerKey {
    /// Reads PKCS#1 (`RSA PUBLIC KEY`) or SPKI (`PUBLIC KEY`). The padding of the exchange needs 2048 bits.
    pub(in crate::telegram) fn from_pem(pem: &str) -> Option<Self> {
        let (label, document) = Document::from_pem(pem.trim()).ok()?;
        let public = match label {
            "RSA PUBLIC KEY" => document.decode_msg::<RsaPublicKey<'_>>().ok()?,
            "PUBLIC KEY" => {
                let named = document.decode_msg::<SubjectPublicKeyInfoRef<'_>>().ok()?;
                named.algorithm.assert_algorithm_oid(RSA).ok()?;
                RsaPublicKey::try_from(named.subject_public_key.as_bytes()?).ok()?
            }
            _ => return None,
        };
        let (n, e) = (
            BigUint::from_bytes_be(public.modulus.as_bytes()),
            BigUint::from_bytes_be(public.public_exponent.as_bytes()),
        );
        // With an even exponent nothing can be read again, with one of 1 everybody reads it.
        if n.bits() != 2048 || !(2..=33).contains(&e.bits()) || !e.bit(0) {
            return None;
        }
        Some(Self {
            key: Key::new(&n.to_string(), &e.to_string())?,
            fingerprint: fingerprint(&n.to_bytes_be(), &e.to_bytes_be()),
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

    /// The same, as OpenSSL writes it (`openssl rsa -RSAPublicKey_in -pubout`).
    const THE_SAME: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA6LszBcC1LGzyr992NzE0
ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9k
rM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO62cECs5HKhT5DZ98K33vmWiLowc621dQ
uwKWSQKjWf50XYFw42h21P2KXUGyp2y/+aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5
gpYc397aYp438fsJoHIgJ2lgMv5h7WY9t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRU
hebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP
8wIDAQAB
-----END PUBLIC KEY-----";

    /// A key that is none of RSA's (`openssl ec -pubout`).
    const OF_A_CURVE: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDH27xL6TRSLfn9WDiS6YNrjNx+JK
0AwygzeYsWpNmgeoKJGHKiq00tiwwMN6COklfw7uV4xZHB61TGBZkbCMjw==
-----END PUBLIC KEY-----";

    /// Protects people who export their key in the other usual form.
    #[test]
    fn both_usual_forms_give_the_same_key() {
        let key = ServerKey::from_pem(THE_SAME).unwrap();
        assert_eq!(key.fingerprint, -3_414_540_481_677_951_611);
    }

    /// Protects people who take the wrong file, or a part of the right one: they are told at the start.
    #[test]
    fn what_is_no_key_of_rsa_with_2048_bits_is_refused() {
        let cut = PRODUCTION.replace("5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB\n", "");
        let of_another_name = PRODUCTION.replace("RSA PUBLIC KEY", "CERTIFICATE");
        let empty = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
        // The exponent, in the last three bytes, as 65,536.
        let even = PRODUCTION.replace("8wIDAQAB", "8wIDAQAA");
        assert_ne!(even, PRODUCTION);
        for pem in [&cut, &of_another_name, empty, &even, OF_A_CURVE, ""] {
            assert!(ServerKey::from_pem(pem).is_none(), "{pem}");
        }
    }
}
