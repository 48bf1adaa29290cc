//! Secrets: random texts and their hashes.

use sha2::{Digest, Sha256};

use crate::domain::{SecretText, hex};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `swb_` and 32 random bytes in base 62.
#[must_use]
pub fn new_token() -> SecretText {
    SecretText::new(format!("swb_{}", random_text()))
}

/// 32 random bytes in base 62: always 43 digits.
#[must_use]
pub fn random_text() -> String {
    let mut bytes = [0_u8; 32];
    #[expect(
        clippy::expect_used,
        reason = "without the system's random bytes no secret can be made, and nothing may go on"
    )]
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    base62(bytes)
}

fn base62(mut number: [u8; 32]) -> String {
    let mut digits: Vec<u8> = (0..43)
        .map(|_| {
            let mut rest = 0_u32;
            for byte in &mut number {
                let value = (rest << 8) | u32::from(*byte);
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                rest = value % 62;
            }
            DIGITS.get(rest as usize).copied().unwrap_or(b'0')
        })
        .collect();
    digits.reverse();
    digits.into_iter().map(char::from).collect()
}

#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the strength of tokens: all 256 bits are in the text.
    #[test]
    fn thirty_two_bytes_fill_forty_three_digits() {
        assert_eq!(base62([0; 32]), "0".repeat(43));
        let mut one = [0; 32];
        one[31] = 61;
        assert_eq!(base62(one), format!("{}z", "0".repeat(42)));
        one[30] = 1;
        // 256 + 61 = 5 * 62 + 7
        assert!(base62(one).ends_with("57"));
        assert_eq!(base62([255; 32]).len(), 43);
        assert_ne!(base62([255; 32]), base62([254; 32]));
    }

    /// Protects the form that the contract gives to tokens.
    #[test]
    fn a_token_says_what_it_is_and_is_never_the_same() {
        let (one, two) = (new_token(), new_token());
        assert!(one.expose().starts_with("swb_") && one.expose().len() == 47);
        assert_ne!(one.expose(), two.expose());
    }
}
