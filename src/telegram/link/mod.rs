//! A link: one account's connection, its update driver and its calls.

mod answers;
mod ask;
mod backoff;
mod call;
mod cause;
mod deeds;
mod fetch;
mod files;
mod formatting;
mod forward;
mod handle;
mod line;
mod moved;
mod orders;
mod outcome;
mod pace;
mod people;
mod pulse;
mod put;
mod regard;
mod report;
mod resolve;
mod reveal;
mod scheduled;
mod send;
mod send_media;
mod sessions;
mod shared;
mod standing;
mod sweep;
mod task;
mod topics;
mod weight;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{BookAway, Charge, LinkExit, SessionData};
use crate::domain::{
    AccountId, ApiCredentials, Batch, ChatId, ConversationKind, Device, HealthFact, Holds, Peer,
    Position, Proxy, ProxyName, SecretText, StateReason,
};

pub use handle::LinkHandle;
pub use outcome::CHAT_MIGRATED;
pub use put::PutError;
pub(super) use resolve::self_user;

/// What the store knows of the account's peers. `account` implements it over the store's readers; each answer is of the
/// moment it is given. A store that can't be read says so: that is never "unknown".
pub trait PeerBook: Send + Sync + 'static {
    /// The access hash of a known peer: `Some(0)` for a known basic group (they have none), `None` for one that was
    /// never met (or met only as a `min` peer).
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Result<Option<i64>, BookAway>>;

    /// The stored update position of a channel. `None`: never heard of.
    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Result<Option<i32>, BookAway>>;
}

/// What a link is opened with.
pub struct LinkConfig {
    pub account_id: AccountId,
    pub session: SessionData,
    pub api: ApiCredentials,
    /// Where the store is; `None` on a fresh account: the link begins at Telegram's present and says so in its first
    /// batch. Its `channels` are not needed: they are asked for one by one through `peers`.
    pub position: Option<Position>,
    pub peers: Arc<dyn PeerBook>,
    /// Reading calls in half a minute, as [`LinkHandle::learned_pace`] told it; `None`: no limit is known.
    pub pace: Option<u32>,
    /// The account's own ways out; `None`: the service's.
    pub proxies: Option<Vec<Proxy>>,
    /// What it calls itself; `None`: as the service does.
    pub device: Option<Device>,
}

/// Who reads goes in this order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Urgency {
    /// Somebody waits for it.
    Person,
    /// Came while the account was away.
    Owed,
    /// The list of chats, and their newest messages.
    Sync,
    /// What is stored already, once more.
    Compare,
    /// History that nobody waits for.
    Archive,
}

impl Urgency {
    const COUNT: usize = 5;
}

/// What a link reports, in order. A reader that stops never keeps the link from reading: what is reported grows up to
/// the budget that all accounts share, the rest is left to Telegram and fetched later; nothing is lost.
#[derive(Debug)]
pub enum LinkEvent {
    /// The first dial, and each one after a lost line (`attempt` counts from 1, `retry_in` is the pause before it).
    Connecting {
        attempt: u32,
        retry_in: Duration,
    },
    /// Telegram answered: calls may be made. `after`: since the line was lost or the link opened.
    Connected {
        after: Duration,
    },
    Disconnected {
        reason: StateReason,
    },
    /// The way that the line goes; `None`: directly. Told when it is another one than before.
    Way(Option<ProxyName>),
    /// One atomic unit; its position counts once it is stored. Keep the charge until then. Boxed: events stay small in
    /// the queue.
    Batch(Box<Batch>, Charge),
    /// What the account's own line missed is in the batches before this, `updates` of them; channels may go on.
    CaughtUp {
        updates: u64,
    },
    /// The line stands, but what was missed is not to be had yet, and is asked for again.
    Behind {
        reason: StateReason,
    },
    FloodWait {
        seconds: u32,
        holds: Holds,
    },
    /// What Telegram says of the account itself.
    Health(HealthFact),
    /// A key or an address was added: the vault keeps the new one.
    SessionChanged(SessionData),
    /// The last event.
    Ended(LinkExit),
}

/// Where the next page of dialogs begins. Kept by the caller, so that a flood wait repeats the same page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialogCursor {
    /// 0: the main list; 1: the archive, which follows it.
    pub folder: i32,
    pub offset_date: i32,
    pub offset_id: i32,
    pub offset_peer: Option<ChatId>,
}

/// One page of the dialog list.
#[derive(Debug)]
pub struct DialogPage {
    /// Peers, a `Change::Dialog` for each row, and the newest message of each.
    pub batch: Batch,
    /// `None`: that was the last page.
    pub next: Option<DialogCursor>,
    /// Of the folder that the page is of, as far as Telegram says.
    pub total: i64,
}

/// Which part of a chat's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HistoryRange {
    /// Only messages with smaller ids; 0: from the newest on.
    pub before: i32,
    /// Only messages with greater ids; 0: to the beginning.
    pub min_id: i32,
    /// At most 100.
    pub limit: i32,
}

#[derive(Debug)]
pub struct HistoryPage {
    /// `backfilled`, newest message first.
    pub batch: Batch,
    /// Of the oldest message in this page.
    pub oldest_id: Option<i32>,
    /// Nothing older is left in the range.
    pub complete: bool,
    /// Messages of the chat below this page, where Telegram counts them.
    pub left: Option<i64>,
}

/// Whom to write to, as a person puts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// With or without `@`.
    Username(String),
    Id(ChatId),
    Phone(SecretText),
    /// The hash of a link that invites; it opens the chat to whoever has it.
    Invite(SecretText),
}

/// An account's address book, as Telegram has it.
#[derive(Debug)]
pub struct ContactList {
    pub hash: i64,
    /// With whether the account is in their address book, too.
    pub contacts: Vec<(ChatId, bool)>,
    pub peers: Vec<Peer>,
}

/// What a look-up found.
#[derive(Debug)]
pub enum LookedUp {
    Peer(Peer),
    /// A chat that the account is not in.
    Invitation(Invitation),
}

/// What Telegram shows of a chat before one comes in.
#[derive(Debug)]
pub struct Invitation {
    pub title: String,
    pub kind: ConversationKind,
    pub about: Option<String>,
    pub members: i32,
    /// The chat's admins decide who comes in.
    pub on_request: bool,
}
