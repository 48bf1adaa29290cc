//! Tx: one job's view of the transaction, with what the writer remembers between transactions.
//!
//! The writer is the only one who writes, so what it has read stays true until it changes it itself. Whatever is
//! rolled back makes it forget everything remembered; the rows are the truth.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, OnceLock},
    time::Instant,
};

use diesel::QueryResult;

use super::{
    StoreError,
    account_row::{self, KnownAccount},
    conversation_row::{ConversationRow, Waits},
    engine::Conn,
    event_ref::{EventRef, Unnumbered},
    fence::Fence,
    heard::Heard,
    job_error::JobResult,
    known_peer::KnownPeer,
    marked::Marks,
    numbered::{Map, Set},
    row_blocks::RowBlocks,
    scope_row::Scope,
    sql::{One, Runs, hot_sql, sql},
};
use crate::domain::{AccountId, ChatId, Event, EventBody, KeepFor, Seq, Timestamp};

/// Remembered at most; then all of it is forgotten and read anew as needed.
const CONVERSATIONS: usize = 4096;
const PEERS: usize = 8192;

#[derive(Default)]
pub(in crate::store) struct State {
    pub accounts: Map<AccountId, KnownAccount>,
    pub conversations: Map<(i64, i64), ConversationRow>,
    pub dirty_conversations: Vec<(i64, i64)>,
    pub dirty_accounts: Vec<AccountId>,
    /// (account, scope)
    pub scopes: Map<(i64, i64), Scope>,
    pub dirty_scopes: Vec<(i64, i64)>,
    pub peers: Map<(i64, i64), Arc<KnownPeer>>,
    /// (account, scope) that have tombstones; `None`: not read yet.
    pub tombstones: Option<Set<(i64, i64)>>,
    /// Of a file.
    next_message: Option<i64>,
    /// Of a file.
    next_seq: Option<i64>,
    /// Of PostgreSQL.
    pub blocks: RowBlocks,
    /// Of PostgreSQL.
    pub marks: Marks,
    /// Events of PostgreSQL's, as far as they are not numbered; each belongs to the one of `events` in the same place.
    pub unnumbered: Vec<Unnumbered>,
    /// Up to which message row the search index of a file is complete.
    pub search_mark: Option<i64>,
    /// An account's rows may be left to delete.
    pub purge: bool,
    /// What is nobody's is this node's to look after.
    pub chores: bool,
    /// The highest number of a message in (account, scope), where rows are gathered.
    pub tops: Map<(i64, i64), i64>,
    /// Below it, and not there: (account, scope, number). Of one batch.
    pub absent: Set<(i64, i64, i64)>,
    /// Of no row: what is rolled back was heard all the same.
    pub heard: Heard,
    /// Each job is in a savepoint of its own.
    pub guarded: bool,
    /// For how long things are kept, where an account says nothing of its own.
    pub keep: KeepFor,
    /// Somebody just said otherwise.
    pub retire: bool,
    /// Who else may write. Said after the start, or never.
    pub fence: Arc<OnceLock<Arc<dyn Fence>>>,
    /// Accounts of this transaction, by number, and under which epoch they are this node's.
    pub touched: BTreeMap<i64, (AccountId, i64)>,
    /// Another node's, as this group has found out.
    pub lost: HashSet<AccountId>,
    pub events: Vec<Arc<Event>>,
    /// They have new orders. One that is named though its order was taken back looks for it in vain.
    pub ordered: BTreeSet<AccountId>,
    rows: usize,
}

/// Where a job began, to go back to when it is refused.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    events: usize,
    rows: usize,
}

impl State {
    /// Of a store that was opened just now.
    pub fn unknown(keep: KeepFor, fence: Arc<OnceLock<Arc<dyn Fence>>>, alone: bool) -> Self {
        let mut state = Self {
            fence,
            keep,
            purge: true,
            ..Self::default()
        };
        state.blocks.alone = alone;
        state
    }

    pub const fn mark(&self) -> Mark {
        Mark {
            events: self.events.len(),
            rows: self.rows,
        }
    }

    /// The job is taken back: earlier events of the same transaction stay, memory is read anew.
    pub fn back_to(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.unnumbered.truncate(mark.events);
        self.rows = mark.rows;
        self.forget_memory();
    }

    /// The transaction is taken back.
    pub fn forget(&mut self) {
        self.events.clear();
        self.unnumbered.clear();
        self.rows = 0;
        self.touched.clear();
        self.forget_memory();
    }

    fn forget_memory(&mut self) {
        self.accounts.clear();
        self.conversations.clear();
        self.dirty_conversations.clear();
        self.dirty_accounts.clear();
        self.scopes.clear();
        self.dirty_scopes.clear();
        self.peers.clear();
        self.tombstones = None;
        self.tops.clear();
        self.absent.clear();
        self.next_message = None;
        self.next_seq = None;
        self.blocks.taken_back();
        self.search_mark = None;
        self.purge = true;
    }

    /// What is remembered of an account, whose rows another node has written or will write. Nothing of it waits to be written.
    pub fn forget_account(&mut self, no: i64) {
        self.accounts.retain(|_, known| known.no != no);
        self.conversations.retain(|key, _| key.0 != no);
        self.scopes.retain(|key, _| key.0 != no);
        self.peers.retain(|key, _| key.0 != no);
        self.tops.retain(|key, _| key.0 != no);
        self.absent.clear();
        // Read as a whole.
        self.tombstones = None;
    }

    /// As whom this node does what one at a time does.
    pub fn holder(&self) -> String {
        match self.fence.get() {
            Some(fence) => fence.node().to_string(),
            None => format!("writer:{}", self.blocks.writer()),
        }
    }

    /// Nobody else writes to the same database.
    pub const fn is_sole(&self, conn: &Conn) -> bool {
        self.blocks.alone || !conn.gathers()
    }

    /// Nothing waits to be written.
    pub fn is_clean(&self) -> bool {
        self.dirty_conversations.is_empty()
            && self.dirty_accounts.is_empty()
            && self.dirty_scopes.is_empty()
    }

    /// The id just given out was not needed: the message is stored already.
    pub fn return_message_row(&mut self, id: i64) {
        match &mut self.next_message {
            Some(next) => *next = id,
            None => self.blocks.give_back(id),
        }
        self.rows = self.rows.saturating_sub(1);
    }

    pub fn take_events(&mut self) -> Vec<Arc<Event>> {
        std::mem::take(&mut self.events)
    }

    pub fn take_rows(&mut self) -> usize {
        std::mem::take(&mut self.rows)
    }

    /// Nothing dirty is left after a flush, so forgetting is always allowed between jobs.
    fn keep_small(&mut self) {
        if self.conversations.len() > CONVERSATIONS {
            self.conversations.clear();
        }
        if self.scopes.len() > CONVERSATIONS {
            self.scopes.clear();
        }
        if self.tops.len() > CONVERSATIONS {
            self.tops.clear();
        }
        if self.peers.len() > PEERS {
            self.peers.clear();
        }
    }
}

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
