//! Repeated: a message that is stored is told once more: as it was, as it is now, or as news.

use std::sync::Arc;

use diesel::QueryResult;

use super::{
    displaced::{is_another, is_elsewhere},
    heard::{Topic, Worth},
    incoming::sender_of,
    job_error::JobResult,
    message_row::{Carried, MessageRecord},
    notes::Difference,
    record::Recording,
    search_index,
    sql::sql,
    tx::{Tx, scope_of},
};
use crate::domain::{ChatId, EventBody, IncomingMessage, Timestamp};

impl Tx<'_> {
    /// The message is stored. The newest edit wins; a repeat changes nothing.
    pub fn record_known(
        &mut self,
        recording: &mut Recording,
        key: (i64, i64),
        message: &IncomingMessage,
        edit: bool,
    ) -> JobResult<()> {
        let found = MessageRecord::find(
            self.conn,
            recording.account.no,
            scope_of(message.chat),
            i64::from(message.message_id),
        )?;
        let Some(record) = found else {
            return Ok(());
        };
        if is_elsewhere(&record, message) {
            self.displace(recording, &record)?;
            return self.record_message(recording, message, None, edit);
        }
        let another = is_another(&record, message);
        let old = &record.fields;
        if old.held && old.backfilled && !recording.backfilled {
            self.heard_live(old.id)?;
        }
        let before = Carried::stored(old);
        let carried = Carried::of(message).with_own_of(message, &before);
        let topic = Topic::Message(
            recording.account.no,
            scope_of(message.chat),
            i64::from(message.message_id),
        );
        self.heard(recording, topic);
        // An edit that Telegram hides (buttons, a tick in a list) has no time of its own, and is the newest all the same.
        let hidden = old.edited_at.filter(|_| edit);
        let incoming_edit = message.edited_at.map(Timestamp::millis).or(hidden);
        // Telegram counts edits in seconds. Of two in one second the one that is read now is the later one: pages and differences tell
        // how a message is, not how it was.
        let rewritten = incoming_edit.is_some() && old.text != message.text;
        let newer = another
            || incoming_edit > old.edited_at
            || incoming_edit == old.edited_at && (edit || rewritten);
        let differs = old.text != message.text
            || before != carried
            || old.service != message.service
            || old.masked != message.masked
            || old.edited_at != incoming_edit;
        let moved = old.timestamp != message.date.millis();
        if recording.backfilled && differs && incoming_edit <= old.edited_at {
            match self.state.heard.worth(topic, recording.read_at) {
                Worth::Newest => {}
                Worth::Overtaken => return Ok(()),
                Worth::Unknown => recording.unsure = true,
            }
        }
        // The row is of a reply of ours or from before objects were kept: it gets what it lacks.
        let completes = match &message.object {
            Some(object) if !newer && incoming_edit == old.edited_at => {
                self.add_object(old.id, object)?
            }
            _ => false,
        };
        if newer {
            self.replace_object(old.id, message.object.as_ref())?;
        }
        let taken = newer || completes;
        let text = if taken { &message.text } else { &old.text };
        let better = taken && differs;
        // Reactions and votes change without an edit; an older text says nothing of them.
        let as_now = incoming_edit >= old.edited_at || old.text == message.text;
        let passing = (!taken && as_now && before != carried).then(|| before.overlaid(&carried));
        let passed = passing.as_ref().and_then(|now| now.difference(&before));
        let overtaken = old.backfilled
            && !recording.backfilled
            && !edit
            && !old.held
            && old.deleted_at.is_none()
            && !self.waits_for_gap(recording, key, message.message_id)?;
        if !(moved || better || passed.is_some()) {
            return if overtaken {
                self.promote(recording, key, message, old.id)
            } else {
                Ok(())
            };
        }
        if newer && old.text != message.text && !another {
            self.keep_version(old.id, &old.text)?;
        }
        if taken && message.masked && !old.masked {
            self.drop_quotes_of(key, message)?;
        }
        let kept = match &passing {
            Some(passing) => passing,
            None if taken => &carried,
            None => &before,
        };
        search_index::remove(self, old.id, old.timestamp)?;
        sql(
            "UPDATE messages SET text = ?, masked = ?, media = ?, service = ?, edited_at = ?, timestamp = ?, \
             entities = ?, album_id = ?, forwarded_from = ?, quote = ?, extra = ?, \
             sender_id = coalesce(sender_id, ?), reply_to = coalesce(reply_to, ?), topic_id = coalesce(topic_id, ?), \
             monoforum_peer = coalesce(monoforum_peer, ?) WHERE id = ?",
        )
        .text(text)
        .flag(if taken { message.masked } else { old.masked })
        .text_or_null(kept.media.as_deref())
        .text_or_null(if taken {
            message.service.as_deref()
        } else {
            old.service.as_deref()
        })
        .number_or_null(if newer { incoming_edit } else { old.edited_at })
        .number(message.date.millis())
        .text_or_null(kept.entities.as_deref())
        .number_or_null(kept.album_id)
        .text_or_null(kept.forwarded_from.as_deref())
        .text_or_null(kept.quote.as_deref())
        .text_or_null(kept.extra.as_deref())
        .number_or_null(sender_of(message).map(ChatId::marked))
        .number_or_null(message.reply_to)
        .number_or_null(message.topic_id)
        .number_or_null(message.monoforum_peer.map(ChatId::marked))
        .number(old.id)
        .run(self.conn)?;
        if old.deleted_at.is_none() {
            let media = kept.media.as_deref();
            search_index::add(self, old.id, message.date.millis(), text, media)?;
        }
        if taken {
            self.add_media_keys(recording.account.no, old.id, message.media.as_ref())?;
        }
        if overtaken {
            return self.promote(recording, key, message, old.id);
        }
        self.changed_in_place(key, old.id)?;
        if !(better || passed.is_some()) || old.held || old.deleted_at.is_some() {
            return Ok(());
        }
        // How often a post was seen is no news of history.
        if !better && passed == Some(Difference::Counters) {
            return Ok(());
        }
        // Whoever was told of the message hears of its change, however it was found. That an old row got what it lacked is
        // none.
        if old.backfilled || better && !newer && recording.backfilled {
            recording.touch(key);
            return Ok(());
        }
        let Some(record) = MessageRecord::load(self.conn, old.id)? else {
            return Ok(());
        };
        let reacted = match passed {
            Some(difference) => difference == Difference::Reactions,
            None => {
                old.text == message.text
                    && carried.difference(&before) == Some(Difference::Reactions)
                    && old.edited_at == incoming_edit
            }
        };
        let message = Arc::new(record.into_message());
        let conversation = self.show_conversation(key)?;
        let body = if reacted {
            EventBody::MessageReacted {
                message,
                conversation,
            }
        } else {
            EventBody::MessageEdited {
                message,
                conversation,
            }
        };
        self.emit(&recording.account, body)?;
        recording.told(key);
        Ok(())
    }

    /// History was faster than the live stream: now that the message comes live it is news all the same.
    fn promote(
        &mut self,
        recording: &mut Recording,
        key: (i64, i64),
        message: &IncomingMessage,
        row: i64,
    ) -> JobResult<()> {
        sql("UPDATE messages SET backfilled = FALSE, late = ? WHERE id = ?")
            .flag(recording.late)
            .number(row)
            .run(self.conn)?;
        self.count_unread(recording, key, message, false)?;
        self.changed_in_place(key, row)?;
        let Some(record) = MessageRecord::load(self.conn, row)? else {
            return Ok(());
        };
        let message = Arc::new(record.into_message());
        let conversation = self.show_conversation(key)?;
        self.emit(&recording.account, EventBody::news(message, conversation))?;
        recording.told(key);
        Ok(())
    }

    /// The text that a message had until now.
    fn keep_version(&mut self, row: i64, text: &str) -> QueryResult<()> {
        sql(
            "INSERT INTO message_versions (message_row, no, text, replaced_at) \
             SELECT ?, 1 + coalesce(max(no), 0), ?, ? FROM message_versions WHERE message_row = ?",
        )
        .number(row)
        .text(text)
        .number(self.now.millis())
        .number(row)
        .run(self.conn)?;
        Ok(())
    }
}
