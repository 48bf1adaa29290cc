//! Ahead: files are fetched before anybody looks, as their accounts are set, in the background.
//!
//! Takes turns of the account's reading budget behind everybody else. What is missed here (too much at once, an account that is
//! away) is fetched when somebody looks, like everything.

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{MediaError, MediaHandle, OfMessage, Wanted, policy::Arrived};
use crate::{
    domain::{FileLocation, MediaPolicy, Thumb},
    telegram::Urgency,
};

/// Files at once, of all accounts.
const AT_ONCE: usize = 2;
/// Larger ones wait for somebody to look.
const LARGEST: u64 = 20 << 20;

/// Runs until nobody can tell of arrivals any more.
pub(super) async fn run(media: MediaHandle, arrivals: mpsc::Receiver<Arrived>) {
    let arrivals = stream::unfold(arrivals, async |mut arrivals| {
        arrivals.recv().await.map(|arrived| (arrived, arrivals))
    });
    arrivals
        .for_each_concurrent(AT_ONCE, async |arrived| {
            if let Err(error) = take(&media, arrived).await {
                log::debug!(
                    target: "switchboard::media",
                    "account={} message={} was not fetched ahead: {error}",
                    arrived.account,
                    arrived.message.row.0
                );
            }
        })
        .await;
}

async fn take(media: &MediaHandle, arrived: Arrived) -> Result<(), MediaError> {
    let Some(files) = media.kept_files(arrived.message.row).await? else {
        return Ok(());
    };
    if let Some(Thumb::At(location)) = files.thumb {
        keep(media, arrived, location, true).await?;
    }
    let file = files
        .file
        .filter(|file| file.size.is_some_and(|size| size <= LARGEST));
    if arrived.policy == MediaPolicy::All
        && let Some(location) = file
    {
        keep(media, arrived, location, false).await?;
    }
    Ok(())
}

async fn keep(
    media: &MediaHandle,
    arrived: Arrived,
    location: FileLocation,
    thumb: bool,
) -> Result<(), MediaError> {
    let link = media.link(arrived.account).await.ok_or(MediaError::Away)?;
    link.turn(Urgency::Compare).await;
    drop(link);
    let wanted = Wanted {
        account: arrived.account,
        location,
        message: Some(OfMessage {
            thumb,
            ..arrived.message
        }),
    };
    media.open(&wanted, 0).await?.arrived().await
}
