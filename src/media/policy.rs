//! Policy: what an account fetches by itself, in the background, when something comes in.
//!
//! Takes turns of the account's reading budget behind everybody else. What is missed here (too much at once, an account that is
//! away) is fetched when somebody looks, like everything.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{MediaError, MediaHandle, OfMessage, Wanted};
use crate::{
    domain::{Account, AccountId, EventBody, FileLocation, MediaPolicy, Thumb},
    telegram::Urgency,
};

/// Messages that may wait.
pub(super) const QUEUE: usize = 4_096;
/// Files at once, of all accounts.
const AT_ONCE: usize = 2;
/// Larger ones wait for somebody to look.
const LARGEST: u64 = 20 << 20;

/// A message with a file came in, and what its account was set to then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    account: AccountId,
    message: OfMessage,
    policy: MediaPolicy,
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

/// Runs until nobody can tell of arrivals any more.
pub(super) async fn run(media: MediaHandle, arrivals: mpsc::Receiver<Arrived>) {
    let arrivals = stream::unfold(arrivals, async |mut arrivals| {
        arrivals.recv().await.map(|arrived| (arrived, arrivals))
    });
    arrivals
        .for_each_concurrent(AT_ONCE, async |arrived| {
            if let Err(error) = take(&media, arrived).await {
                log::debug!(
                    target: "switchboard::media",
                    "account={} message={} was not fetched ahead: {error}",
                    arrived.account,
                    arrived.message.row.0
                );
            }
        })
        .await;
}

async fn take(media: &MediaHandle, arrived: Arrived) -> Result<(), MediaError> {
    let Some(files) = media.kept_files(arrived.message.row).await? else {
        return Ok(());
    };
    if let Some(Thumb::At(location)) = files.thumb {
        keep(media, arrived, location, true).await?;
    }
    let file = files
        .file
        .filter(|file| file.size.is_some_and(|size| size <= LARGEST));
    if arrived.policy == MediaPolicy::All
        && let Some(location) = file
    {
        keep(media, arrived, location, false).await?;
    }
    Ok(())
}

async fn keep(
    media: &MediaHandle,
    arrived: Arrived,
    location: FileLocation,
    thumb: bool,
) -> Result<(), MediaError> {
    let link = media.link(arrived.account).await.ok_or(MediaError::Away)?;
    link.turn(Urgency::Compare).await;
    drop(link);
    let wanted = Wanted {
        account: arrived.account,
        location,
        message: Some(OfMessage {
            thumb,
            ..arrived.message
        }),
    };
    media.open(&wanted, 0).await?.arrived().await
}
