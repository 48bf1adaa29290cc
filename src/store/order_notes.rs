//! Order notes: what orders say on a message that they concern, and what holds it.

use serde::Deserialize;

use super::order_row::state_of;
use crate::domain::{MessageError, OrderId, OrderKind, OrderNote, OrderStatus, Timestamp};

/// An order, as a message's row has it.
#[derive(Deserialize)]
struct Concern {
    id: i64,
    kind: String,
    state: String,
    code: Option<String>,
    message: Option<String>,
    retry_at: Option<i64>,
}

impl Concern {
    fn note(self) -> Option<OrderNote> {
        let delivery = state_of(&self.state);
        Some(OrderNote {
            id: OrderId(self.id),
            kind: OrderKind::parse(&self.kind)?,
            status: OrderStatus::of(delivery),
            delivery,
            error: self.code.map(|code| MessageError {
                code,
                message: self.message.unwrap_or_default(),
            }),
            retry_at: self.retry_at.map(Timestamp::from_millis),
        })
    }
}

/// Nothing concerns most messages.
pub(super) fn notes(concerned: &str) -> Vec<OrderNote> {
    let concerns: Option<Vec<Concern>> = (concerned != "[]")
        .then(|| serde_json::from_str(concerned).ok())
        .flatten();
    let concerns = concerns.unwrap_or_default().into_iter();
    let mut notes: Vec<_> = concerns.filter_map(Concern::note).collect();
    notes.sort_by_key(|note| note.id);
    notes
}

/// The word for what holds a message.
pub(super) fn waits_for(wait_of: &str) -> &'static str {
    match wait_of {
        "chat" => "slow_mode",
        "strangers" => "pace_strangers",
        "minute" => "pace_minute",
        "file" => "file_elsewhere",
        _ => "flood_wait",
    }
}
