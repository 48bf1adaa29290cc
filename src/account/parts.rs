//! What every account is built from.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    domain::{AccountId, ChatId, ConversationId, Sender},
    store::StoreHandle,
    telegram::Telegram,
    vault::Vault,
};

#[derive(Clone)]
pub struct AccountParts {
    pub store: StoreHandle,
    pub vault: Vault,
    pub telegram: Telegram,
    pub typing: Arc<dyn TypingSink>,
    /// How long a reply is tried without a definite answer of Telegram's.
    pub reply_patience: Duration,
}

/// Where "somebody types" goes: it is told at once and never stored.
pub trait TypingSink: Send + Sync + 'static {
    /// Must not block.
    fn typing(&self, typing: Typing);
}

/// Somebody types in a chat, right now.
#[derive(Clone, Debug, Serialize)]
pub struct Typing {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub chat_id: ChatId,
    pub sender: Option<Sender>,
}
