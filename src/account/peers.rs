//! Peers: what the link asks the store about whom this account may address, and from where to follow a channel.
//!
//! Always the store as it is now: the list of chats seeds positions after the link has opened, and the link forgets
//! channels that are quiet.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    domain::{AccountId, ChatId, PeerKind},
    store::{Result, StoreError, StoreHandle},
    telegram::PeerBook,
};

/// A store that is away is asked again, slower each time, up to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub struct StoredPeers {
    account_id: AccountId,
    store: StoreHandle,
}

impl StoredPeers {
    pub const fn new(account_id: AccountId, store: StoreHandle) -> Self {
        Self { account_id, store }
    }

    /// A failure that passes is waited out: "unknown" would refuse a reply or lose a channel. Only the end of the store
    /// itself is an answer.
    async fn asked<'a, T>(
        &'a self,
        what: &str,
        ask: impl Fn() -> BoxFuture<'a, Result<Option<T>>> + Send + Sync,
    ) -> Option<T> {
        let mut pause = FIRST_PAUSE;
        loop {
            match ask().await {
                Ok(known) => return known,
                Err(StoreError::Closed) => return None,
                Err(error) => {
                    log::warn!(target: "switchboard::account", "account={} {what} waits for the store: {error}", self.account_id);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

impl PeerBook for StoredPeers {
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Option<i64>> {
        async move {
            let peer = self
                .asked("a peer", || self.store.peer(self.account_id, chat).boxed())
                .await?;
            match chat.kind() {
                PeerKind::Group(_) => Some(0),
                PeerKind::User(_) | PeerKind::Channel(_) => peer.access_hash,
            }
        }
        .boxed()
    }

    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Option<i32>> {
        async move {
            self.asked("a channel's position", || {
                self.store
                    .channel_position(self.account_id, channel_id)
                    .boxed()
            })
            .await
        }
        .boxed()
    }
}
