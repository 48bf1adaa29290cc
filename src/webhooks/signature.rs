//! Signature: how a receiver knows that an event is ours, fresh, and meant for it.
//!
//! Two of them beside each other: ours over time and body, and the one of Standard Webhooks (standardwebhooks.com), which
//! covers `webhook-id` as well. That id names the webhook, so what was signed for one is worth nothing at another.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{SecretText, hex};

/// How secrets of Standard Webhooks begin.
const PREFIX: &str = "whsec_";

fn mac(key: &[u8], parts: &[&str]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA256 over `<timestamp>.<body>`, hexadecimal.
#[must_use]
pub fn sign(secret: &SecretText, timestamp: &str, body: &str) -> String {
    hex(&mac(secret.expose().as_bytes(), &[timestamp, ".", body]))
}

/// What a webhook's posts are signed with.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Of our own signature.
    plain: SecretText,
    /// `whsec_…`
    standard: SecretText,
}

/// The values of the signature's headers.
pub struct Signed {
    pub timestamp: String,
    /// `v1=<hexadecimal>`
    pub own: String,
    /// `v1,<base64>`
    pub standard: String,
}

impl Signer {
    /// A webhook with a secret of its own.
    #[must_use]
    pub fn of_its_own(secret: SecretText) -> Self {
        Self {
            plain: secret.clone(),
            standard: secret,
        }
    }

    /// One of several that share a configured secret: for Standard Webhooks each has one that is derived for it, so that one
    /// receiver can't speak to another.
    #[must_use]
    pub fn configured(secret: &SecretText, id: &str) -> Self {
        let derived = mac(secret.expose().as_bytes(), &["webhook ", id]);
        Self {
            plain: secret.clone(),
            standard: SecretText::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(derived))),
        }
    }

    /// A new secret: 32 random bytes.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn new_secret() -> Result<SecretText, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(SecretText::new(format!(
            "{PREFIX}{}",
            BASE64_STANDARD.encode(bytes)
        )))
    }

    #[must_use]
    pub fn sign(&self, id: &str, timestamp: String, body: &str) -> Signed {
        let text = self.standard.expose();
        let key = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text));
        // Made by us, it is always base64.
        let standard = mac(&key.unwrap_or_default(), &[id, ".", &timestamp, ".", body]);
        Signed {
            own: format!("v1={}", sign(&self.plain, &timestamp, body)),
            standard: format!("v1,{}", BASE64_STANDARD.encode(standard)),
            timestamp,
        }
    }

    /// Tells this receiver whose event it is without telling it who that is: an id that people chose could be guessed from a
    /// plain hash.
    #[must_use]
    pub fn pseudonym(&self, owner: &str) -> String {
        match owner.split_once(':') {
            Some((kind @ ("user" | "portal"), id)) => {
                let key = self.plain.expose().as_bytes();
                format!("{kind}:{}", hex(&mac(key, &["owner ", id])))
            }
            _ => owner.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects receivers: `printf 1.hello | openssl dgst -sha256 -hmac key` says the same.
    #[test]
    fn a_signature_is_what_every_other_tool_computes() {
        let signature = sign(&SecretText::new("key"), "1", "hello");
        assert_eq!(
            signature,
            "9233658ef5e21fe59dba8abb099c978547d7626f87090a6a585c26a2a98a91f8"
        );
        assert_ne!(signature, sign(&SecretText::new("key"), "2", "hello"));
        assert_ne!(signature, sign(&SecretText::new("other"), "1", "hello"));
    }

    /// Protects one receiver from another: a signature names what it is for, and shared secrets are not shared in it.
    #[test]
    fn what_is_signed_for_one_is_worth_nothing_at_another() {
        let secret = SecretText::new("a-secret-of-the-operator");
        let of = |hook: &str, id: &str| {
            let signer = Signer::configured(&secret, hook);
            signer.sign(id, "1".to_owned(), "hello").standard
        };
        let one = of("one", "msg_one_1");
        assert_ne!(one, of("two", "msg_one_1"));
        assert_ne!(one, of("one", "msg_two_1"));
        assert_eq!(one, of("one", "msg_one_1"));
    }

    /// Protects people whose id is a number that anybody could try.
    #[test]
    fn an_owner_is_known_to_a_receiver_by_its_own_word_alone() {
        let [one, two] = ["first-secret", "second-secret"]
            .map(|secret| Signer::of_its_own(SecretText::new(secret)));
        let tag = "user:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
        assert_ne!(one.pseudonym(tag), tag);
        assert_ne!(one.pseudonym(tag), two.pseudonym(tag));
        assert_eq!(one.pseudonym(tag), one.pseudonym(tag));
        assert_eq!(one.pseudonym("licence:a"), "licence:a");
    }
}
