//! Old codes: rows from before codes were masked lose theirs, once, when the service opens the file.
//!
//! A mark in `meta` says what is left to do: `rows`, the texts with their places in the search index, in one transaction;
//! then `pages`, what the file still holds of them where no row is any more. A crash in between repeats the part.

use std::collections::HashSet;

use diesel::{
    QueryResult, QueryableByName,
    connection::SimpleConnection,
    sql_types::{Nullable, Text},
    sqlite::SqliteConnection,
};

use super::{
    Result, StoreError, connection, erasure,
    search_index::place,
    sql::{Flag, Number, One, sql},
    transaction,
};
use crate::domain::{CODE_MASK, Media, MediaKind, mask_codes};

/// Rows looked at in one go.
const CHUNK: i64 = 5000;
/// Another process may hold the file for a moment.
const PATIENCE_MILLIS: u32 = 10_000;
/// How Telegram begins what it writes with a code, where no message of its own is here to tell.
const OPENINGS: [&str; 3] = [
    "Login code: ",
    "Web login code",
    "Код для входа в Telegram: ",
];

/// Does what is left to do.
///
/// # Errors
/// When the rows can't be masked. What the pages hold is tried again at the next start.
pub(super) fn mask(conn: &mut SqliteConnection) -> Result<()> {
    let patient = |conn: &mut SqliteConnection, millis: u32| {
        conn.batch_execute(&format!("PRAGMA busy_timeout = {millis};"))
    };
    let masked = patient(conn, PATIENCE_MILLIS)
        .and_then(|()| mask_rows_once(conn))
        .map_err(|error| answer(&error));
    if masked.is_ok()
        && let Err(error) = clean_pages_once(conn)
    {
        log::warn!(target: "switchboard::store", "old codes may still lie in unused parts of the database; tried again at the next start cause=\"{error}\"");
    }
    patient(conn, connection::BUSY_MILLIS).map_err(|error| answer(&error))?;
    masked
}

fn answer(error: &diesel::result::Error) -> StoreError {
    if connection::unavailable(error) {
        return StoreError::Unavailable {
            reason: error.to_string(),
        };
    }
    StoreError::Broken {
        call: "mask_old_codes",
        cause: error.to_string(),
    }
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = Text)]
    value: String,
}

fn marked(conn: &mut SqliteConnection, wanted: &str) -> QueryResult<bool> {
    let found = sql("SELECT value FROM meta WHERE key = 'old_codes'").load::<Mark>(conn)?;
    Ok(found.iter().any(|mark| mark.value == wanted))
}

fn mask_rows_once(conn: &mut SqliteConnection) -> QueryResult<()> {
    if !marked(conn, "rows")? {
        return Ok(());
    }
    transaction::begin(conn)?;
    let done = mask_rows(conn).and_then(|count| {
        let next = match count.rows {
            0 => sql("DELETE FROM meta WHERE key = 'old_codes'"),
            _ => sql("UPDATE meta SET value = 'pages' WHERE key = 'old_codes'"),
        };
        next.run(conn)?;
        transaction::commit(conn)?;
        Ok(count)
    });
    match done {
        Ok(Count { rows: 0, .. }) => Ok(()),
        Ok(Count { rows, masked }) => {
            log::info!(target: "switchboard::store", "one-time codes of Telegram's were masked in stored messages rows={rows} masked={masked}");
            Ok(())
        }
        Err(error) => {
            // The connection goes with the error.
            let _ = transaction::roll_back(conn);
            Err(error)
        }
    }
}

#[derive(Default)]
struct Count {
    rows: usize,
    masked: usize,
}

#[derive(QueryableByName)]
struct OldRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    timestamp: i64,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Text>)]
    media: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    service: Option<String>,
    /// Telegram itself wrote it, as far as the row tells.
    #[diesel(sql_type = Flag)]
    telegrams: bool,
    #[diesel(sql_type = Flag)]
    deleted: bool,
}

/// `rest` begins with what is to be read.
macro_rules! select_old {
    ($rest:expr) => {
        concat!(
            "SELECT m.id, m.timestamp, m.text, m.media, m.service, (m.direction = 'incoming' AND \
             (m.chat_id IN ('777000', '42777') OR coalesce(m.sender_id, 0) IN (777000, 42777))) AS telegrams, \
             (m.deleted_at IS NOT NULL) AS deleted FROM messages m ",
            $rest
        )
    };
}

