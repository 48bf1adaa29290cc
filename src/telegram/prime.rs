//! The prime that Diffie-Hellman and the password proof are computed in, and whether a server's choice is a good one.

use std::sync::Mutex;

use grammers_crypto::two_factor_auth::check_p_and_g;
use num_bigint::BigUint;

use crate::domain::hex;

/// The prime Telegram has used for years, good for g = 2, 3, 4, 5, 6 and 7 as far as its residues allow.
const KNOWN: &str = "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db\
     fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64\
     2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41\
     0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4\
     e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf\
     6f4fadf034b10403119cd8e3b92fcc5b";

/// The last other prime that passed: the check takes half a second, and a server keeps its prime.
static PASSED: Mutex<Option<(Vec<u8>, i32)>> = Mutex::new(None);

/// A safe prime of 2048 bits for which g generates the large subgroup? Slow for one never seen: call it where
/// blocking is allowed.
pub(super) fn is_good(p: &[u8], g: i32) -> bool {
    if p.len() != 256 || !residue_fits(p, g) {
        return false;
    }
    if hex(p) == KNOWN {
        return true;
    }
    let passed = || {
        PASSED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    if passed()
        .as_ref()
        .is_some_and(|(known, known_g)| known == p && *known_g == g)
    {
        return true;
    }
    if !check_p_and_g(p, &g) {
        return false;
    }
    *passed() = Some((p.to_vec(), g));
    true
}

/// The cheap half of the check, from Telegram's table of residues.
fn residue_fits(p: &[u8], g: i32) -> bool {
    let p = BigUint::from_bytes_be(p);
    let rest = |n: u32| u32::try_from(&p % n).unwrap_or(0);
    match g {
        2 => rest(8) == 7,
        3 => rest(3) == 2,
        4 => true,
        5 => matches!(rest(5), 1 | 4),
        6 => matches!(rest(24), 19 | 23),
        7 => matches!(rest(7), 3 | 5 | 6),
        _ => false,
    }
}

/// The known prime in bytes, for tests that play the server.
#[cfg(test)]
pub(super) fn known() -> Vec<u8> {
    (0..KNOWN.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&KNOWN[at..at + 2], 16).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the password proof and the key exchange from a server that picks a weak group.
    #[test]
    fn only_a_safe_prime_with_a_fitting_generator_passes() {
        assert!(is_good(&known(), 3));
        assert!(!is_good(&known(), 9));
        assert!(!is_good(&known()[1..], 3));
        let mut even = known();
        even[255] ^= 1;
        assert!(!is_good(&even, 4));
    }

    /// Protects the constant itself: a typing mistake in it would let a bad prime through.
    #[test]
    fn the_known_prime_is_a_safe_prime() {
        assert!(check_p_and_g(&known(), &3));
    }
}
