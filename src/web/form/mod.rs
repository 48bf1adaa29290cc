//! Form: a `multipart/form-data` body. Its files go to the staging folder while they come in; never is one whole in memory.
//!
//! Here its bytes are only handed on: taking them apart would keep the threads that answer calls.

mod reader;

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::{StatusCode, header},
    web::{self, Bytes},
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::ApiError;
use crate::{
    domain::AccountId,
    staging::{As, Guised, Offered, Staged, Staging, StagingError, Unfit, check_together},
};
use reader::{Ask, Feed, Heard};

/// Of a waveform.
const MOST_BARS: usize = 100;
const LOUDEST: u8 = 31;
/// What is read and thrown away so that a refusal is heard: a client that still writes does not read.
const REST: usize = 32 << 20;
const REST_LIMIT: Duration = Duration::from_secs(3);

/// A body that comes in: fields, and files that are staged.
pub struct Form {
    /// `None`: at its end, or broken off.
    body: Option<web::Payload>,
    /// It found no room yet.
    next: Option<Bytes>,
    feed: Feed,
    fields: Vec<(String, String)>,
    files: Vec<(Staged, Offered)>,
    /// The reader is at the form's end, or can't go on.
    over: bool,
    /// What the whole body says it has.
    length: Option<u64>,
}

/// Is the body a form?
pub fn is_form(request: &HttpRequest) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(is_form_type)
}

pub fn is_form_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("multipart/form-data")
}

impl Form {
    pub fn open(request: &HttpRequest, body: web::Payload) -> Self {
        let length = request.headers().get(header::CONTENT_LENGTH);
        Self {
            body: Some(body),
            next: None,
            feed: Feed::open(request.headers()),
            fields: Vec::new(),
            files: Vec::new(),
            over: false,
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
        }
    }

    /// What the whole body says it has.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// The fields that stand before the first file.
    pub async fn read_fields(&mut self) -> Result<(), ApiError> {
        self.ask(Ask::Fields).await
    }

    /// Everything to its end. `most`: bytes of a file that the account may send.
    pub async fn read(
        &mut self,
        staging: &Staging,
        account: AccountId,
        most: u64,
    ) -> Result<(), ApiError> {
        let length = self.length;
        let staging = staging.clone();
        self.ask(Ask::Files {
            staging,
            account,
            most,
            length,
        })
        .await
    }

    /// Hands the body on until the reader has what it was asked for.
    async fn ask(&mut self, ask: Ask) -> Result<(), ApiError> {
        let gone = || ApiError::internal("the reader of forms is gone");
        let mut heard = self.feed.ask(ask).await.ok_or_else(gone)?;
        let Heard {
            outcome,
            fields,
            files,
            over,
        } = loop {
            tokio::select! {
                biased;
                heard = &mut heard => break heard.map_err(|_| gone())?,
                () = self.hand_on(), if self.body.is_some() => {}
            }
        };
        self.fields.extend(fields);
        self.files.extend(files);
        self.over = over;
        outcome
    }

    /// The next piece. May be dropped half way: nothing is lost.
    async fn hand_on(&mut self) {
        let Some(body) = &mut self.body else { return };
        if self.next.is_none() {
            match body.next().await {
                Some(Ok(piece)) => self.next = Some(piece),
                end => {
                    self.body = None;
                    self.feed.end(end.and_then(Result::err));
                    return;
                }
            }
        }
        self.feed.piece(&mut self.next).await;
    }

    /// As what each of the files goes out.
    pub async fn guise(&mut self, staging: &Staging) -> Result<Vec<Guised>, ApiError> {
        let wishes = Wishes::of(|name| self.field(name))?;
        if self.files.is_empty() {
            return Err(ApiError::unprocessable(
                "file_missing",
                "the form has no file: each is a part with a filename",
            ));
        }
        guised(staging, std::mem::take(&mut self.files), &wishes).await
    }

    /// `None`: it was not given.
    pub fn field(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut given = self.fields.iter().filter(|(known, _)| known == name);
        match (given.next(), given.next()) {
            (_, Some(_)) => Err(invalid(format!("{name} is given twice"))),
            (given, None) => Ok(given.map(|(_, text)| text.as_str())),
        }
    }

