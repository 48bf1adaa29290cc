//! Positions: up to where Telegram's updates are stored. They move only together with what they cover.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    sql_types::{BigInt, Integer, Nullable, Text},
};

use super::{Result, StoreHandle, job::JobResult, schema::account_positions, sql::sql, tx::Tx};
use crate::domain::{AccountId, Position};

#[derive(QueryableByName)]
#[diesel(table_name = account_positions)]
struct PositionRow {
    pts: i32,
    qts: i32,
    date: i32,
    seq: i32,
}

#[derive(QueryableByName)]
struct ChannelRow {
    #[diesel(sql_type = BigInt)]
    channel_id: i64,
    #[diesel(sql_type = Integer)]
    pts: i32,
}

#[derive(QueryableByName)]
struct CursorRow {
    #[diesel(sql_type = Nullable<Text>)]
    dialog_cursor: Option<String>,
}

impl Tx<'_> {
    pub fn put_position(&mut self, account_no: i64, position: &Position) -> QueryResult<()> {
        sql("INSERT INTO account_positions (account_no, pts, qts, date, seq) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (account_no) DO UPDATE SET pts = excluded.pts, qts = excluded.qts, date = excluded.date, \
             seq = excluded.seq")
        .number(account_no)
        .number(position.pts)
        .number(position.qts)
        .number(position.date)
        .number(position.seq)
        .run(self.conn)?;
        for (channel, pts) in &position.channels {
            sql(
                "INSERT INTO channel_positions (account_no, channel_id, pts) VALUES (?, ?, ?) \
                 ON CONFLICT (account_no, channel_id) DO UPDATE SET pts = excluded.pts",
            )
            .number(account_no)
            .number(*channel)
            .number(*pts)
            .run(self.conn)?;
        }
        Ok(())
    }

    /// From the dialog list: only a start for a channel that has no position of its own yet.
    pub fn seed_channel(&mut self, account_no: i64, channel: i64, pts: i32) -> QueryResult<()> {
        sql(
            "INSERT INTO channel_positions (account_no, channel_id, pts) VALUES (?, ?, ?) \
             ON CONFLICT (account_no, channel_id) DO NOTHING",
        )
        .number(account_no)
        .number(channel)
        .number(pts)
        .run(self.conn)?;
        Ok(())
    }

    pub fn clear_position_of(&mut self, account_no: i64) -> JobResult<()> {
        for text in [
            "DELETE FROM account_positions WHERE account_no = ?",
            "DELETE FROM channel_positions WHERE account_no = ?",
            "UPDATE accounts SET dialog_cursor = NULL WHERE no = ?",
        ] {
            sql(text).number(account_no).run(self.conn)?;
        }
        Ok(())
    }
}

impl StoreHandle {
    /// Without the channels; `None` before the first sign-in.
    ///
    /// # Errors
    /// As every read.
    pub async fn position(&self, account: AccountId) -> Result<Option<Position>> {
        self.read("position", move |conn| {
            let row = sql(
                "SELECT p.pts, p.qts, p.date, p.seq FROM account_positions p \
                           JOIN accounts a ON a.no = p.account_no WHERE a.id = ?",
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

    /// Where one channel is; `None` when it was never heard of.
    ///
    /// # Errors
    /// As every read.
    pub async fn channel_position(&self, account: AccountId, channel: i64) -> Result<Option<i32>> {
        self.read("channel_position", move |conn| {
            let row = sql("SELECT c.channel_id, c.pts FROM channel_positions c \
                           JOIN accounts a ON a.no = c.account_no WHERE a.id = ? AND c.channel_id = ?")
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
                            JOIN accounts a ON a.no = c.account_no WHERE a.id = ?")
            .text(&account.to_string())
            .load::<ChannelRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| (row.channel_id, row.pts))
                .collect())
        })
        .await
    }

    /// For a first position after a sign-in; later ones come with their batches.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_position(&self, account: AccountId, position: Position) -> Result<()> {
        self.job("set_position", move |tx| {
            let account = tx.living_account(account)?;
            Ok(tx.put_position(account.no, &position)?)
        })
        .await
    }

    /// After a sign-in with a new key: position, channel positions and dialog cursor are forgotten.
    ///
    /// # Errors
    /// As every write.
    pub async fn clear_position(&self, account: AccountId) -> Result<()> {
        self.job("clear_position", move |tx| {
            let account = tx.living_account(account)?;
            tx.clear_position_of(account.no)
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

    /// `None`: the list was read to its end.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_dialog_sync_cursor(
        &self,
        account: AccountId,
        cursor: Option<String>,
    ) -> Result<()> {
        self.job("set_dialog_sync_cursor", move |tx| {
            let account = tx.living_account(account)?;
            sql("UPDATE accounts SET dialog_cursor = ? WHERE no = ?")
                .text_or_null(cursor.as_deref())
                .number(account.no)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}
