//! Trouble: which errors say that the database can't be used for now, and nothing about the statement.
//!
//! SQLite's are known by their texts, which are fixed; PostgreSQL's by their codes, for their texts are in whatever language
//! the server speaks. A code stands at the end of what is told of an error: `… (SQLSTATE 57P01)`.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use std::error::Error as _;

/// Is this a trouble of the database that may pass (locked, full, read-only, disk, away), and not of the statement?
///
/// diesel gives SQLite's text and no code for these; the texts are fixed in SQLite's `sqlite3ErrStr`.
pub(super) fn unavailable(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction
            | DatabaseErrorKind::UnableToSendCommand,
            _,
        ) => true,
        Error::DatabaseError(_, info) => unavailable_text(info.message()),
        _ => false,
    }
}

pub(super) fn unavailable_text(text: &str) -> bool {
    const TROUBLES: [&str; 9] = [
        "database is locked",
        "database table is locked",
        "database schema is locked",
        "database or disk is full",
        "attempt to write a readonly database",
        "disk I/O error",
        "unable to open database file",
        "locking protocol",
        "database is busy",
    ];
    match code_in(text) {
        Some(code) => passes(code),
        None => TROUBLES.iter().any(|trouble| text.contains(trouble)),
    }
}

/// PostgreSQL's code in what was told of an error.
pub(crate) fn code_in(text: &str) -> Option<&str> {
    let (_, code) = text.rsplit_once("(SQLSTATE ")?;
    code.get(..5)
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn passes(code: &str) -> bool {
    match code.get(..2) {
        // Connection, resources (disk, memory, connections), the operator's hand (restart, a limit of time), disk.
        Some("08" | "53" | "57" | "58") => true,
        // Two that waited for each other, a lock that was not given, a server that may only be read, a session that was ended.
        _ => matches!(
            code,
            "40001" | "40P01" | "55P03" | "25006" | "25P03" | "25P04"
        ),
    }
}

/// What the server said of a statement.
pub(super) struct Told {
    text: String,
    of: tokio_postgres::error::DbError,
}

impl Told {
    pub fn error(error: tokio_postgres::Error) -> Error {
        use tokio_postgres::error::SqlState;
        let Some(said) = error.as_db_error() else {
            return client_error(&words_of(&error));
        };
        let kind = match *said.code() {
            SqlState::UNIQUE_VIOLATION => DatabaseErrorKind::UniqueViolation,
            SqlState::FOREIGN_KEY_VIOLATION => DatabaseErrorKind::ForeignKeyViolation,
            SqlState::NOT_NULL_VIOLATION => DatabaseErrorKind::NotNullViolation,
            SqlState::CHECK_VIOLATION => DatabaseErrorKind::CheckViolation,
            SqlState::T_R_SERIALIZATION_FAILURE => DatabaseErrorKind::SerializationFailure,
            SqlState::READ_ONLY_SQL_TRANSACTION => DatabaseErrorKind::ReadOnlyTransaction,
            _ => DatabaseErrorKind::Unknown,
        };
        let told = Self {
            text: words_of(&error),
            of: said.clone(),
        };
        Error::DatabaseError(kind, Box::new(told))
    }
}

/// No answer came of a server.
pub(super) fn client_error(text: &str) -> Error {
    Error::DatabaseError(
        DatabaseErrorKind::UnableToSendCommand,
        Box::new(text.to_owned()),
    )
}

/// What the server said, with its code; or the client, where no server was reached.
pub(super) fn words_of(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        // It may quote what was to be stored.
        (Some(said), _) if said.code().code().starts_with("22") => {
            format!("a value was refused (SQLSTATE {})", said.code().code())
        }
        (Some(said), _) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

impl DatabaseErrorInformation for Told {
    fn message(&self) -> &str {
        &self.text
    }

    fn details(&self) -> Option<&str> {
        None
    }

    fn hint(&self) -> Option<&str> {
        self.of.hint()
    }

    fn table_name(&self) -> Option<&str> {
        self.of.table()
    }

    fn column_name(&self) -> Option<&str> {
        self.of.column()
    }

    fn constraint_name(&self) -> Option<&str> {
        self.of.constraint()
    }

    fn statement_position(&self) -> Option<i32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects a write from being given up where the server is only away, and the writer from trying for ever what the server will
    /// never take; in whatever language it says so.
    #[test]
    fn what_passes_is_known_by_its_code() {
        for (text, may) in [
            ("Verbindung wird abgebrochen (SQLSTATE 57P01)", true),
            ("could not extend file (SQLSTATE 53100)", true),
            ("abbrochen, weil zu lang (SQLSTATE 57014)", true),
            ("взаимоблокировка (SQLSTATE 40P01)", true),
            ("schreibgeschützt (SQLSTATE 25006)", true),
            ("doppelter Schlüssel (SQLSTATE 23505)", false),
            ("the disk I/O error of a name (SQLSTATE 42P01)", false),
            ("disk I/O error", true),
            ("no such table: (SQLSTATE", false),
        ] {
            assert_eq!(unavailable_text(text), may, "{text}");
        }
    }
}
