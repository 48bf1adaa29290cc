//! Whole-system tests: the real service as a process, on the simulated Telegram.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod endings;
mod first_message;
mod isolation;
mod live_feed;
mod outages;
mod replies;
mod web_safety;
