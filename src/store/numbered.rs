//! Numbered: maps of what the writer remembers, by a few whole numbers. Each message is the cause of some twenty look-ups, and the
//! standard library's hash, which is for keys of any length, costs more than the rest of one.
//!
//! Each part of a key is multiplied into a seed of this process's own, and the product folded: nobody outside can choose keys
//! that fall together.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::OnceLock,
};

pub(super) type Map<K, V> = HashMap<K, V, Seeded>;
pub(super) type Set<K> = HashSet<K, Seeded>;

/// The fraction of the golden ratio: odd, and without a pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Clone, Copy)]
pub(in crate::store) struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        Self(*SEED.get_or_init(|| RandomState::new().hash_one(FACTOR)))
    }
}

impl BuildHasher for Seeded {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

pub(in crate::store) struct Folding(u64);

impl Hasher for Folding {
    fn write_u64(&mut self, part: u64) {
        let product = u128::from(self.0 ^ part) * u128::from(FACTOR);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }

    fn write_i64(&mut self, part: i64) {
        self.write_u64(part.cast_unsigned());
    }

    fn write_usize(&mut self, part: usize) {
        self.write_u64(part as u64);
    }

    /// What is no number, an account's id.
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut whole = [0; 8];
            whole[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(whole));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the writer from keys that fall together: those of chats and messages are close to each other.
    #[test]
    fn keys_that_are_close_fall_apart() {
        let seeded = Seeded::default();
        let mut places = vec![0_u32; 4096];
        let mut marks = vec![0_u32; 128];
        for account in 0..16_i64 {
            for chat in 0..256_i64 {
                let hash = seeded.hash_one((account, -1_000_000_000_000 - chat));
                places[(hash % 4096) as usize] += 1;
                marks[(hash >> 57) as usize] += 1;
            }
        }
        // By chance alone one place in a thousand gets five, and a mark 32 on the average.
        assert!(places.iter().all(|count| *count < 12), "{places:?}");
        assert!(marks.iter().all(|count| *count < 96), "{marks:?}");
    }
}
