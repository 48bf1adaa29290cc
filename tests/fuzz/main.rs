//! Fuzz: every target of `targets.rs` over its kept corpus and over what becomes of it by chance, without a library that measures
//! coverage; `fuzz/` has that one. `FUZZ_SECONDS` for each target (1 without it), `FUZZ_SEED` for another sequence of chances,
//! `FUZZ_TARGET` for one alone. What fails is written down, and belongs into the corpus once it is mended.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod corpus;
mod targets;
#[path = "../../simulator/tests/world_support/mod.rs"]
mod world_support;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Of one input.
const LONGEST: usize = 16 << 10;
/// Numbers at which readers go wrong.
const EDGES: [u32; 10] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    254,
];

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn kept(target: &str) -> Vec<Vec<u8>> {
    let files =
        std::fs::read_dir(folder(target)).unwrap_or_else(|_| panic!("no corpus of {target}"));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Something near a known input.
fn changed(known: &[Vec<u8>], chance: &mut StdRng) -> Vec<u8> {
    let mut bytes = known[chance.random_range(0..known.len())].clone();
    for _ in 0..chance.random_range(1..6) {
        let at = chance.random_range(0..=bytes.len());
        match chance.random_range(0..8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = chance.random(),
            2 => bytes.insert(at, chance.random()),
            3 => {
                let end = (at + chance.random_range(1..64)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + chance.random_range(1..256)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = chance.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            5 => {
                let other = &known[chance.random_range(0..known.len())];
                let from = chance.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 if at + 4 <= bytes.len() => {
                let edge = EDGES[chance.random_range(0..EDGES.len())];
                bytes[at..at + 4].copy_from_slice(&edge.to_le_bytes());
            }
            _ => bytes.truncate(at),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

fn run(name: &str, target: targets::Target, bytes: &[u8], place: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        std::fs::write(&file, bytes).unwrap();
        panic!("{name} fails over {} ({place})", file.display());
    }
}

/// Protects the process, the rows and the secrets from bytes that strangers chose.
#[test]
fn no_bytes_break_a_reader() {
    let seconds = Duration::from_secs(setting("FUZZ_SECONDS").unwrap_or(1));
    let seed = setting("FUZZ_SEED").unwrap_or(1);
    let wanted = std::env::var("FUZZ_TARGET").ok();
    for (name, target) in targets::ALL {
        if wanted.as_ref().is_some_and(|one| one != name) {
            continue;
        }
        let known = kept(name);
        assert!(known.len() >= 3, "the corpus of {name} has {}", known.len());
        for (at, bytes) in known.iter().enumerate() {
            run(name, target, bytes, &format!("input {at} of its corpus"));
        }
        let (began, mut count) = (Instant::now(), 0_u64);
        while began.elapsed() < seconds {
            let mut chance = StdRng::seed_from_u64(seed.wrapping_add(count));
            let bytes = changed(&known, &mut chance);
            let place = format!("FUZZ_TARGET={name} FUZZ_SEED={}", seed.wrapping_add(count));
            run(name, target, &bytes, &place);
            count += 1;
        }
        println!("{name}: {} kept, {count} by chance", known.len());
        assert!(count > 20, "{name} is so slow that nothing is tried");
    }
}
