//! What goes into the store's calls and what comes out of them.

use std::{
    collections::{BTreeSet, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::ServerUrl;
use crate::domain::{
    Account, AccountId, Archive, AttemptKind, AttemptOutcome, Batch, Change, ChatId, Conversation,
    ConversationId, ConversationKind, Device, Event, KeepFor, MediaPolicy, MessageRowId,
    ObjectReader, PaceLimits, ProxyName, Retention, SelfUser, StoredMessage, Timestamp,
};

/// Where committed events go.
pub trait EventSink: Send + Sync + 'static {
    /// Called after the commit, on the store's thread, in the order of `seq` and without a gap between calls.
    /// Must not block: every write of the service waits behind it.
    fn committed(&self, events: Vec<Arc<Event>>);

    /// The same of what another node committed: its events come between those of this one, in the order of `seq`.
    fn heard(&self, _events: Vec<Arc<Event>>) {}

    /// Called after the commit, too: these accounts have more to bring to Telegram. Must not block.
    fn ordered(&self, _accounts: BTreeSet<AccountId>) {}

    /// An account's state is in force and can't be committed for now; the committed event follows. Must not block.
    fn waiting(&self, _account: Account) {}
}

/// A sink for tools that have nobody to tell.
#[derive(Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn committed(&self, _events: Vec<Arc<Event>>) {}
}

#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub path: PathBuf,
    /// A database of PostgreSQL in place of the file; everything but the rows stays where the file would be.
    pub server: Option<ServerUrl>,
    /// Nobody else writes to this database. (A file is guarded by its directory.)
    pub alone: bool,
    /// It serves: nobody puts another store in the place of this one meanwhile.
    pub serves: bool,
    /// Read connections, and so reads at the same time.
    pub readers: u32,
    /// How long a write waits for a locked, full or read-only database before it fails.
    pub patience: Duration,
    /// How long a read may take.
    pub read_limit: Duration,
    /// Writes that may wait in the mailbox; further callers wait for a place.
    pub mailbox: usize,
    /// Events kept for dashboards that come back.
    pub keep_events: i64,
    /// For how long things are kept, where an account says nothing of its own.
    pub keep: KeepFor,
    /// How often what is too old is looked for.
    pub retire_every: Duration,
    /// How long a message of our own is held because it may be the echo of a reply in flight.
    pub hold: Duration,
    /// Who understands kept objects; `None`: rows from before stay as they are.
    pub reader: Option<ObjectReader>,
}

impl StoreConfig {
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            server: None,
            alone: false,
            serves: false,
            readers: 4,
            patience: Duration::from_secs(10),
            read_limit: Duration::from_secs(10),
            mailbox: 512,
            keep_events: 1_000_000,
            keep: KeepFor::default(),
            retire_every: Duration::from_secs(600),
            hold: Duration::from_secs(10),
            reader: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewAccount {
    pub id: AccountId,
    pub label: String,
    pub colour: u8,
    pub api_id: Option<i32>,
    pub phone_masked: Option<String>,
    pub is_active: bool,
    /// `None`: now.
    pub created_at: Option<Timestamp>,
}

/// `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    pub label: Option<String>,
    pub colour: Option<u8>,
    pub is_active: Option<bool>,
    pub phone_masked: Option<String>,
    pub user: Option<SelfUser>,
    pub api_id: Option<i32>,
    pub archive: Option<Archive>,
    pub media: Option<MediaPolicy>,
    pub pace: Option<PaceLimits>,
    pub retention: Option<Retention>,
    /// `Some(None)`: as at its next first dial.
    pub device: Option<Option<Device>>,
    /// `Some(None)`: none of its own.
    pub proxies: Option<Option<Vec<ProxyName>>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recorded {
    /// Messages that were not stored before.
    pub new_messages: usize,
    /// Events committed with it.
    pub events: usize,
    /// Topics came whose titles are still to be asked for.
    pub unknown_topics: bool,
    /// How long the commit took that it was part of.
    pub commit: Duration,
}

#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    /// Empty: all accounts.
    pub account_ids: Vec<AccountId>,
    pub kind: Option<ConversationKind>,
    /// Only those with unread messages.
    pub unread: bool,
    /// Part of the title or the username.
    pub q: Option<String>,
    pub cursor: Option<String>,
    /// 0: the default of 50. At most 200.
    pub limit: u32,
}

#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `None` at the end.
    pub next_cursor: Option<String>,
}

/// Where a page of messages begins.
#[derive(Clone, Debug, Default)]
pub enum MessagesFrom {
    #[default]
    Newest,
    /// A `next_cursor` (older) or `prev_cursor` (newer) of an earlier page.
    Cursor(String),
    /// The page has this message in its middle.
    Around(MessageRowId),
    /// The same by Telegram's own number, as a quote names it.
    AroundNumber(i32),
    /// What is newer than this message.
    After(MessageRowId),
}

