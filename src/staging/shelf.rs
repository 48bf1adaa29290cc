//! Shelf: staged files in the bucket, `<prefix>/staged/<account>/<name>`, where every node of a database finds them. What lies in a
//! node's own folder is a copy then.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path as FilePath,
    sync::Arc,
};

use actix_web::web::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use tokio::{runtime::Handle, time::timeout};

use super::{StagedName, StagingError};
use crate::{
    aside::{self, Settled},
    bucket::PATIENCE,
    domain::Timestamp,
};

/// Of one upload; each lies in memory for a moment.
const PIECE: u64 = 8 << 20;
/// Milliseconds. Without an order after so long it has none any more: the longest body has come in by then.
const FORGOTTEN: i64 = 24 * 60 * 60 * 1000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    runtime: Handle,
}

impl Shelf {
    /// `runtime`: where what nobody waits for is done.
    ///
    /// # Errors
    /// When the address makes no sense.
    pub fn open(address: &str, runtime: Handle) -> Result<Self, Error> {
        let (store, prefix) = crate::bucket::open(address)?;
        Ok(Self {
            store,
            prefix: prefix.join("staged"),
            runtime,
        })
    }

    fn path(&self, name: &StagedName) -> Path {
        let folder = self.prefix.clone().join(name.account.to_string());
        folder.join(name.name.as_str())
    }

    /// Puts a whole file there; it is seen there once it is whole.
    pub(super) async fn put(&self, name: &StagedName, from: &FilePath) -> Result<(), StagingError> {
        let file = Arc::new(File::open(from)?);
        let size = file.metadata()?.len();
        let path = self.path(name);
        if size <= PIECE {
            let bytes = piece(&file, 0, size).await?;
            let put = self.store.put(&path, PutPayload::from_bytes(bytes)).await;
            return put.map(drop).map_err(away);
        }
        let mut upload = self.store.put_multipart(&path).await.map_err(away)?;
        match pieces(&mut *upload, &file, size).await {
            Ok(()) => upload.complete().await.map(drop).map_err(away),
            Err(error) => {
                // What can't be taken back is the bucket's to clean up.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    /// Brings it into the folder; false: it is not there.
    pub(super) async fn fetch(
        &self,
        name: &StagedName,
        to: &FilePath,
    ) -> Result<bool, StagingError> {
        let found = timeout(PATIENCE, self.store.get(&self.path(name))).await;
        let found = match found.map_err(|_| silent())? {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(away(error)),
        };
        let part = to.with_extension("part");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        let mut coming = found.into_stream();
        let mut settled = Settled::default();
        loop {
            let next = timeout(PATIENCE, coming.try_next()).await;
            let Some(bytes) = next.map_err(|_| silent())?.map_err(away)? else {
                break;
            };
            let written = aside::blocking(move || {
                settled.write(&file, &bytes)?;
                Ok::<_, io::Error>((file, settled))
            });
            (file, settled) = written.await.map_err(|_| stopping())??;
        }
        // Its name may outlive a power cut that its bytes don't.
        let written = aside::blocking(move || file.sync_data());
        written.await.map_err(|_| stopping())??;
        fs::rename(&part, to)?;
        Ok(true)
    }

    /// Nobody waits for it; what is left of it goes with a later start.
    pub(super) fn remove(&self, name: &StagedName) {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        self.runtime.spawn(async move {
            match store.delete(&path).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    log::warn!(target: "switchboard::staging", "a staged file stays in the bucket for now: {error}");
                }
            }
        });
    }

    /// Removes what no order names and has lain there for long. At a start, beside everything else.
    pub(super) fn sweep(&self, named: HashSet<StagedName>) {
        let shelf = self.clone();
        self.runtime.spawn(async move {
            if let Err(error) = shelf.sweep_now(&named).await {
                log::warn!(target: "switchboard::staging", "what lies in the bucket for nobody stays for now: {error}");
            }
        });
    }

    async fn sweep_now(&self, named: &HashSet<StagedName>) -> Result<(), Error> {
        let kept: HashSet<Path> = named.iter().map(|name| self.path(name)).collect();
        let listed = self.store.list(Some(&self.prefix));
        let old = listed.try_filter_map(|meta| {
            let age = Timestamp::now().millis() - meta.last_modified.timestamp_millis();
            let old = age > FORGOTTEN && !kept.contains(&meta.location);
            std::future::ready(Ok(old.then_some(meta.location)))
        });
        let gone: Vec<Path> = old.try_collect().await?;
        let gone = stream::iter(gone).map(Ok).boxed();
        self.store
            .delete_stream(gone)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
    }
}

async fn pieces(
    upload: &mut dyn MultipartUpload,
    file: &Arc<File>,
    size: u64,
) -> Result<(), StagingError> {
    let mut at = 0;
    while at < size {
        let length = (size - at).min(PIECE);
        let bytes = piece(file, at, length).await?;
        let put = upload.put_part(PutPayload::from_bytes(bytes));
        put.await.map_err(away)?;
        at += length;
    }
    Ok(())
}

async fn piece(file: &Arc<File>, at: u64, length: u64) -> Result<Bytes, StagingError> {
    let file = Arc::clone(file);
    let read = aside::blocking(move || {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        file.read_exact_at(&mut bytes, at)
            .map(|()| Bytes::from(bytes))
    });
    Ok(read.await.map_err(|_| stopping())??)
}

fn stopping() -> StagingError {
    StagingError::Folder(std::io::Error::other("the service is stopping"))
}

fn silent() -> StagingError {
    StagingError::Away("the bucket does not answer".to_owned())
}

fn away(error: Error) -> StagingError {
    StagingError::Away(error.to_string())
}
