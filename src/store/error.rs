//! Errors of the store, cut by what the caller does next.
//!
//! Texts name no row's contents, so that no message, number or secret can reach a log through them.

use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written. The database can't be written for now; the same call may be made again later.
    #[error("the database can't be written for now: {reason}")]
    Unavailable { reason: String },
    /// No answer in time: the write may or may not happen. Repeat it only when it is idempotent.
    #[error("the store did not answer `{call}` within {after:?}")]
    NoAnswer { call: &'static str, after: Duration },
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
    /// Nothing was written: the account is another node's, or on its way there.
    #[error("the account is at another node, or on its way to one")]
    NotHere,
    #[error("no such account")]
    AccountNotFound,
    #[error("no such conversation")]
    ConversationNotFound,
    #[error("no such message")]
    MessageNotFound,
    /// The idempotency key was used for another text or chat.
    #[error("this idempotency key was used for another message")]
    IdempotencyConflict,
    /// The message isn't waiting any more (sent, or perhaps on its way), so it can't be taken back or repeated.
    #[error("the message is {0}: too late for that")]
    NotWaiting(&'static str),
    /// The message may be at Telegram: taking it back would not undo that.
    #[error(
        "the message may have arrived already: it can be taken off the desk, but perhaps not out of the chat"
    )]
    MayHaveArrived,
    /// Nothing was stored.
    #[error(
        "as much as may wait of this account waits already: see why it does not go out, or take some of it back"
    )]
    OutboxFull,
    #[error("no such order")]
    OrderNotFound,
    /// As [`Self::MayHaveArrived`], of an order that makes no message.
    #[error("it may have been done already: it can be put away, but perhaps not undone")]
    MayBeDone,
    /// Nothing can be done yet to a message that Telegram has not named.
    #[error("the message is not sent yet")]
    NotSentYet,
    #[error("the message was deleted")]
    MessageDeleted,
    /// Somebody else wrote it.
    #[error("only a message of this account can be edited")]
    NotOurs,
    /// A notice, a masked code, or a message of a chat that keeps its own.
    #[error("this message can't be forwarded")]
    NotForwardable,
    /// To another account words and files go.
    #[error(
        "what such a message holds can't be copied to another account: only words and files can"
    )]
    NotCopyable,
    #[error("the messages are not all of one conversation")]
    SeveralConversations,
    /// The message replied to is not stored in this chat.
    #[error("this chat has no message with that number")]
    ReplyToUnknown,
    #[error("the message replied to was deleted")]
    ReplyToDeleted,
    /// The words are not in the message that they are quoted from.
    #[error("the message replied to does not say that")]
    NotQuoted,
    /// The message replied to stands in another topic than the one that was named.
    #[error("the message replied to is in another topic")]
    OtherTopic,
    #[error("the cursor is not one of ours, or belongs to another list")]
    InvalidCursor,
    /// The search text has no word in it.
    #[error("the search text has no word in it")]
    EmptyQuery,
    /// Already there, under the same id or key.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The file was written by a newer version of this program.
    #[error(
        "the database has the schema of a newer version ({found}); this version knows {known}: use the newer program or an older backup"
    )]
    SchemaTooNew { found: String, known: String },
    /// The file was written by an older version, and nobody here may change its schema.
    #[error(
        "the database has the schema of an older version ({found}); this version needs {needed}: use the program that serves it, or start `switchboard serve` of this version once, which brings it up to date (keep a copy of the file)"
    )]
    SchemaTooOld { found: String, needed: String },
    /// `switchboard migrate-store` took its rows to another engine.
    #[error(
        "this store went over to {to}, and its accounts are used there: start the service on that one. To come back, carry it back \
         with `switchboard migrate-store`"
    )]
    CarriedOver { to: String },
    /// `switchboard migrate-store` is not done with it.
    #[error(
        "this store is not whole: `switchboard migrate-store` was stopped in the middle; run that again with the same two ends"
    )]
    HalfCarried,
    /// PostgreSQL is not one that can hold the store.
    #[error("the database can't be used: {reason}")]
    Unfit { reason: String },
    /// Another process serves this database.
    #[error(
        "the database is in use by another switchboard ({holder}): two would use the same sessions at once, and Telegram ends \
         those for good; stop that one first"
    )]
    InUse { holder: String },
    /// A bug or a damaged file. The cause goes to the log once, here it is only named.
    #[error("the store failed at `{call}`: {cause}")]
    Broken { call: &'static str, cause: String },
}

impl StoreError {
    /// The same call may be made again later, and may then do.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::NoAnswer { .. } | Self::NotHere
        )
    }
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;
