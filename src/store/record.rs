//! Batches: what Telegram reported, stored with its position in one transaction.

use std::{sync::Arc, time::Instant};

use super::{
    Recorded, Result, StoreHandle, account_row::KnownAccount, continuity::Claim, heard::Topic,
    job_error::JobResult, ready::ReadyBatch, tx::Tx,
};
use crate::domain::{Batch, Change, ChatId, ChatMark, EventBody, Hole, Timestamp};

/// One batch being stored.
pub(in crate::store) struct Recording {
    pub account: KnownAccount,
    pub backfilled: bool,
    pub late: bool,
    /// As in [`Batch::read_at`].
    pub read_at: Instant,
    /// What an answer said stands, though nobody knows whether the stream has said otherwise since.
    pub unsure: bool,
    pub new_messages: usize,
    pub events: usize,
    /// Messages of this batch that are masked: what quotes them may stand before them.
    pub masked: Vec<(ChatId, i32)>,
    /// Something is of a topic whose title is not known, and was not before.
    pub unknown_topics: bool,
    /// Conversations whose change nothing else has announced.
    touched: Vec<(i64, i64)>,
}

/// What a batch came to.
pub(in crate::store) struct Told {
    pub new_messages: usize,
    pub events: usize,
    pub unknown_topics: bool,
    /// As in [`Recording`].
    pub unsure: bool,
}

impl Recording {
    /// Of what comes live.
    pub fn live(account: KnownAccount) -> Self {
        Self {
            backfilled: false,
            ..Self::of_history(account)
        }
    }

    /// Of an answer that was asked for then.
    pub fn found(account: KnownAccount, asked_at: Instant) -> Self {
        Self {
            read_at: asked_at,
            ..Self::of_history(account)
        }
    }

    /// Of what nobody is told as news.
    pub fn of_history(account: KnownAccount) -> Self {
        Self {
            account,
            backfilled: true,
            late: false,
            read_at: Instant::now(),
            unsure: false,
            new_messages: 0,
            events: 0,
            masked: Vec::new(),
            unknown_topics: false,
            touched: Vec::new(),
        }
    }

    pub fn touch(&mut self, key: (i64, i64)) {
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
    }

    /// An event carried the conversation: nothing more to tell of it.
    pub fn told(&mut self, key: (i64, i64)) {
        self.events += 1;
        self.touched.retain(|touched| *touched != key);
    }
}

