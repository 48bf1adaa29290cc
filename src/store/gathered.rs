//! Gathered: what is written with every message is gathered, and goes to PostgreSQL once for many rows. A statement costs a way
//! there and back, rows beside each other cost next to nothing. Of new messages there may be many: they go by [`super::copying`].
//!
//! Whatever else is asked on the connection is asked after what was gathered is written ([`super::server`]): nobody sees that it
//! was not there yet. The rows of a text go together, and texts in the order in which they came up: two of one table must bear that.

use std::{borrow::Cow, collections::HashMap};

use tokio_postgres::types::{ToSql, Type};

use super::value::Value;

/// Rows, and bytes of texts, at which they are written before the transaction ends.
const ROWS: usize = 4096;
const BYTES: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Gathered {
    groups: Vec<Group>,
    rows: usize,
    bytes: usize,
}

/// The rows of one text.
pub(super) struct Group {
    pub text: String,
    pub columns: Vec<Column>,
    pub rows: usize,
    /// Where the row of a key is, for those of which the last counts.
    places: HashMap<[i64; 2], usize>,
}

pub(super) enum Column {
    Numbers(Vec<Option<i64>>),
    Flags(Vec<Option<bool>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Number(_) | Value::NoNumber(_) => Self::Numbers(Vec::new()),
            Value::Flag(_) | Value::NoFlag(_) => Self::Flags(Vec::new()),
            Value::Text(_) | Value::NoText(_) => Self::Texts(Vec::new()),
            Value::Bytes(_) => Self::Bytes(Vec::new()),
        }
    }

    /// At the end, or in the place of another. `false`: it is of another type.
    fn put(&mut self, value: &Value<'_>, place: Option<usize>) -> bool {
        match (self, value) {
            (Self::Numbers(all), Value::Number(one)) => put(all, place, Some(*one)),
            (Self::Numbers(all), Value::NoNumber(one)) => put(all, place, *one),
            (Self::Flags(all), Value::Flag(one)) => put(all, place, Some(*one)),
            (Self::Flags(all), Value::NoFlag(one)) => put(all, place, *one),
            (Self::Texts(all), Value::Text(one)) => put(all, place, Some(text_of(one))),
            (Self::Texts(all), Value::NoText(one)) => put(all, place, one.map(text_of)),
            (Self::Bytes(all), Value::Bytes(one)) => put(all, place, Some(one.to_vec())),
            _ => return false,
        }
        true
    }

    pub const fn of_type(&self) -> Type {
        match self {
            Self::Numbers(_) => Type::INT8_ARRAY,
            Self::Flags(_) => Type::BOOL_ARRAY,
            Self::Texts(_) => Type::TEXT_ARRAY,
            Self::Bytes(_) => Type::BYTEA_ARRAY,
        }
    }

    /// Of one row.
    pub fn value(&self, row: usize) -> Value<'_> {
        match self {
            Self::Numbers(all) => Value::NoNumber(all.get(row).copied().flatten()),
            Self::Flags(all) => Value::NoFlag(all.get(row).copied().flatten()),
            Self::Texts(all) => Value::NoText(all.get(row).and_then(Option::as_deref)),
            Self::Bytes(all) => match all.get(row).and_then(Option::as_deref) {
                Some(bytes) => Value::Bytes(bytes),
                None => Value::NoText(None),
            },
        }
    }

    /// A column that has nothing is not sent: the server puts nothing where an array ends before the others.
    fn shorten(&mut self) {
        match self {
            Self::Numbers(all) => clear_empty(all),
            Self::Flags(all) => clear_empty(all),
            Self::Texts(all) => clear_empty(all),
            Self::Bytes(all) => clear_empty(all),
        }
    }

    pub fn values(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Numbers(all) => all,
            Self::Flags(all) => all,
            Self::Texts(all) => all,
            Self::Bytes(all) => all,
        }
    }
}

fn clear_empty<T>(all: &mut Vec<Option<T>>) {
    if all.iter().all(Option::is_none) {
        all.clear();
    }
}

fn put<T>(all: &mut Vec<T>, place: Option<usize>, value: T) {
    match place.and_then(|place| all.get_mut(place)) {
        Some(old) => *old = value,
        None => all.push(value),
    }
}

/// No text of PostgreSQL's has the character 0.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

fn text_of(text: &str) -> String {
    storable(text).into_owned()
}

