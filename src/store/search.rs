//! Search over the texts of all messages, newest first, with the found words marked.

use std::collections::HashMap;

use diesel::{
    Connection, QueryResult, QueryableByName, connection::SimpleConnection, sql_types::Text,
    sqlite::SqliteConnection,
};

use super::{
    Page, Result, SearchHit, SearchQuery, StoreError, StoreHandle, conversations,
    cursor::{Cursor, List, page_size},
    engine::Conn,
    job_error::JobResult,
    messages,
    search_index::row_of,
    sql::{Number, One, sql},
    words,
};
use crate::domain::{AccountId, StoredMessage};

/// Places looked at for one page when a filter throws most of them away; then the page ends early, with a cursor.
const SCAN_MAX: usize = 20_000;
const CHUNK: usize = 400;
/// Letters that a word is found by while it is typed.
const SHORTEST_BEGINNING: usize = 3;

/// Marks around a found word; no text has them, see [`highlights`].
const OPEN: char = '\u{1}';
const SHUT: char = '\u{2}';

/// What a person typed, as the index understands it: every word has to be there, the last may be
/// a beginning.
fn match_text(q: &str) -> Option<String> {
    let words: Vec<String> = typed_words(q)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    if words.is_empty() {
        return None;
    }
    let text = words.join(" AND ");
    Some(if ends_in_beginning(q) {
        format!("{text} *")
    } else {
        text
    })
}

fn typed_words(q: &str) -> impl Iterator<Item = &str> {
    // SQLite's parser takes a zero byte for the end, also within a word that is quoted.
    q.split(|letter: char| letter.is_whitespace() || letter == '\0')
        .filter(|word| word.chars().any(char::is_alphanumeric))
}

/// The same for an engine whose index has no tokenizer of its own.
fn words_text(q: &str) -> QueryResult<Option<String>> {
    let words: Vec<&str> = typed_words(q).collect();
    words::query(&words, ends_in_beginning(q))
}

/// May what was typed last be the beginning of a longer word?
///
/// One or two letters begin so many words that nobody wants them all, and reading them all takes the index long; they
/// are looked for as words. Where words aren't set apart, one character says enough.
fn ends_in_beginning(q: &str) -> bool {
    let unspaced = |letter: char| matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..);
    let typed = || {
        q.chars()
            .rev()
            .take_while(|letter| letter.is_alphanumeric())
    };
    typed().count() >= SHORTEST_BEGINNING || typed().any(unspaced)
}

pub(in crate::store) const PLACES: &str = "SELECT rowid AS n FROM messages_search WHERE messages_search MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?";

fn search(conn: &mut Conn, query: &SearchQuery) -> JobResult<Page<SearchHit>> {
    let limit = page_size(query.limit);
    let wanted = match_text(&query.q).ok_or(StoreError::EmptyQuery)?;
    let asked = match conn {
        Conn::Sqlite(_) => Some(wanted.clone()),
        Conn::Postgres(_) => words_text(&query.q)?,
    };
    let mut below = match &query.cursor {
        Some(cursor) => Cursor::of(List::Search, cursor)?[0],
        None => i64::MAX,
    };
    let mut hits: Vec<(i64, StoredMessage)> = Vec::new();
    let mut seen = 0;
    let mut more = asked.is_some();
    let asked = asked.unwrap_or_default();
    while more && hits.len() <= limit && seen < SCAN_MAX {
        let chunk = if query.account_ids.is_empty() {
            limit + 1
        } else {
            CHUNK
        };
        let places = sql(PLACES)
            .text(&asked)
            .number(below)
            .number(chunk as i64)
            .load::<One>(conn)?;
        more = places.len() == chunk;
        seen += places.len();
        let Some(last) = places.last() else { break };
        below = last.n;
        hits.extend(keep(conn, &places, &query.account_ids)?);
    }
    let full = hits.len() > limit;
    hits.truncate(limit);
    let next = if full {
        hits.last().map(|(place, _)| *place)
    } else {
        more.then_some(below)
    };
    let next_cursor = next.map(|place| {
        Cursor {
            list: List::Search,
            key: [place, 0, 0],
        }
        .text()
    });
    Ok(Page {
        items: dress(conn, hits, &wanted)?,
        next_cursor,
    })
}

/// The messages of these places that may be shown, in the places' order.
fn keep(
    conn: &mut Conn,
    places: &[One],
    accounts: &[AccountId],
) -> QueryResult<Vec<(i64, StoredMessage)>> {
    let rows: Vec<i64> = places.iter().map(|place| row_of(place.n)).collect();
    let mut found: HashMap<i64, StoredMessage> = messages::by_ids(conn, &rows)?
        .into_iter()
        .map(|message| (message.id.0, message))
        .collect();
    Ok(places
        .iter()
        .filter_map(|place| Some((place.n, found.remove(&row_of(place.n))?)))
        .filter(|(_, message)| message.deleted_at.is_none())
        .filter(|(_, message)| accounts.is_empty() || accounts.contains(&message.account_id))
        .collect())
}

