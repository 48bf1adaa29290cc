//! The archive: the account's whole history, a page after another, behind everything else.

use std::time::{Duration, Instant};

use super::{Fill, Halt};
use crate::{account::reading::PAGE, store::ArchiveWork, telegram::Urgency};

/// Between two pages of the archive: nobody waits for them, and Telegram is not to notice.
const ARCHIVE_REST: Duration = Duration::from_secs(1);
/// How far the archive is is told so often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How fast the archive comes in, and when that was told.
#[derive(Default)]
pub(super) struct ArchiveSpeed {
    /// A page with its rest, on average.
    page: Option<Duration>,
    told: Option<Instant>,
}

impl Fill {
    /// A page of the account's whole history. What is wanted more comes before the next one.
    pub(super) async fn read_on(
        &self,
        work: ArchiveWork,
        speed: &mut ArchiveSpeed,
    ) -> Result<(), Halt> {
        let Some((above, before)) = work.stretch else {
            return Ok(self.store.end_archive(work.conversation, None).await?);
        };
        let began = Instant::now();
        let read = self
            .reader(Urgency::Archive)
            .stretch(work.chat, above, before, PAGE)
            .await;
        match read {
            Ok(_) => {}
            Err(error) => match self.refusal(&error) {
                Some(reason) => {
                    log::warn!(
                        target: "switchboard::account",
                        "account={} chat={} its older history is not to be had reason={reason:?}",
                        self.account_id, work.chat
                    );
                    let ended = self.store.end_archive(work.conversation, Some(reason));
                    return Ok(ended.await?);
                }
                None => return Err(error.into()),
            },
        }
        // What was missed meanwhile does not wait for the rest to end.
        tokio::select! {
            () = tokio::time::sleep(ARCHIVE_REST) => {}
            () = self.bell.notified() => {}
        }
        let took = began.elapsed();
        let page = speed.page.unwrap_or(took);
        speed.page = Some(page.mul_f64(0.9) + took.mul_f64(0.1));
        if speed.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.tell_archive(speed).await?;
        }
        Ok(())
    }

    /// Nothing of it is left.
    pub(super) async fn archived(&self, speed: &mut ArchiveSpeed) -> Result<(), Halt> {
        *speed = ArchiveSpeed::default();
        Ok(self.store.tell_archived(self.account_id).await?)
    }

    async fn tell_archive(&self, speed: &mut ArchiveSpeed) -> Result<(), Halt> {
        let page = speed.page.unwrap_or(ARCHIVE_REST).as_millis();
        let pace = u64::try_from(page).unwrap_or(u64::MAX);
        self.store.tell_archive(self.account_id, pace).await?;
        speed.told = Some(Instant::now());
        Ok(())
    }
}
