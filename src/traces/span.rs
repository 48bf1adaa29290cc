//! Span: one stretch of a message's way. Its trace is named by the account and the message's row alone, so that the stations need
//! not know of each other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::{
    AccountId, Direction, Event, EventBody, MessageRowId, MessageStatus, Order, Outcome,
    StoredMessage, Timestamp,
};

/// Of OTLP's `SpanKind`.
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;
/// Of OTLP's `StatusCode`.
const ERROR: u8 = 2;

pub(super) struct Span {
    way: Way,
    /// `None`: the first of its way, which all others lie under.
    part: Option<u64>,
    name: &'static str,
    kind: u8,
    began: SystemTime,
    ended: SystemTime,
    attributes: Vec<(&'static str, Value)>,
    /// A code.
    error: Option<String>,
}

/// Which trace, and its first span.
#[derive(Clone, Copy)]
struct Way {
    trace: [u8; 16],
    root: [u8; 8],
}

impl Way {
    fn of(account: AccountId, row: MessageRowId) -> Self {
        let digest: [u8; 32] = Sha256::new_with_prefix(b"switchboard message")
            .chain_update(account.0.as_bytes())
            .chain_update(row.0.to_be_bytes())
            .finalize()
            .into();
        let (mut trace, mut root) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&digest[..16]);
        root.copy_from_slice(&digest[16..24]);
        Self { trace, root }
    }
}

impl Span {
    fn new(way: Way, name: &'static str, kind: u8, began: SystemTime) -> Self {
        Self {
            way,
            part: Some(rand::random()),
            name,
            kind,
            began,
            ended: SystemTime::now(),
            attributes: Vec::new(),
            error: None,
        }
    }

    fn of_message(
        message: &StoredMessage,
        name: &'static str,
        kind: u8,
        began: SystemTime,
    ) -> Self {
        Self::new(Way::of(message.account_id, message.id), name, kind, began)
            .with("switchboard.account", json!(message.account_id))
            .with("switchboard.conversation", json!(message.conversation_id))
            .with("switchboard.message", json!(message.id))
    }

    fn first(mut self) -> Self {
        self.part = None;
        self
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.attributes.push((name, value));
        self
    }

    pub fn json(&self) -> Value {
        let mut span = json!({
            "traceId": hex(&self.way.trace),
            "spanId": self.part.map_or_else(|| hex(&self.way.root), |part| hex(&part.to_be_bytes())),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": nanos(self.began.min(self.ended)),
            "endTimeUnixNano": nanos(self.ended),
            "attributes": self.attributes.iter().map(|(name, value)| attribute(name, value)).collect::<Vec<_>>(),
        });
        if self.part.is_some() {
            span["parentSpanId"] = json!(hex(&self.way.root));
        }
        if let Some(code) = &self.error {
            span["status"] = json!({ "code": ERROR, "message": code });
        }
        span
    }
}

pub(super) fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(flag) => json!({ "boolValue": flag }),
        // 64-bit numbers are strings in OTLP's JSON.
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": name, "value": value })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nanos(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

fn wall(at: Instant) -> SystemTime {
    SystemTime::now()
        .checked_sub(at.elapsed())
        .unwrap_or(UNIX_EPOCH)
}

fn of_clock(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default())
}

/// In: from Telegram's socket to the disk. Out: the reply is on the disk; and what became of it is.
pub(super) fn committed(event: &Event) -> Option<Span> {
    let (message, began) = match &event.body {
        EventBody::MessageReceived { message, .. } => {
            let read_at = event.read_at?;
            let span = Span::of_message(message, "message in", CONSUMER, wall(read_at)).first();
            return Some(
                span.with("switchboard.event", json!(event.seq))
                    .with("switchboard.late", json!(message.late)),
            );
        }
        EventBody::MessageSent { message, .. } if message.direction == Direction::Outgoing => {
            (message, of_clock(event.at))
        }
        _ => return None,
    };
    let span = |name, kind| {
        Span::of_message(message, name, kind, began).with("switchboard.event", json!(event.seq))
    };
    match message.status {
        MessageStatus::Pending => Some(span("reply out", CONSUMER).first()),
        MessageStatus::Sent => Some(span("reply sent", INTERNAL)),
        MessageStatus::Failed => {
            let mut failed = span("reply failed", INTERNAL);
            failed.error = Some(code_of(message.error.as_ref().map(|error| &error.code)));
            Some(failed)
        }
        MessageStatus::Received => None,
    }
}

