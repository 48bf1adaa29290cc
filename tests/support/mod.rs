//! Support: what the whole-system tests stand on.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub mod api;
pub mod assistant;
pub mod browser;
pub mod cluster;
pub mod engine;
pub mod fleet;
pub mod foreign;
pub mod forms;
pub mod frames;
pub mod ground;
pub mod inside;
pub mod keys;
pub mod leak_scan;
pub mod live;
pub mod moment;
pub mod oracle;
pub mod past;
pub mod place;
#[path = "../../simulator/tests/program_support/mod.rs"]
pub mod program;
pub mod promise;
pub mod proxies;
pub mod python;
pub mod replicas;
pub mod rows;
pub mod service;
pub mod tokens;
pub mod town;
pub mod wait;
