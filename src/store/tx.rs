//! Tx: one job's view of the transaction, with what the writer remembers between transactions ([`State`]).

use std::{sync::Arc, time::Instant};

use diesel::QueryResult;

use super::{
    StoreError,
    account_row::{self, KnownAccount},
    conversation_row::Waits,
    engine::Conn,
    event_ref::{EventRef, Unnumbered},
    job_error::JobResult,
    sql::{One, Runs, hot_sql, sql},
    state::State,
};
use crate::domain::{AccountId, ChatId, Event, EventBody, Seq, Timestamp};

pub(in crate::store) struct Tx<'a> {
    pub conn: &'a mut Conn,
    pub state: &'a mut State,
    pub now: Timestamp,
    /// When what is being stored was read from the socket, if it is live.
    pub read_at: Option<Instant>,
}

impl<'a> Tx<'a> {
    pub fn new(conn: &'a mut Conn, state: &'a mut State) -> Self {
        Self {
            conn,
            state,
            now: Timestamp::now(),
            read_at: None,
        }
    }

    pub fn account(&mut self, id: AccountId) -> JobResult<&mut KnownAccount> {
        if !self.state.accounts.contains_key(&id) {
            let known = account_row::known(self.conn, id)?.ok_or(StoreError::AccountNotFound)?;
            self.state.accounts.insert(id, known);
        }
        let known = self.state.accounts.get(&id);
        // Nobody has one that was removed.
        if let Some(no) = known.filter(|known| !known.removed).map(|known| known.no) {
            self.state.touch(no, id)?;
        }
        self.state
            .accounts
            .get_mut(&id)
            .ok_or_else(|| StoreError::AccountNotFound.into())
    }

    /// An account that may get new rows.
    pub fn living_account(&mut self, id: AccountId) -> JobResult<KnownAccount> {
        let account = self.account(id)?;
        if account.removed {
            return Err(StoreError::AccountNotFound.into());
        }
        Ok(account.clone())
    }

    pub fn add_unread(&mut self, id: AccountId, difference: i64) -> JobResult<()> {
        if difference == 0 {
            return Ok(());
        }
        let account = self.account(id)?;
        account.unread = (account.unread + difference).max(0);
        self.mark_account(id);
        Ok(())
    }

    pub fn mark_account(&mut self, id: AccountId) {
        if let Some(account) = self.state.accounts.get_mut(&id)
            && !account.dirty
        {
            account.dirty = true;
            self.state.dirty_accounts.push(id);
        }
    }

    /// Row ids are given out here and never twice, also after a row was deleted and the service restarted.
    pub fn next_message_row(&mut self) -> QueryResult<i64> {
        if self.conn.gathers() {
            let next = self.state.blocks.next(self.conn)?;
            self.state.rows += 1;
            return Ok(next);
        }
        let next = match self.state.next_message {
            Some(next) => next,
            None => {
                sql("SELECT max(coalesce((SELECT max(id) FROM messages), 0), \
                     coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'message_floor'), 0)) + 1 AS n")
                .get_result::<One>(self.conn)?
                .n
            }
        };
        self.state.next_message = Some(next + 1);
        self.state.rows += 1;
        Ok(next)
    }

    /// A message row leaves the table, with what only it had.
    pub fn delete_message_row(&mut self, row: i64) -> QueryResult<()> {
        self.keep_row_floor()?;
        for text in [
            "DELETE FROM message_versions WHERE message_row = ?",
            "DELETE FROM message_objects WHERE message_row = ?",
            "DELETE FROM media_keys WHERE message_row = ?",
            "DELETE FROM messages WHERE id = ?",
        ] {
            sql(text).number(row).run(self.conn)?;
        }
        Ok(())
    }

    /// Rows leave the table, the newest perhaps: remember how far ids were given out.
    pub fn keep_row_floor(&mut self) -> QueryResult<()> {
        if self.conn.gathers() {
            // Its sequence never goes back.
            return Ok(());
        }
        let next = match self.state.next_message {
            Some(next) => next,
            None => {
                let next = self.next_message_row()?;
                self.state.next_message = Some(next);
                next
            }
        };
        let floor = (next - 1).to_string();
        sql("INSERT INTO meta (key, value) VALUES ('message_floor', ?) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .text(&floor)
        .run(self.conn)
        .map(drop)
    }

    /// Writes an event's reference; it is announced after the commit. A file's is numbered here, where only one writes; PostgreSQL's
    /// at the end of the transaction ([`super::numbering`]).
    pub fn emit(&mut self, account: &KnownAccount, body: EventBody) -> QueryResult<()> {
        self.emit_for(account.no, account.id, body)
    }

    pub fn emit_for(&mut self, account_no: i64, id: AccountId, body: EventBody) -> QueryResult<()> {
        let event = EventRef::of(&body);
        let seq = if self.conn.gathers() {
            self.state.unnumbered.push(Unnumbered {
                at: self.now,
                account_no,
                event,
            });
            0
        } else {
            let seq = self.next_seq()?;
            event.insert(self.conn, seq, self.now, account_no)?;
            self.state.next_seq = Some(seq + 1);
            seq
        };
        self.state.rows += 1;
        self.state.events.push(Arc::new(Event {
            seq: Seq(seq),
            at: self.now,
            account_id: id,
            of_sign_in: matches!(body, EventBody::LoginUpdated { .. }),
            body,
            read_at: self.read_at,
        }));
        Ok(())
    }

    fn next_seq(&mut self) -> QueryResult<i64> {
        match self.state.next_seq {
            Some(next) => Ok(next),
            None => Ok(sql("SELECT coalesce(max(seq), 0) + 1 AS n FROM event_log")
                .get_result::<One>(self.conn)?
                .n),
        }
    }

    /// Writes conversations and accounts that changed in memory. Runs at the end of each job, inside its savepoint.
    pub fn flush(&mut self) -> QueryResult<()> {
        for key in std::mem::take(&mut self.state.dirty_conversations) {
            if let Some(row) = self.state.conversations.get_mut(&key) {
                row.update(self.conn)?;
                row.waits = Waits::Nothing;
            }
        }
        for id in std::mem::take(&mut self.state.dirty_accounts) {
            if let Some(account) = self.state.accounts.get_mut(&id) {
                account.dirty = false;
                hot_sql!("UPDATE accounts SET unread = ?, last_update_at = ? WHERE no = ?")
                    .number(account.unread)
                    .number_or_null(account.last_update_at)
                    .number(account.no)
                    .gather_last(self.conn, [account.no, 0])?;
            }
        }
        self.flush_scopes()?;
        if self.state.guarded {
            // Whose rows are refused is known only while the job is alone.
            self.conn.settle()?;
        }
        self.state.keep_small();
        Ok(())
    }
}

/// Whose numbering a chat's message ids belong to: its channel's, or (0) the account's own.
pub(in crate::store) fn scope_of(chat: ChatId) -> i64 {
    chat.channel_id().unwrap_or(0)
}
