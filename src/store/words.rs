//! Words: what SQLite's tokenizer takes for words, for an index that SQLite does not keep. Both engines find the same messages,
//! because both are told the same words.

use std::{cell::RefCell, fmt::Write};

use diesel::{
    Connection, QueryResult, QueryableByName, connection::SimpleConnection, result::Error,
    sql_types::Text, sqlite::SqliteConnection,
};

use super::sql::{Number, hot_sql, sql};

/// PostgreSQL's longest word in bytes.
const LONGEST: usize = 2046;

const TABLES: &str = "CREATE VIRTUAL TABLE texts USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2'); \
     CREATE VIRTUAL TABLE words USING fts5vocab (texts, instance);";

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Number)]
    doc: i64,
    #[diesel(sql_type = Text)]
    term: String,
    #[diesel(sql_type = Number)]
    place: i64,
}

/// The words of texts: text after text, those of each in their order.
fn words_of(texts: &[&str]) -> QueryResult<Vec<Word>> {
    thread_local! {
        static TOKENIZER: RefCell<Option<SqliteConnection>> = const { RefCell::new(None) };
    }
    TOKENIZER.with_borrow_mut(|kept| {
        let mut conn = match kept.take() {
            Some(conn) => conn,
            None => tokenizer()?,
        };
        let words = conn.transaction(|conn| {
            for (doc, text) in (0_i64..).zip(texts) {
                hot_sql!("INSERT INTO texts (rowid, text) VALUES (?, ?)")
                    .number(doc)
                    .text(text)
                    .run(conn)?;
            }
            let words = sql("SELECT doc, term, offset AS place FROM words ORDER BY doc, offset")
                .load::<Word>(conn)?;
            sql("INSERT INTO texts (texts) VALUES ('delete-all')").run(conn)?;
            QueryResult::Ok(words)
        })?;
        *kept = Some(conn);
        Ok(words)
    })
}

fn tokenizer() -> QueryResult<SqliteConnection> {
    let mut conn = SqliteConnection::establish(":memory:")
        .map_err(|error| Error::QueryBuilderError(error.into()))?;
    conn.batch_execute(TABLES)?;
    Ok(conn)
}

/// A word between quotes, as PostgreSQL reads it.
fn quoted(word: &str) -> String {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    let word = &word[..end];
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''"))
}

/// What each text is found by, as a `tsvector`.
pub(in crate::store) fn vectors(texts: &[&str]) -> QueryResult<Vec<String>> {
    let mut vectors: Vec<String> = (texts.iter())
        .map(|text| String::with_capacity(text.len() * 2))
        .collect();
    for word in words_of(texts)? {
        let of = usize::try_from(word.doc)
            .ok()
            .and_then(|doc| vectors.get_mut(doc));
        if let Some(vector) = of {
            // Writing to a string has no way to fail.
            let _ = write!(vector, "{}:{} ", quoted(&word.term), word.place + 1);
        }
    }
    Ok(vectors)
}

/// What somebody typed, word by word, as a `tsquery`: every word has to be there, the last may be a beginning. `None`: nothing of
/// it is a word.
pub(in crate::store) fn query(
    typed: &[&str],
    last_is_beginning: bool,
) -> QueryResult<Option<String>> {
    let mut parts = Vec::new();
    for (index, one) in typed.iter().enumerate() {
        let words = words_of(&[one])?;
        let mut phrase: Vec<String> = words.iter().map(|word| quoted(&word.term)).collect();
        if last_is_beginning
            && index + 1 == typed.len()
            && let Some(last) = phrase.last_mut()
        {
            last.push_str(":*");
        }
        if !phrase.is_empty() {
            parts.push(format!("({})", phrase.join(" <-> ")));
        }
    }
    Ok((!parts.is_empty()).then(|| parts.join(" & ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects a search from depending on the engine: words are cut, folded and numbered by the one tokenizer.
    #[test]
    fn words_are_those_of_the_other_index() {
        for _ in 0..2 {
            assert_eq!(
                vectors(&["Café, 'quoted' \\ back-slash", "--", "no no"]).unwrap(),
                [
                    "'cafe':1 'quoted':2 'back':3 'slash':4 ",
                    "",
                    "'no':1 'no':2 "
                ]
            );
        }
        assert_eq!(
            query(&["Back-slash", "CAF"], true).unwrap().as_deref(),
            Some("('back' <-> 'slash') & ('caf':*)")
        );
        assert_eq!(query(&["--"], true).unwrap(), None);
    }
}
