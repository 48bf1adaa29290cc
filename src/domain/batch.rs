//! Batch: one atomic unit of what Telegram reported, and the position that holds after it.
//!
//! Everything in a batch is stored in one transaction together with its position: dying before it makes
//! Telegram repeat the batch, dying after it makes Telegram skip it.

use std::time::Instant;

use super::{
    AccountId, ChatDraft, ChatId, DialogRecord, ForumTopic, IncomingMessage, Note, NotedMessage,
    Timestamp,
};

/// What one account's link reports in one step.
#[derive(Clone, Debug)]
pub struct Batch {
    pub account_id: AccountId,
    /// People and chats met in this batch; stored before the messages that mention them.
    pub peers: Vec<Peer>,
    /// Since when the account is in these channels and supergroups.
    pub joined: Vec<(ChatId, Timestamp)>,
    /// In the order in which they apply.
    pub changes: Vec<Change>,
    /// What Telegram refused to replay, before everything else in the batch: spans end there.
    pub holes: Vec<Hole>,
    /// `None` for batches that are not part of the update stream (history, dialogs).
    pub position: Option<Position>,
    /// From history or a filled gap: stored messages are marked `backfilled`, unread counters stay.
    pub backfilled: bool,
    /// Of the stream, but from the time that the account was away.
    pub late: bool,
    /// For answers: how many holes the store knew when it was asked for. What it says holds on to the stream only if
    /// none came since.
    pub asked: Option<i64>,
    /// When the first byte of it was read from the socket. Of an answer: when it was asked for; what the stream has said since is newer.
    pub read_at: Instant,
}

impl Batch {
    #[must_use]
    pub fn empty(account_id: AccountId) -> Self {
        Self {
            account_id,
            peers: Vec::new(),
            joined: Vec::new(),
            changes: Vec::new(),
            holes: Vec::new(),
            position: None,
            backfilled: false,
            late: false,
            asked: None,
            read_at: Instant::now(),
        }
    }

    /// For what is about to be asked for.
    #[must_use]
    pub fn asking(account_id: AccountId) -> Self {
        Self {
            backfilled: true,
            ..Self::empty(account_id)
        }
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A message, new or already known (then it is the same one again).
    Message(IncomingMessage),
    /// The message as it reads now. Unknown ones are created: an edit proves that the message exists.
    Edited(IncomingMessage),
    /// `channel` is `None` for private chats and basic groups, whose ids are unique per account.
    Deleted {
        channel: Option<i64>,
        message_ids: Vec<i32>,
    },
    /// What changes about messages without being an edit of them: reactions, votes, views.
    Noted { message: NotedMessage, note: Note },
    /// This account read up to `max_id`, here or elsewhere.
    ReadInbox {
        chat: ChatId,
        max_id: i32,
        still_unread: Option<i32>,
    },
    /// The other side read our messages up to `max_id`.
    ReadOutbox { chat: ChatId, max_id: i32 },
    /// Telegram's word that the reply with this random id became this message (`updateMessageID`).
    Sent { random_id: i64, message_id: i32 },
    /// A message that waits: scheduled or changed, here or elsewhere. Its number is one of the scheduled ones of its chat, its
    /// date the moment it goes out.
    Scheduled(IncomingMessage),
    /// They no longer wait: sent, as the messages beside them, or withdrawn.
    Unscheduled {
        chat: ChatId,
        ids: Vec<i32>,
        sent: Vec<i32>,
    },
    /// What stands in the field of a chat, or of a topic of it, and is not sent; with an empty text nothing does.
    Drafted {
        chat: ChatId,
        topic_id: Option<i32>,
        draft: ChatDraft,
    },
    /// What a forum's topics are called; `gone`: there are no such topics.
    Topics {
        chat: ChatId,
        topics: Vec<ForumTopic>,
        gone: Vec<i32>,
    },
    Muted {
        chat: ChatId,
        until: Option<Timestamp>,
    },
    /// What the account marked a chat with, here or elsewhere.
    Marked { chat: ChatId, mark: ChatMark },
    /// From the dialog list: creates the conversation and sets its counters and marks.
    Dialog(DialogRecord),
    /// What a channel had below this message is gone for this account.
    ClearedBelow { chat: ChatId, min_id: i32 },
    /// The address book is another one than it was told.
    ContactsReset,
    /// The account can no longer write to, or read, this chat.
    LostChat { chat: ChatId },
    /// Somebody types; announced, never stored.
    Typing { chat: ChatId, sender: ChatId },
}

/// A mark that is no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChatMark {
    Archived(bool),
    Unread(bool),
    Blocked(bool),
}

/// Telegram's update position of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    pub pts: i32,
    pub qts: i32,
    pub date: i32,
    pub seq: i32,
    /// (channel id, pts): only those that changed in this batch.
    pub channels: Vec<(i64, i32)>,
}

/// Updates that Telegram will not replay; history is fetched instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hole {
    /// The whole account was away for too long: every chat may lack messages.
    Account,
    /// One channel was away for too long.
    Channel { channel_id: i64 },
    /// The stream begins with a channel here, not knowing of an earlier position: where the list of chats has told one meanwhile, what
    /// lies between was missed.
    ChannelBegins { channel_id: i64, pts: i32 },
    /// The channel can't be followed any more.
    ChannelLost { channel_id: i64, reason: String },
}

/// A user, basic group, supergroup or channel as this account may address it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    pub id: ChatId,
    /// Belongs to this account alone. `None` keeps what is stored (a `min` peer).
    pub access_hash: Option<i64>,
    pub name: String,
    pub username: Option<String>,
    pub flags: PeerFlags,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PeerFlags {
    pub is_self: bool,
    pub bot: bool,
    /// A channel where only its admins write.
    pub broadcast: bool,
    /// This account may write there.
    pub can_send: bool,
    /// Only partial data: name and hash must not replace fuller ones.
    pub min: bool,
    /// Account deleted by its owner.
    pub deleted: bool,
}