fn mask_rows(conn: &mut SqliteConnection) -> QueryResult<Count> {
    let known = Known::read(conn)?;
    let search_mark = sql("SELECT coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'search_mark'), 0) AS n")
        .get_result::<One>(conn)?
        .n;
    let mut count = Count::default();
    let mut from = i64::MIN;
    loop {
        let rows = sql(select_old!(
            "WHERE m.id > ? AND m.status IN ('received', 'sent') ORDER BY m.id LIMIT ?"
        ))
        .number(from)
        .number(CHUNK)
        .load::<OldRow>(conn)?;
        let Some(last) = rows.last() else {
            return Ok(count);
        };
        from = last.id;
        count.rows += rows.len();
        for row in rows {
            if row.telegrams || known.has(&row.text) {
                count.masked += usize::from(mask_row(conn, &row, search_mark)?);
            }
        }
    }
}

fn mask_row(conn: &mut SqliteConnection, row: &OldRow, search_mark: i64) -> QueryResult<bool> {
    let text = mask_codes(&row.text);
    let masked = text.is_some();
    let text = text.as_ref().unwrap_or(&row.text);
    let media = masked_media(row.media.as_deref(), masked);
    let service = row.service.as_deref().and_then(mask_codes);
    let service = service.as_deref().or(row.service.as_deref());
    if !masked && media == row.media && service == row.service.as_deref() {
        return Ok(false);
    }
    sql("UPDATE messages SET text = ?, media = ?, service = ?, masked = ? WHERE id = ?")
        .text(text)
        .text_or_null(media.as_deref())
        .text_or_null(service)
        .flag(masked)
        .number(row.id)
        .run(conn)?;
    if row.id <= search_mark {
        sql("DELETE FROM messages_search WHERE rowid = ?")
            .number(place(row.id, row.timestamp))
            .run(conn)?;
        if !row.deleted && !text.is_empty() {
            sql("INSERT INTO messages_search (rowid, text) VALUES (?, ?)")
                .number(place(row.id, row.timestamp))
                .text(text)
                .run(conn)?;
        }
    }
    Ok(masked)
}

/// As `telegram/convert` makes it of such a message: no preview of an address that has the code in it, no code in a name.
fn masked_media(media: Option<&str>, masked: bool) -> Option<String> {
    let stored = media?;
    let Ok(mut media) = serde_json::from_str::<Media>(stored) else {
        return Some(stored.to_owned());
    };
    if masked && media.kind == MediaKind::WebPage {
        return None;
    }
    let Some(name) = media.name.as_deref().and_then(mask_codes) else {
        return Some(stored.to_owned());
    };
    media.name = Some(name);
    serde_json::to_string(&media).ok()
}

/// What Telegram's own messages say here besides their codes. Rows don't tell where a message was forwarded from, so a
/// forward is known by its words.
struct Known {
    texts: HashSet<String>,
    /// Masked texts, and what they begin with before the code.
    shapes: HashSet<String>,
    beginnings: HashSet<String>,
}

impl Known {
    fn read(conn: &mut SqliteConnection) -> QueryResult<Self> {
        let rows = sql(select_old!(
            "WHERE m.conversation_id IN (SELECT id FROM conversations WHERE chat IN (777000, 42777)) \
             AND m.direction = 'incoming'"
        ))
        .load::<OldRow>(conn)?;
        let mut known = Self {
            texts: HashSet::new(),
            shapes: HashSet::new(),
            beginnings: HashSet::new(),
        };
        for row in rows {
            let Some(shape) = mask_codes(&row.text) else {
                continue;
            };
            let beginning = shape.split(CODE_MASK).next().unwrap_or_default();
            known.beginnings.insert(beginning.to_owned());
            known.shapes.insert(shape);
            known.texts.insert(row.text);
        }
        Ok(known)
    }

    fn has(&self, text: &str) -> bool {
        let opened = OPENINGS.iter().any(|opening| text.starts_with(opening));
        if opened && (text.contains("Telegram") || text.contains("my.telegram.org")) {
            return true;
        }
        if self.texts.contains(text) {
            return true;
        }
        self.beginnings
            .iter()
            .any(|beginning| text.starts_with(beginning.as_str()))
            && mask_codes(text).is_some_and(|shape| self.shapes.contains(&shape))
    }
}

/// Rewrites the index without the words that are gone from it, and the file without what no row holds any more.
fn clean_pages_once(conn: &mut SqliteConnection) -> QueryResult<()> {
    if !marked(conn, "pages")? {
        return Ok(());
    }
    log::info!(target: "switchboard::store", "the database is rewritten once, so that no unused part of it holds old codes");
    erasure::rewrite(conn)?;
    if !erasure::empty_log(conn)? {
        return Err(diesel::result::Error::QueryBuilderError(
            "another process reads the database".into(),
        ));
    }
    sql("DELETE FROM meta WHERE key = 'old_codes'").run(conn)?;
    Ok(())
}
