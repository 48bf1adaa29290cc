//! Web: the REST API, the WebSocket and the dashboard's files.
//!
//! Receives: requests that the guard let in; wake-ups from `broadcast`.
//! Sends:    replies and marks to `store`, orders to `supervisor`, frames to browsers.
//! Promises: nothing is answered that is not committed; errors say what to do and never why we broke.
//! Does not: know how Telegram or the database work.

mod about;
mod access;
mod accounts;
mod adding;
mod assets;
mod audit;
mod audit_list;
mod calls;
mod chat_orders;
mod conversations;
mod copies;
mod cross_site;
mod device;
mod devices;
mod doors;
mod ending;
mod error;
mod events;
mod export;
mod export_file;
mod fetched;
mod figures;
mod form;
mod forward;
mod front;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guard;
mod health;
mod history;
mod hosts;
mod import;
mod integrations;
mod launch;
mod login;
mod mark;
mod media;
mod media_names;
mod messages;
mod metrics;
mod nodes;
mod object;
mod openapi;
mod optional;
mod orders;
mod outgoing;
mod pace;
mod passed_on;
mod patience;
mod peer;
mod people;
mod recipient;
mod refusals;
mod repeats;
mod replace;
mod replies;
mod retention;
mod rights;
mod routes;
mod scheduled;
mod search;
mod settling;
mod socket;
mod state;
mod taking_back;
mod tokens;
mod turns;
mod under_way;
mod ways;
mod webhooks;
mod whole;
mod wording;

pub use access::{Access, Gate, Scope};
pub use calls::{By, Elsewhere, Fetched, GOES, Goes, Passed, fetch, run as run_calls};
pub use doors::{Doors, LAUNCH_LIFETIME, NoTokenLeft, new_token, sha256_hex};
pub use error::ApiError;
pub use figures::Metrics;
pub use front::{Front, note_own_address};
pub use hosts::Hosts;
pub use integrations::AssistantClient;

pub use openapi::asyncapi_document;
pub use refusals::Audit;
pub use rights::{Need, Right};
pub use routes::{RIGHTS, ROUTES, configure, guarded};
pub use settling::Settling;
pub use state::Service;
pub use taking_back::tend as take_back_what_was_left;
pub use turns::Turns;
pub use under_way::Adding;
