//! Peers: what the link asks the store about whom this account may address.

use std::collections::HashMap;

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    domain::{AccountId, ChatId, PeerKind},
    store::{StoreError, StoreHandle},
    telegram::PeerBook,
};

pub struct StoredPeers {
    account_id: AccountId,
    store: StoreHandle,
    /// As stored when the account started: later positions come from the link itself.
    channel_pts: HashMap<i64, i32>,
}

impl StoredPeers {
    /// # Errors
    /// When the store can't be read.
    pub async fn load(account_id: AccountId, store: StoreHandle) -> Result<Self, StoreError> {
        let channel_pts = store
            .channel_positions(account_id)
            .await?
            .into_iter()
            .collect();
        Ok(Self {
            account_id,
            store,
            channel_pts,
        })
    }
}

impl PeerBook for StoredPeers {
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Option<i64>> {
        async move {
            let peer = self.store.peer(self.account_id, chat).await.ok()??;
            match chat.kind() {
                PeerKind::Group(_) => Some(0),
                PeerKind::User(_) | PeerKind::Channel(_) => peer.access_hash,
            }
        }
        .boxed()
    }

    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Option<i32>> {
        let pts = self.channel_pts.get(&channel_id).copied();
        async move { pts }.boxed()
    }
}
