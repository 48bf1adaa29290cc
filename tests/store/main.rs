//! The store, on real files: what is answered is there, what is announced is committed, nothing is there twice.

mod album;
mod answered;
mod basics;
mod content;
mod content_notes;
mod crash;
mod disk_trouble;
mod displaced;
mod echoes;
#[path = "on_sqlite.rs"]
mod engine;
mod erasure;
mod every_schema;
mod kept_answers;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/leak_scan.rs"]
mod leak_scan;
mod lives;
mod old_codes;
mod old_orders;
mod orders;
mod overtaken;
mod overtaken_marks;
mod pages;
mod removal;
mod retention;
mod retention_file;
#[path = "../support/rows.rs"]
#[allow(dead_code, reason = "shared by several test binaries")]
mod rows;
mod spans;
mod spans_clocks;
mod spans_joined;
mod spans_order;
mod trouble;
mod upgrade;
mod waiting;
mod whole;
mod world;
