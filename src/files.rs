//! Files: what goes out through an account of this node and has to come from another account, or another node, first.
//!
//! Receives: what `account` wants to send.
//! Sends:    questions to `media`, and calls to the nodes that have the files; what comes is staged.
//! Promises: what another node has is waited for, within a limit, and what came of it is told.
//! Does not: decide who may see what: that was done when it was ordered.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::http::Method;
use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use uuid::Uuid;

use crate::{
    account::CopySource,
    domain::{AccountId, MessageRowId, Outcome},
    media::{Abroad, CopyError, FromAbroad, MediaError, MediaHandle},
    staging::{Guised, StagedName, Staging},
    vault::Vault,
    web::{Elsewhere, Fetched, fetch},
};

/// For a node to take the call. One that ends hands its accounts over within seconds.
const PATIENCE: Duration = Duration::from_secs(5);

struct Open {
    media: MediaHandle,
    vault: Vault,
    /// `None`: there are no other nodes.
    elsewhere: Option<Elsewhere>,
}

/// Asked once there is somebody who fetches them.
pub struct Files {
    open: Arc<OnceLock<Open>>,
    staging: Staging,
}

impl Files {
    #[must_use]
    pub fn new(staging: Staging) -> Self {
        Self {
            open: Arc::default(),
            staging,
        }
    }

    pub fn open(&self, media: MediaHandle, vault: Vault, elsewhere: Option<Elsewhere>) {
        let _ = self.open.set(Open {
            media,
            vault,
            elsewhere,
        });
    }
}

impl CopySource for Files {
    fn stage(
        &self,
        source: MessageRowId,
        account: AccountId,
    ) -> BoxFuture<'static, Result<Guised, Outcome>> {
        let (open, staging) = (Arc::clone(&self.open), self.staging.clone());
        Box::pin(async move {
            let copied = match open.get() {
                Some(open) => open.media.copy(source, open, (&staging, account)).await,
                None => Err(CopyError::Later("the service is starting".to_owned())),
            };
            copied.map_err(|error| match error {
                CopyError::Refused(error) => Outcome::Refused(error),
                // Other chats of the account are not concerned.
                CopyError::Wait(wait) => Outcome::SlowMode { wait },
                CopyError::Later(reason) => Outcome::NotSent { reason },
            })
        })
    }

    fn bring(&self, name: StagedName, size: u64, at: Uuid) -> BoxFuture<'static, bool> {
        let (open, staging) = (Arc::clone(&self.open), self.staging.clone());
        Box::pin(async move {
            let Some(open) = open.get() else { return false };
            match open.bring(&staging, &name, size, at).await {
                Ok(came) => came,
                Err(error) => {
                    log::warn!(target: "switchboard::staging", "account={} a file that waits at another node did not come: {error}", name.account);
                    false
                }
            }
        })
    }
}

impl Open {
    async fn fetch(
        &self,
        address: AccountId,
        target: String,
    ) -> Result<Option<Fetched>, MediaError> {
        let Some(elsewhere) = &self.elsewhere else {
            return Ok(None);
        };
        let fetched = fetch(
            &self.vault,
            elsewhere,
            (Method::GET, address, target),
            PATIENCE,
        )
        .await;
        fetched.map_err(|error| MediaError::Network(error.to_string()))
    }

    async fn bring(
        &self,
        staging: &Staging,
        name: &StagedName,
        size: u64,
        at: Uuid,
    ) -> Result<bool, MediaError> {
        let disk = |error: crate::staging::StagingError| MediaError::Disk(error.to_string());
        let target = format!("/accounts/{}/staged/{}", name.account, name.name);
        let Some(mut fetched) = self.fetch(AccountId(at), target).await? else {
            return Ok(false);
        };
        if fetched.status != 200 || fetched.length != Some(size) {
            return Ok(false);
        }
        let mut writer = staging
            .begin(name.account, size, Some(size))
            .map_err(disk)?;
        loop {
            let next = fetched.next().await;
            let next = next.map_err(|error| MediaError::Network(error.to_string()))?;
            let Some(bytes) = next else { break };
            writer.write(&bytes).await.map_err(disk)?;
        }
        let staged = writer.finish().await.map_err(disk)?;
        let whole = staged.size == size;
        if whole {
            staged.keep_as(name).map_err(disk)?;
        }
        Ok(whole)
    }

    async fn of_another(
        &self,
        account: AccountId,
        message: MessageRowId,
    ) -> Result<FromAbroad, MediaError> {
        let target = format!("/messages/{}/media", message.0);
        let Some(fetched) = self.fetch(account, target).await? else {
            return Err(MediaError::Network("no node has its account".to_owned()));
        };
        match (fetched.status, fetched.length) {
            (200, Some(size)) => Ok((size, pieces(fetched))),
            (404 | 410, _) => Err(MediaError::Gone),
            (429, _) => Err(MediaError::Wait(Duration::from_secs(30))),
            // The account is not connected, or Telegram does not answer: its row says which.
            _ => Err(MediaError::Away),
        }
    }
}

impl Abroad for Open {
    fn file(
        &self,
        account: AccountId,
        message: MessageRowId,
    ) -> BoxFuture<'_, Option<Result<FromAbroad, MediaError>>> {
        Box::pin(async move {
            let elsewhere = self.elsewhere.as_ref()?;
            if elsewhere.has(account) {
                return None;
            }
            Some(self.of_another(account, message).await)
        })
    }
}

fn pieces(fetched: Fetched) -> BoxStream<'static, Result<actix_web::web::Bytes, MediaError>> {
    let pieces = stream::try_unfold(fetched, |mut fetched| async move {
        match fetched.next().await {
            Ok(Some(bytes)) => Ok(Some((bytes, fetched))),
            Ok(None) => Ok(None),
            Err(error) => Err(MediaError::Network(error.to_string())),
        }
    });
    pieces.boxed()
}
