//! Flight: one file on its way into the folder. Its parts come side by side and are written in order, so that whatever is
//! written is whole up to there: readers follow it, and a new start goes on from it.

use std::{
    fs::File,
    io,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::{sync::watch, time::timeout};

use super::{MediaError, fetch::Fetch, handle::Inner};
use crate::{
    aside::Settled,
    domain::{AccountId, FileKey},
    telegram::PART_SIZE,
};

/// Parts of one file on their way at once.
const WINDOW: usize = 4;
/// For the next part, through flood waits and cuts.
const WAIT: Duration = Duration::from_secs(180);
const STEP: u64 = PART_SIZE as u64;

#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// All bytes below are in the file.
    pub written: u64,
    pub end: Option<Result<(), MediaError>>,
}

pub(super) struct Flight {
    pub key: FileKey,
    pub size: Option<u64>,
    file: OnceLock<Arc<File>>,
    progress: watch::Sender<Progress>,
    readers: AtomicUsize,
    /// Whose folders it goes into.
    accounts: Mutex<Vec<AccountId>>,
}

impl Flight {
    pub fn new(key: FileKey, size: Option<u64>, account: AccountId) -> Arc<Self> {
        Arc::new(Self {
            key,
            size,
            file: OnceLock::new(),
            progress: watch::Sender::default(),
            readers: AtomicUsize::new(0),
            accounts: Mutex::new(vec![account]),
        })
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, Vec<AccountId>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn join(self: &Arc<Self>, account: AccountId) -> Reader {
        let mut accounts = self.accounts();
        if !accounts.contains(&account) {
            accounts.push(account);
        }
        drop(accounts);
        self.readers.fetch_add(1, Ordering::AcqRel);
        Reader {
            progress: self.progress.subscribe(),
            flight: Arc::clone(self),
        }
    }

    /// The account is gone; so is its claim.
    pub fn leave(&self, account: AccountId) {
        self.accounts().retain(|id| *id != account);
    }

    pub fn is_read(&self) -> bool {
        self.readers.load(Ordering::Acquire) > 0
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }
}

/// Somebody who follows a flight; it ends when nobody does.
pub(super) struct Reader {
    flight: Arc<Flight>,
    progress: watch::Receiver<Progress>,
}

impl Reader {
    /// Waits until there are bytes beyond `offset`, or none will come. Gives how far it is.
    pub async fn beyond(&mut self, offset: u64) -> Result<u64, MediaError> {
        let progress = self
            .wait(|progress| progress.written > offset || progress.end.is_some())
            .await?;
        match progress.end {
            Some(Err(error)) if progress.written <= offset => Err(error),
            _ => Ok(progress.written),
        }
    }

    /// Waits for the end; gives the size.
    pub async fn whole(&mut self) -> Result<u64, MediaError> {
        let progress = self.wait(|progress| progress.end.is_some()).await?;
        progress.end.unwrap_or(Ok(())).map(|()| progress.written)
    }

    async fn wait(
        &mut self,
        arrived: impl FnMut(&Progress) -> bool,
    ) -> Result<Progress, MediaError> {
        let waited = timeout(WAIT, self.progress.wait_for(arrived)).await;
        let progress = waited.map_err(|_| MediaError::Network("no answer in time".to_owned()))?;
        Ok(progress.map_err(|_| MediaError::Abandoned)?.clone())
    }

    pub fn written(&self) -> u64 {
        self.progress.borrow().written
    }

