//! Fetch: the parts of one file, one after another or side by side, through whatever keeps them away for a moment.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;

use super::{Links, MediaError, Wanted};
use crate::{
    domain::{FileLocation, Thumb},
    store::StoreHandle,
    telegram::{CallError, FileError, PART_SIZE, Urgency},
};

/// Bytes on their way for the whole process: this many parts of 512 KiB. Small files have a few places of their own, so that
/// a picture does not wait behind films.
const PARTS: usize = 16;
const SMALL_PARTS: usize = 8;
/// Cuts in a row before whoever waits is told.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// References renewed for one file: each holds for hours.
const RENEWALS: u32 = 8;
/// Longer than this nobody waits for one part.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Places {
    large: Semaphore,
    small: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            large: Semaphore::new(PARTS),
            small: Semaphore::new(SMALL_PARTS),
        }
    }
}

impl Places {
    /// A place for one part's bytes, for as long as they are in memory.
    pub async fn place(
        &self,
        size: Option<u64>,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, MediaError> {
        let small = size.is_none_or(|size| size <= u64::from(PART_SIZE));
        let places = if small { &self.small } else { &self.large };
        places.acquire().await.map_err(|_| MediaError::Abandoned)
    }
}

/// One file through one account.
pub(super) struct Fetch {
    wanted: Wanted,
    links: Arc<dyn Links>,
    store: StoreHandle,
    /// Changes when a reference is renewed or the file has moved.
    location: Mutex<FileLocation>,
    renewals: tokio::sync::Mutex<u32>,
}

impl Fetch {
    pub fn new(wanted: Wanted, links: Arc<dyn Links>, store: StoreHandle) -> Self {
        Self {
            location: Mutex::new(wanted.location.clone()),
            wanted,
            links,
            store,
            renewals: tokio::sync::Mutex::new(0),
        }
    }

    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    fn location(&self) -> FileLocation {
        let location = self.location.lock();
        location.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_location(&self, change: impl FnOnce(&mut FileLocation)) {
        let location = self.location.lock();
        change(&mut location.unwrap_or_else(PoisonError::into_inner));
    }

    /// The bytes from `offset` on, as many as a part has, fewer at the file's end alone.
    pub async fn part(&self, offset: u64) -> Result<Vec<u8>, MediaError> {
        let mut cuts = 0;
        loop {
            let Some(link) = self.links.link(self.wanted.account).await else {
                return Err(MediaError::Away);
            };
            let asked = self.location();
            let error = match link.file_part(&asked, offset).await {
                Ok(part) => {
                    if part.dc != asked.dc {
                        self.set_location(|location| location.dc = part.dc);
                    }
                    return Ok(part.bytes);
                }
                Err(error) => error,
            };
            match error {
                FileError::Expired => self.renew(&asked).await?,
                FileError::FloodWait(wait) if wait <= PATIENCE => tokio::time::sleep(wait).await,
                FileError::FloodWait(wait) => return Err(MediaError::Wait(wait)),
                FileError::Network(reason) => {
                    cuts += 1;
                    if cuts >= TRIES {
                        return Err(MediaError::Network(reason));
                    }
                    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(cuts - 1)).await;
                }
                FileError::Gone => return Err(MediaError::Gone),
                FileError::SignedOut(_) => return Err(MediaError::Away),
                FileError::Refused { code } => return Err(MediaError::Refused(code)),
            }
        }
    }

    /// A new reference comes with the message. The first part that was refused asks for it, the others wait.
    async fn renew(&self, asked: &FileLocation) -> Result<(), MediaError> {
        let mut renewals = self.renewals.lock().await;
        if self.location().place != asked.place {
            return Ok(());
        }
        let Some(message) = self.wanted.message else {
            return Err(MediaError::Gone);
        };
        *renewals += 1;
        if *renewals > RENEWALS {
            return Err(MediaError::Refused("FILE_REFERENCE_EXPIRED".to_owned()));
        }
        let Some(link) = self.links.link(self.wanted.account).await else {
            return Err(MediaError::Away);
        };
        let found = link
            .message_files(message.chat, message.message_id, Urgency::Person)
            .await?;
        let Some((files, object)) = found else {
            return Err(MediaError::Gone);
        };
        let now = match files.thumb {
            Some(Thumb::At(thumb)) if message.thumb => Some(thumb),
            _ if message.thumb => None,
            _ => files.file,
        };
        // Another file in its place is an edit: it comes under its own name.
        let Some(now) = now.filter(|now| now.key() == asked.key()) else {
            return Err(MediaError::Gone);
        };
        if let Some(object) = object
            && let Err(error) = self.store.renew_object(message.row, object).await
        {
            log::debug!(target: "switchboard::media", "a renewed reference could not be kept: {error}");
        }
        self.set_location(|location| *location = now);
        Ok(())
    }
}

impl From<CallError> for MediaError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::FloodWait(wait) => Self::Wait(wait),
            CallError::SignedOut(_) => Self::Away,
            CallError::Network(reason) => Self::Network(reason),
            CallError::StoreAway(away) => Self::Network(away.to_string()),
            CallError::TimedOut => Self::Network("no answer in time".to_owned()),
            CallError::Rejected { code, .. } => Self::Refused(code),
            CallError::Unreadable => Self::Network("an answer that could not be read".to_owned()),
            CallError::Unresolvable => Self::Gone,
        }
    }
}
