//! Opened: a file that can be read now, whether it is whole, on its way, or goes past the folder.

use std::{fs::File, ops::Range, os::unix::fs::FileExt, sync::Arc};

use actix_web::web::Bytes;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{MediaError, bucket::Bucket, fetch::Fetch, flight::Reader, handle::Inner};
use crate::{
    domain::{AccountId, FileKey},
    telegram::PART_SIZE,
};

/// What is read from the disk at once.
const CHUNK: u64 = 256 * 1024;
const STEP: u64 = PART_SIZE as u64;

pub struct Opened {
    pub size: u64,
    pub(super) inner: Arc<Inner>,
    pub(super) source: Source,
}

pub(super) enum Source {
    Whole(Arc<File>),
    Bucket(Bucket, AccountId, FileKey),
    Coming(BoxStream<'static, Result<Bytes, MediaError>>),
    /// With a way around the folder, should that fail.
    Growing(Reader, Option<Box<Fetch>>),
    Direct {
        fetch: Box<Fetch>,
        /// Given back with it.
        _place: OwnedSemaphorePermit,
    },
}

struct Reading {
    inner: Arc<Inner>,
    source: Source,
    at: u64,
    end: u64,
}

impl Opened {
    /// Waits until it is whole.
    pub(super) async fn arrived(self) -> Result<(), MediaError> {
        match self.source {
            Source::Growing(mut reader, _) => reader.whole().await.map(drop),
            _ => Ok(()),
        }
    }

    /// These bytes, at the pace at which they are taken.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, MediaError>> {
        let reading = Reading {
            inner: self.inner,
            source: self.source,
            at: range.start,
            end: range.end.min(self.size),
        };
        let stream: BoxStream<'static, _> = Box::pin(stream::try_unfold(reading, next));
        stream
    }
}

async fn next(mut reading: Reading) -> Result<Option<(Bytes, Reading)>, MediaError> {
    if reading.at >= reading.end {
        return Ok(None);
    }
    if let Source::Bucket(bucket, account, key) = &reading.source {
        let coming = bucket.read(*account, key, reading.at..reading.end).await?;
        reading.source = Source::Coming(coming);
    }
    let bytes = match &mut reading.source {
        Source::Bucket(..) => return Err(MediaError::Broken),
        Source::Coming(bytes) => match bytes.next().await {
            Some(bytes) => bytes?,
            None => return Err(MediaError::Incomplete(reading.at)),
        },
        Source::Whole(file) => {
            let file = Arc::clone(file);
            read(&reading.inner, file, reading.at..reading.end).await?
        }
        Source::Growing(reader, _) => match reader.beyond(reading.at).await {
            Ok(written) if written > reading.at => {
                let file = reader.file().ok_or(MediaError::Broken)?;
                read(&reading.inner, file, reading.at..reading.end.min(written)).await?
            }
            // It ended before it was as long as was said.
            Ok(written) => return Err(MediaError::Incomplete(written)),
            Err(MediaError::Disk(_)) => {
                go_around(&mut reading)?;
                return Box::pin(next(reading)).await;
            }
            Err(error) => return Err(error),
        },
        Source::Direct { fetch, .. } => {
            part(&reading.inner, fetch, reading.at..reading.end).await?
        }
    };
    reading.at += bytes.len() as u64;
    Ok(Some((bytes, reading)))
}

/// The folder failed: the rest comes from Telegram as it is read.
fn go_around(reading: &mut Reading) -> Result<(), MediaError> {
    let permit = reading.inner.direct()?;
    if let Source::Growing(_, fetch) = &mut reading.source {
        let fetch = fetch.take().ok_or(MediaError::Broken)?;
        reading.source = Source::Direct {
            fetch,
            _place: permit,
        };
    }
    Ok(())
}

async fn read(inner: &Inner, file: Arc<File>, range: Range<u64>) -> Result<Bytes, MediaError> {
    let wanted = usize::try_from((range.end - range.start).min(CHUNK)).unwrap_or(0);
    let read = inner
        .blocking(move || {
            let mut bytes = vec![0; wanted];
            file.read_exact_at(&mut bytes, range.start)
                .map(|()| Bytes::from(bytes))
        })
        .await?;
    read.map_err(|_| MediaError::Broken)
}

/// From Telegram at once, one part at a time; its place is given back before the reader takes it.
async fn part(inner: &Inner, fetch: &Fetch, range: Range<u64>) -> Result<Bytes, MediaError> {
    let first = range.start / STEP * STEP;
    let bytes = {
        let _place = inner.places.place(fetch.wanted().location.size).await?;
        fetch.part(first).await?
    };
    let bytes = Bytes::from(bytes);
    let from = usize::try_from(range.start - first).unwrap_or(usize::MAX);
    let to = usize::try_from(range.end - first)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    if from >= to {
        return Err(MediaError::Incomplete(first + bytes.len() as u64));
    }
    Ok(bytes.slice(from..to))
}
