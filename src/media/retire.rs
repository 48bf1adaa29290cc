//! Retire: files that an account has had for longer than they are kept, and that nobody opened meanwhile, leave the folder. In a
//! bucket that is its own business.

use std::{
    io,
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use super::{
    MediaError, MediaHandle,
    handle::Inner,
    old_files::{OldFiles, old_files},
};
use crate::domain::{AccountId, KeepFor};

/// How often old files are looked for.
const EVERY: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What was not opened since then goes.
fn since(days: u32) -> SystemTime {
    let kept = DAY.saturating_mul(days);
    SystemTime::now()
        .checked_sub(kept)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// By the folder alone, whether the service runs on it or not.
///
/// # Errors
/// When it can't be read.
pub fn old_files_in(media: &Path, account: AccountId, days: u32) -> io::Result<OldFiles> {
    old_files(&media.join("files"), account, since(days))
}

impl MediaHandle {
    /// Files that would go of an account if they were kept for so many days.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub async fn would_go(&self, account: AccountId, days: u32) -> Result<OldFiles, MediaError> {
        let disk = Arc::clone(&self.inner.disk);
        let found = self
            .inner
            .blocking(move || disk.old_files(account, since(days)));
        found.await?.map_err(disk_error)
    }

    /// They go.
    ///
    /// # Errors
    /// When the folder can't be changed.
    pub async fn retire(&self, account: AccountId, days: u32) -> Result<(), MediaError> {
        let disk = Arc::clone(&self.inner.disk);
        let gone = self
            .inner
            .blocking(move || disk.retire(account, since(days)));
        let gone = gone.await?.map_err(disk_error)?;
        if gone.count() > 0 {
            log::info!(target: "switchboard::media", "account={account} {} files were older than they are kept for and are gone", gone.count());
        }
        Ok(())
    }
}

fn disk_error(error: io::Error) -> MediaError {
    MediaError::Disk(error.to_string())
}

/// Looks at all accounts, again and again, until the files are nobody's any more.
pub(super) async fn keep_retiring(media: Weak<Inner>, keep: KeepFor) {
    loop {
        let Some(inner) = media.upgrade() else { return };
        let media_of = MediaHandle { inner };
        if let Ok(accounts) = media_of.inner.store.list_accounts().await {
            for account in accounts {
                let Some(days) = account.retention.media(&keep) else {
                    continue;
                };
                if let Err(error) = media_of.retire(account.id, days).await {
                    log::warn!(target: "switchboard::media", "account={} files that are too old could not be removed: {error}", account.id);
                }
            }
        }
        drop(media_of);
        tokio::time::sleep(EVERY).await;
    }
}
