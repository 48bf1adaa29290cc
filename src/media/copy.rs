//! Copy: the file of one account's message, staged to go out through another. Nobody but its own account can show it to Telegram.

use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};
use tokio::time::timeout;

use super::{MediaError, MediaHandle, OfMessage, Opened, Wanted};
use crate::{
    domain::{AccountId, AccountState, Media, MediaKind, MessageError, MessageRowId},
    staging::{As, Guised, Offered, Staging, StagingError, Unfit},
};

/// For one file: two gibibytes at ten megabits a second.
const LIMIT: Duration = Duration::from_secs(1800);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Somebody has to do something first, or nobody can.
    #[error("{}", .0.message)]
    Refused(MessageError),
    /// Telegram says when to come back.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    Wait(Duration),
    #[error("{0}")]
    Later(String),
}

/// A file of a message whose account is at another node: its size, and its bytes.
pub type FromAbroad = (u64, BoxStream<'static, Result<Bytes, MediaError>>);

/// Where files of accounts come from that other nodes have.
pub trait Abroad: Send + Sync {
    /// `None`: the account is here.
    fn file(
        &self,
        account: AccountId,
        message: MessageRowId,
    ) -> BoxFuture<'_, Option<Result<FromAbroad, MediaError>>>;
}

impl MediaHandle {
    /// Fetches the file of a message, and stages it for this account.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn copy(
        &self,
        source: MessageRowId,
        abroad: &dyn Abroad,
        (staging, account): (&Staging, AccountId),
    ) -> Result<Guised, CopyError> {
        let copy = self.copy_of(source, abroad, (staging, account));
        match timeout(LIMIT, copy).await {
            Ok(copied) => copied,
            Err(_) => Err(CopyError::Later("the file did not come in time".to_owned())),
        }
    }

    async fn copy_of(
        &self,
        source: MessageRowId,
        abroad: &dyn Abroad,
        (staging, account): (&Staging, AccountId),
    ) -> Result<Guised, CopyError> {
        let message = self.inner.store.get_message(source).await;
        let message = message.map_err(|error| CopyError::Later(error.to_string()))?;
        let message = message.ok_or_else(gone)?;
        let whose = message.account_id;
        let media = message.media.ok_or_else(gone)?;
        let number = message.message_id.as_deref().and_then(|id| id.parse().ok());
        let of = OfMessage {
            row: source,
            chat: message.chat_id,
            message_id: number.ok_or_else(gone)?,
            thumb: false,
        };
        let opened = match abroad.file(whose, source).await {
            Some(found) => found,
            None => self.open_of(whose, of).await.map(|opened| {
                let size = opened.size;
                (size, opened.stream(0..size).boxed())
            }),
        };
        let (size, mut pieces) = match opened {
            Ok(opened) => opened,
            Err(error) => return Err(self.told(whose, error).await),
        };
        let mut writer = staging.begin(account, size, Some(size)).map_err(no_room)?;
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => writer.write(&piece).await.map_err(no_room)?,
                Err(error) => return Err(self.told(whose, error).await),
            }
        }
        let staged = writer.finish().await.map_err(no_room)?;
        let wanted = wanted_as(&media);
        let guised = Guised::look(staging, staged, offered(media), wanted).await;
        guised.map_err(|unfit| match unfit {
            Unfit::Staging(error) => no_room(error),
            unfit => refused("MEDIA_INVALID", unfit.to_string()),
        })
    }

    async fn open_of(&self, account: AccountId, of: OfMessage) -> Result<Opened, MediaError> {
        let files = self.files(account, of).await?;
        let wanted = Wanted {
            account,
            location: files.file.ok_or(MediaError::Gone)?,
            message: Some(of),
        };
        self.open(&wanted, 0).await
    }

    /// An account that comes back by itself is waited for.
    async fn told(&self, whose: AccountId, error: MediaError) -> CopyError {
        match error {
            MediaError::Gone => gone(),
            MediaError::Wait(wait) => CopyError::Wait(wait),
            MediaError::Away => match self.inner.store.get_account(whose).await {
                Ok(Some(account)) if waits_for_a_person(account.state) => refused(
                    "account_unavailable",
                    format!("the file is with {}, which is not connected", account.label),
                ),
                Ok(None) => gone(),
                Ok(Some(_)) => CopyError::Later(MediaError::Away.to_string()),
                Err(error) => CopyError::Later(error.to_string()),
            },
            error => CopyError::Later(error.to_string()),
        }
    }
}

const fn waits_for_a_person(state: AccountState) -> bool {
    matches!(
        state,
        AccountState::SignedOut
            | AccountState::SigningIn
            | AccountState::Stopped
            | AccountState::NeedsLogin
            | AccountState::Banned
            | AccountState::Failed
    )
}

/// As what it goes out once more.
const fn wanted_as(media: &Media) -> Option<As> {
    match media.kind {
        MediaKind::Photo => Some(As::Photo),
        MediaKind::Voice => Some(As::Voice),
        MediaKind::Document => Some(As::File),
        _ => None,
    }
}

fn offered(media: Media) -> Offered {
    Offered {
        name: media.name,
        mime: media.mime,
        // Telegram cleared it when it was sent.
        keep_metadata: true,
        waveform: media.waveform,
    }
}

fn no_room(error: StagingError) -> CopyError {
    match error {
        StagingError::TooLarge { .. } => {
            refused("MEDIA_INVALID", "the file is longer than was said")
        }
        error => CopyError::Later(error.to_string()),
    }
}

fn gone() -> CopyError {
    refused("media_gone", "Telegram no longer has this file")
}

fn refused(code: &str, message: impl Into<String>) -> CopyError {
    CopyError::Refused(MessageError {
        code: code.to_owned(),
        message: message.into(),
    })
}
