//! The handle: what others may ask of the files.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Links, MediaError, OfMessage, Wanted,
    bucket::Bucket,
    disk::Disk,
    fetch::{Fetch, Places},
    figures::Figures,
    flight::{self, Flight, Reader},
    open::{Opened, Source},
    policy::{Arrived, Policies},
};
use crate::{
    domain::{
        AccountId, ChatId, EventBody, FileKey, FileLocation, MessageFiles, MessageRowId, Thumb,
    },
    store::StoreHandle,
    telegram::{LinkHandle, Urgency, files_of},
};

/// Whoever wants a place this far ahead of what is written does not wait for it: a film is wanted from its middle on.
const AHEAD: u64 = 4 << 20;
/// How long it is believed where a chat's photo lies, and of how many chats.
const PHOTO_KNOWN: Duration = Duration::from_secs(60 * 60);
const PHOTOS_KNOWN: usize = 20_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct MediaHandle {
    pub(super) inner: Arc<Inner>,
}

/// Without a task: it is ending because nobody reads it.
type Flights = HashMap<FileKey, (Arc<Flight>, Option<AbortOnDropHandle<()>>)>;
type Photos = HashMap<(AccountId, ChatId), (Instant, Option<FileLocation>)>;

pub(super) struct Inner {
    pub disk: Arc<Disk>,
    /// `None`: whole files lie in the folder.
    pub bucket: Option<Bucket>,
    pub places: Places,
    pub links: Arc<dyn Links>,
    pub store: StoreHandle,
    pub flights: Mutex<Flights>,
    pub direct: Arc<Semaphore>,
    pub photos: Mutex<Photos>,
    pub arrivals: mpsc::Sender<Arrived>,
    pub policies: Mutex<Policies>,
    pub figures: Figures,
}

impl Inner {
    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody reads it, and from now on nobody finds it.
    pub fn is_abandoned(&self, flight: &Flight) -> bool {
        let mut flights = self.flights();
        if flight.is_read() {
            return false;
        }
        // Its own task is among what is dropped: that is done by whoever calls `land`.
        if let Some((_, task)) = flights.get_mut(&flight.key)
            && let Some(task) = task.take()
        {
            drop(task.detach());
        }
        true
    }

    /// It is no more on its way.
    pub fn land(&self, flight: &Flight) {
        let mut flights = self.flights();
        let same = |(known, _): &mut (Arc<Flight>, _)| std::ptr::eq(Arc::as_ptr(known), flight);
        if flights.get_mut(&flight.key).is_some_and(same)
            && let Some((_, Some(task))) = flights.remove(&flight.key)
        {
            drop(task.detach());
        }
    }

    pub fn direct(&self) -> Result<OwnedSemaphorePermit, MediaError> {
        let permit = Arc::clone(&self.direct).try_acquire_owned();
        permit.map_err(|_| MediaError::Busy)
    }

    /// Work that may wait for the disk.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, MediaError> {
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| MediaError::Broken)
    }
}

impl MediaHandle {
    /// What was committed, in that order: a message with a file is fetched ahead as its account was set when it came. Does
    /// not wait: what is too much now comes when somebody looks.
    pub fn committed(&self, body: &EventBody) {
        let arrived = {
            let policies = self.inner.policies.lock();
            policies.unwrap_or_else(PoisonError::into_inner).of(body)
        };
        if let Some(arrived) = arrived {
            let _ = self.inner.arrivals.try_send(arrived);
        }
    }

    /// What another node committed: how accounts are set. Their files are that node's to fetch.
    pub fn heard(&self, body: &EventBody) {
        let policies = self.inner.policies.lock();
        let _ = policies.unwrap_or_else(PoisonError::into_inner).of(body);
    }

    pub(super) async fn link(&self, account: AccountId) -> Option<LinkHandle> {
        self.inner.links.link(account).await
    }

    /// By what was kept of the message alone. `None`: that says nothing.
    pub(super) async fn kept_files(
        &self,
        row: MessageRowId,
    ) -> Result<Option<MessageFiles>, MediaError> {
        let kept = self.inner.store.object_of(row).await;
        let kept = kept.map_err(|_| MediaError::Broken)?;
        Ok(kept.as_ref().and_then(files_of))
    }

