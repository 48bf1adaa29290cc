//! Reader: takes a form apart and stages its files, away from the threads that answer calls.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{error::PayloadError, http::header::HeaderMap, web::Bytes};
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::invalid;
use crate::{
    aside,
    domain::AccountId,
    staging::{Offered, Staged, Staging, Unfit},
    web::{ApiError, error::payload_error},
};

/// Of a field that is no file: a caption in its longest form has less.
const LONGEST_FIELD: usize = 64 << 10;
const MOST_FIELDS: usize = 32;
/// Those of one album.
const MOST_FILES: usize = 10;
/// Bytes of a body that have come in and were not taken apart yet.
pub(super) const ROOM: usize = 256 << 10;

/// What is wanted of a form.
pub(super) enum Ask {
    /// The fields that stand before the next file.
    Fields,
    /// Everything to its end.
    Files {
        staging: Staging,
        account: AccountId,
        /// Bytes of a file that the account may send.
        most: u64,
        /// What the whole body says it has.
        length: Option<u64>,
    },
}

/// What was read until the end, the next file or an error.
pub(super) struct Heard {
    pub outcome: Result<(), ApiError>,
    pub fields: Vec<(String, String)>,
    pub files: Vec<(Staged, Offered)>,
    /// At its end, or broken.
    pub over: bool,
}

enum Came {
    Piece(
        Bytes,
        #[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
    ),
    Broken(PayloadError),
    End,
}

/// The way of a body to its reader.
pub(super) struct Feed {
    came: mpsc::UnboundedSender<Came>,
    room: Arc<Semaphore>,
    asks: mpsc::Sender<(Ask, oneshot::Sender<Heard>)>,
}

impl Feed {
    /// Begins to read a body with these headers. It ends with this value.
    pub fn open(headers: &HeaderMap) -> Self {
        let (feed, pieces, asked) = Self::new();
        let headers = headers.clone();
        let reading = move || read(headers, pieces, asked);
        if let Err(reading) = aside::local(reading) {
            actix_web::rt::spawn(reading());
        }
        feed
    }

    fn new() -> (Self, Pieces, mpsc::Receiver<(Ask, oneshot::Sender<Heard>)>) {
        // Bounded in bytes by `room`.
        let (came, coming) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::channel(1);
        let feed = Self {
            came,
            room: Arc::new(Semaphore::new(ROOM)),
            asks,
        };
        let pieces = Pieces {
            coming,
            over: false,
        };
        (feed, pieces, asked)
    }

    /// `None`: the reader is gone.
    pub async fn ask(&self, ask: Ask) -> Option<oneshot::Receiver<Heard>> {
        let (answer, heard) = oneshot::channel();
        self.asks.send((ask, answer)).await.ok()?;
        Some(heard)
    }

    /// Waits until there is room for `next`, and takes it. Dropped before, it is still there.
    pub async fn piece(&self, next: &mut Option<Bytes>) {
        let Some(length) = next.as_ref().map(|piece| piece.len().clamp(1, ROOM)) else {
            return;
        };
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(length).await;
        if let (Ok(room), Some(piece)) = (room, next.take()) {
            self.send(Came::Piece(piece, room));
        }
    }

    /// Nothing comes any more.
    pub fn end(&self, error: Option<PayloadError>) {
        self.send(error.map_or(Came::End, Came::Broken));
    }

    fn send(&self, came: Came) {
        // A reader that is gone is noticed by whoever asks it.
        let _ = self.came.send(came);
    }
}

/// The body, as the reader gets it.
struct Pieces {
    coming: mpsc::UnboundedReceiver<Came>,
    over: bool,
}

impl Stream for Pieces {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let came = ready!(self.coming.poll_recv(cx));
        self.over = !matches!(came, Some(Came::Piece(..)));
        Poll::Ready(match came {
            Some(Came::Piece(piece, _)) => Some(Ok(piece)),
            Some(Came::Broken(error)) => Some(Err(error)),
            Some(Came::End) => None,
            None => Some(Err(PayloadError::Incomplete(None))),
        })
    }
}

async fn read(
    headers: HeaderMap,
    pieces: Pieces,
    mut asked: mpsc::Receiver<(Ask, oneshot::Sender<Heard>)>,
) {
    let mut reader = Reader {
        parts: Some(Multipart::new(&headers, pieces)),
        ahead: None,
        fields: Vec::new(),
        files: Vec::new(),
        counts: (0, 0),
    };
    while let Some((ask, mut answer)) = asked.recv().await {
        let outcome = tokio::select! {
            biased;
            // Whoever asked is gone, and with it what was staged.
            () = answer.closed() => return,
            outcome = reader.go_on(ask) => outcome,
        };
        let heard = Heard {
            outcome,
            fields: std::mem::take(&mut reader.fields),
            files: std::mem::take(&mut reader.files),
            over: reader.parts.is_none(),
        };
        let _ = answer.send(heard);
    }
}