fn dress(
    conn: &mut Conn,
    hits: Vec<(i64, StoredMessage)>,
    wanted: &str,
) -> QueryResult<Vec<SearchHit>> {
    let mut ids: Vec<i64> = hits
        .iter()
        .map(|(_, message)| message.conversation_id.0)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let conversations: HashMap<i64, _> = conversations::by_ids(conn, &ids)?
        .into_iter()
        .map(|conversation| (conversation.id.0, conversation))
        .collect();
    let texts: Vec<&str> = hits
        .iter()
        .map(|(_, message)| message.text.as_str())
        .collect();
    let mut marks = highlights(&texts, wanted).unwrap_or_default();
    Ok(hits
        .into_iter()
        .enumerate()
        .filter_map(|(index, (_, message))| {
            let conversation = conversations.get(&message.conversation_id.0)?.clone();
            Some(SearchHit {
                message,
                conversation,
                highlights: marks.remove(&(index as i64)).unwrap_or_default(),
            })
        })
        .collect())
}

#[derive(QueryableByName)]
struct Marked {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Text)]
    text: String,
}

type Marks = HashMap<i64, Vec<(usize, usize)>>;

/// The same tokenizer, asked again over just these texts: nobody else knows what it calls a word.
fn highlights(texts: &[&str], wanted: &str) -> QueryResult<Marks> {
    if texts.is_empty() {
        return Ok(Marks::new());
    }
    let mut conn = SqliteConnection::establish(":memory:")
        .map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))?;
    conn.batch_execute(
        "CREATE VIRTUAL TABLE hits USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2'); BEGIN;",
    )?;
    for (index, text) in texts.iter().enumerate() {
        if text.contains([OPEN, SHUT]) {
            continue;
        }
        sql("INSERT INTO hits (rowid, text) VALUES (?, ?)")
            .number(index as i64)
            .text(text)
            .run(&mut conn)?;
    }
    let rows = sql("SELECT rowid AS id, highlight(hits, 0, char(1), char(2)) AS text FROM hits WHERE hits MATCH ?")
        .text(wanted)
        .load::<Marked>(&mut conn)?;
    Ok(rows.iter().map(|row| (row.id, spans(&row.text))).collect())
}

/// (start, length) of what lies between the marks, in UTF-16 units of the text without them.
fn spans(marked: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let (mut at, mut start) = (0, 0);
    for letter in marked.chars() {
        match letter {
            OPEN => start = at,
            SHUT => spans.push((start, at - start)),
            letter => at += letter.len_utf16(),
        }
    }
    spans
}

/// For `fuzzing.rs`: what is typed, looked for in itself.
#[cfg(feature = "fuzzing")]
pub(super) fn looked_for(typed: &str) {
    let Some(wanted) = match_text(typed) else {
        return;
    };
    let marks = highlights(&[typed], &wanted);
    let marks = marks.unwrap_or_else(|error| panic!("{typed:?} became {wanted:?}: {error}"));
    let whole = crate::domain::utf16_len(typed);
    for (start, length) in marks.values().flatten() {
        assert!(
            *length > 0 && start + length <= whole,
            "a mark outside of {typed:?}"
        );
    }
}

impl StoreHandle {
    /// Newest first. A message is found a moment after it is stored: the index is fed in the background.
    ///
    /// # Errors
    /// [`StoreError::EmptyQuery`], [`StoreError::InvalidCursor`], or as every read.
    pub async fn search(&self, query: SearchQuery) -> Result<Page<SearchHit>> {
        self.ask("search", move |conn| search(conn, &query)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_never_taken_for_search_syntax() {
        assert_eq!(
            match_text("hello wor").as_deref(),
            Some("\"hello\" AND \"wor\" *")
        );
        assert_eq!(
            match_text("say \"hi\" ").as_deref(),
            Some("\"say\" AND \"\"\"hi\"\"\"")
        );
        assert_eq!(
            match_text("NEAR(a b)").as_deref(),
            Some("\"NEAR(a\" AND \"b)\"")
        );
        assert_eq!(match_text(" -- * "), None);
    }

    #[test]
    fn a_beginning_is_long_enough_to_mean_something() {
        assert_eq!(match_text("wo").as_deref(), Some("\"wo\""));
        assert_eq!(match_text("при").as_deref(), Some("\"при\" *"));
        assert_eq!(match_text("你").as_deref(), Some("\"你\" *"));
        assert_eq!(match_text("wor ").as_deref(), Some("\"wor\""));
    }

    #[test]
    fn found_words_are_marked_in_utf16_units() {
        let marks = highlights(&["😀 Café au lait", "nothing"], "\"cafe\" AND \"lai\" *").unwrap();
        assert_eq!(marks.get(&0), Some(&vec![(3, 4), (11, 4)]));
        assert_eq!(marks.get(&1), None);
    }
}