    /// The rest of a body that is refused, as far as that is worth it.
    pub async fn drain(mut self) {
        self.files.clear();
        let Some(mut body) = self.body.take().filter(|_| !self.over) else {
            return;
        };
        // It reads no further.
        drop(self.feed);
        let rest = async {
            let mut left = REST;
            while let Some(Ok(piece)) = body.next().await {
                left = left.saturating_sub(piece.len());
                if left == 0 {
                    return;
                }
            }
        };
        // The refusal is given all the same.
        let _ = timeout(REST_LIMIT, rest).await;
    }
}

/// How files are to go out.
#[derive(Default)]
pub struct Wishes {
    wanted: Option<As>,
    keep_metadata: bool,
    waveform: Option<Vec<u8>>,
}

impl Wishes {
    pub fn of<'a>(
        field: impl Fn(&str) -> Result<Option<&'a str>, ApiError>,
    ) -> Result<Self, ApiError> {
        let wanted = match field("as")? {
            None | Some("") => None,
            Some(text) => Some(
                As::parse(text).ok_or_else(|| invalid("as is photo, file or voice".to_owned()))?,
            ),
        };
        let keep_metadata = match field("keep_metadata")? {
            None | Some("" | "false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(invalid("keep_metadata is true or false".to_owned())),
        };
        Ok(Self {
            wanted,
            keep_metadata,
            waveform: field("waveform")?.map(bars).transpose()?,
        })
    }
}

/// As what each of some files goes out.
pub async fn guised(
    staging: &Staging,
    files: Vec<(Staged, Offered)>,
    wishes: &Wishes,
) -> Result<Vec<Guised>, ApiError> {
    let mut guised = Vec::with_capacity(files.len());
    for (staged, offered) in files {
        let offered = Offered {
            keep_metadata: wishes.keep_metadata,
            waveform: wishes.waveform.clone(),
            ..offered
        };
        guised.push(Guised::look(staging, staged, offered, wishes.wanted).await?);
    }
    check_together(&mut guised)?;
    Ok(guised)
}

fn bars(text: &str) -> Result<Vec<u8>, ApiError> {
    let bars: Option<Vec<u8>> = serde_json::from_str(text).ok();
    bars.filter(|bars| bars.len() <= MOST_BARS && bars.iter().all(|bar| *bar <= LOUDEST))
        .ok_or_else(|| {
            invalid("waveform is a JSON array of at most 100 numbers from 0 to 31".to_owned())
        })
}

fn invalid(message: String) -> ApiError {
    ApiError::unprocessable("invalid_field", message)
}

impl From<StagingError> for ApiError {
    fn from(error: StagingError) -> Self {
        let text = error.to_string();
        match error {
            StagingError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", text)
            }
            StagingError::Busy => Self::new(StatusCode::TOO_MANY_REQUESTS, "uploads_busy", text)
                .retry_after(Duration::from_secs(5)),
            StagingError::Full => Self::because(
                StatusCode::INSUFFICIENT_STORAGE,
                "staging_full",
                "too much is waiting to be sent already: try again when some of it is out",
                text,
            ),
            StagingError::DiskFull => Self::because(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk_full",
                "the disk of the service is full, nothing was sent: tell whoever runs it",
                text,
            ),
            StagingError::Away(_) => Self::because(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the bucket of the service takes no files for now, nothing was sent: try again",
                text,
            ),
            StagingError::ReadOnly => Self::because(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the disk of the service takes no files for now, nothing was sent: try again",
                text,
            ),
            StagingError::Folder(error) => Self::internal(error),
        }
    }
}

impl From<Unfit> for ApiError {
    fn from(unfit: Unfit) -> Self {
        let code = match unfit {
            Unfit::Staging(error) => return error.into(),
            Unfit::Empty { .. } => "file_empty",
            Unfit::NoPhoto { .. } | Unfit::PhotoTooLarge { .. } | Unfit::PhotoShape { .. } => {
                "photo_unfit"
            }
            Unfit::NoVoice { .. } => "voice_unfit",
            Unfit::TooMany(_) => "too_many_files",
            Unfit::VoiceAlone => "voice_alone",
        };
        Self::unprocessable(code, unfit.to_string())
    }
}
