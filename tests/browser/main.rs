//! Browser tests: the desk in a real Chromium, on the real service and the simulated Telegram.
//!
//! No test may leave an error, a warning or a report of the content policy in the console.

mod chat_history;
mod kinds;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "../support/postgrest.rs"]
mod postgrest;
mod sounds;
#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod chat;
mod codes;
mod contents;
mod deeds;
mod docs;
mod files;
mod first_run;
mod forum;
mod health;
mod later;
mod launch;
mod looks;
mod menu;
mod nodes;
mod notices;
mod outage;
mod picture;
mod portal;
mod programs;
mod replies;
mod safety;
mod speed;
mod transfer;
mod vault;
mod ways;
mod world;