    /// What of a message can be fetched, by what was kept of it, else by what Telegram has now.
    ///
    /// # Errors
    /// When Telegram had to be asked and did not tell.
    pub async fn files(
        &self,
        account: AccountId,
        message: OfMessage,
    ) -> Result<MessageFiles, MediaError> {
        if let Some(files) = self.kept_files(message.row).await? {
            return Ok(files);
        }
        let Some(link) = self.inner.links.link(account).await else {
            return Err(MediaError::Away);
        };
        let found = link
            .message_files(message.chat, message.message_id, Urgency::Person)
            .await?;
        found.map(|(files, _)| files).ok_or(MediaError::Gone)
    }

    /// Where the photo of a chat lies. `None`: it has none.
    ///
    /// # Errors
    /// When Telegram had to be asked and did not tell.
    pub async fn chat_photo(
        &self,
        account: AccountId,
        chat: ChatId,
    ) -> Result<Option<FileLocation>, MediaError> {
        let known = self.photos().get(&(account, chat)).cloned();
        if let Some((at, photo)) = &known
            && at.elapsed() < PHOTO_KNOWN
        {
            return Ok(photo.clone());
        }
        let asked = match self.inner.links.link(account).await {
            Some(link) => link
                .chat_photo(chat, Urgency::Person)
                .await
                .map_err(MediaError::from),
            None => Err(MediaError::Away),
        };
        let photo = match (asked, known) {
            (Ok(photo), _) => photo,
            // An old one is better than none.
            (Err(_), Some((_, photo))) => return Ok(photo),
            (Err(error), None) => return Err(error),
        };
        let mut photos = self.photos();
        if photos.len() >= PHOTOS_KNOWN {
            photos.clear();
        }
        photos.insert((account, chat), (Instant::now(), photo.clone()));
        Ok(photo)
    }

    /// What is known of it is old.
    pub fn forget_photo(&self, account: AccountId, chat: ChatId) {
        self.photos().remove(&(account, chat));
    }

