//! Policy: what an account fetches by itself when something comes in; `ahead` does it.

use std::collections::HashMap;

use super::OfMessage;
use crate::domain::{Account, AccountId, EventBody, MediaPolicy};

/// Messages that may wait.
pub(super) const QUEUE: usize = 4_096;

/// A message with a file came in, and what its account was set to then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub account: AccountId,
    pub message: OfMessage,
    pub policy: MediaPolicy,
}

/// What accounts are set to fetch, where it is anything.
#[derive(Debug)]
pub(super) struct Policies(HashMap<AccountId, MediaPolicy>);

impl Policies {
    pub(super) fn of_all(accounts: &[Account]) -> Self {
        let mut policies = Self(HashMap::new());
        for account in accounts {
            policies.set(account);
        }
        policies
    }

    fn set(&mut self, account: &Account) {
        match account.media {
            MediaPolicy::None => self.0.remove(&account.id),
            policy => self.0.insert(account.id, policy),
        };
    }

    /// Learns from an event what changed. `Some`: there is something to fetch.
    pub(super) fn of(&mut self, body: &EventBody) -> Option<Arrived> {
        let message = match body {
            EventBody::MessageReceived { message, .. } => message,
            EventBody::AccountStatus { account } => {
                self.set(account);
                return None;
            }
            EventBody::AccountRemoved { account_id } => {
                self.0.remove(account_id);
                return None;
            }
            _ => return None,
        };
        let policy = *self.0.get(&message.account_id)?;
        let media = message.media.as_ref()?;
        media.url.as_ref().or(media.thumb_url.as_ref())?;
        Some(Arrived {
            account: message.account_id,
            message: OfMessage {
                row: message.id,
                chat: message.chat_id,
                message_id: message.message_id.as_deref()?.parse().ok()?,
                thumb: false,
            },
            policy,
        })
    }
}
