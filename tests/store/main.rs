//! The store, on real files: what is answered is there, what is announced is committed, nothing is there twice.

mod basics;
mod crash;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/leak_scan.rs"]
mod leak_scan;
mod old_codes;
mod orders;
mod removal;
mod spans;
mod trouble;
mod upgrade;
mod world;
