//! The way to one account's link: cheap to clone, every call has a time limit of its own.

use tokio::sync::mpsc;

use super::{
    DialogCursor, DialogPage, HistoryPage, HistoryRange, LinkConfig, LinkEvent, Recipient,
};
use crate::{
    domain::{Batch, ChatId, OutgoingMessage, Peer, SelfUser, SendOutcome},
    telegram::{CallError, Telegram},
};

/// Orders to one link. Dropping all handles does not end it; [`close`](Self::close) does.
#[derive(Clone)]
pub struct LinkHandle {}

impl LinkHandle {
    pub(in crate::telegram) fn open(
        _telegram: &Telegram,
        _config: LinkConfig,
    ) -> (Self, mpsc::Receiver<LinkEvent>) {
        (Self {}, mpsc::channel(1).1)
    }

    /// One attempt to send; repeats go out with the same random id, which Telegram answers with the first message.
    pub async fn send(&self, _message: &OutgoingMessage) -> SendOutcome {
        SendOutcome::Unknown {
            reason: "not connected".to_owned(),
        }
    }

    /// One page of the dialog list, at most 100 rows; `None` begins at the top.
    ///
    /// # Errors
    /// See [`CallError`]; the same cursor may be used again.
    pub async fn dialogs_page(
        &self,
        _cursor: Option<DialogCursor>,
        _limit: i32,
    ) -> Result<DialogPage, CallError> {
        Err(not_connected())
    }

    /// A page of a chat's history.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn history(
        &self,
        _chat: ChatId,
        _range: HistoryRange,
    ) -> Result<HistoryPage, CallError> {
        Err(not_connected())
    }

    /// Messages by their ids (at most 100): what history alone does not give back. Ids that no longer exist come back
    /// as a `Change::Deleted`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn messages_by_id(
        &self,
        _channel: Option<ChatId>,
        _ids: &[i32],
    ) -> Result<Batch, CallError> {
        Err(not_connected())
    }

    /// Marks a chat read up to `max_id`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn mark_read(&self, _chat: ChatId, _max_id: i32) -> Result<(), CallError> {
        Err(not_connected())
    }

    /// Finds whom a person means; the peer's access hash is to be stored before writing to it.
    ///
    /// # Errors
    /// [`CallError::Unresolvable`] when there is no such peer.
    pub async fn resolve(&self, _recipient: &Recipient) -> Result<Peer, CallError> {
        Err(not_connected())
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn me(&self) -> Result<SelfUser, CallError> {
        Err(not_connected())
    }

    /// Shows "typing…" for a few seconds.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn set_typing(&self, _chat: ChatId) -> Result<(), CallError> {
        Err(not_connected())
    }

    /// Signs out at Telegram; the key is worthless afterwards.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn log_out(&self) -> Result<(), CallError> {
        Err(not_connected())
    }

    /// Drops the line and dials again at once.
    pub fn reconnect(&self) {}

    /// Ends the link: politely at first, by force after three seconds. `Ended(Closed)` follows.
    pub async fn close(self) {}
}

fn not_connected() -> CallError {
    CallError::Network("not connected".to_owned())
}
