//! Audit: who did what, and who was refused. Kept for a time and up to a number, whichever is less.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    engine::Conn,
    sql::{Number, sql},
};
use crate::domain::{AccountId, Timestamp};

const DAY: i64 = 24 * 3600 * 1000;
const KEEP_DAYS: i64 = 180;
const KEEP_ROWS: i64 = 200_000;

/// By whom something is done when nobody calls: a person at the command line.
pub(in crate::store) const CONSOLE: &str = "console";

/// What is about to be noted.
#[derive(Clone, Debug)]
pub struct NewAudit {
    pub action: String,
    pub caller: String,
    pub token_id: Option<i64>,
    pub ip: Option<String>,
    pub account_id: Option<AccountId>,
    /// `name=value`, as in the log.
    pub detail: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditRecord {
    pub id: i64,
    pub at: Timestamp,
    pub action: String,
    pub caller: String,
    pub token_id: Option<i64>,
    pub ip: Option<String>,
    pub account_id: Option<String>,
    pub detail: String,
}

#[derive(QueryableByName)]
pub(super) struct AuditRow {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Number)]
    at: i64,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    caller: String,
    #[diesel(sql_type = Nullable<Number>)]
    token_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    ip: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    account_id: Option<String>,
    #[diesel(sql_type = Text)]
    detail: String,
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: Timestamp::from_millis(row.at),
            action: row.action,
            caller: row.caller,
            token_id: row.token_id,
            ip: row.ip,
            account_id: row.account_id,
            detail: row.detail,
        }
    }
}

/// Inside a transaction.
pub(in crate::store) fn insert(conn: &mut Conn, entry: &NewAudit) -> QueryResult<()> {
    let account = entry.account_id.map(|id| id.to_string());
    sql("INSERT INTO audit (at, action, caller, token_id, ip, account_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .number(Timestamp::now().millis())
        .text(&entry.action)
        .text(&entry.caller)
        .number_or_null(entry.token_id)
        .text_or_null(entry.ip.as_deref())
        .text_or_null(account.as_deref())
        .text(&entry.detail)
        .run(conn)
        .map(drop)
}

/// What a person did at the command line, in the transaction that does it.
pub(in crate::store) fn by_console(
    conn: &mut Conn,
    action: &str,
    detail: String,
) -> QueryResult<()> {
    let entry = NewAudit {
        action: action.to_owned(),
        caller: CONSOLE.to_owned(),
        token_id: None,
        ip: None,
        account_id: None,
        detail,
    };
    insert(conn, &entry)
}

pub(super) fn prune(conn: &mut Conn, limit: i64) -> QueryResult<usize> {
    let old = Timestamp::now().millis() - KEEP_DAYS * DAY;
    sql(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? \
         OR id <= (SELECT max(id) FROM audit) - ? ORDER BY id LIMIT ?)",
    )
    .number(old)
    .number(KEEP_ROWS)
    .number(limit)
    .run(conn)
}
