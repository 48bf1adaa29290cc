//! Browser tests: the desk in a real Chromium, on the real service and the simulated Telegram.
//!
//! No test may leave an error, a warning or a report of the content policy in the console.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod chat;
mod first_run;
mod looks;
mod outage;
mod picture;
mod portal;
mod replies;
mod safety;
mod speed;
mod world;
