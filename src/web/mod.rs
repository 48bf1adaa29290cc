//! Web: the REST API, the WebSocket and the dashboard's files.
//!
//! Receives: requests that the guard let in; wake-ups from `broadcast`.
//! Sends:    replies and marks to `store`, orders to `supervisor`, frames to browsers.
//! Promises: nothing is answered that is not committed; errors say what to do and never why we broke.
//! Does not: know how Telegram or the database work.

mod access;
mod accounts;
mod assets;
mod conversations;
mod error;
mod guard;
mod health;
mod login;
mod messages;
mod metrics;
mod routes;
mod search;
mod socket;
mod state;

pub use access::{Access, Gate, Scope};
pub use error::ApiError;
pub use guard::Hosts;
pub use metrics::Metrics;
pub use routes::{configure, guarded};
pub use state::Service;
