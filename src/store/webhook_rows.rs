//! Webhook rows: webhooks that were made over REST, with their addresses and secrets sealed.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};
use uuid::Uuid;

use super::{
    Result, StoreHandle,
    changes::{Changed, tell},
    engine::Conn,
    sealed_row::foreign,
    sql::{Number, One, sql},
    work_rows::{end, interrupt},
};
use crate::domain::{AccountId, Seq, Timestamp};

/// What a webhook is told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookFilter {
    /// Names of events; `None`: all.
    pub events: Option<Vec<String>>,
    /// `None`: all.
    pub accounts: Option<Vec<AccountId>>,
    /// Only this owner's account: `licence:<id>`, `user:<id>` or `portal:<id>`.
    pub owner: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookRow {
    pub id: Uuid,
    /// Envelope.
    pub sealed: String,
    pub filter: WebhookFilter,
    pub patience_s: i64,
    pub is_active: bool,
    pub created_at: Timestamp,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    sealed: String,
    #[diesel(sql_type = Nullable<Text>)]
    events: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    accounts: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    owner: Option<String>,
    #[diesel(sql_type = Number)]
    patience: i64,
    #[diesel(sql_type = Number)]
    is_active: i64,
    #[diesel(sql_type = Number)]
    created_at: i64,
}

impl Row {
    fn read(self) -> QueryResult<WebhookRow> {
        // A list that can't be read names nothing.
        let accounts = self
            .accounts
            .map(|text| serde_json::from_str(&text).unwrap_or_default());
        let events = self
            .events
            .map(|text| serde_json::from_str(&text).unwrap_or_default());
        Ok(WebhookRow {
            id: self.id.parse().map_err(|_| foreign(&self.id))?,
            sealed: self.sealed,
            filter: WebhookFilter {
                events,
                accounts,
                owner: self.owner,
            },
            patience_s: self.patience,
            is_active: self.is_active != 0,
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

/// As JSON. Names and ids: writing them has no way to fail.
fn list<T: serde::Serialize>(list: Option<&Vec<T>>) -> Option<String> {
    list.map(|list| serde_json::to_string(list).unwrap_or_default())
}

fn put(conn: &mut Conn, row: &WebhookRow) -> QueryResult<()> {
    sql("INSERT INTO webhooks (id, sealed, events, accounts, owner, patience, is_active, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, \
         events = excluded.events, accounts = excluded.accounts, owner = excluded.owner, \
         patience = excluded.patience, is_active = excluded.is_active, created_at = excluded.created_at")
    .text(&row.id.to_string())
    .text(&row.sealed)
    .text_or_null(list(row.filter.events.as_ref()).as_deref())
    .text_or_null(list(row.filter.accounts.as_ref()).as_deref())
    .text_or_null(row.filter.owner.as_deref())
    .number(row.patience_s)
    .number(i64::from(row.is_active))
    .number(row.created_at.millis())
    .run(conn)
    .map(drop)
}

/// A webhook is posted by one node at a time.
pub(super) fn work_of(hook: &str) -> String {
    format!("webhook:{hook}")
}

const ROWS: &str =
    "SELECT id, sealed, events, accounts, owner, patience, is_active, created_at FROM webhooks";

/// What came of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WebhookChange {
    Made,
    Gone,
    /// Somebody else was quicker.
    Otherwise,
}

fn set_place(conn: &mut Conn, hook: &str, seq: i64, now: Timestamp) -> QueryResult<()> {
    sql("DELETE FROM webhook_lanes WHERE hook = ?")
        .text(hook)
        .run(conn)?;
    sql(
        "INSERT INTO webhook_cursors (hook, seq, updated_at) VALUES (?, ?, ?) \
         ON CONFLICT (hook) DO UPDATE SET seq = excluded.seq, updated_at = excluded.updated_at",
    )
    .text(hook)
    .number(seq)
    .number(now.millis())
    .run(conn)
    .map(drop)
}

impl StoreHandle {
    /// Oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>> {
        self.read("webhooks", |conn| {
            sql(&format!("{ROWS} ORDER BY created_at, id"))
                .load::<Row>(conn)?
                .into_iter()
                .map(Row::read)
                .collect()
        })
        .await
    }

    /// A new webhook; it is told what is committed from now on. `false`: there are `most` of them already.
    ///
    /// # Errors
    /// As every write.
    pub async fn add_webhook(&self, row: WebhookRow, most: i64) -> Result<bool> {
        self.job("add_webhook", move |tx| {
            let known = sql("SELECT count(*) AS n FROM webhooks").get_result::<One>(tx.conn)?;
            if known.n >= most {
                return Ok(false);
            }
            put(tx.conn, &row)?;
            let newest = sql("SELECT coalesce(max(seq), 0) AS n FROM event_log")
                .get_result::<One>(tx.conn)?;
            set_place(tx.conn, &row.id.to_string(), newest.n, tx.now)?;
            tell(tx.conn, Changed::Webhooks)?;
            Ok(true)
        })
        .await
    }

    /// Makes another of it, if it still is as `seen` has it.
    ///
    /// # Errors
    /// As every write.
    pub async fn change_webhook(&self, seen: WebhookRow, row: WebhookRow) -> Result<WebhookChange> {
        self.job("change_webhook", move |tx| {
            let lock = if tx.conn.gathers() { " FOR UPDATE" } else { "" };
            let text = format!("{ROWS} WHERE id = ?{lock}");
            let id = row.id.to_string();
            let now = sql(&text).text(&id).load::<Row>(tx.conn)?.pop();
            let Some(now) = now.map(Row::read).transpose()? else {
                return Ok(WebhookChange::Gone);
            };
            if now != seen {
                return Ok(WebhookChange::Otherwise);
            }
            put(tx.conn, &row)?;
            tell(tx.conn, Changed::Webhooks)?;
            Ok(WebhookChange::Made)
        })
        .await
    }

    /// The envelope anew, if it still is as `seen` has it.
    ///
    /// # Errors
    /// As every write.
    pub async fn reseal_webhook(&self, seen: WebhookRow, sealed: String) -> Result<()> {
        self.job("reseal_webhook", move |tx| {
            sql("UPDATE webhooks SET sealed = ? WHERE id = ? AND sealed = ?")
                .text(&sealed)
                .text(&seen.id.to_string())
                .text(&seen.sealed)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// With its place. `false`: there was none.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove_webhook(&self, id: Uuid) -> Result<bool> {
        self.job("remove_webhook", move |tx| {
            let id = id.to_string();
            let mut gone = 0;
            for text in [
                "DELETE FROM webhook_lanes WHERE hook = ?",
                "DELETE FROM webhook_cursors WHERE hook = ?",
                "DELETE FROM webhooks WHERE id = ?",
            ] {
                gone = sql(text).text(&id).run(tx.conn)?;
            }
            end(tx.conn, &work_of(&id))?;
            tell(tx.conn, Changed::Webhooks)?;
            Ok(gone > 0)
        })
        .await
    }

    /// Sets a webhook back, or on, with every account.
    ///
    /// # Errors
    /// As every write.
    pub async fn place_webhook(&self, hook: String, seq: Seq) -> Result<()> {
        self.job("place_webhook", move |tx| {
            // Whoever posts it reads its place anew.
            interrupt(tx.conn, &work_of(&hook))?;
            Ok(set_place(tx.conn, &hook, seq.0, tx.now)?)
        })
        .await
    }
}
