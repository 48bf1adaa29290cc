//! Range: a stretch of a table between two of its keys, and the text that rows of both engines are compared by.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{super::sql::Statement, table::Table};

/// A row's key, column by column.
pub(super) type Key = Vec<Value>;

/// What lies behind `after`, up to `upto` and with it; `None`: from the beginning, to the end.
#[derive(Clone, Default)]
pub(super) struct Range {
    pub after: Option<Key>,
    pub upto: Option<Key>,
}

impl Range {
    /// The condition; [`Self::values`] are its values.
    pub fn of(&self, table: &Table) -> String {
        let keys = table.keys();
        let values = vec!["?"; table.key.len()].join(", ");
        let mut text = table.carried();
        // Writing to a string has no way to fail.
        if self.after.is_some() {
            let _ = write!(text, " AND ({keys}) > ({values})");
        }
        if self.upto.is_some() {
            let _ = write!(text, " AND ({keys}) <= ({values})");
        }
        text
    }

    /// The values of [`Self::of`].
    pub fn values(&self) -> impl Iterator<Item = &Value> + Clone {
        self.after.iter().chain(&self.upto).flatten()
    }
}

pub(super) fn bound<'s, 'v: 's>(
    statement: Statement<'s>,
    values: impl Iterator<Item = &'v Value>,
) -> Statement<'s> {
    values.fold(statement, |statement, value| match value {
        Value::String(text) => statement.text(text),
        other => statement.number(other.as_i64().unwrap_or_default()),
    })
}

/// How many rows, and what they are, as one number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sum {
    pub rows: i64,
    pub sha256: String,
}

/// The sum of rows. `end.rs` has PostgreSQL make the same of the same.
pub(super) fn sum(rows: &[Vec<Value>]) -> Sum {
    let mut text = String::new();
    for value in rows.iter().flatten() {
        let value = match value {
            Value::Null => {
                text.push_str("-;");
                continue;
            }
            Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        let _ = write!(text, "{}:{value};", value.len());
    }
    Sum {
        rows: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        sha256: sha256(&text),
    }
}

pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
