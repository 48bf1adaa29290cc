//! Files: where those of messages are kept, and where those wait that go out.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::error::StartError;
use crate::{
    config::Config,
    data_dir::DataDir,
    domain::AccountId,
    media::{Links, MediaConfig, MediaHandle, MediaOpenError},
    staging::{Seen, Shelf, Staging},
    store::StoreHandle,
    supervisor::SupervisorHandle,
    telegram::LinkHandle,
};

/// Where files wait that people send.
pub(super) fn open_staging(
    config: &Config,
    data_dir: &DataDir,
    shared: bool,
) -> Result<Staging, StartError> {
    if let Some(folder) = &config.staged_path {
        return Staging::open_as(folder.clone(), Seen::InTheFolder).map_err(StartError::Staging);
    }
    let seen = match &config.media_store {
        _ if !shared => Seen::Here,
        Some(bucket) => {
            let shelf = Shelf::open(bucket, tokio::runtime::Handle::current());
            let shelf = shelf.map_err(|error| MediaOpenError::Bucket(error.to_string()))?;
            Seen::OnTheShelf(shelf)
        }
        None => Seen::ByAsking(data_dir.name().map_err(StartError::Staging)?),
    };
    Staging::open_as(data_dir.staged(), seen).map_err(StartError::Staging)
}

/// The accounts' links, as the supervisor has them.
struct LinksOf(SupervisorHandle);

impl Links for LinksOf {
    fn link(&self, account: AccountId) -> BoxFuture<'_, Option<LinkHandle>> {
        Box::pin(self.0.link(account))
    }
}

pub(super) async fn open_media(
    config: &Config,
    data_dir: &DataDir,
    store: &StoreHandle,
    supervisor: &SupervisorHandle,
) -> Result<MediaHandle, StartError> {
    let accounts = store.list_accounts().await?;
    let media = MediaConfig {
        folder: data_dir.media(),
        bound: config.media_cache,
        bucket: config.media_store.clone(),
        keep: config.keep,
    };
    let links = Arc::new(LinksOf(supervisor.clone()));
    Ok(MediaHandle::open_folder(
        &media,
        store.clone(),
        links,
        &accounts,
        &tokio::runtime::Handle::current(),
    )?)
}
