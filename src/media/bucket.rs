//! Bucket: whole files in an S3 bucket instead of the folder, `<prefix>/<account>/<key>`. How much it holds and for how long
//! is the bucket's own business (its lifecycle rules): what is gone from it, or has another size, comes from Telegram again. What
//! is on its way still lies in the folder until it is whole.
//!
//! `<prefix>/holders/<key>/<account>` is empty and says who has a file: another account's is copied within the bucket.

use std::{fs::File, ops::Range, os::unix::fs::FileExt, sync::Arc};

use actix_web::web::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
    path::Path,
};
use tokio::{sync::Semaphore, time::timeout};

use super::MediaError;
use crate::{
    aside,
    bucket::PATIENCE,
    domain::{AccountId, FileKey},
};

/// Of one upload; each lies in memory for a moment.
const PIECE: u64 = 8 << 20;
const UPLOADS: usize = 1;
/// Holders of a file that are looked at before it is fetched.
const ASKED: usize = 8;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    uploads: Arc<Semaphore>,
}

impl Bucket {
    pub fn open(address: &str) -> Result<Self, Error> {
        let (store, prefix) = crate::bucket::open(address)?;
        Ok(Self {
            store,
            prefix,
            uploads: Arc::new(Semaphore::new(UPLOADS)),
        })
    }

    fn folder(&self, account: AccountId) -> Path {
        self.prefix.clone().join(account.to_string())
    }

    fn path(&self, account: AccountId, key: &FileKey) -> Path {
        self.folder(account).join(key.as_str())
    }

    fn holders(&self, key: &FileKey) -> Path {
        self.prefix.clone().join("holders").join(key.as_str())
    }

    /// Its size, when it is there and as long as it should be; when another account has it there, this one has it now, too.
    pub async fn find(
        &self,
        account: AccountId,
        key: &FileKey,
        size: Option<u64>,
    ) -> Result<Option<u64>, MediaError> {
        let own = self.path(account, key);
        if let Some(len) = self.look(&own, size).await? {
            return Ok(Some(len));
        }
        let holders = self.holders(key);
        let mut listed = self.store.list(Some(&holders)).take(ASKED);
        loop {
            let next = timeout(PATIENCE, listed.try_next()).await;
            let next = next.map_err(|_| silent())?.map_err(told)?;
            let Some(holder) = next else { return Ok(None) };
            let holder = holder.location.filename().and_then(|id| id.parse().ok());
            let Some(holder) = holder.filter(|holder: &AccountId| *holder != account) else {
                continue;
            };
            let theirs = self.path(holder, key);
            if let Some(len) = self.look(&theirs, size).await? {
                self.store.copy(&theirs, &own).await.map_err(told)?;
                self.hold(account, key).await?;
                return Ok(Some(len));
            }
        }
    }

    async fn hold(&self, account: AccountId, key: &FileKey) -> Result<(), MediaError> {
        let path = self.holders(key).join(account.to_string());
        let put = self.store.put(&path, PutPayload::new()).await;
        put.map(drop).map_err(told)
    }

    async fn look(&self, path: &Path, size: Option<u64>) -> Result<Option<u64>, MediaError> {
        let found = timeout(PATIENCE, self.store.head(path)).await;
        match found {
            Ok(Ok(meta)) => Ok(Some(meta.size).filter(|len| size.is_none_or(|size| size == *len))),
            Ok(Err(Error::NotFound { .. })) => Ok(None),
            Ok(Err(error)) => Err(MediaError::Disk(error.to_string())),
            Err(_) => Err(silent()),
        }
    }

    /// These bytes of it.
    pub async fn read(
        &self,
        account: AccountId,
        key: &FileKey,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let path = self.path(account, key);
        let found = timeout(PATIENCE, self.store.get_opts(&path, options)).await;
        let found = found.map_err(|_| silent())?;
        let found = found.map_err(told)?;
        Ok(found.into_stream().map_err(told).boxed())
    }

    /// Puts a whole file there for each of these accounts; it is seen there once it is whole.
    pub async fn put(
        &self,
        key: &FileKey,
        file: Arc<File>,
        size: u64,
        accounts: &[AccountId],
    ) -> Result<(), MediaError> {
        let _turn = self.uploads.acquire().await;
        let mut first: Option<Path> = None;
        for account in accounts {
            let path = self.path(*account, key);
            match &first {
                Some(first) => self.store.copy(first, &path).await.map_err(told)?,
                None => self.upload(&path, &file, size).await?,
            }
            first.get_or_insert(path);
            self.hold(*account, key).await?;
        }
        Ok(())
    }

    async fn upload(&self, path: &Path, file: &Arc<File>, size: u64) -> Result<(), MediaError> {
        if size <= PIECE {
            let bytes = piece(file, 0..size).await?;
            self.store
                .put(path, PutPayload::from_bytes(bytes))
                .await
                .map_err(told)?;
            return Ok(());
        }
        let mut upload = self.store.put_multipart(path).await.map_err(told)?;
        match self.upload_pieces(&mut *upload, file, size).await {
            Ok(()) => upload.complete().await.map(drop).map_err(told),
            Err(error) => {
                // What can't be taken back is the bucket's to clean up.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn upload_pieces(
        &self,
        upload: &mut dyn MultipartUpload,
        file: &Arc<File>,
        size: u64,
    ) -> Result<(), MediaError> {
        let mut at = 0;
        while at < size {
            let end = (at + PIECE).min(size);
            let bytes = piece(file, at..end).await?;
            upload
                .put_part(PutPayload::from_bytes(bytes))
                .await
                .map_err(told)?;
            at = end;
        }
        Ok(())
    }

    /// Everything of an account.
    pub async fn forget(&self, account: AccountId) -> Result<(), MediaError> {
        let folder = self.folder(account);
        let all = self.store.list(Some(&folder));
        let prefix = self.prefix.clone();
        let paths = all.map_ok(move |meta| {
            let key = meta.location.filename().unwrap_or_default();
            let holds = prefix.clone().join("holders").join(key);
            let both = [holds.join(account.to_string()), meta.location];
            stream::iter(both).map(Ok)
        });
        self.store
            .delete_stream(paths.try_flatten().boxed())
            .try_for_each(|_| async { Ok(()) })
            .await
            .map_err(told)
    }
}

async fn piece(file: &Arc<File>, range: Range<u64>) -> Result<Bytes, MediaError> {
    let file = Arc::clone(file);
    let len = usize::try_from(range.end - range.start).unwrap_or(0);
    let read = aside::blocking(move || {
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, range.start)
            .map(|()| Bytes::from(bytes))
    });
    let read = read.await.map_err(|_| MediaError::Broken)?;
    read.map_err(|error| MediaError::Disk(error.to_string()))
}

fn silent() -> MediaError {
    MediaError::Disk("the bucket does not answer".to_owned())
}

fn told(error: Error) -> MediaError {
    MediaError::Disk(error.to_string())
}
