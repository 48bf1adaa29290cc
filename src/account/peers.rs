//! Peers: what the link asks the store about whom this account may address, and where its channels are. Always read from
//! the store itself: rows change under a running link, through its own batches and through the list of dialogs.

use futures_util::{FutureExt, future::BoxFuture};

use crate::{
    domain::{AccountId, ChatId, PeerKind},
    store::{StoreError, StoreHandle},
    telegram::{BookAway, PeerBook},
};

pub struct StoredPeers {
    account_id: AccountId,
    store: StoreHandle,
}

impl StoredPeers {
    #[must_use]
    pub const fn new(account_id: AccountId, store: StoreHandle) -> Self {
        Self { account_id, store }
    }
}

impl PeerBook for StoredPeers {
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Result<Option<i64>, BookAway>> {
        async move {
            let peer = self.store.peer(self.account_id, chat).await.map_err(away)?;
            Ok(peer.and_then(|peer| match chat.kind() {
                PeerKind::Group(_) => Some(0),
                PeerKind::User(_) | PeerKind::Channel(_) => peer.access_hash,
            }))
        }
        .boxed()
    }

    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Result<Option<i32>, BookAway>> {
        async move {
            let pts = self.store.channel_position(self.account_id, channel_id);
            pts.await.map_err(away)
        }
        .boxed()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn away(error: StoreError) -> BookAway {
    BookAway(error.to_string())
}
