//! Start: the folder is opened, and what comes in is fetched ahead from then on.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};

use super::{
    Links, MediaHandle, ahead, bucket::Bucket, disk::Disk, fetch::Places, figures::Figures,
    handle::Inner, policy, retire,
};
use crate::{
    domain::{Account, AccountId, KeepFor},
    store::StoreHandle,
};

/// Readers past the folder; each holds a part of a file.
const DIRECT: usize = 16;

pub struct MediaConfig {
    /// `<data-dir>/media`.
    pub folder: PathBuf,
    /// Bytes that may lie there.
    pub bound: u64,
    /// `s3://bucket/prefix`: whole files lie there instead.
    pub bucket: Option<String>,
    /// For how long files are kept, where an account says nothing of its own.
    pub keep: KeepFor,
}

#[derive(Debug, thiserror::Error)]
pub enum MediaOpenError {
    #[error("the media folder can't be used: {0}")]
    Folder(#[from] io::Error),
    #[error("SWITCHBOARD_MEDIA_STORE: {0}")]
    Bucket(String),
}

impl MediaHandle {
    /// Opens the folder. `accounts`: all that exist; what lies there of others is removed.
    ///
    /// # Errors
    /// When the folder can't be made or read, or the bucket's address makes no sense.
    pub fn open_folder(
        config: &MediaConfig,
        store: StoreHandle,
        links: Arc<dyn Links>,
        accounts: &[Account],
        runtime: &Handle,
    ) -> Result<Self, MediaOpenError> {
        let bucket = config.bucket.as_deref().map(Bucket::open).transpose();
        let bucket = bucket.map_err(|error| MediaOpenError::Bucket(error.to_string()))?;
        let known: Vec<AccountId> = accounts.iter().map(|account| account.id).collect();
        let disk = Disk::open(&config.folder, config.bound, &known)?;
        let (arrivals, arrived) = mpsc::channel(policy::QUEUE);
        let media = Self {
            inner: Arc::new(Inner {
                disk: Arc::new(disk),
                bucket,
                places: Places::default(),
                links,
                store,
                flights: Mutex::default(),
                direct: Arc::new(Semaphore::new(DIRECT)),
                photos: Mutex::default(),
                arrivals,
                policies: Mutex::new(policy::Policies::of_all(accounts)),
                figures: Figures::default(),
            }),
        };
        runtime.spawn(ahead::run(media.clone(), arrived));
        runtime.spawn(retire::keep_retiring(
            Arc::downgrade(&media.inner),
            config.keep,
        ));
        Ok(media)
    }
}
