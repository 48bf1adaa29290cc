//! Copies: what goes on to chats of another account, and can be known to be refused before it is ordered.

use super::{Access, ApiError, Service, replies};
use crate::{
    domain::{AccountId, Copied, MessageRowId},
    staging::StagingError,
};

/// Holds the files of these messages to what each of the accounts may send.
pub async fn check(
    service: &Service,
    access: &Access,
    messages: &[MessageRowId],
    to: &[AccountId],
) -> Result<(), ApiError> {
    for id in messages {
        let message = service.message(access, *id).await?;
        let media = message.media.filter(|media| media.copied() == Copied::File);
        let Some(size) = media.and_then(|media| u64::try_from(media.size?).ok()) else {
            continue;
        };
        for account in to.iter().filter(|account| **account != message.account_id) {
            let most = replies::largest_file(service, *account, Some(size)).await;
            if size > most {
                return Err(StagingError::TooLarge { most }.into());
            }
        }
    }
    Ok(())
}
