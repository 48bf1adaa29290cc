//! Upload: the files of an order, from the staging folder to Telegram, before its messages are sent.
//!
//! Parts go up side by side and may come again; how far they are is kept with the order now and then. Telegram keeps
//! parts for a while only: what it lacks in the end goes up again, all of it if need be. A file that was put up whole is
//! kept, too, so that a repeated send does not begin with its bytes.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::parts::{CopySource, UploadProgress, UploadSink};
use crate::{
    aside,
    domain::{
        AccountId, ChatId, CopyOf, FileOf, MediaItem, MessageError, MessageRowId, NewCopy, Order,
        Outcome, OutgoingFile, Uploaded, Work,
    },
    staging::{Guised, Missing, PartPlace, StagedName, Staging},
    store::{StoreError, StoreHandle},
    telegram::{CallError, FileError, LinkHandle, PART_SIZE, PutError, parts_of},
};

/// Parts of one file on their way at once.
const AT_ONCE: usize = 4;
/// So many parts lie between two notes of how far it is: 32 MiB that go up again at most.
const NOTE_EVERY: u32 = 64;
/// Telling more often than this shows nothing more.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Cuts in a row before the order makes room for others.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A wait that is not worth giving the order's place away for.
const SHORT_WAIT: Duration = Duration::from_secs(60);
/// Before the node that has a file is asked again.
const FILE_AWAY: Duration = Duration::from_secs(15);
/// How often a file goes up from its beginning, and single parts again, in one attempt.
const ROUNDS: u32 = 4;
const MENDED_PARTS: u32 = 64;

pub struct Uploader {
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub link: LinkHandle,
    pub staging: Staging,
    pub sink: Arc<dyn UploadSink>,
    pub copies: Arc<dyn CopySource>,
}

/// A file on its way.
struct Flight<'a> {
    uploader: &'a Uploader,
    whose: FileOf,
    row: MessageRowId,
    file: &'a OutgoingFile,
    open: Arc<File>,
    told: Option<Instant>,
}

impl Uploader {
    /// Brings here what another account has. An outcome is why it can't be now, or ever.
    async fn bring_here(&self, copy: &NewCopy) -> Result<(), Outcome> {
        for CopyOf { row, source } in &copy.files {
            let Guised { staged, file, .. } = self.copies.stage(*source, self.account_id).await?;
            match self.store.copy_came(*row, file).await {
                Ok(true) => drop(staged.keep()),
                // It was taken back a moment before.
                Ok(false) => {}
                // It may be committed yet.
                Err(error @ StoreError::NoAnswer { .. }) => {
                    staged.leave();
                    return Err(later(&error.to_string()));
                }
                Err(error) => return Err(later(&error.to_string())),
            }
        }
        Ok(())
    }

    /// Brings up what is not up yet. An outcome is why it can't be now, or ever.
    pub async fn bring_up(&self, order: &mut Order) -> Result<(), Outcome> {
        let (id, chat) = (order.id, order.chat);
        match &mut order.work {
            Work::Media(media) => {
                for (making, item) in media.makes.iter().zip(&mut media.items) {
                    let whose = (FileOf::Making(making.row), making.row);
                    self.bring_up_one(chat, whose, item).await?;
                }
            }
            Work::Replace(work) => {
                let whose = (FileOf::Edit(id), work.row);
                self.bring_up_one(chat, whose, &mut work.item).await?;
            }
            Work::Copy(copy) => self.bring_here(copy).await?,
            Work::Text(_) | Work::Forward(_) | Work::Deed { .. } => {}
        }
        Ok(())
    }