    fn photos(&self) -> MutexGuard<'_, Photos> {
        self.inner
            .photos
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file for reading from `from` on; comes back when the bytes there are at hand.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn open(&self, wanted: &Wanted, from: u64) -> Result<Opened, MediaError> {
        let (key, size) = (wanted.location.key(), wanted.location.size);
        if let Some(whole) = self.find(wanted.account, &key, size).await? {
            return Ok(whole);
        }
        let mut reader = self.fly(wanted, &key).await?;
        let far = size.is_some() && from > reader.written() + AHEAD;
        let arrived = match size {
            _ if far => Err(MediaError::Disk("it is far from there".to_owned())),
            Some(0) => reader.whole().await,
            Some(size) => reader.beyond(from).await.map(|_| size),
            None => reader.whole().await,
        };
        match (arrived, size) {
            (Ok(size), _) => Ok(Opened {
                size,
                inner: Arc::clone(&self.inner),
                source: Source::Growing(reader, Some(Box::new(self.fetch(wanted)))),
            }),
            (Err(MediaError::Disk(_)), Some(size)) => {
                drop(reader);
                Ok(Opened {
                    size,
                    inner: Arc::clone(&self.inner),
                    source: Source::Direct {
                        fetch: Box::new(self.fetch(wanted)),
                        _place: self.inner.direct()?,
                    },
                })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Can the file of a message, or its small picture, be had without Telegram and without another node?
    pub async fn is_for_all(&self, account: AccountId, row: MessageRowId, thumb: bool) -> bool {
        let Ok(Some(files)) = self.kept_files(row).await else {
            return false;
        };
        let location = match files.thumb {
            Some(Thumb::Inline(_)) if thumb => return true,
            Some(Thumb::At(location)) if thumb => Some(location),
            _ if thumb => None,
            _ => files.file,
        };
        let (Some(bucket), Some(location)) = (&self.inner.bucket, location) else {
            return false;
        };
        let found = bucket.find(account, &location.key(), location.size).await;
        found.is_ok_and(|found| found.is_some())
    }

    fn fetch(&self, wanted: &Wanted) -> Fetch {
        let links = Arc::clone(&self.inner.links);
        Fetch::new(wanted.clone(), links, self.inner.store.clone())
    }

    async fn find(
        &self,
        account: AccountId,
        key: &FileKey,
        size: Option<u64>,
    ) -> Result<Option<Opened>, MediaError> {
        if let Some(bucket) = &self.inner.bucket {
            let found = match bucket.find(account, key, size).await {
                Ok(found) => found,
                // Without it every file still comes from Telegram.
                Err(error) => {
                    log::warn!(target: "switchboard::media", "the bucket can't be asked: {error}");
                    None
                }
            };
            return Ok(found.map(|size| Opened {
                size,
                inner: Arc::clone(&self.inner),
                source: Source::Bucket(bucket.clone(), account, key.clone()),
            }));
        }
        let (disk, wanted) = (Arc::clone(&self.inner.disk), key.clone());
        let found = self
            .inner
            .blocking(move || disk.find(account, &wanted, size))
            .await?;
        Ok(found.map(|(file, size)| Opened {
            size,
            inner: Arc::clone(&self.inner),
            source: Source::Whole(Arc::new(file)),
        }))
    }

    /// Joins the flight of a file, or starts it.
    async fn fly(&self, wanted: &Wanted, key: &FileKey) -> Result<Reader, MediaError> {
        let joined = |flights: &Flights| {
            let (flight, task) = flights.get(key)?;
            task.as_ref().map(|_| flight.join(wanted.account))
        };
        for _ in 0..100 {
            if let Some(reader) = joined(&self.inner.flights()) {
                return Ok(reader);
            }
            let Some(link) = self.inner.links.link(wanted.account).await else {
                return Err(MediaError::Away);
            };
            {
                let mut flights = self.inner.flights();
                if let Some(reader) = joined(&flights) {
                    return Ok(reader);
                }
                if !flights.contains_key(key) {
                    let flight = Flight::new(key.clone(), wanted.location.size, wanted.account);
                    let reader = flight.join(wanted.account);
                    let work = flight::fly(
                        Arc::clone(&self.inner),
                        Arc::clone(&flight),
                        self.fetch(wanted),
                    );
                    flights.insert(key.clone(), (flight, Some(link.aside(work))));
                    return Ok(reader);
                }
            }
            // The one before it is being put away.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(MediaError::Busy)
    }

    /// An account goes, or its history does: what is here of it goes, too.
    ///
    /// # Errors
    /// When it can't be removed from the folder.
    pub async fn forget(&self, account: AccountId) -> Result<(), MediaError> {
        for (flight, _) in self.inner.flights().values() {
            flight.leave(account);
        }
        self.photos().retain(|(id, _), _| *id != account);
        if let Some(bucket) = &self.inner.bucket {
            bucket.forget(account).await?;
        }
        let disk = Arc::clone(&self.inner.disk);
        self.inner
            .blocking(move || disk.forget(account))
            .await?
            .map_err(|error| MediaError::Disk(error.to_string()))
    }

    /// What a look at them is told.
    pub fn register_figures(&self, registry: &mut Registry) {
        let on_their_way = self.inner.flights().len();
        let figures = &self.inner.figures;
        figures.register(registry, self.kept_bytes(), on_their_way);
    }

    /// Everything in the folder goes that is not being fetched: how many files, and of how many bytes. What is asked for
    /// again comes from Telegram again.
    ///
    /// # Errors
    /// When the process ends meanwhile.
    pub async fn clear(&self) -> Result<(usize, u64), MediaError> {
        let disk = Arc::clone(&self.inner.disk);
        self.inner.blocking(move || disk.clear()).await
    }

    /// Bytes that the folder may hold.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.inner.disk.bound()
    }

    /// Whole files lie in a bucket, and are no business of the folder.
    #[must_use]
    pub fn in_bucket(&self) -> bool {
        self.inner.bucket.is_some()
    }

    /// Bytes that the folder holds.
    #[must_use]
    pub fn kept_bytes(&self) -> u64 {
        self.inner.disk.total()
    }
}
