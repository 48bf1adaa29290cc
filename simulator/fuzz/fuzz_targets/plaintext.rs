//! Decrypted packets, containers, wrappers, gzip.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchboard_simulator::wire::fuzzing::plaintext(bytes));
