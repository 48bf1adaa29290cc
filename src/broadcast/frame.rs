//! Frame: one event as it goes over a WebSocket, written out once however many listen.

use std::{
    io::Write as _,
    sync::{Arc, OnceLock},
    time::Instant,
};

use serde::Serialize;

use crate::domain::{AccountId, Conversation, Event, EventBody, Seq, StoredMessage, Timestamp};

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
            let news = news(&self.event.body);
            let text = news.and_then(|(message, conversation)| {
                written_once(&self.event, message, conversation)
            });
            let text = text.unwrap_or_else(|| whole(&self.event));
            String::from_utf8(text).unwrap_or_default().into()
        });
        Arc::clone(text)
    }
}

fn whole(event: &Event) -> Vec<u8> {
    let wire = Wire {
        seq: event.seq,
        at: event.at,
        body: &event.body,
    };
    let mut text = Vec::with_capacity(TEXT);
    // Plain data with string keys: serialising it has no way to fail, and gives UTF-8.
    let _ = serde_json::to_writer(&mut text, &wire);
    text
}

/// A message that is its conversation's newest, as nearly all are that are told of.
fn news(body: &EventBody) -> Option<(&StoredMessage, &Conversation)> {
    let (EventBody::MessageReceived {
        message,
        conversation,
    }
    | EventBody::MessageSent {
        message,
        conversation,
    }) = body
    else {
        return None;
    };
    let last = conversation.last_message.as_ref()?;
    Arc::ptr_eq(message, last).then_some((message, conversation))
}

/// The same as [`whole`], where the text has the message twice: it is written out once, and copied to its other place.
fn written_once(
    event: &Event,
    message: &StoredMessage,
    conversation: &Conversation,
) -> Option<Vec<u8>> {
    /// Inside a string the quotes would not be bare.
    const PLACE: &str = "\"last_message\":null";
    let mut text = Vec::with_capacity(TEXT);
    write!(text, "{{\"seq\":{},\"at\":", event.seq.0).ok()?;
    serde_json::to_writer(&mut text, &event.at).ok()?;
    let name = event.body.name();
    write!(text, ",\"event\":\"{name}\",\"data\":{{\"message\":").ok()?;
    let from = text.len();
    serde_json::to_writer(&mut text, message).ok()?;
    let to = text.len();
    text.extend_from_slice(b",\"conversation\":");
    let begins = text.len();
    let without = Conversation {
        last_message: None,
        ..conversation.clone()
    };
    serde_json::to_writer(&mut text, &without).ok()?;
    let found = std::str::from_utf8(text.get(begins..)?).ok()?.find(PLACE)?;
    let tail = text.split_off(begins + found + PLACE.len());
    text.truncate(text.len() - "null".len());
    text.extend_from_within(from..to);
    text.extend_from_slice(&tail);
    text.extend_from_slice(b"}}");
    Some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f80910203";

    fn message(id: i64) -> Arc<StoredMessage> {
        let message = json!({
            "id": id, "account_id": ACCOUNT, "conversation_id": 4, "chat_id": "77", "message_id": "9",
            "direction": "incoming", "text": "\"last_message\":null, \"conversation\":{", "timestamp": "2024-01-01T00:00:00.000Z",
            "status": "received", "backfilled": false, "masked": false, "late": false,
        });
        Arc::new(serde_json::from_value(message).unwrap())
    }

    fn conversation(last: Option<&Arc<StoredMessage>>) -> Conversation {
        let conversation = json!({
            "id": 4, "account_id": ACCOUNT, "chat_id": "77", "kind": "private",
            "title": "\"last_message\":null", "unread": 3, "can_send": true, "last_message": Value::Null,
            "last_message_at": "2024-01-01T00:00:00.000Z", "muted": false, "archived": false,
            "marked_unread": false, "blocked": false, "read_inbox_max_id": 5, "read_outbox_max_id": 6,
        });
        Conversation {
            last_message: last.map(Arc::clone),
            ..serde_json::from_value(conversation).unwrap()
        }
    }

    /// Protects what listeners read: a frame is the same, whether its message was written out once or twice.
    #[test]
    fn a_message_written_once_stands_in_both_its_places() {
        let newest = message(12);
        for (last, once) in [
            (Some(&newest), true),
            (Some(&message(13)), false),
            (None, false),
        ] {
            for received in [true, false] {
                let (message, conversation) = (Arc::clone(&newest), conversation(last));
                let body = match received {
                    true => EventBody::MessageReceived {
                        message,
                        conversation,
                    },
                    false => EventBody::MessageSent {
                        message,
                        conversation,
                    },
                };
                assert_eq!(news(&body).is_some(), once);
                let event = Arc::new(Event {
                    seq: Seq(41),
                    at: Timestamp::from_seconds(1_700_000_000),
                    account_id: newest.account_id,
                    body,
                    read_at: None,
                    of_sign_in: false,
                });
                let plain = String::from_utf8(whole(&event)).unwrap();
                assert_eq!(*Frame::new(event).text(), plain);
            }
        }
    }
}
