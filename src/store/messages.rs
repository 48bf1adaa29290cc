//! Reading messages: pages of a conversation in both directions, and single ones.

use diesel::{QueryResult, QueryableByName};

use super::{
    MessagePage, MessagesFrom, Page, PageEnd, Result, StoreError, StoreHandle,
    cursor::{Cursor, List, page_size},
    engine::Conn,
    job_error::JobResult,
    message_row::{MessageRecord, select_messages},
    span_rows::spans_of,
    sql::{Number, One, id_list, sql},
    tx::scope_of,
};
use crate::domain::{ChatId, ConversationId, MessageRowId, Span, Spans, StoredMessage};

/// Above every key.
const END: (i64, i64) = (i64::MAX, i64::MAX);

pub(in crate::store) fn by_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<StoredMessage>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql(select_messages!(
        "WHERE m.id IN (SELECT value FROM json_each(?)) AND m.held <> 1"
    ))
    .text(&id_list(ids))
    .load::<MessageRecord>(conn)?;
    Ok(rows.into_iter().map(MessageRecord::into_message).collect())
}

pub(in crate::store) const OLDER: &str = select_messages!(
    "WHERE m.conversation_id = ? AND (m.timestamp, m.message_no) < (?, ?) AND m.held = 0 \
     ORDER BY m.timestamp DESC, m.message_no DESC LIMIT ?"
);
pub(in crate::store) const NEWER: &str = select_messages!(
    "WHERE m.conversation_id = ? AND (m.timestamp, m.message_no) > (?, ?) AND m.held = 0 \
     ORDER BY m.timestamp, m.message_no LIMIT ?"
);

pub(in crate::store) const MEDIA: &str = select_messages!(
    "WHERE m.conversation_id = ? AND (m.timestamp, m.message_no) < (?, ?) AND m.held = 0 \
     AND m.media IS NOT NULL AND m.deleted_at IS NULL ORDER BY m.timestamp DESC, m.message_no DESC LIMIT ?"
);

/// Whose messages a conversation holds.
#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Number)]
    account_no: i64,
    #[diesel(sql_type = Number)]
    chat: i64,
}

type Key = (i64, i64);

fn key_of(record: &MessageRecord) -> Key {
    (record.fields.timestamp, record.fields.message_no)
}

/// Some rows on one side of a key, newest first, and whether there are more on that side.
fn side(
    conn: &mut Conn,
    conversation: i64,
    text: &'static str,
    key: Key,
    limit: usize,
) -> QueryResult<(Vec<MessageRecord>, bool)> {
    let mut rows = sql(text)
        .number(conversation)
        .number(key.0)
        .number(key.1)
        .number(limit as i64 + 1)
        .load::<MessageRecord>(conn)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    if text == NEWER {
        rows.reverse();
    }
    Ok((rows, more))
}

/// A page, and whether there is more on its older and on its newer side.
type Found = (Vec<MessageRecord>, bool, bool);

fn find(conn: &mut Conn, conversation: i64, from: &MessagesFrom, limit: usize) -> JobResult<Found> {
    Ok(match from {
        MessagesFrom::Newest => {
            let (rows, older) = side(conn, conversation, OLDER, END, limit)?;
            (rows, older, false)
        }
        MessagesFrom::Cursor(text) => {
            let cursor = Cursor::parse(text)?;
            let [time, number, of] = cursor.key;
            if of != conversation {
                return Err(StoreError::InvalidCursor.into());
            }
            match cursor.list {
                List::Older => {
                    let (rows, older) = side(conn, conversation, OLDER, (time, number), limit)?;
                    (rows, older, true)
                }
                List::Newer => newer(conn, conversation, (time, number), limit)?,
                List::Conversations | List::Search | List::Export | List::Contacts => {
                    return Err(StoreError::InvalidCursor.into());
                }
            }
        }
        MessagesFrom::After(id) => {
            let middle = in_conversation(conn, conversation, *id)?;
            newer(conn, conversation, key_of(&middle), limit)?
        }
        MessagesFrom::Around(id) => {
            let middle = in_conversation(conn, conversation, *id)?;
            around(conn, conversation, middle, limit)?
        }
        MessagesFrom::AroundNumber(number) => {
            let middle = by_number(conn, conversation, *number)?;
            around(conn, conversation, middle, limit)?
        }
    })
}