fn code_of(code: Option<&String>) -> String {
    code.cloned().unwrap_or_else(|| "failed".to_owned())
}

/// From the commit to the WebSocket.
pub(super) fn shown(event: &Event) -> Option<Span> {
    let (EventBody::MessageReceived { message, .. } | EventBody::MessageSent { message, .. }) =
        &event.body
    else {
        return None;
    };
    event.read_at?;
    let span = Span::of_message(message, "websocket", PRODUCER, of_clock(event.at));
    Some(span.with("switchboard.event", json!(event.seq)))
}

pub(super) fn posted(
    event: &Event,
    hook: &str,
    began: Instant,
    status: Option<u16>,
) -> Option<Span> {
    let (EventBody::MessageReceived { message, .. } | EventBody::MessageSent { message, .. }) =
        &event.body
    else {
        return None;
    };
    let mut span = Span::of_message(message, "webhook", CLIENT, wall(began))
        .with("switchboard.event", json!(event.seq))
        .with("switchboard.webhook", json!(hook));
    match status {
        Some(status) => {
            if !(200..300).contains(&status) {
                span.error = Some(status.to_string());
            }
            span = span.with("http.response.status_code", json!(status));
        }
        None => span.error = Some("no_answer".to_owned()),
    }
    Some(span)
}

/// One for each message that the order makes.
pub(super) fn tried(
    account: AccountId,
    order: &Order,
    began: Instant,
    outcome: Option<&Outcome>,
) -> Vec<Span> {
    let (word, code) = match outcome {
        Some(outcome) => word_of(outcome),
        None => ("not_sent", None),
    };
    let spans = order.work.makes().iter().map(|making| {
        let mut span = Span::new(
            Way::of(account, making.row),
            "telegram",
            CLIENT,
            wall(began),
        )
        .with("switchboard.account", json!(account))
        .with("switchboard.message", json!(making.row))
        .with("switchboard.order", json!(order.id))
        .with("switchboard.attempt", json!(order.tries.count + 1))
        .with("switchboard.outcome", json!(word));
        span.error.clone_from(&code);
        span
    });
    spans.collect()
}

/// What came of it, and the code of what went wrong. Telegram's words may quote what was written: its codes do not.
fn word_of(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Done { .. } => ("done", None),
        Outcome::Scheduled { .. } => ("scheduled", None),
        Outcome::Changed(_) => ("changed", None),
        Outcome::AsItIs { .. } => ("done_before", None),
        Outcome::Refused(error) => ("refused", Some(error.code.clone())),
        Outcome::Flood { .. } => ("flood_wait", Some("flood_wait".to_owned())),
        Outcome::SlowMode { .. } => ("slow_mode", Some("slow_mode".to_owned())),
        Outcome::Paced { .. } => ("paced", None),
        Outcome::FileAway { .. } => ("file_elsewhere", Some("file_elsewhere".to_owned())),
        Outcome::Moved { .. } => ("moved", None),
        Outcome::NotSent { .. } | Outcome::NotPutUp(_) => ("not_sent", Some("not_sent".to_owned())),
        Outcome::Unknown { .. } => ("unanswered", Some("unanswered".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the picture of a way: its stations find the same trace without a word between them, and no two messages share one.
    #[test]
    fn a_way_is_known_by_account_and_row_alone() {
        let (one, other) = (AccountId::random(), AccountId::random());
        let trace = |account, row| Way::of(account, MessageRowId(row)).trace;
        assert_eq!(trace(one, 1), trace(one, 1));
        assert_ne!(trace(one, 1), trace(one, 2));
        assert_ne!(trace(one, 1), trace(other, 1));
        let way = Way::of(one, MessageRowId(1));
        let first = Span::new(way, "first", INTERNAL, SystemTime::now()).first();
        let then = Span::new(way, "then", CLIENT, SystemTime::now()).json();
        assert_eq!(then["parentSpanId"], first.json()["spanId"]);
        assert_eq!(first.json().get("parentSpanId"), None);
        assert_eq!(then["traceId"].as_str().unwrap().len(), 32);
    }
}
