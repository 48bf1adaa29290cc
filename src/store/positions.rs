//! Positions: up to where Telegram's updates are stored, and what the stream has brought since its continuity began.
//!
//! They move only together with what they cover. A scope is whose numbering message ids belong to: 0 is the account's
//! own (private chats and basic groups), else the channel's id.

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Result, StoreHandle,
    engine::Conn,
    job_error::JobResult,
    scope_row::Scope,
    sql::{Number, One, hot_sql, sql},
    tx::Tx,
};
use crate::domain::{AccountId, Position};

#[derive(QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = Number)]
    pts: i32,
    #[diesel(sql_type = Number)]
    qts: i32,
    #[diesel(sql_type = Number)]
    date: i32,
    #[diesel(sql_type = Number)]
    seq: i32,
}

#[derive(QueryableByName)]
struct ChannelRow {
    #[diesel(sql_type = Number)]
    channel_id: i64,
    #[diesel(sql_type = Number)]
    pts: i32,
}

#[derive(QueryableByName)]
struct CursorRow {
    #[diesel(sql_type = Nullable<Text>)]
    dialog_cursor: Option<String>,
}

impl Tx<'_> {
    pub fn scope(&mut self, account_no: i64, scope: i64) -> QueryResult<&mut Scope> {
        let key = (account_no, scope);
        if !self.state.scopes.contains_key(&key) {
            let row = Scope::read(self.conn, account_no, scope)?.unwrap_or_default();
            self.state.scopes.insert(key, row);
        }
        Ok(self.state.scopes.entry(key).or_default())
    }

    /// The scope's row will be written with the next flush.
    pub fn mark_scope(&mut self, account_no: i64, scope: i64) {
        let key = (account_no, scope);
        if !self.state.dirty_scopes.contains(&key) {
            self.state.dirty_scopes.push(key);
        }
    }

    pub(super) fn flush_scopes(&mut self) -> QueryResult<()> {
        for key in std::mem::take(&mut self.state.dirty_scopes) {
            if let Some(scope) = self.state.scopes.get(&key) {
                scope.write(self.conn, key.0, key.1)?;
            }
        }
        Ok(())
    }

    pub fn put_position(&mut self, account_no: i64, position: &Position) -> QueryResult<()> {
        self.scope(account_no, 0)?.pts = position.pts;
        // One statement for both: this runs with every batch.
        self.state
            .dirty_scopes
            .retain(|key| *key != (account_no, 0));
        let scope = self.scope(account_no, 0)?.clone();
        hot_sql!(
            "INSERT INTO account_positions (account_no, pts, qts, date, seq, live_from, live_to, epoch, ended) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account_no) DO UPDATE SET pts = excluded.pts, qts = excluded.qts, date = excluded.date, \
             seq = excluded.seq, live_from = excluded.live_from, live_to = excluded.live_to, epoch = excluded.epoch, \
             ended = excluded.ended"
        )
        .number(account_no)
        .number(position.pts)
        .number(position.qts)
        .number(position.date)
        .number(position.seq)
        .number_or_null(scope.live_from)
        .number_or_null(scope.live_to)
        .number(scope.epoch)
        .number_or_null(scope.ended)
        .gather_last(self.conn, [account_no, 0])?;
        for (channel, pts) in &position.channels {
            self.scope(account_no, *channel)?.pts = *pts;
            self.mark_scope(account_no, *channel);
        }
        Ok(())
    }

    /// The first date that Telegram tells is that of the sign-in: messages carry its dates, and clocks differ.
    pub fn note_first_date(&mut self, id: AccountId, seconds: i32) -> JobResult<()> {
        let account = self.account(id)?;
        if account.dated || seconds <= 0 {
            return Ok(());
        }
        (account.since, account.dated) = (i64::from(seconds) * 1000, true);
        let (since, no) = (account.since, account.no);
        sql("UPDATE accounts SET since = ? WHERE no = ?")
            .number(since)
            .number(no)
            .run(self.conn)?;
        Ok(())
    }

    /// From the dialog list: only a start for a channel that has no position of its own yet.
    pub fn seed_channel(&mut self, account_no: i64, channel: i64, pts: i32) -> QueryResult<()> {
        let scope = self.scope(account_no, channel)?;
        if scope.pts == 0 && pts > 0 {
            scope.pts = pts;
            self.mark_scope(account_no, channel);
        }
        Ok(())
    }
}

fn holes(conn: &mut Conn, account: &str) -> QueryResult<i64> {
    Ok(sql("SELECT holes AS n FROM accounts WHERE id = ?")
        .text(account)
        .load::<One>(conn)?
        .pop()
        .map_or(0, |row| row.n))
}

impl StoreHandle {
    /// Without the channels; `None` before the first sign-in, and while the position means nothing.
    ///
    /// # Errors
    /// As every read.
    pub async fn position(&self, account: AccountId) -> Result<Option<Position>> {
        self.read("position", move |conn| {
            let row = sql(
                "SELECT p.pts, p.qts, p.date, p.seq FROM account_positions p \
                           JOIN accounts a ON a.no = p.account_no WHERE a.id = ? AND p.pts > 0",
            )
            .text(&account.to_string())
            .load::<PositionRow>(conn)?
            .pop();
            Ok(row.map(|row| Position {
                pts: row.pts,
                qts: row.qts,
                date: row.date,
                seq: row.seq,
                channels: Vec::new(),
            }))
        })
        .await
    }

