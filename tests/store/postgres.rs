//! The store on a real PostgreSQL: the tests that SQLite has to stand, and what is PostgreSQL's alone.

mod album;
mod answered;
mod answers_lost;
mod basics;
mod calls;
mod calls_anew;
mod carried_live;
mod carried_tables;
mod carry;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/cluster.rs"]
mod cluster;
mod content;
mod content_notes;
mod copied;
mod displaced;
mod echoes;
#[path = "on_postgres.rs"]
mod engine;
mod fenced;
mod kept_answers;
mod leases;
mod lives;
mod orders;
mod overtaken;
mod overtaken_marks;
mod pages;
mod removal;
mod retention;
mod side_by_side;
mod side_by_side_words;
mod spans;
mod spans_clocks;
mod spans_joined;
mod spans_order;
mod two_engines;
mod waiting;
mod whole;
mod work;
mod world;

use engine::rows;
