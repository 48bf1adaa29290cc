//! The list of the account's chats: its pages after a sign-in and a hole, and a look at its top after an absence.

use std::sync::atomic::Ordering;

use super::{Fill, Halt, dialog_progress::DialogProgress};
use crate::{
    account::reading::PAGE,
    domain::{Batch, Change, DialogRecord},
    telegram::{CallError, DialogCursor, DialogPage, Urgency},
};

/// Chats whose recent history is fetched after a sign-in.
const RECENT_CHATS: u32 = 30;
/// A page of the list that is refused is asked for so often.
const LIST_TRIES: u32 = 4;

impl Fill {
    /// Chats that the account came to while it was away, and channels that nothing announced, stand at the top of its list; and it
    /// says how far each is read, and what else is put on a chat: what changed of that while the account was away, nothing else tells.
    pub(super) async fn look_at_top(&self) -> Result<(), Halt> {
        if !self.progress().await?.finished {
            return Ok(());
        }
        let asked = self.store.holes(self.account_id).await?;
        let page = self.link.dialogs_page(None, PAGE, Urgency::Compare).await;
        let page = match page {
            Ok(page) => page,
            Err(error) if self.is_definite(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let ours = self.store.channel_positions(self.account_id).await?;
        let theirs = dialogs(&page.batch)
            .filter_map(|dialog| Some((dialog.chat.channel_id()?, dialog.channel_pts?)));
        let unknown: Vec<_> = theirs
            .filter(|(id, pts)| ours.iter().all(|(known, ours)| known != id || ours < pts))
            .collect();
        let mut batch = page.batch;
        batch.asked = Some(asked);
        // Those are asked about one by one, and tell it then.
        batch.changes.retain(|change| {
            let of = match change {
                Change::Dialog(dialog) => dialog.chat.channel_id(),
                Change::Message(message) => message.chat.channel_id(),
                _ => None,
            };
            of.is_none_or(|channel| unknown.iter().all(|(id, _)| *id != channel))
        });
        self.store.record_batch(batch).await?;
        self.link.compare(unknown);
        self.fetch_drafts().await
    }

    /// The next page of the list of chats, after each sign-in and each hole.
    pub(super) async fn next_dialogs(&self, mut progress: DialogProgress) -> Result<(), Halt> {
        let asked = self.store.holes(self.account_id).await?;
        let page = self
            .link
            .dialogs_page(Some(progress.cursor()), PAGE, Urgency::Sync)
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) if self.is_definite(&error) => {
                return self.list_refused(progress, asked, &error).await;
            }
            Err(error) => return Err(error.into()),
        };
        let DialogPage {
            mut batch,
            next,
            total,
        } = page;
        progress.done += rows(&batch);
        let total = total.max(progress.done);
        batch.asked = Some(asked);
        let behind = self.behind(&batch).await?;
        self.store.record_batch(batch).await?;
        self.link.compare(behind);
        self.tell(Some(("dialogs", progress.done, total))).await?;
        progress.move_to(next);
        if progress.finished {
            if self.store.has_supergroups(self.account_id).await? {
                self.fetch_drafts().await?;
            }
            self.store
                .want_recent(self.account_id, RECENT_CHATS)
                .await?;
        }
        self.save(&progress, asked).await
    }

    /// Asked for again; and as the chat that it comes after may be what is refused, then from its time on: a few chats come
    /// twice. What is not given then is left out, and does not count as read.
    async fn list_refused(
        &self,
        mut progress: DialogProgress,
        asked: i64,
        error: &CallError,
    ) -> Result<(), Halt> {
        progress.refused += 1;
        if progress.refused == LIST_TRIES / 2 && progress.offset_peer.take().is_some() {
            (progress.offset_id, progress.offset_date) =
                (0, progress.offset_date.saturating_add(1));
        }
        if progress.refused < LIST_TRIES {
            self.save(&progress, asked).await?;
            return Err(Halt::Trouble(error.to_string()));
        }
        log::warn!(
            target: "switchboard::account",
            "account={} the list of chats ends early folder={} reason=\"{error}\"",
            self.account_id, progress.folder
        );
        progress.cut = true;
        self.refused.store(true, Ordering::Relaxed);
        progress.move_to(DialogCursor::folder_after(progress.folder));
        self.save(&progress, asked).await
    }

    /// Channels that the list knows more of than the store, and how far the list is.
    async fn behind(&self, batch: &Batch) -> Result<Vec<(i64, i32)>, Halt> {
        let ours = self.store.channel_positions(self.account_id).await?;
        let mut behind = Vec::new();
        for dialog in dialogs(batch) {
            if let (Some(channel), Some(theirs)) = (dialog.chat.channel_id(), dialog.channel_pts)
                && ours.iter().any(|(id, pts)| *id == channel && *pts < theirs)
            {
                behind.push((channel, theirs));
            }
        }
        Ok(behind)
    }

    pub(super) async fn progress(&self) -> Result<DialogProgress, Halt> {
        let saved = self.store.dialog_sync_cursor(self.account_id).await?;
        Ok(saved
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    pub(super) async fn save(&self, progress: &DialogProgress, asked: i64) -> Result<(), Halt> {
        let text = serde_json::to_string(progress).ok();
        self.store
            .set_dialog_sync_cursor(self.account_id, text, asked, progress.is_whole())
            .await?;
        Ok(())
    }
}

fn dialogs(batch: &Batch) -> impl Iterator<Item = &DialogRecord> {
    batch.changes.iter().filter_map(|change| match change {
        Change::Dialog(dialog) => Some(dialog),
        _ => None,
    })
}

fn rows(batch: &Batch) -> i64 {
    i64::try_from(dialogs(batch).count()).unwrap_or(0)
}