impl Tx<'_> {
    pub fn record_batch(&mut self, batch: &Batch, ready: &mut ReadyBatch) -> JobResult<Told> {
        let account = self.living_account(batch.account_id)?;
        self.read_at = (!batch.backfilled).then_some(batch.read_at);
        let mut recording = Recording {
            backfilled: batch.backfilled,
            late: batch.late,
            read_at: batch.read_at,
            masked: masked(&batch.changes),
            ..Recording::of_history(account)
        };
        // 1. Peers, because messages and conversations take their names from them.
        for peer in &batch.peers {
            if self.is_old_news(&recording, peer) {
                continue;
            }
            if self.put_peer(&recording.account, peer)? {
                recording.touch((recording.account.no, peer.id.marked()));
            }
        }
        // 2. Holes, because what follows in the batch came after them.
        for hole in &batch.holes {
            self.record_hole(&mut recording, hole)?;
        }
        // 3. Bindings, because the same batch may carry the echo that they explain.
        for change in &batch.changes {
            if let Change::Sent {
                random_id,
                message_id,
            } = change
            {
                recording.events += self.bind_random_id(
                    &recording.account,
                    *random_id,
                    *message_id,
                    &batch.changes,
                )?;
            }
        }
        let watched = self.watched(recording.account.no, &batch.changes)?;
        self.look_ahead(recording.account.no, &batch.changes)?;
        for (place, change) in batch.changes.iter().enumerate() {
            match change {
                Change::Message(message) => {
                    let ready = ready.take(place);
                    self.record_message(&mut recording, message, ready, false)?;
                }
                other => self.record_change(&mut recording, other)?,
            }
        }
        // 4. What the dialog list claims, because its newest messages came along.
        for change in &batch.changes {
            if let Change::Dialog(dialog) = change {
                let joined = batch.joined.iter().rev();
                let joined = joined.copied().find(|(chat, _)| *chat == dialog.chat);
                let claim = Claim {
                    joined: joined.map(|(_, since)| since),
                    asked: batch.asked,
                    watched: watched.contains(&dialog.chat),
                };
                self.claim_dialog(&recording.account, dialog, claim)?;
            }
        }
        if let Some(position) = &batch.position {
            self.put_position(recording.account.no, position)?;
            self.note_first_date(batch.account_id, position.date)?;
        }
        if !batch.backfilled && !batch.changes.is_empty() {
            let now = self.now.millis();
            self.account(batch.account_id)?.last_update_at = Some(now);
            self.mark_account(batch.account_id);
        }
        self.tell_touched(recording)
    }

    /// Those chats of the dialogs in a batch that the stream brings already.
    fn watched(&mut self, account_no: i64, changes: &[Change]) -> JobResult<Vec<ChatId>> {
        let mut watched = Vec::new();
        for change in changes {
            let Change::Dialog(dialog) = change else {
                continue;
            };
            let known = self.find_conversation(account_no, dialog.chat.marked())?;
            if known.is_some_and(|row| row.open_from.is_some()) {
                watched.push(dialog.chat);
            }
        }
        Ok(watched)
    }

    pub fn tell_touched(&mut self, mut recording: Recording) -> JobResult<Told> {
        for key in std::mem::take(&mut recording.touched) {
            let conversation = self.show_conversation(key)?;
            self.emit(
                &recording.account,
                EventBody::ConversationUpdated { conversation },
            )?;
            recording.events += 1;
        }
        Ok(Told {
            new_messages: recording.new_messages,
            events: recording.events,
            unknown_topics: recording.unknown_topics,
            unsure: recording.unsure,
        })
    }

    pub fn record_change(&mut self, recording: &mut Recording, change: &Change) -> JobResult<()> {
        match change {
            Change::Message(message) => self.record_message(recording, message, None, false),
            Change::Edited(message) => self.record_message(recording, message, None, true),
            Change::Deleted {
                channel,
                message_ids,
            } => self.record_deleted(recording, *channel, message_ids),
            Change::Noted { message, note } => self.record_note(recording, message, note),
            Change::ReadInbox {
                chat,
                max_id,
                still_unread,
            } => self.record_read(recording, *chat, *max_id, *still_unread),
            Change::ReadOutbox { chat, max_id } => {
                let key = (recording.account.no, chat.marked());
                let Some(row) = self.find_conversation(key.0, key.1)? else {
                    return Ok(());
                };
                if row.fields.read_outbox_max_id < *max_id {
                    row.fields.read_outbox_max_id = *max_id;
                    self.mark_conversation(key);
                    recording.touch(key);
                }
                Ok(())
            }
            Change::Muted { chat, until } => self.record_muted(recording, *chat, *until),
            Change::Marked { chat, mark } => self.record_mark(recording, *chat, *mark),
            Change::Dialog(dialog) => self.record_dialog(recording, dialog),
            Change::ContactsReset => self.forget_contact_list(&recording.account),
            Change::LostChat { chat } => {
                if self.lose_peer(&recording.account, *chat)? {
                    recording.touch((recording.account.no, chat.marked()));
                }
                Ok(())
            }
            Change::Scheduled(message) => self.record_scheduled(recording, message),
            Change::Unscheduled { chat, ids, sent } => {
                self.record_unscheduled(recording, *chat, ids, sent)
            }
            Change::Drafted {
                chat,
                topic_id,
                draft,
            } => self.record_draft(recording, *chat, *topic_id, draft),
            Change::Topics { chat, topics, gone } => {
                self.record_topics(recording, *chat, topics, gone)
            }
            Change::ClearedBelow { chat, min_id } => self.record_cleared(recording, *chat, *min_id),
            // Bound already; never stored.
            Change::Sent { .. } | Change::Typing { .. } => Ok(()),
        }
    }

    fn record_muted(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        until: Option<Timestamp>,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        let Some(row) = self.find_conversation(key.0, key.1)? else {
            return Ok(());
        };
        let until = until.map(Timestamp::millis);
        if row.fields.muted_until != until {
            row.fields.muted_until = until;
            self.mark_conversation(key);
            recording.touch(key);
        }
        self.heard(recording, Topic::Muted(key.0, key.1));
        Ok(())
    }

    fn record_mark(
        &mut self,
        recording: &mut Recording,
        chat: ChatId,
        mark: ChatMark,
    ) -> JobResult<()> {
        let key = (recording.account.no, chat.marked());
        let Some(row) = self.find_conversation(key.0, key.1)? else {
            return Ok(());
        };
        let fields = &mut row.fields;
        let (kept, now, topic) = match mark {
            ChatMark::Archived(now) => {
                let topic = Topic::Archived(key.0, key.1);
                (&mut fields.archived, now, Some(topic))
            }
            ChatMark::Unread(now) => {
                let topic = Topic::MarkedUnread(key.0, key.1);
                (&mut fields.marked_unread, now, Some(topic))
            }
            // The list of chats says nothing of it.
            ChatMark::Blocked(now) => (&mut fields.blocked, now, None),
        };
        if std::mem::replace(kept, now) != now {
            self.mark_conversation(key);
            recording.touch(key);
        }
        if let Some(topic) = topic {
            self.heard(recording, topic);
        }
        Ok(())
    }

    /// The stream has said this.
    pub fn heard(&mut self, recording: &Recording, topic: Topic) {
        if !recording.backfilled {
            self.state.heard.note(topic, recording.read_at);
        }
    }

    fn record_hole(&mut self, recording: &mut Recording, hole: &Hole) -> JobResult<()> {
        match hole {
            Hole::Account => self.lose_continuity(&recording.account, 0),
            Hole::Channel { channel_id } => {
                self.lose_channel_position(&recording.account, *channel_id)
            }
            Hole::ChannelBegins { channel_id, pts } => {
                let stored = self.scope(recording.account.no, *channel_id)?.pts;
                match (1..*pts).contains(&stored) {
                    true => self.lose_channel_position(&recording.account, *channel_id),
                    false => Ok(()),
                }
            }
            Hole::ChannelLost { channel_id, reason } => {
                let chat = ChatId::channel(*channel_id);
                log::info!(
                    target: "switchboard::store",
                    "account={} channel={channel_id} can't be followed any more reason={reason:?}",
                    recording.account.id
                );
                self.stop_following(&recording.account, *channel_id)?;
                if self.lose_peer(&recording.account, chat)? {
                    recording.touch((recording.account.no, chat.marked()));
                }
                Ok(())
            }
        }
    }
}

fn masked(changes: &[Change]) -> Vec<(ChatId, i32)> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::Message(message) | Change::Edited(message) if message.masked => {
                Some((message.chat, message.message_id))
            }
            _ => None,
        })
        .collect()
}

impl StoreHandle {
    /// One atomic unit: rows, position, holes and events in one transaction. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write; then the position must not be taken as reached.
    pub async fn record_batch(&self, batch: impl Into<Arc<Batch>>) -> Result<Recorded> {
        let batch = batch.into();
        let mut ready = self.ready.make(&batch);
        let (told, commit) = self
            .timed_job("record_batch", move |tx| {
                tx.record_batch(&batch, &mut ready)
            })
            .await?;
        Ok(Recorded {
            new_messages: told.new_messages,
            events: told.events,
            unknown_topics: told.unknown_topics,
            commit,
        })
    }
}
