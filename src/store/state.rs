//! State: what the writer remembers between transactions.
//!
//! The writer is the only one who writes, so what it has read stays true until it changes it itself. Whatever is
//! rolled back makes it forget everything remembered; the rows are the truth.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, OnceLock},
};

use super::{
    account_row::KnownAccount,
    conversation_row::ConversationRow,
    engine::Conn,
    event_ref::Unnumbered,
    fence::Fence,
    heard::Heard,
    known_peer::KnownPeer,
    marked::Marks,
    numbered::{Map, Set},
    row_blocks::RowBlocks,
    scope_row::Scope,
};
use crate::domain::{AccountId, Event, KeepFor};

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
    pub next_message: Option<i64>,
    /// Of a file.
    pub next_seq: Option<i64>,
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
    pub rows: usize,
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
    pub fn keep_small(&mut self) {
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
