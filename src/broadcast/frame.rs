//! Frame: one event as it goes over a WebSocket, written out once however many listen.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use serde::Serialize;

use crate::domain::{AccountId, Event, EventBody, Seq, Timestamp};

/// Room for a short message with its conversation, so that its text is not moved while it grows.
const TEXT: usize = 2048;

/// A numbered event and its text.
#[derive(Debug)]
pub struct Frame {
    event: Arc<Event>,
    text: OnceLock<Arc<str>>,
}

#[derive(Serialize)]
struct Wire<'a> {
    seq: Seq,
    at: Timestamp,
    #[serde(flatten)]
    body: &'a EventBody,
}

impl Frame {
    #[must_use]
    pub const fn new(event: Arc<Event>) -> Self {
        Self {
            event,
            text: OnceLock::new(),
        }
    }

    #[must_use]
    pub fn seq(&self) -> Seq {
        self.event.seq
    }

    #[must_use]
    pub fn account_id(&self) -> AccountId {
        self.event.account_id
    }

    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// When the news was read from Telegram's socket, for events that came live.
    #[must_use]
    pub fn read_at(&self) -> Option<Instant> {
        self.event.read_at
    }

    /// The JSON text; made by the first one who asks.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        let text = self.text.get_or_init(|| {
            let wire = Wire {
                seq: self.event.seq,
                at: self.event.at,
                body: &self.event.body,
            };
            let mut text = Vec::with_capacity(TEXT);
            // Plain data with string keys: serialising it has no way to fail, and gives UTF-8.
            let _ = serde_json::to_writer(&mut text, &wire);
            String::from_utf8(text).unwrap_or_default().into()
        });
        Arc::clone(text)
    }
}
