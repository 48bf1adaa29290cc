//! Trouble: which errors say that the database can't be used for now, and nothing about the statement.

use diesel::result::{DatabaseErrorKind, Error};

/// Is this a trouble of the file that may pass (locked, full, read-only, disk), and not of the statement?
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
    const TROUBLES: [&str; 17] = [
        "database is locked",
        "database table is locked",
        "database schema is locked",
        "database or disk is full",
        "attempt to write a readonly database",
        "disk I/O error",
        "unable to open database file",
        "locking protocol",
        "database is busy",
        // PostgreSQL's and its client's.
        "connection closed",
        "terminating connection",
        "the database system is",
        "error communicating with the server",
        "too many clients",
        "deadlock detected",
        "No space left on device",
        "could not extend file",
    ];
    TROUBLES.iter().any(|trouble| text.contains(trouble))
}
