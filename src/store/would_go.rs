//! What would go: retention, counted before it is in force. Nothing is changed here.

use std::time::Duration;

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Result, StoreError, StoreHandle,
    account_row::from_json,
    connection::{self, Place},
    engine::Conn,
    message_row::account_of,
    migrations::broken,
    sql::{Number, One, id_list, sql},
};
use crate::domain::{AccountId, KeepFor, Retention, Timestamp, kept_since};

/// For a question of the command, which nobody waits behind.
const LONGEST: Duration = Duration::from_secs(600);

/// Of one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WouldGo {
    pub messages: i64,
    /// Of them, their former texts and objects, without the indexes.
    pub bytes: i64,
}

/// An account, and what would go of it.
#[derive(Clone, Debug)]
pub struct AccountWouldGo {
    pub id: AccountId,
    pub label: String,
    pub retention: Retention,
    pub messages: WouldGo,
}

#[derive(QueryableByName)]
struct AccountRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    label: String,
    #[diesel(sql_type = Nullable<Text>)]
    retention: Option<String>,
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = Number)]
    messages: i64,
    #[diesel(sql_type = Number)]
    bytes: i64,
}

/// Chats whose sums are taken in one read.
const SUMMED: i64 = 200;

impl StoreHandle {
    /// What would go of an account's messages if they were kept for so many days.
    ///
    /// # Errors
    /// As every read.
    pub async fn would_go(&self, account: AccountId, days: u32) -> Result<WouldGo> {
        let mut all = WouldGo::default();
        let mut after = 0;
        loop {
            let (sums, last) = self
                .read("would_go", move |conn| would_go(conn, account, days, after))
                .await?;
            all.messages += sums.messages;
            all.bytes += sums.bytes;
            match last {
                Some(last) => after = last,
                None => return Ok(all),
            }
        }
    }

    /// Events that would go if they were kept for so many days.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_would_go(&self, days: u32) -> Result<i64> {
        self.read("events_would_go", move |conn| events(conn, days))
            .await
    }
}

/// By the store alone, whether a service runs on it or not: all accounts, also those that were removed and left their history,
/// and events.
///
/// # Errors
/// When it can't be read, or is of another version.
pub fn would_go_of(place: &Place, keep: &KeepFor) -> Result<(Vec<AccountWouldGo>, i64)> {
    let unavailable = |error: diesel::ConnectionError| StoreError::Unavailable {
        reason: error.to_string(),
    };
    let mut conn = place.reader(LONGEST).map_err(unavailable)?;
    if let Some(file) = conn.file() {
        connection::is_ours(file)?;
    }
    let done = accounts(&mut conn, keep).and_then(|accounts| {
        let events = keep.events_days.map(|days| events(&mut conn, days));
        Ok((accounts, events.transpose()?.unwrap_or(0)))
    });
    done.map_err(|error| broken("would_go", &error))
}

fn accounts(conn: &mut Conn, keep: &KeepFor) -> QueryResult<Vec<AccountWouldGo>> {
    let rows = sql("SELECT id, label, retention FROM accounts WHERE NOT purge AND (removed_at IS NULL OR label <> '') ORDER BY no")
        .load::<AccountRow>(conn)?;
    let mut all = Vec::new();
    for row in rows {
        let retention: Retention = from_json(row.retention.as_deref()).unwrap_or_default();
        let id = account_of(&row.id);
        let mut messages = WouldGo::default();
        let mut after = retention.messages(keep).map(|days| (days, 0));
        while let Some((days, from)) = after {
            let (sums, last) = would_go(conn, id, days, from)?;
            messages.messages += sums.messages;
            messages.bytes += sums.bytes;
            after = last.map(|last| (days, last));
        }
        all.push(AccountWouldGo {
            id,
            label: row.label,
            retention,
            messages,
        });
    }
    Ok(all)
}

fn events(conn: &mut Conn, days: u32) -> QueryResult<i64> {
    let before = kept_since(days, Timestamp::now()).millis();
    Ok(sql("SELECT count(*) AS n FROM event_log WHERE at < ?")
        .number(before)
        .get_result::<One>(conn)?
        .n)
}

/// Of some chats, and the last of them if there are more.
fn would_go(
    conn: &mut Conn,
    account: AccountId,
    days: u32,
    after: i64,
) -> QueryResult<(WouldGo, Option<i64>)> {
    let before = kept_since(days, Timestamp::now()).millis();
    let chats = sql("SELECT id AS n FROM conversations WHERE account_no = (SELECT no FROM accounts WHERE id = ?) \
         AND id > ? ORDER BY id LIMIT ?")
    .text(&account.to_string())
    .number(after)
    .number(SUMMED)
    .load::<One>(conn)?;
    let ids: Vec<i64> = chats.iter().map(|chat| chat.n).collect();
    let sums = sql(
        "SELECT count(*) AS messages, CAST(coalesce(sum(octet_length(m.text) + coalesce(octet_length(m.media), 0) \
         + coalesce(octet_length(m.entities), 0) + coalesce(octet_length(m.extra), 0) + coalesce(octet_length(m.quote), 0) \
         + coalesce(octet_length(m.service), 0) + coalesce((SELECT octet_length(o.object) FROM message_objects o \
         WHERE o.message_row = m.id), 0) + coalesce((SELECT sum(octet_length(v.text)) FROM message_versions v \
         WHERE v.message_row = m.id), 0) + 120), 0) AS BIGINT) AS bytes FROM messages m WHERE m.conversation_id IN \
         (SELECT value FROM json_each(?)) AND m.timestamp < ? AND m.held = 0",
    )
    .text(&id_list(&ids))
    .number(before)
    .get_result::<Sums>(conn)?;
    let last = (ids.len() as i64 == SUMMED)
        .then(|| ids.last().copied())
        .flatten();
    let sums = WouldGo {
        messages: sums.messages,
        bytes: sums.bytes,
    };
    Ok((sums, last))
}
