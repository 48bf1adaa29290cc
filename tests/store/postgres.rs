//! The store on a real PostgreSQL: the tests that SQLite has to stand, and what is PostgreSQL's alone.

mod answers_lost;
mod basics;
mod calls;
mod carry;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/cluster.rs"]
mod cluster;
mod content;
mod copied;
mod echoes;
#[path = "on_postgres.rs"]
mod engine;
mod fenced;
mod leases;
mod lives;
mod orders;
mod removal;
mod retention;
mod side_by_side;
mod spans;
mod spans_joined;
mod spans_order;
mod two_engines;
mod whole;
mod work;
mod world;

use engine::rows;
