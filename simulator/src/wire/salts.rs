//! Server salts: a new one every half hour, each good for an hour, computed instead of kept.

use sha2::{Digest, Sha256};

use crate::port::KeyId;

/// Seconds after which the next salt begins.
const STEP: i64 = 1800;

/// Derives the salts of all keys from one secret.
pub struct Salts(pub [u8; 32]);

/// A salt and when it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt {
    pub valid_since: i32,
    pub valid_until: i32,
    pub salt: i64,
}

impl Salts {
    /// The newest salt that is valid at this second.
    pub fn current(&self, key: KeyId, now: i64) -> i64 {
        self.of_step(key, now.div_euclid(STEP))
    }

    /// This half hour's salt, or the one before it.
    pub fn is_valid(&self, key: KeyId, now: i64, salt: i64) -> bool {
        let step = now.div_euclid(STEP);
        salt == self.of_step(key, step) || salt == self.of_step(key, step - 1)
    }

    /// The current salt and those after it.
    pub fn coming(&self, key: KeyId, now: i64, count: usize) -> Vec<Salt> {
        (now.div_euclid(STEP)..)
            .take(count)
            .map(|step| Salt {
                valid_since: i32::try_from(step * STEP).unwrap_or(i32::MAX),
                valid_until: i32::try_from((step + 2) * STEP).unwrap_or(i32::MAX),
                salt: self.of_step(key, step),
            })
            .collect()
    }

    /// Never 0, which clients take for "none yet".
    fn of_step(&self, key: KeyId, step: i64) -> i64 {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(self.0)
            .chain_update(key.0.to_le_bytes())
            .chain_update(step.to_le_bytes())
            .finalize()
            .into();
        digest.first_chunk().copied().map_or(1, i64::from_le_bytes) | 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a client that uses salts as announced is never told its salt is bad.
    #[test]
    fn announced_salts_are_valid_for_the_time_announced() {
        let salts = Salts([3; 32]);
        let key = KeyId(42);
        for salt in salts.coming(key, 1_000_000, 5) {
            assert!(!salts.is_valid(key, i64::from(salt.valid_since) - 1, salt.salt));
            assert!(salts.is_valid(key, i64::from(salt.valid_since), salt.salt));
            assert!(salts.is_valid(key, i64::from(salt.valid_until) - 1, salt.salt));
            assert!(!salts.is_valid(key, i64::from(salt.valid_until), salt.salt));
        }
        assert_eq!(
            salts.coming(key, 1_000_000, 1)[0].salt,
            salts.current(key, 1_000_000)
        );
    }
}