    /// `row`: of the message that shows how far it is.
    async fn bring_up_one(
        &self,
        chat: ChatId,
        (whose, row): (FileOf, MessageRowId),
        item: &mut MediaItem,
    ) -> Result<(), Outcome> {
        if item.uploaded.put_up.is_some() {
            return Ok(());
        }
        let file = &item.file;
        let mut flight = Flight {
            uploader: self,
            whose,
            row,
            file,
            open: Arc::new(self.open(file).await?),
            told: None,
        };
        let total = parts_of(file.size);
        let (mut rounds, mut mended) = (0, 0);
        let mut from = item.uploaded.parts.min(total);
        loop {
            flight.parts(from, total).await?;
            from = total;
            match self.link.put_up(chat, file).await {
                Ok(put_up) => {
                    item.uploaded = Uploaded {
                        parts: total,
                        put_up: Some(put_up),
                    };
                    let kept = self.note(whose, item.uploaded.clone()).await;
                    // An edit has no random id: only with the very same file its repeat changes nothing.
                    return match (whose, kept) {
                        (FileOf::Edit(_), false) => Err(later("the store is away")),
                        _ => Ok(()),
                    };
                }
                Err(PutError::PartMissing(part)) if part < total && mended < MENDED_PARTS => {
                    mended += 1;
                    flight.part_again(part).await?;
                }
                Err(PutError::PartMissing(_) | PutError::PartsGone) if rounds < ROUNDS => {
                    rounds += 1;
                    mended = 0;
                    from = 0;
                    self.note(whose, Uploaded::default()).await;
                }
                Err(PutError::PartMissing(_) | PutError::PartsGone) => {
                    return Err(later("Telegram loses the parts of a file"));
                }
                Err(PutError::Refused(error)) => return Err(Outcome::Refused(error)),
                Err(PutError::Call(CallError::FloodWait(wait))) if wait <= SHORT_WAIT => {
                    tokio::time::sleep(wait).await;
                }
                Err(PutError::Call(error)) => return Err(call_failed(error)),
            }
        }
    }

    async fn open(&self, file: &OutgoingFile) -> Result<File, Outcome> {
        let name = StagedName {
            account: self.account_id,
            name: file.staged.clone(),
        };
        let lost = || {
            Outcome::Refused(MessageError {
                code: "FILE_LOST".to_owned(),
                message: "the file is no longer here: send it again".to_owned(),
            })
        };
        let mut brought = self.staging.bring(&name, file.at).await;
        if let Err(Missing::At(at)) = brought {
            if !self.copies.bring(name.clone(), file.size, at).await {
                return Err(Outcome::FileAway { wait: FILE_AWAY });
            }
            brought = self.staging.bring(&name, None).await;
        }
        let open = match brought {
            Ok(open) => open,
            Err(Missing::Later(reason)) => return Err(later(&reason)),
            Err(Missing::Lost | Missing::At(_)) => return Err(lost()),
        };
        let length = open.metadata().map(|found| found.len());
        match length {
            Ok(length) if length == file.size => Ok(open),
            Ok(_) => Err(lost()),
            Err(error) => Err(later(&error.to_string())),
        }
    }

    /// Spares the way a second time. False: the store is away.
    async fn note(&self, whose: FileOf, uploaded: Uploaded) -> bool {
        let noted = self.store.note_upload(whose, uploaded).await;
        if let Err(error) = &noted {
            log::debug!(target: "switchboard::account", "account={} how far an upload is could not be kept: {error}", self.account_id);
        }
        noted.is_ok()
    }
}

