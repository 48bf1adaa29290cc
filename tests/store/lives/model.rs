//! Telegram, as far as the store has to do with it: what was said, and what the stream has not brought yet.

use std::collections::{BTreeMap, BTreeSet};

use switchboard::domain::{Change, ChatId, IncomingMessage, Timestamp};

use crate::world::{message, new};

/// Telegram, as far as the store has to do with it.
#[derive(Default)]
pub(super) struct Model {
    /// number → (chat, text, edits, deleted)
    pub(super) messages: BTreeMap<i32, (ChatId, String, i64, bool)>,
    pub(super) next: i32,
    /// What the stream has not brought yet.
    pub(super) pending: Vec<Change>,
    /// Said since the account came to us.
    pub(super) news: BTreeSet<i32>,
    /// A hole came, and the list was not read since.
    pub(super) list_wanted: bool,
    /// In seconds.
    pub(super) began: i64,
}

impl Model {
    pub(super) fn text(&self, number: i32) -> IncomingMessage {
        let (chat, text, edits, _) = &self.messages[&number];
        IncomingMessage {
            // Chats that were quiet for long are not compared by themselves.
            date: Timestamp::from_seconds(self.began + i64::from(number)),
            edited_at: (*edits > 0).then(|| Timestamp::from_seconds(self.began + 1_000 + edits)),
            ..message(*chat, number, text)
        }
    }

    pub(super) fn say(&mut self, chat: ChatId) {
        self.next += 1;
        let number = self.next;
        let text = format!("text {number}");
        self.messages.insert(number, (chat, text, 0, false));
        self.news.insert(number);
        self.pending.push(new(self.text(number)));
    }

    pub(super) fn edit(&mut self, number: i32) {
        if let Some((_, text, edits, false)) = self.messages.get_mut(&number) {
            *edits += 1;
            text.push('*');
            self.pending.push(Change::Edited(self.text(number)));
        }
    }

    pub(super) fn delete(&mut self, number: i32) {
        if let Some((_, _, _, deleted @ false)) = self.messages.get_mut(&number) {
            *deleted = true;
            self.pending.push(Change::Deleted {
                channel: None,
                message_ids: vec![number],
            });
        }
    }

    /// Newest first.
    pub(super) fn history(&self, chat: ChatId, above: i32, before: i32) -> Vec<i32> {
        let in_range = |number: i32| number > above && (before == 0 || number < before);
        self.messages
            .iter()
            .rev()
            .filter(|(number, (of, _, _, deleted))| *of == chat && !deleted && in_range(**number))
            .map(|(number, _)| *number)
            .collect()
    }
}
