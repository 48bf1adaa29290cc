//! Whole-system tests: the real service as a process, on the simulated Telegram.

#[path = "../support/mod.rs"]
mod support;

mod first_message;