impl Gathered {
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub const fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// `key`: of rows with the same one the last counts. How many rows of the text there are; `None`: these values are not of
    /// the types of those before.
    pub fn add(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        key: Option<[i64; 2]>,
    ) -> Option<usize> {
        let known = self.groups.iter().position(|group| group.text == text);
        let at = known.unwrap_or_else(|| {
            self.groups.push(Group {
                text: text.to_owned(),
                columns: values.iter().map(Column::of).collect(),
                rows: 0,
                places: HashMap::new(),
            });
            self.groups.len() - 1
        });
        let group = self.groups.get_mut(at)?;
        let place = key.and_then(|key| group.places.get(&key).copied());
        if place.is_none() {
            if let Some(key) = key {
                group.places.insert(key, group.rows);
            }
            group.rows += 1;
            self.rows += 1;
        }
        for (column, value) in group.columns.iter_mut().zip(values) {
            if !column.put(value, place) {
                return None;
            }
            self.bytes += match value {
                Value::Text(text) | Value::NoText(Some(text)) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                _ => 0,
            };
        }
        Some(group.rows)
    }

    pub fn take(&mut self) -> Vec<Group> {
        let mut groups = std::mem::take(self).groups;
        for column in groups.iter_mut().flat_map(|group| &mut group.columns) {
            column.shorten();
        }
        groups
    }

    pub fn has(&self, text: &str) -> bool {
        self.groups.iter().any(|group| group.text == text)
    }

    /// Only the rows of this text.
    pub fn take_of(&mut self, text: &str) -> Option<Group> {
        let at = self.groups.iter().position(|group| group.text == text)?;
        let group = self.groups.remove(at);
        self.rows -= group.rows;
        Some(group)
    }
}

/// A statement of one row as one of many: its values are columns of `v`.
pub(super) fn for_many(text: &str) -> Option<String> {
    let count = text.matches('?').count();
    let names: Vec<String> = (1..=count).map(|number| format!("c{number}")).collect();
    let arrays: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    let rows = format!(
        "FROM unnest({}) AS v ({})",
        arrays.join(", "),
        names.join(", ")
    );
    let mut named = String::with_capacity(text.len() * 2);
    let mut pieces = text.split('?');
    named.push_str(pieces.next()?);
    for (name, piece) in names.iter().zip(pieces) {
        named.push_str("v.");
        named.push_str(name);
        named.push_str(piece);
    }
    if named.starts_with("UPDATE ") {
        let (set, which) = named.split_once(" WHERE ")?;
        return Some(format!("{set} {rows} WHERE {which}"));
    }
    let (head, rest) = named.split_once(" VALUES (")?;
    let end = closing(rest)?;
    let (list, tail) = (rest.get(..end)?, rest.get(end + 1..)?);
    Some(format!("{head} SELECT {list} {rows}{tail}"))
}

/// Where the bracket ends that was opened before this text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' if open == 0 => return Some(at),
            ')' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects rows from landing in other columns, and one conversation of a group from being written twice in one statement.
    #[test]
    fn a_statement_of_one_row_becomes_one_of_many() {
        for (one, many) in [
            (
                "INSERT INTO t (a, b) VALUES (?, CAST(? AS TSVECTOR))",
                "INSERT INTO t (a, b) SELECT v.c1, CAST(v.c2 AS TSVECTOR) FROM unnest($1, $2) AS v (c1, c2)",
            ),
            (
                "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
                "INSERT INTO t (a) SELECT v.c1 FROM unnest($1) AS v (c1) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
            ),
            (
                "UPDATE t SET a = ?, b = ? WHERE id = ?",
                "UPDATE t SET a = v.c1, b = v.c2 FROM unnest($1, $2, $3) AS v (c1, c2, c3) WHERE id = v.c3",
            ),
        ] {
            assert_eq!(for_many(one).as_deref(), Some(many));
        }
        assert_eq!(for_many("DELETE FROM t WHERE id = ?"), None);
        let mut gathered = Gathered::default();
        for (value, key) in [(1, 7), (2, 8), (3, 7)] {
            let values = [Value::Number(value), Value::Text("\0")];
            assert!(gathered.add("UPDATE", &values, Some([key, 0])).is_some());
        }
        let others = [Value::Flag(true)];
        assert!(gathered.add("UPDATE", &others, None).is_none());
        let groups = gathered.take();
        let [Column::Numbers(numbers), Column::Texts(texts)] = &groups[0].columns[..] else {
            panic!("other columns");
        };
        assert_eq!(numbers[..2], [Some(3), Some(2)]);
        assert_eq!(texts[0].as_deref(), Some("\u{fffd}"));
        assert!(gathered.is_empty());
    }
}