    /// There is one as soon as anything is written.
    pub fn file(&self) -> Option<Arc<File>> {
        self.flight.file.get().map(Arc::clone)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flight.readers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Flies to the end, and says how it ended.
pub(super) async fn fly(inner: Arc<Inner>, flight: Arc<Flight>, fetch: Fetch) {
    let mut landing = Landing {
        inner: Arc::clone(&inner),
        flight: Arc::clone(&flight),
        end: None,
    };
    let end = go(&inner, &flight, &fetch).await;
    let written = flight.progress.borrow().written;
    let (disk, key) = (Arc::clone(&inner.disk), flight.key.clone());
    let accounts = flight.accounts().clone();
    let settled = end.clone();
    let kept = match (settled, &inner.bucket, flight.file.get()) {
        (Ok(()), Some(bucket), Some(file)) => {
            let put = bucket.put(&key, Arc::clone(file), written, &accounts).await;
            let gone = inner.blocking(move || disk.discard(&key)).await;
            gone.map(|()| put)
        }
        (Ok(()), ..) => {
            let kept = inner.blocking(move || disk.finish(&key, written, &accounts));
            let kept = kept.await;
            kept.map(|kept| kept.map_err(|error| MediaError::Disk(error.to_string())))
        }
        // Goes on from there when it is wanted again.
        (
            Err(
                MediaError::Abandoned
                | MediaError::Away
                | MediaError::Wait(_)
                | MediaError::Network(_),
            ),
            ..,
        ) => {
            let paused = inner.blocking(move || disk.pause(&key, written)).await;
            paused.map(Ok)
        }
        (Err(_), ..) => inner.blocking(move || disk.discard(&key)).await.map(Ok),
    };
    if let Ok(Err(error)) = &kept {
        log::warn!(target: "switchboard::media", "file={} was fetched and can't be kept: {error}", flight.key.as_str());
    }
    if let Err(error) = &end {
        log::debug!(target: "switchboard::media", "file={} ended: {error}", flight.key.as_str());
    }
    inner.figures.ended(&end);
    landing.end = Some(end);
}

/// Whatever becomes of the flight, its readers hear of its end, and it can begin anew.
struct Landing {
    inner: Arc<Inner>,
    flight: Arc<Flight>,
    end: Option<Result<(), MediaError>>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.inner.land(&self.flight);
        let end = self.end.take().unwrap_or(Err(MediaError::Broken));
        self.flight.tell(|progress| progress.end = Some(end));
    }
}

async fn go(inner: &Arc<Inner>, flight: &Flight, fetch: &Fetch) -> Result<(), MediaError> {
    let (disk, key) = (Arc::clone(&inner.disk), flight.key.clone());
    // Of one whose size is not said, which is a small one, a part's room is kept.
    let room = flight.size.unwrap_or(STEP);
    let begun = inner.blocking(move || disk.begin(&key, room)).await?;
    let begun = begun.map_err(|error| MediaError::Disk(error.to_string()))?;
    let begun = begun.ok_or_else(|| MediaError::Disk("there is no room in it".to_owned()))?;
    let file = Arc::new(begun.file);
    let _ = flight.file.set(Arc::clone(&file));
    let mut written = begun.written;
    let mut settled = Settled::from(written);
    flight.tell(|progress| progress.written = written);
    let mut parts = FuturesOrdered::new();
    let mut next = written;
    loop {
        while parts.len() < WINDOW && flight.size.map_or(parts.is_empty(), |size| next < size) {
            let offset = next;
            parts.push_back(async move {
                let place = inner.places.place(flight.size).await?;
                let bytes = fetch.part(offset).await?;
                Ok::<_, MediaError>((place, bytes))
            });
            next += STEP;
        }
        let Some(part) = parts.next().await else {
            return Ok(());
        };
        let (place, bytes) = part?;
        let len = bytes.len() as u64;
        inner.figures.came(len);
        let whole = flight.size.is_some_and(|size| written + len == size);
        if len > STEP
            || flight
                .size
                .is_some_and(|size| len < STEP && !whole || written + len > size)
        {
            return Err(MediaError::Incomplete(written + len));
        }
        if inner.is_abandoned(flight) {
            return Err(MediaError::Abandoned);
        }
        let target = Arc::clone(&file);
        let mut following = std::mem::take(&mut settled);
        let lies = inner
            .blocking(move || {
                following.write(&target, &bytes)?;
                Ok::<_, io::Error>(following)
            })
            .await?;
        settled = lies.map_err(|error| MediaError::Disk(error.to_string()))?;
        drop(place);
        written += len;
        flight.tell(|progress| progress.written = written);
        if flight.size.is_none() && len < STEP {
            return Ok(());
        }
    }
}
