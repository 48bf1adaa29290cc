//! What a proxy says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| switchboard::telegram::fuzzing::relay(bytes));