    /// Up to where a channel's updates are stored.
    ///
    /// # Errors
    /// As every read.
    pub async fn channel_position(&self, account: AccountId, channel: i64) -> Result<Option<i32>> {
        self.read("channel_position", move |conn| {
            let row = sql("SELECT c.channel_id, c.pts FROM channel_positions c \
                           JOIN accounts a ON a.no = c.account_no \
                           WHERE a.id = ? AND c.channel_id = ? AND c.pts > 0")
            .text(&account.to_string())
            .number(channel)
            .load::<ChannelRow>(conn)?
            .pop();
            Ok(row.map(|row| row.pts))
        })
        .await
    }

    /// (channel id, pts)
    ///
    /// # Errors
    /// As every read.
    pub async fn channel_positions(&self, account: AccountId) -> Result<Vec<(i64, i32)>> {
        self.read("channel_positions", move |conn| {
            let rows = sql("SELECT c.channel_id, c.pts FROM channel_positions c \
                            JOIN accounts a ON a.no = c.account_no WHERE a.id = ? AND c.pts > 0")
            .text(&account.to_string())
            .load::<ChannelRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| (row.channel_id, row.pts))
                .collect())
        })
        .await
    }

    /// How often continuity was lost so far. Asked before Telegram is: what it then answers holds on to the stream
    /// only if nothing was lost meanwhile.
    ///
    /// # Errors
    /// As every read.
    pub async fn holes(&self, account: AccountId) -> Result<i64> {
        let account = account.to_string();
        self.read("holes", move |conn| holes(conn, &account)).await
    }

    /// Where a new session's updates begin. Whatever came since the last one is owed, for every chat.
    ///
    /// # Errors
    /// As every write.
    pub async fn begin_anew(&self, account: AccountId, position: Position) -> Result<()> {
        self.job("begin_anew", move |tx| {
            tx.note_first_date(account, position.date)?;
            let account = tx.living_account(account)?;
            tx.lose_continuity(&account, 0)?;
            // Until the list of chats was read, whoever looks sees that it was not.
            sql("UPDATE accounts SET sync_phase = 'dialogs', sync_done = 0, sync_total = 0 WHERE no = ?")
                .number(account.no)
                .run(tx.conn)?;
            Ok(tx.put_position(account.no, &position)?)
        })
        .await
    }

    /// The reading pace that was learned, in calls.
    ///
    /// # Errors
    /// As every read.
    pub async fn pace(&self, account: AccountId) -> Result<Option<u32>> {
        self.read("pace", move |conn| {
            let row = sql("SELECT coalesce(pace, 0) AS n FROM accounts WHERE id = ?")
                .text(&account.to_string())
                .load::<One>(conn)?
                .pop();
            Ok(row
                .and_then(|row| u32::try_from(row.n).ok())
                .filter(|pace| *pace > 0))
        })
        .await
    }

    /// # Errors
    /// As every write.
    pub async fn set_pace(&self, account: AccountId, pace: u32) -> Result<()> {
        self.job("set_pace", move |tx| {
            let account = tx.account(account)?.no;
            sql("UPDATE accounts SET pace = ? WHERE no = ?")
                .number(pace)
                .number(account)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Where the paging of the dialog list goes on; opaque to the store.
    ///
    /// # Errors
    /// As every read.
    pub async fn dialog_sync_cursor(&self, account: AccountId) -> Result<Option<String>> {
        self.read("dialog_sync_cursor", move |conn| {
            Ok(sql("SELECT dialog_cursor FROM accounts WHERE id = ?")
                .text(&account.to_string())
                .load::<CursorRow>(conn)?
                .pop()
                .and_then(|row| row.dialog_cursor))
        })
        .await
    }

    /// `finished`: that was the end of the list. `asked`: how many holes there were when the page was asked for. After a further one the list has to be read from
    /// its top again, and this changes nothing.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_dialog_sync_cursor(
        &self,
        account: AccountId,
        cursor: Option<String>,
        asked: i64,
        finished: bool,
    ) -> Result<()> {
        self.job("set_dialog_sync_cursor", move |tx| {
            let account = tx.living_account(account)?;
            if tx.scope(account.no, 0)?.epoch > asked {
                return Ok(());
            }
            sql("UPDATE accounts SET dialog_cursor = ?, listed = coalesce(?, listed) WHERE no = ?")
                .text_or_null(cursor.as_deref())
                .number_or_null(finished.then_some(asked))
                .number(account.no)
                .run(tx.conn)?;
            if finished {
                // What Telegram refused is asked for again.
                sql("UPDATE conversations SET history_end = NULL WHERE account_no = ? AND history_end <> ''")
                    .number(account.no)
                    .run(tx.conn)?;
            }
            Ok(())
        })
        .await
    }
}
