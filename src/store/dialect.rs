//! Dialect: what PostgreSQL calls otherwise. The statements of this folder are SQLite's; [`text_of`] says each of them in
//! PostgreSQL's words.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

/// Texts whose translation is remembered.
const REMEMBERED: usize = 1024;

/// SQLite's words, and PostgreSQL's for the same.
const WORDS: [(&str, &str); 21] = [
    ("BEGIN IMMEDIATE", "BEGIN"),
    // The writer is the only one who holds messages back; the index is over other words.
    ("held AND m.held = ", "held = "),
    ("held AND held = ", "held = "),
    ("instr(", "strpos("),
    ("max(high, ", "greatest(high, "),
    ("max(stale.high, ", "greatest(stale.high, "),
    ("max(CAST(meta.value", "greatest(CAST(meta.value"),
    ("SELECT max(coalesce(", "SELECT greatest(coalesce("),
    (
        "FROM json_each(?) j",
        "FROM (SELECT CAST(value AS BIGINT) AS value FROM json_array_elements_text(CAST(? AS JSON)) AS e (value)) j",
    ),
    (
        "SELECT value FROM json_each(?)",
        "SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS JSON)) AS e (value)",
    ),
    (
        "SELECT CAST(value AS BIGINT) FROM json_tree(m.extra) WHERE key = 'id'",
        "SELECT CAST(v #>> '{}' AS BIGINT) FROM jsonb_path_query(CAST(replace(m.extra, '\\u0000', '\\ufffd') AS JSONB), 'strict $.**.id') AS v",
    ),
    (
        "json_group_object(n.peer_id, n.name)",
        "CAST(json_object_agg(n.peer_id, n.name) AS TEXT)",
    ),
    (
        "SELECT e.value FROM json_each(?) e",
        "SELECT value FROM json_array_elements_text(CAST(? AS JSON)) AS e (value)",
    ),
    (
        "(SELECT json_group_array(json_object(",
        "(SELECT CAST(coalesce(json_agg(json_build_object(",
    ),
    ("w.retry_at)) FROM", "w.retry_at)), '[]') AS TEXT) FROM"),
    (
        "rowid AS n FROM messages_search WHERE messages_search MATCH ? AND rowid < ? ORDER BY rowid DESC",
        "place AS n FROM messages_search WHERE words @@ CAST(? AS TSQUERY) AND place < ? ORDER BY place DESC",
    ),
    ("messages_search WHERE rowid", "messages_search WHERE place"),
    (
        "messages_search (rowid, text) VALUES (?, ?)",
        "messages_search (place, words) VALUES (?, CAST(? AS TSVECTOR)) ON CONFLICT (place) DO NOTHING",
    ),
    ("(max(timestamp, 0) / ", "(greatest(timestamp, 0) / "),
    ("BEGIN DEFERRED", "BEGIN ISOLATION LEVEL REPEATABLE READ"),
    (
        "m.forwarded_from ->> ",
        "CAST(m.forwarded_from AS JSON) ->> ",
    ),
];

/// A statement in PostgreSQL's words.
pub(in crate::store) fn text_of(sqlite: &str) -> Rc<str> {
    thread_local! {
        static KNOWN: RefCell<HashMap<String, Rc<str>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(text) = known.get(sqlite) {
            return Rc::clone(text);
        }
        let text: Rc<str> = translated(sqlite).into();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(sqlite.to_owned(), Rc::clone(&text));
        text
    })
}

fn translated(sqlite: &str) -> String {
    let mut text = sqlite.to_owned();
    for (from, to) in WORDS {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    // PostgreSQL finds its indexes without being told.
    while let Some(at) = text.find("INDEXED BY ") {
        let name = at + "INDEXED BY ".len();
        let end = text[name..]
            .find(' ')
            .map_or(text.len(), |length| name + length + 1);
        text.replace_range(at..end, "");
    }
    text
}
