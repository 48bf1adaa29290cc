//! A simulated Telegram that real clients sign in to.
//!
//! - [`wire`]: transports, key exchange, encryption, sessions; knows packets, not users.
//! - [`dispatch`]: function id → the part of the world that answers it.
//! - [`world`]: users, chats, messages, update positions and the ledger of what happened; knows no sockets.
//! - [`port`]: what wire and dispatch know of each other.
//! - [`control`]: the handle and the HTTP API that tests, the demo and people steer it with.
//! - [`command`]: started by a person, with a small town in it.
//! - [`traffic`]: people who chat by themselves, from a seed.

// Outside tests a missing value is an error to handle, not a reason to panic.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod command;
pub mod control;
pub mod dispatch;
pub mod port;
pub mod traffic;
pub mod wire;
pub mod world;

pub use control::{AccountSpec, PersonSpec, Simulator, SimulatorBuilder};
pub use dispatch::{Effect, Fault};
pub use world::{Action, ChatRef, Draft, Ledger, Media};
