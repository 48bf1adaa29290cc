//! Ready: what can be made of a message before the writer has it, on the thread of its account, of which there are several.
//!
//! The writer adds what it alone knows: the row, and what people are called. What it finds not made it makes itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    message_row::{Carried, some},
    message_words::{direction_text, status_text},
};
use crate::domain::{
    AccountId, Batch, Change, ConversationId, Direction, Extra, IncomingMessage, MessageRowId,
    MessageStatus, StoredMessage,
};

/// Messages that lie ready at once, of all accounts: each takes about as much memory as it took to come in.
const MOST: usize = 8_192;

pub(in crate::store) struct Ready {
    pub carried: Carried,
    /// Whom it names is not looked up yet.
    pub extra: Option<Box<Extra>>,
    /// As it will be shown, but for what the writer adds.
    pub shown: Arc<StoredMessage>,
}

impl Ready {
    pub fn of(account: AccountId, message: &IncomingMessage) -> Self {
        let (direction, status) = match message.outgoing {
            true => (Direction::Outgoing, MessageStatus::Sent),
            false => (Direction::Incoming, MessageStatus::Received),
        };
        let shown = StoredMessage {
            id: MessageRowId(0),
            account_id: account,
            conversation_id: ConversationId(0),
            chat_id: message.chat,
            message_id: Some(message.message_id.to_string()),
            direction,
            text: message.text.clone(),
            timestamp: message.date,
            status,
            delivery: None,
            sender: None,
            reply_to_message_id: message.reply_to.map(|id| id.to_string()),
            topic: None,
            edited_at: message.edited_at,
            deleted_at: None,
            media: message.media.clone().map(|media| media.shown()),
            service: message.service.clone(),
            backfilled: false,
            masked: message.masked,
            late: false,
            entities: some(&message.entities).map(<[_]>::to_vec),
            album_id: message.album_id.map(|id| id.to_string()),
            forwarded_from: message.forwarded_from.clone(),
            quote: message.quote.clone(),
            buttons: None,
            reactions: None,
            action: None,
            details: None,
            error: None,
            retry_at: None,
            upload: None,
            scheduled_for: None,
            orders: Vec::new(),
            waits_for: None,
        };
        Self {
            carried: Carried::of(message),
            extra: message.extra.clone(),
            shown: Arc::new(shown),
        }
    }

    /// As the columns have them.
    pub fn words(&self) -> (&'static str, &'static str) {
        (
            direction_text(self.shown.direction),
            status_text(self.shown.status),
        )
    }
}

/// How many lie ready.
#[derive(Clone, Default)]
pub(in crate::store) struct ReadyRoom(Arc<AtomicUsize>);

/// The messages of one batch, as far as there was room.
pub(in crate::store) struct ReadyBatch {
    /// By the place of their change; what was taken is not there again.
    each: Vec<Option<Ready>>,
    taken: usize,
    room: ReadyRoom,
}

impl ReadyRoom {
    pub fn make(&self, batch: &Batch) -> ReadyBatch {
        let messages = batch.changes.iter().filter(|change| new(change).is_some());
        let wanted = messages.count();
        let before = self.0.fetch_add(wanted, Ordering::Relaxed);
        let mut made = ReadyBatch {
            each: Vec::new(),
            taken: wanted,
            room: self.clone(),
        };
        if before + wanted <= MOST {
            let ready = |change| new(change).map(|message| Ready::of(batch.account_id, message));
            made.each = batch.changes.iter().map(ready).collect();
        }
        made
    }
}

/// Most edits are of messages that are stored, which is another way to go.
const fn new(change: &Change) -> Option<&IncomingMessage> {
    match change {
        Change::Message(message) => Some(message),
        _ => None,
    }
}

impl ReadyBatch {
    pub fn take(&mut self, place: usize) -> Option<Ready> {
        self.each.get_mut(place).and_then(Option::take)
    }
}

impl Drop for ReadyBatch {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChatId, Timestamp};

    fn batch(messages: usize) -> Batch {
        let account = AccountId::random();
        let date = Timestamp::from_seconds(1_700_000_000);
        let message = IncomingMessage::plain(ChatId::user(7), 3, "Hello".to_owned(), date);
        let mut batch = Batch::empty(account);
        batch.changes.push(Change::ContactsReset);
        let message = Change::Message(message);
        batch.changes.extend(std::iter::repeat_n(message, messages));
        batch
    }

    /// Protects memory from what many accounts make ready at once, and the place of each message in its batch.
    #[test]
    fn no_more_than_there_is_room_for_lies_ready() {
        let room = ReadyRoom::default();
        let mut first = room.make(&batch(MOST - 1));
        assert!(first.take(0).is_none());
        assert_eq!(first.take(1).unwrap().shown.text, "Hello");
        assert!(first.take(1).is_none(), "it is there once");
        assert!(room.make(&batch(2)).take(1).is_none());
        assert!(room.make(&batch(1)).take(1).is_some());
        drop(first);
        assert!(room.make(&batch(MOST)).take(MOST).is_some());
    }
}
