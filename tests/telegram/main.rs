//! The Telegram side against the simulated Telegram: real sockets, real key exchange, real updates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may end where it fails"
)]

mod broken_off;
mod calls;
mod catching_up;
mod channels;
mod endings;
mod gaps;
mod ground;
mod logins;
mod logins_lost;
mod messages;
mod outages;
mod partings;
#[path = "../../simulator/tests/program_support/mod.rs"]
mod program;
#[path = "../support/proxies.rs"]
mod proxies;
#[path = "../support/python.rs"]
mod python;
mod real_store;
#[path = "../support/wait.rs"]
mod wait;
mod ways;
mod ways_bad;