fn around(
    conn: &mut Conn,
    conversation: i64,
    middle: MessageRecord,
    limit: usize,
) -> QueryResult<Found> {
    let key = key_of(&middle);
    let half = (limit.saturating_sub(1)) / 2;
    let (mut rows, more_newer) = side(conn, conversation, NEWER, key, half)?;
    rows.push(middle);
    let rest = limit.saturating_sub(rows.len()).max(1);
    let (older, more_older) = side(conn, conversation, OLDER, key, rest)?;
    rows.extend(older);
    Ok((rows, more_older, more_newer))
}

fn newer(conn: &mut Conn, conversation: i64, key: Key, limit: usize) -> QueryResult<Found> {
    let (rows, more) = side(conn, conversation, NEWER, key, limit)?;
    Ok((rows, true, more))
}

fn in_conversation(
    conn: &mut Conn,
    conversation: i64,
    id: MessageRowId,
) -> JobResult<MessageRecord> {
    MessageRecord::load(conn, id.0)?
        .filter(|record| record.fields.conversation_id == conversation && !record.fields.held)
        .ok_or_else(|| StoreError::MessageNotFound.into())
}

fn by_number(conn: &mut Conn, conversation: i64, number: i32) -> JobResult<MessageRecord> {
    let place = sql("SELECT account_no, chat FROM conversations WHERE id = ?")
        .number(conversation)
        .load::<Place>(conn)?
        .pop()
        .ok_or(StoreError::ConversationNotFound)?;
    let scope = scope_of(ChatId::from_marked(place.chat));
    MessageRecord::find(conn, place.account_no, scope, i64::from(number))?
        .filter(|record| record.fields.conversation_id == conversation && !record.fields.held)
        .ok_or_else(|| StoreError::MessageNotFound.into())
}

fn page(
    conn: &mut Conn,
    conversation: i64,
    from: &MessagesFrom,
    limit: usize,
    reach: Reach,
) -> JobResult<MessagePage> {
    sql("SELECT id AS n FROM conversations WHERE id = ? AND account_no NOT IN (SELECT no FROM accounts WHERE purge)")
        .number(conversation)
        .load::<One>(conn)?
        .pop()
        .ok_or(StoreError::ConversationNotFound)?;
    let (mut rows, older, newer) = find(conn, conversation, from, limit)?;
    let spans = spans_of(conn, conversation)?;
    let ends = match reach {
        Reach::OnePiece => cut(&mut rows, &spans, from, older)?,
        Reach::Everything => (!older).then(|| end_below(&spans, rows.last())),
    };
    let next_cursor = rows
        .last()
        .filter(|_| ends != Some(PageEnd::Beginning))
        .map(|record| cursor(List::Older, record));
    let prev_cursor = rows
        .first()
        .filter(|_| newer)
        .map(|record| cursor(List::Newer, record));
    Ok(MessagePage {
        messages: rows.into_iter().map(MessageRecord::into_message).collect(),
        next_cursor,
        prev_cursor,
        ends,
    })
}

/// How far a page may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only as far as nothing can be missing.
    OnePiece,
    /// Also across gaps: for when they can't be filled now.
    Everything,
}

/// Takes away what lies beyond the first gap. Where the page ends, unless it is full.
fn cut(
    rows: &mut Vec<MessageRecord>,
    spans: &Spans,
    from: &MessagesFrom,
    older: bool,
) -> JobResult<Option<PageEnd>> {
    let numbered = |number: i64| i32::try_from(number).ok();
    let anchor = match from {
        MessagesFrom::Cursor(text) => {
            let cursor = Cursor::parse(text)?;
            let [_, number, _] = cursor.key;
            numbered(number).filter(|_| cursor.list == List::Older)
        }
        MessagesFrom::Newest => None,
        // Whoever points at a message wants to see it.
        MessagesFrom::After(_) | MessagesFrom::Around(_) | MessagesFrom::AroundNumber(_) => {
            return Ok((!older).then(|| end_below(spans, rows.last())));
        }
    };
    let newest = rows
        .iter()
        .find_map(|record| numbered(record.fields.message_no));
    let piece = match anchor.or(newest) {
        Some(number) => spans.containing(number),
        None => spans.topmost(),
    };
    let Some(piece) = piece else {
        return Ok((!older).then(|| end_below(spans, rows.last())));
    };
    let held = rows.len();
    rows.retain(|record| {
        numbered(record.fields.message_no).is_none_or(|number| number >= piece.low)
    });
    let whole = rows.len() == held;
    Ok((!whole || !older).then(|| end_of(spans, piece)))
}

