//! Unencrypted messages of a key exchange.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchboard_simulator::wire::fuzzing::exchange(bytes));
