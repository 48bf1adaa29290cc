//! Whole-system tests: the real service as a process, on the simulated Telegram.

#[path = "../support/mod.rs"]
mod support;
#[path = "../../simulator/tests/telethon_support/mod.rs"]
mod telethon_support;

mod access;
mod access_ends;
mod archive;
mod assistant_stream;
mod audit;
mod beyond_loopback;
mod chat_portal;
mod codes;
mod command_line;
mod content;
mod crash;
mod disk;
mod endings;
mod erasure;
mod examples;
mod faithful;
mod files_out;
mod files_out_crash;
mod first_message;
mod foreign_server;
mod full_access;
mod generated;
mod history;
mod in_front;
mod isolation;
mod licence_phone;
mod live_feed;
mod log_out;
mod media;
mod media_bucket;
mod night;
mod old_callers;
mod outages;
mod programs;
mod repeats;
mod replies;
mod replies_places;
mod replies_unanswered;
mod rights;
mod senders;
mod tenants;
mod token_calls;
mod transfer;
mod user_api;
mod ways;
mod web_safety;
mod webhook_calls;
mod webhooks;
mod whole;