#[derive(Clone, Debug)]
pub struct MessagePage {
    /// Newest first.
    pub messages: Vec<StoredMessage>,
    /// Towards older messages, stored or not; `None` at the chat's beginning.
    pub next_cursor: Option<String>,
    /// Towards newer messages; `None` at the newest.
    pub prev_cursor: Option<String>,
    /// What is stored in one piece ends with this page: where, and what lies below.
    pub ends: Option<PageEnd>,
}

/// Where a page of messages ends before it is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageEnd {
    /// The chat begins here.
    Beginning,
    /// Between these two numbers (both outside) something may be missing: 0 and 0 where nothing is known.
    Gap { above: i32, before: i32 },
}

#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    pub q: String,
    /// Empty: all accounts.
    pub account_ids: Vec<AccountId>,
    pub cursor: Option<String>,
    /// 0: the default of 50. At most 200.
    pub limit: u32,
}

#[derive(Clone, Debug)]
pub struct SearchHit {
    pub message: StoredMessage,
    pub conversation: Conversation,
    /// (start, length) of the found words in the text, in UTF-16 units.
    pub highlights: Vec<(usize, usize)>,
}

/// One page of a chat's history, and which stretch of it Telegram was asked for.
#[derive(Clone, Debug)]
pub struct HistoryStretch {
    pub chat: ChatId,
    pub batch: Arc<Batch>,
    /// Only messages before this number were asked for; 0: from the newest on.
    pub before: i32,
    /// Only messages after this number; 0: from the chat's beginning.
    pub above: i32,
    /// Of the oldest message in the page.
    pub oldest: Option<i32>,
    /// There is nothing more in the stretch.
    pub complete: bool,
    /// How many holes there were when it was asked for, see [`super::StoreHandle::holes`].
    pub asked: i64,
    /// Messages below this page, where Telegram counted them.
    pub left: Option<i64>,
    /// Nobody asked for it.
    pub archive: bool,
}

impl HistoryStretch {
    /// Of the chat's messages in the page.
    pub(in crate::store) fn numbers(&self) -> HashSet<i32> {
        let number = |change: &Change| match change {
            Change::Message(message) if message.chat == self.chat => Some(message.message_id),
            _ => None,
        };
        self.batch.changes.iter().filter_map(number).collect()
    }
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stretched {
    /// Messages that were not stored before.
    pub new_messages: usize,
    /// Stored in this stretch and not in Telegram's answer: perhaps deleted. Until that is known the stretch is not
    /// compared, see [`super::StoreHandle::note_compared`].
    pub unseen: Vec<i32>,
    /// The stream may have said otherwise of something in it: the stretch is compared once more.
    pub unsure: bool,
    /// First and last number of the stretch that the page covers.
    pub span: (i32, i32),
}

/// The next step for what is owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwedWork {
    Fetch {
        conversation: ConversationId,
        chat: ChatId,
        gap: i32,
        above: i32,
        /// 0: from the newest on.
        before: i32,
    },
    Tell {
        conversation: ConversationId,
        gap: i32,
    },
}

/// The next step for an account's whole history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArchiveWork {
    pub conversation: ConversationId,
    pub chat: ChatId,
    /// Between these two numbers (both outside; 0 as the second: from the newest on); `None`: all of it is here.
    pub stretch: Option<(i32, i32)>,
}

/// A stretch to compare with Telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleWork {
    pub chat: ChatId,
    pub low: i32,
    pub high: i32,
}

/// Recent history of a chat, fetched after a sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecentJob {
    pub id: i64,
    pub conversation: ConversationId,
    pub chat: ChatId,
}

#[derive(Clone, Debug)]
pub struct NewLoginAttempt {
    pub account_id: Option<AccountId>,
    /// Who tries (a phone number, a licence, a user); only a salted hash of it is stored.
    pub subject: String,
    /// For whom, where that is somebody with an account of their own; a salted hash, too.
    pub owner: Option<String>,
    pub kind: AttemptKind,
}

/// How many sign-ins one subject, and one owner, may start.
#[derive(Clone, Copy, Debug)]
pub struct LoginLimit {
    pub since: Timestamp,
    pub starts: i64,
}

#[derive(Clone, PartialEq, Debug)]
pub struct LoginAttempt {
    pub id: i64,
    pub account_id: Option<AccountId>,
    pub kind: AttemptKind,
    pub outcome: AttemptOutcome,
    pub error: Option<String>,
    pub at: Timestamp,
    pub finished_at: Option<Timestamp>,
}
