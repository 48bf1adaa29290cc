//! Tests of the sequence: each rule by itself, and all of them against a model of Telegram.

mod bench;
mod beside;
mod channels;
mod client;
mod property;
mod rules;
mod server;