fn end_of(spans: &Spans, piece: Span) -> PageEnd {
    if piece.low <= 1 {
        return PageEnd::Beginning;
    }
    PageEnd::Gap {
        above: spans.below(piece.low).map_or(0, |span| span.high),
        before: piece.low,
    }
}

/// Below the last row: the end of its span, or nothing is known.
fn end_below(spans: &Spans, last: Option<&MessageRecord>) -> PageEnd {
    let piece = last
        .and_then(|record| i32::try_from(record.fields.message_no).ok())
        .and_then(|number| spans.containing(number))
        .or_else(|| spans.topmost().filter(|_| last.is_none()));
    match piece {
        Some(piece) => end_of(spans, piece),
        None => PageEnd::Gap {
            above: 0,
            before: 0,
        },
    }
}

fn cursor(list: List, record: &MessageRecord) -> String {
    Cursor {
        list,
        key: [
            record.fields.timestamp,
            record.fields.message_no,
            record.fields.conversation_id,
        ],
    }
    .text()
}

/// Stored messages with media, newest first.
fn media(
    conn: &mut Conn,
    conversation: i64,
    from: Option<&str>,
    limit: usize,
) -> JobResult<Page<StoredMessage>> {
    let below = match from {
        None => END,
        Some(text) => {
            let [time, number, of] = Cursor::of(List::Older, text)?;
            if of != conversation {
                return Err(StoreError::InvalidCursor.into());
            }
            (time, number)
        }
    };
    let (rows, older) = side(conn, conversation, MEDIA, below, limit)?;
    let next_cursor = rows
        .last()
        .filter(|_| older)
        .map(|record| cursor(List::Older, record));
    Ok(Page {
        items: rows.into_iter().map(MessageRecord::into_message).collect(),
        next_cursor,
    })
}

impl StoreHandle {
    /// What is stored of a conversation's pictures, files and the like, newest first.
    ///
    /// # Errors
    /// [`StoreError::InvalidCursor`], or as every read.
    pub async fn list_media(
        &self,
        conversation: ConversationId,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<Page<StoredMessage>> {
        self.ask("list_media", move |conn| {
            media(conn, conversation.0, cursor.as_deref(), page_size(limit))
        })
        .await
    }

    /// A page, newest first, as far as nothing can be missing in it.
    ///
    /// # Errors
    /// [`StoreError::ConversationNotFound`], [`StoreError::MessageNotFound`] (around, after),
    /// [`StoreError::InvalidCursor`], or as every read.
    pub async fn list_messages(
        &self,
        conversation: ConversationId,
        from: MessagesFrom,
        limit: u32,
    ) -> Result<MessagePage> {
        self.ask("list_messages", move |conn| {
            page(
                conn,
                conversation.0,
                &from,
                page_size(limit),
                Reach::OnePiece,
            )
        })
        .await
    }

    /// As [`list_messages`](Self::list_messages), but gaps don't end the page.
    ///
    /// # Errors
    /// As there.
    pub async fn list_messages_across(
        &self,
        conversation: ConversationId,
        from: MessagesFrom,
        limit: u32,
    ) -> Result<MessagePage> {
        self.ask("list_messages", move |conn| {
            page(
                conn,
                conversation.0,
                &from,
                page_size(limit),
                Reach::Everything,
            )
        })
        .await
    }

    /// One message.
    ///
    /// # Errors
    /// As every read.
    pub async fn get_message(&self, id: MessageRowId) -> Result<Option<StoredMessage>> {
        self.read("get_message", move |conn| {
            Ok(MessageRecord::load(conn, id.0)?.map(MessageRecord::into_message))
        })
        .await
    }
}
