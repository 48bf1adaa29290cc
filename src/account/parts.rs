//! What every account is built from.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use super::Bells;
use crate::{
    domain::{AccountId, ChatId, ConversationId, MessageRowId, Outcome, Sender},
    nodes::Ownership,
    staging::{Guised, StagedName, Staging},
    store::StoreHandle,
    telegram::Telegram,
    vault::Vault,
};

#[derive(Clone)]
pub struct AccountParts {
    pub store: StoreHandle,
    /// Rung where orders are committed.
    pub bells: Bells,
    pub vault: Vault,
    pub ownership: Ownership,
    pub telegram: Telegram,
    pub typing: Arc<dyn TypingSink>,
    pub uploads: Arc<dyn UploadSink>,
    pub copies: Arc<dyn CopySource>,
    pub staging: Staging,
    /// How long a reply is tried without a definite answer of Telegram's.
    pub reply_patience: Duration,
}

/// Where "somebody types" goes: it is told at once and never stored.
pub trait TypingSink: Send + Sync + 'static {
    /// Must not block.
    fn typing(&self, typing: Typing);
}

/// Where it goes how far a file is on its way to Telegram: it is told at once, and stored only now and then.
pub trait UploadSink: Send + Sync + 'static {
    /// Must not block.
    fn uploaded(&self, progress: UploadProgress);
}

/// Where the files of other accounts' messages come from.
pub trait CopySource: Send + Sync + 'static {
    /// Stages the file of a message for this account. An outcome is why it can't be had now, or ever.
    fn stage(
        &self,
        source: MessageRowId,
        account: AccountId,
    ) -> BoxFuture<'static, Result<Guised, Outcome>>;

    /// Brings a file here that waits to be sent at another node. False: that one does not answer, or does not have it.
    fn bring(&self, name: StagedName, size: u64, at: Uuid) -> BoxFuture<'static, bool>;
}

#[derive(Clone, Debug, Serialize)]
pub struct UploadProgress {
    pub account_id: AccountId,
    /// The message's.
    pub id: MessageRowId,
    /// Bytes.
    pub done: u64,
    pub total: u64,
}

/// Somebody types in a chat, right now.
#[derive(Clone, Debug, Serialize)]
pub struct Typing {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub chat_id: ChatId,
    pub sender: Option<Sender>,
}
