//! Tests of the sequence: each rule by itself, and all of them against a model of Telegram.

mod anew;
mod bench;
mod beside;
mod channels;
mod client;
mod late;
mod packets;
mod property;
mod refused;
mod rules;
mod server;
