//! Integrations: the faces that older callers know (systems B, C and E).
//!
//! Receives: their requests, as they were always written.
//! Sends:    sign-ins to `supervisor`, messages to the outbox, questions to the configured assistant.
//! Promises: no second way to sign in, send or read; each owner reaches its own account alone; answers and errors
//!           have each system's own shape.
//! Does not: keep anything of its own besides whose account is whose.

mod assistant;
mod caller;
mod confirmed;
mod language;
mod owned;
pub mod phone;
pub mod portal;
mod qr;
mod shape;
pub mod stream;
pub mod user;
pub mod user_send;
mod words;

pub use assistant::AssistantClient;
pub use shape::{Face, reshaped};
