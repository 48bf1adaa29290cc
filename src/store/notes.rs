//! Notes: reactions, votes, views and previews that change without the message being edited.

use std::sync::Arc;

use diesel::QueryResult;

use super::{
    heard::Topic,
    job_error::JobResult,
    message_row::{Carried, MessageRecord, from_json, json},
    record::Recording,
    search_index,
    sql::{One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{
    ChatId, EventBody, Extra, Media, MediaDetail, MediaKind, Note, NotedMessage, reactions_after,
};

/// Messages of one account that have the same poll, or wait for the same page.
const MOST: i64 = 100;

impl Tx<'_> {
    pub fn record_note(
        &mut self,
        recording: &mut Recording,
        message: &NotedMessage,
        note: &Note,
    ) -> JobResult<()> {
        let account_no = recording.account.no;
        // What is not stored yet may be on its way, and be as it was before.
        if let NotedMessage::Message { chat, message_id } = message
            && is_no_count(note)
        {
            let number = i64::from(*message_id);
            self.heard(
                recording,
                Topic::Message(account_no, scope_of(*chat), number),
            );
        }
        let records = match message {
            NotedMessage::Message { chat, message_id } => MessageRecord::find(
                self.conn,
                account_no,
                scope_of(*chat),
                i64::from(*message_id),
            )?
            .into_iter()
            .collect(),
            NotedMessage::Poll(id) => self.with_key(account_no, &poll_key(&id.to_string()))?,
            NotedMessage::Page(id) => self.with_key(account_no, &page_key(&id.to_string()))?,
        };
        for record in records {
            self.note(recording, record, note)?;
        }
        Ok(())
    }

    fn with_key(&mut self, account_no: i64, key: &str) -> QueryResult<Vec<MessageRecord>> {
        let rows =
            sql("SELECT message_row AS n FROM media_keys WHERE account_no = ? AND key = ? LIMIT ?")
                .number(account_no)
                .text(key)
                .number(MOST)
                .load::<One>(self.conn)?;
        let mut records = Vec::new();
        for row in rows {
            records.extend(MessageRecord::load(self.conn, row.n)?);
        }
        Ok(records)
    }

    fn note(
        &mut self,
        recording: &mut Recording,
        record: MessageRecord,
        note: &Note,
    ) -> JobResult<()> {
        let old = record.fields;
        let chat: i64 = old.chat_id.parse().unwrap_or_default();
        let key = (recording.account.no, chat);
        // How often a post was seen is said all the time, and only ever grows.
        if is_no_count(note) {
            let scope = scope_of(ChatId::from_marked(chat));
            self.heard(recording, Topic::Message(key.0, scope, old.message_no));
        }
        let before = Carried::stored(&old);
        let Some(after) = noted(&before, note) else {
            return Ok(());
        };
        search_index::remove(self, old.id, old.timestamp)?;
        sql("UPDATE messages SET extra = ?, media = ? WHERE id = ?")
            .text_or_null(after.extra.as_deref())
            .text_or_null(after.media.as_deref())
            .number(old.id)
            .run(self.conn)?;
        if old.deleted_at.is_none() {
            search_index::add(
                self,
                old.id,
                old.timestamp,
                &old.text,
                after.media.as_deref(),
            )?;
        }
        if matches!(note, Note::Page(_)) {
            self.drop_media_keys(old.id)?;
        }
        self.changed_in_place(key, old.id)?;
        if old.held || old.deleted_at.is_some() {
            return Ok(());
        }
        let Some(record) = MessageRecord::load(self.conn, old.id)? else {
            return Ok(());
        };
        let message = Arc::new(record.into_message());
        let conversation = self.show_conversation(key)?;
        let body = match note {
            Note::Reactions { .. } => EventBody::MessageReacted {
                message,
                conversation,
            },
            Note::Views(_)
            | Note::Forwards(_)
            | Note::Pinned(_)
            | Note::Poll(_)
            | Note::Page(_) => EventBody::MessageEdited {
                message,
                conversation,
            },
        };
        self.emit(&recording.account, body)?;
        recording.told(key);
        Ok(())
    }

    /// The message is found by its poll, and by the page whose preview it waits for.
    pub fn add_media_keys(
        &mut self,
        account_no: i64,
        row: i64,
        media: Option<&Media>,
    ) -> QueryResult<()> {
        let key = match media.and_then(|media| media.detail.as_deref()) {
            Some(MediaDetail::Poll(poll)) => poll_key(&poll.id),
            Some(MediaDetail::Page(page)) if page.pending => page_key(&page.id),
            _ => return Ok(()),
        };
        sql(
            "INSERT INTO media_keys (account_no, key, message_row) VALUES (?, ?, ?) \
             ON CONFLICT (account_no, key, message_row) DO NOTHING",
        )
        .number(account_no)
        .text(&key)
        .number(row)
        .gather(self.conn)
    }

    fn drop_media_keys(&mut self, row: i64) -> QueryResult<()> {
        sql("DELETE FROM media_keys WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }
}

fn poll_key(id: &str) -> String {
    format!("poll:{id}")
}

fn page_key(id: &str) -> String {
    format!("page:{id}")
}

const fn is_no_count(note: &Note) -> bool {
    !matches!(note, Note::Views(_) | Note::Forwards(_))
}

/// `None`: nothing changes by it.
fn noted(before: &Carried, note: &Note) -> Option<Carried> {
    let mut after = before.clone();
    let mut extra: Extra = before.extra();
    match note {
        Note::Reactions { reactions, min } => {
            extra.reactions = reactions_after(reactions.clone(), *min, &extra.reactions);
        }
        // They only rise; a late word of fewer is an old one.
        Note::Views(views) => extra.details.views = extra.details.views.max(Some(*views)),
        Note::Forwards(count) => extra.details.forwards = extra.details.forwards.max(Some(*count)),
        Note::Pinned(pinned) => extra.details.pinned = *pinned,
        Note::Poll(now) => {
            let mut media: Media = from_json(before.media.as_deref()?)?;
            let known = media.poll()?.clone();
            if known.id != now.id {
                return None;
            }
            let poll = now.as_ref().clone().after(Some(&known));
            media.name = Some(poll.question.clone()).filter(|question| !question.is_empty());
            after.media = json(&media.with(MediaDetail::Poll(poll)));
        }
        Note::Page(page) => {
            let media: Media = from_json(before.media.as_deref()?)?;
            media.page().filter(|known| known.pending)?;
            after.media = page.as_deref().and_then(json);
        }
    }
    after.extra = json_of(&extra);
    (after != *before).then_some(after)
}

fn json_of(extra: &Extra) -> Option<String> {
    if extra.is_empty() { None } else { json(extra) }
}

impl Carried {
    pub fn extra(&self) -> Extra {
        self.extra
            .as_deref()
            .and_then(from_json)
            .unwrap_or_default()
    }

    /// As `now` says it of what changes without an edit; the rest as it was.
    pub fn overlaid(&self, now: &Self) -> Self {
        let mut after = self.clone();
        if self.extra != now.extra {
            let (mut extra, told) = (self.extra(), now.extra());
            extra.reactions = told.reactions;
            let (known, told) = (&mut extra.details, told.details);
            known.views = told.views.max(known.views);
            known.forwards = told.forwards.max(known.forwards);
            known.replies = told.replies.or(known.replies);
            known.pinned = told.pinned;
            after.extra = json_of(&extra);
        }
        if self.media != now.media {
            let media = |json: &Option<String>| json.as_deref().and_then(from_json::<Media>);
            let (known, told) = (media(&self.media), media(&now.media));
            let (poll, page) = (
                known.as_ref().and_then(Media::poll),
                known.as_ref().and_then(Media::page),
            );
            let same_poll = told
                .as_ref()
                .and_then(Media::poll)
                .is_some_and(|told| poll.is_some_and(|poll| poll.id == told.id));
            // They move, are ticked off and are bought.
            let moves = |media: &Media| {
                matches!(
                    media.kind,
                    MediaKind::Location | MediaKind::Todo | MediaKind::PaidMedia
                )
            };
            let same_kind =
                known.as_ref().map(|media| media.kind) == told.as_ref().map(|media| media.kind);
            let moved = same_kind && told.as_ref().is_some_and(moves);
            if same_poll || moved || page.is_some_and(|page| page.pending) {
                after.media.clone_from(&now.media);
            }
        }
        after
    }

    /// What says nothing of this account's own votes and reactions leaves them as they were.
    pub fn with_own_of(self, message: &crate::domain::IncomingMessage, before: &Self) -> Self {
        let mut after = self;
        if let Some(extra) = message.extra.as_ref().filter(|extra| extra.min) {
            let mut extra = extra.as_ref().clone();
            extra.reactions = reactions_after(extra.reactions, true, &before.extra().reactions);
            after.extra = json_of(&extra);
        }
        if let Some(media) = &message.media
            && let Some(poll) = media.poll().filter(|poll| poll.min)
            && let Some(known) = before.media.as_deref().and_then(from_json::<Media>)
        {
            let poll = poll.clone().after(known.poll());
            after.media = json(&media.clone().with(MediaDetail::Poll(poll)));
        }
        after
    }

    /// How much of it differs, if any does.
    pub fn difference(&self, before: &Self) -> Option<Difference> {
        if self == before {
            return None;
        }
        let (mut now, mut then) = (self.extra(), before.extra());
        let same = |a: &Extra, b: &Extra| {
            a == b
                && (Self {
                    extra: None,
                    ..self.clone()
                }) == (Self {
                    extra: None,
                    ..before.clone()
                })
        };
        for extra in [&mut now, &mut then] {
            (
                extra.details.views,
                extra.details.forwards,
                extra.details.replies,
            ) = (None, None, None);
        }
        if same(&now, &then) {
            return Some(Difference::Counters);
        }
        now.reactions.clear();
        then.reactions.clear();
        Some(if same(&now, &then) {
            Difference::Reactions
        } else {
            Difference::More
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Difference {
    /// Views and the like.
    Counters,
    Reactions,
    More,
}