struct Reader {
    /// `None`: at its end, or broken; the library must not be asked for more then.
    parts: Option<Multipart>,
    /// A file whose bytes are still to come.
    ahead: Option<Field>,
    fields: Vec<(String, String)>,
    files: Vec<(Staged, Offered)>,
    /// Fields and files so far.
    counts: (usize, usize),
}

impl Reader {
    async fn go_on(&mut self, ask: Ask) -> Result<(), ApiError> {
        match ask {
            Ask::Fields => self.read_fields().await,
            Ask::Files {
                staging,
                account,
                most,
                length,
            } => self.read_files(&staging, account, (most, length)).await,
        }
    }

    async fn next_part(&mut self) -> Option<Result<Field, MultipartError>> {
        let part = self.parts.as_mut()?.next().await;
        if !matches!(part, Some(Ok(_))) {
            self.parts = None;
        }
        part
    }

    async fn read_fields(&mut self) -> Result<(), ApiError> {
        while self.ahead.is_none() {
            let Some(part) = self.next_part().await else {
                return Ok(());
            };
            let mut part = part.map_err(broken)?;
            if file_name(&part).is_some() {
                self.ahead = Some(part);
                return Ok(());
            }
            let name = part.name().unwrap_or_default().to_owned();
            let mut text = Vec::new();
            while let Some(piece) = part.next().await {
                let piece = piece.map_err(broken)?;
                if text.len() + piece.len() > LONGEST_FIELD {
                    return Err(invalid(format!("{name} is too long")));
                }
                text.extend_from_slice(&piece);
            }
            let text = String::from_utf8(text)
                .map_err(|_| invalid(format!("{name} is not written in UTF-8")))?;
            if self.counts.0 >= MOST_FIELDS {
                return Err(invalid("there are too many fields".to_owned()));
            }
            self.counts.0 += 1;
            self.fields.push((name, text));
        }
        Ok(())
    }

    async fn read_files(
        &mut self,
        staging: &Staging,
        account: AccountId,
        (most, length): (u64, Option<u64>),
    ) -> Result<(), ApiError> {
        loop {
            self.read_fields().await?;
            let Some(mut part) = self.ahead.take() else {
                return Ok(());
            };
            if self.counts.1 >= MOST_FILES {
                return Err(Unfit::TooMany(MOST_FILES + 1).into());
            }
            let offered = Offered {
                name: file_name(&part),
                mime: part.content_type().map(ToString::to_string),
                ..Offered::default()
            };
            let expected = length.map(|length| length.min(most));
            let mut writer = staging.begin(account, most, expected)?;
            while let Some(piece) = part.next().await {
                writer.write(&piece.map_err(broken)?).await?;
            }
            self.counts.1 += 1;
            self.files.push((writer.finish().await?, offered));
        }
    }
}

fn file_name(part: &Field) -> Option<String> {
    let disposition = part.content_disposition()?;
    let name = disposition
        .get_filename_ext()
        .and_then(|name| String::from_utf8(name.value.clone()).ok());
    name.or_else(|| disposition.get_filename().map(str::to_owned))
}

fn broken(error: MultipartError) -> ApiError {
    match error {
        MultipartError::Payload(error) => payload_error(error),
        MultipartError::Parse(_) => invalid("the head of a part can't be read".to_owned()),
        error => ApiError::bad_request(
            "malformed_multipart",
            format!("the body can't be read as multipart/form-data: {error}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Protects memory: of a body whose reader is slow so much lies here and no more, and what found no room is not lost.
    #[test]
    fn a_slow_reader_keeps_its_sender_waiting() {
        let (feed, mut pieces, _asked) = Feed::new();
        let size = 10_000;
        let piece = || Some(Bytes::from(vec![7; size]));
        let mut waiting = piece();
        let mut taken = 0;
        while feed.piece(&mut waiting).now_or_never().is_some() {
            taken += size;
            waiting = piece();
        }
        assert_eq!(taken, ROOM / size * size);
        assert!(waiting.is_some());
        assert!(matches!(pieces.next().now_or_never(), Some(Some(Ok(_)))));
        assert!(feed.piece(&mut waiting).now_or_never().is_some());
        assert!(waiting.is_none());
        // One that is larger than all of the room waits until it is empty.
        let mut large = Some(Bytes::from(vec![7; 2 * ROOM]));
        assert!(feed.piece(&mut large).now_or_never().is_none());
        drop(feed);
        let mut all: Vec<_> = pieces.collect::<Vec<_>>().now_or_never().unwrap();
        // Nobody said that it was at its end.
        assert!(matches!(
            all.pop(),
            Some(Err(PayloadError::Incomplete(None)))
        ));
        assert_eq!(all.len(), taken / size);
    }
}
