//! The store's calls whose bodies are not filled yet; shrinks with every landing.

use crate::domain::{
    Account, AccountId, AttemptOutcome, Batch, ChatId, Conversation, ConversationId, Event,
    MessageRowId, OutgoingMessage, Peer, Position, SendOutcome, Seq, StateChange, StoredMessage,
    SyncProgress, Timestamp,
};
use std::sync::Arc;

use super::{
    AccountPatch, ConversationFilter, FillJob, HistoryState, LoginAttempt, MessagePage,
    MessagesFrom, NewAccount, NewFillJob, NewLoginAttempt, Page, QueueReply, QueueSend, Queued,
    Recorded, Result, SearchHit, SearchQuery, StoreError, StoreHandle,
};

fn missing<T>() -> Result<T> {
    Err(StoreError::Closed)
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        impl StoreHandle { $(
            $(#[$doc])*
            #[allow(unused_variables, clippy::missing_errors_doc, clippy::unused_async)]
            pub async fn $name(&self, $($arg: $type),*) -> Result<$out> { missing() }
        )* }
    };
}

calls! {
    /// Event `account_status`.
    create_account(new: NewAccount) -> Account;
    list_accounts() -> Vec<Account>;
    get_account(id: AccountId) -> Option<Account>;
    /// Event `account_status`.
    patch_account(id: AccountId, patch: AccountPatch) -> Account;
    /// Event `account_status`, only if something visible changed.
    set_account_state(id: AccountId, change: StateChange) -> Account;
    /// Event `account_status`.
    set_sync(id: AccountId, sync: Option<SyncProgress>) -> Account;
    /// Event `account_removed`. With `keep_history` its conversations stay readable.
    remove_account(id: AccountId, keep_history: bool) -> ();
    /// One atomic unit: rows, position, holes and events in one transaction.
    record_batch(batch: Batch) -> Recorded;
    /// Without the channels; `None` before the first sign-in.
    position(account: AccountId) -> Option<Position>;
    /// (channel id, pts)
    channel_positions(account: AccountId) -> Vec<(i64, i32)>;
    set_position(account: AccountId, position: Position) -> ();
    /// After a sign-in with a new key: position, channel positions and dialog cursor are forgotten.
    clear_position(account: AccountId) -> ();
    peer(account: AccountId, chat: ChatId) -> Option<Peer>;
    /// Every channel and supergroup of the account that has an access hash.
    peers_with_hash(account: AccountId) -> Vec<Peer>;
    /// With or without `@`, any case.
    find_peer_by_username(account: AccountId, username: String) -> Option<Peer>;
    /// Event `message_sent` (pending).
    queue_reply(reply: QueueReply) -> Queued;
    /// Event `message_sent` (pending); creates the conversation.
    queue_send(send: QueueSend) -> Queued;
    /// Oldest first, and so in order per chat.
    pending_outgoing(account: AccountId) -> Vec<OutgoingMessage>;
    /// Right before the call to Telegram. `false`: it was taken back, don't send it.
    mark_outgoing_in_flight(id: MessageRowId) -> bool;
    /// Event `message_sent` when something visible changed.
    settle_outgoing(id: MessageRowId, outcome: SendOutcome) -> StoredMessage;
    /// A failed or waiting one goes out again, as soon as it can.
    retry_message(id: MessageRowId) -> StoredMessage;
    /// Takes back one that is failed, or pending and not on its way. Event `message_deleted`.
    discard_message(id: MessageRowId) -> ();
    list_conversations(filter: ConversationFilter) -> Page<Conversation>;
    get_conversation(id: ConversationId) -> Option<Conversation>;
    conversation_of(account: AccountId, chat: ChatId) -> Option<Conversation>;
    list_messages(conversation: ConversationId, from: MessagesFrom, limit: u32) -> MessagePage;
    get_message(id: MessageRowId) -> Option<StoredMessage>;
    search(query: SearchQuery) -> Page<SearchHit>;
    /// Up to this Telegram message id; `None`: everything. Event `conversation_updated`.
    mark_read(conversation: ConversationId, up_to: Option<i32>) -> Conversation;
    history_state(conversation: ConversationId) -> HistoryState;
    set_history_complete(conversation: ConversationId) -> ();
    /// Holes first, then newest chats first.
    next_fill_job(account: AccountId) -> Option<FillJob>;
    /// The same scope and bounds twice make one job.
    add_fill_jobs(account: AccountId, jobs: Vec<NewFillJob>) -> ();
    /// Everything at and above `below` is stored; `remaining` more to go.
    save_fill_progress(job: i64, below: Option<i32>, remaining: Option<i32>) -> ();
    finish_fill_job(job: i64) -> ();
    /// Where the paging of the dialog list goes on; opaque to the store.
    dialog_sync_cursor(account: AccountId) -> Option<String>;
    set_dialog_sync_cursor(account: AccountId, cursor: Option<String>) -> ();
    /// Rendered from what the rows are now; at most 1,000 at once.
    events_after(seq: Seq, limit: u32) -> Vec<Arc<Event>>;
    /// The oldest event that can still be replayed.
    oldest_seq() -> Seq;
    last_seq() -> Seq;
    record_login_attempt(attempt: NewLoginAttempt) -> i64;
    finish_login_attempt(id: i64, outcome: AttemptOutcome, error: Option<String>) -> ();
    count_login_attempts(subject: String, since: Timestamp) -> i64;
    list_login_attempts(account: Option<AccountId>, limit: u32) -> Vec<LoginAttempt>;
}