impl Flight<'_> {
    /// All parts from `from` on. What was done is noted as far as nothing before it is missing.
    async fn parts(&mut self, from: u32, total: u32) -> Result<(), Outcome> {
        let mut flying = FuturesUnordered::new();
        let (mut next, mut done, mut noted) = (from, from, from);
        let mut beyond: Vec<u32> = Vec::with_capacity(AT_ONCE);
        let mut failed = None;
        self.tell(done, true);
        loop {
            while failed.is_none() && next < total && flying.len() < AT_ONCE {
                flying.push(self.send(next));
                next += 1;
            }
            let Some((part, sent)) = flying.next().await else {
                break;
            };
            match sent {
                Ok(()) => beyond.push(part),
                Err(outcome) => failed = failed.or(Some(outcome)),
            }
            while let Some(at) = beyond.iter().position(|part| *part == done) {
                beyond.swap_remove(at);
                done += 1;
            }
            if done - noted >= NOTE_EVERY {
                noted = done;
                self.note(done).await;
            }
            self.tell(done, done == total);
        }
        match failed {
            None => Ok(()),
            Some(outcome) => {
                self.note(done).await;
                Err(outcome)
            }
        }
    }

    async fn part_again(&self, part: u32) -> Result<(), Outcome> {
        self.send(part).await.1
    }

    async fn note(&self, parts: u32) {
        let uploaded = Uploaded {
            parts,
            put_up: None,
        };
        self.uploader.note(self.whose, uploaded).await;
    }

    fn tell(&mut self, parts: u32, at_once: bool) {
        let now = Instant::now();
        if !at_once && self.told.is_some_and(|at| now - at < TELL_EVERY) {
            return;
        }
        self.told = Some(now);
        let done = (u64::from(parts) * u64::from(PART_SIZE)).min(self.file.size);
        self.uploader.sink.uploaded(UploadProgress {
            account_id: self.uploader.account_id,
            id: self.row,
            done,
            total: self.file.size,
        });
    }

    /// One part, through whatever keeps it away for a moment.
    fn send(&self, part: u32) -> impl Future<Output = (u32, Result<(), Outcome>)> + use<> {
        let (link, staging) = (self.uploader.link.clone(), self.uploader.staging.clone());
        let (open, file) = (Arc::clone(&self.open), self.file.clone());
        let account = self.uploader.account_id;
        async move {
            let mut cuts = 0;
            loop {
                let Some(place) = staging.part(account).await else {
                    return (part, Err(later("the service is stopping")));
                };
                let error = match try_part(&link, &open, &file, part, &place).await {
                    Ok(()) => return (part, Ok(())),
                    Err(error) => error,
                };
                drop(place);
                match error {
                    FileError::Network(_) if cuts < TRIES => {
                        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(cuts)).await;
                        cuts += 1;
                    }
                    FileError::FloodWait(wait) if wait <= SHORT_WAIT => {
                        tokio::time::sleep(wait).await;
                    }
                    error => return (part, Err(part_failed(error))),
                }
            }
        }
    }
}

async fn try_part(
    link: &LinkHandle,
    open: &Arc<File>,
    file: &OutgoingFile,
    part: u32,
    _held: &PartPlace,
) -> Result<(), FileError> {
    let open = Arc::clone(open);
    let offset = u64::from(part) * u64::from(PART_SIZE);
    // Below the size of a part.
    let length = usize::try_from((file.size - offset).min(u64::from(PART_SIZE))).unwrap_or(0);
    let read = aside::blocking(move || {
        let mut bytes = vec![0; length];
        open.read_exact_at(&mut bytes, offset).map(|()| bytes)
    });
    let bytes = match read.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(FileError::Network(format!("the staged file: {error}"))),
        Err(_) => return Err(FileError::Network("the service is stopping".to_owned())),
    };
    link.put_part(file, part, bytes).await
}

fn part_failed(error: FileError) -> Outcome {
    match error {
        // Other chats of the account are not concerned: they have words to send.
        FileError::FloodWait(wait) => Outcome::SlowMode { wait },
        FileError::Refused { code } => Outcome::Refused(MessageError {
            message: "Telegram did not take the file".to_owned(),
            code,
        }),
        error => later(&error.to_string()),
    }
}

fn call_failed(error: CallError) -> Outcome {
    match error {
        CallError::FloodWait(wait) => Outcome::SlowMode { wait },
        error => later(&error.to_string()),
    }
}

fn later(reason: &str) -> Outcome {
    Outcome::NotSent {
        reason: reason.to_owned(),
    }
}
