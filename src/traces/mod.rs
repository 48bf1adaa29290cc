//! Traces: a message's way in and a reply's way out, for OpenTelemetry. Only in builds with the feature `otel`, and only when an
//! endpoint is set; without the feature every call here is empty and costs nothing.
//!
//! Receives: what the stations of a way say: committed, shown, posted, tried.
//! Sends:    spans to an OTLP/HTTP receiver, as JSON.
//! Promises: nothing waits for it, and what it holds is bounded; no text, name, number or secret is in a span.
//! Does not: follow what is read from history, or keep anything over a restart.

#[cfg(feature = "otel")]
mod endpoint;
#[cfg(feature = "otel")]
mod export;
#[cfg(feature = "otel")]
mod span;

use std::{sync::Arc, time::Instant};

use crate::domain::{AccountId, Event, Order, Outcome};

#[cfg(feature = "otel")]
pub use endpoint::BadEndpoint;
#[cfg(feature = "otel")]
pub use export::{Exporting, start};

/// They are on disk.
#[cfg(feature = "otel")]
pub fn committed(events: &[Arc<Event>]) {
    if let Some(sender) = export::sender() {
        events
            .iter()
            .filter_map(|event| span::committed(event))
            .for_each(|span| sender.send(span));
    }
}

/// An event was written to a WebSocket.
#[cfg(feature = "otel")]
pub fn shown(event: &Event) {
    if let Some(sender) = export::sender()
        && let Some(span) = span::shown(event)
    {
        sender.send(span);
    }
}

/// A webhook was posted an event; `status`: what it said.
#[cfg(feature = "otel")]
pub fn posted(event: &Event, hook: &str, began: Instant, status: Option<u16>) {
    if let Some(sender) = export::sender()
        && let Some(span) = span::posted(event, hook, began, status)
    {
        sender.send(span);
    }
}

/// An order was given to Telegram, or was to be.
#[cfg(feature = "otel")]
pub fn tried(account: AccountId, order: &Order, began: Instant, outcome: Option<&Outcome>) {
    if let Some(sender) = export::sender() {
        span::tried(account, order, began, outcome)
            .into_iter()
            .for_each(|span| sender.send(span));
    }
}

#[cfg(not(feature = "otel"))]
pub const fn committed(_: &[Arc<Event>]) {}
#[cfg(not(feature = "otel"))]
pub const fn shown(_: &Event) {}
#[cfg(not(feature = "otel"))]
pub const fn posted(_: &Event, _: &str, _: Instant, _: Option<u16>) {}
#[cfg(not(feature = "otel"))]
pub const fn tried(_: AccountId, _: &Order, _: Instant, _: Option<&Outcome>) {}
