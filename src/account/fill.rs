//! Fill: what the live stream does not bring. After a sign-in all dialogs, then the recent history of the busiest
//! chats; later the holes that Telegram would not replay. In the background and resumable: a flood wait or a
//! restart goes on at the same page.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use crate::{
    domain::{AccountId, Batch, Change, ChatId, Conversation, DialogRecord, SyncProgress},
    store::{ConversationFilter, FillJob, FillScope, NewFillJob, StoreError, StoreHandle},
    telegram::{CallError, DialogCursor, HistoryRange, LinkHandle},
};

/// Rows of a page; Telegram gives at most a hundred.
const PAGE: i32 = 100;
/// Chats whose recent history is fetched after a sign-in, and how much of it.
const RECENT_CHATS: u32 = 30;
const RECENT_MESSAGES: i32 = 50;
/// Pages without a single message that can be shown, one after another, before somebody who waits is answered.
const BARREN_PAGES: u32 = 5;
/// Pages fetched for a jump to an old message.
const LONGEST_JUMP: u32 = 30;
/// After trouble that says nothing about when to come back.
const PAUSE: Duration = Duration::from_secs(5);

pub struct Fill {
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub link: LinkHandle,
    /// Rung when the account came online or a hole was recorded.
    pub bell: Arc<Notify>,
    pub online: watch::Receiver<bool>,
}

/// How far the dialog list was read; kept by the store as text.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct DialogProgress {
    finished: bool,
    folder: i32,
    offset_date: i32,
    offset_id: i32,
    offset_peer: Option<ChatId>,
    /// Rows read so far.
    done: i64,
}

/// Why filling can't go on.
enum Halt {
    /// Later, by itself.
    Wait(Duration),
    /// The account ends.
    End,
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed | StoreError::AccountNotFound => Self::End,
            _ => Self::Wait(PAUSE),
        }
    }
}

impl From<CallError> for Halt {
    fn from(error: CallError) -> Self {
        match error {
            CallError::FloodWait(wait) => Self::Wait(wait),
            CallError::SignedOut(_) => Self::End,
            CallError::Network(_)
            | CallError::StoreAway(_)
            | CallError::TimedOut
            | CallError::Rejected { .. }
            | CallError::Unresolvable => Self::Wait(PAUSE),
        }
    }
}

impl Fill {
    /// Runs until the account ends.
    pub async fn run(mut self) {
        loop {
            if self.online.wait_for(|online| *online).await.is_err() {
                return;
            }
            match self.work().await {
                Ok(()) => self.bell.notified().await,
                Err(Halt::Wait(wait)) => tokio::time::sleep(wait).await,
                Err(Halt::End) => return,
            }
        }
    }

    async fn work(&self) -> Result<(), Halt> {
        self.sync_dialogs().await?;
        while let Some(job) = self.store.next_fill_job(self.account_id).await? {
            match job.scope {
                FillScope::Account => self.compare_dialogs(&job).await?,
                FillScope::Chat(chat) => self.fill_chat(&job, chat).await?,
            }
        }
        self.tell(None).await
    }

    /// All dialogs, once after each sign-in.
    async fn sync_dialogs(&self) -> Result<(), Halt> {
        let mut progress = self.progress().await?;
        if progress.finished {
            return Ok(());
        }
        loop {
            let page = self
                .link
                .dialogs_page(Some(progress.cursor()), PAGE)
                .await?;
            progress.done += rows(&page.batch);
            let total = page.total.max(progress.done);
            self.store.record_batch(page.batch).await?;
            self.tell(Some(("dialogs", progress.done, total))).await?;
            let last = page.next.is_none();
            progress.move_to(page.next);
            if last {
                self.plan_recent().await?;
            }
            self.save(&progress).await?;
            if last {
                return Ok(());
            }
        }
    }

    async fn plan_recent(&self) -> Result<(), Halt> {
        let filter = ConversationFilter {
            account_ids: vec![self.account_id],
            limit: RECENT_CHATS,
            ..ConversationFilter::default()
        };
        let page = self.store.list_conversations(filter).await?;
        let jobs = page
            .items
            .iter()
            .map(|conversation| NewFillJob {
                scope: FillScope::Chat(conversation.chat_id),
                below: None,
                down_to: None,
                remaining: Some(RECENT_MESSAGES),
            })
            .collect();
        self.store.add_fill_jobs(self.account_id, jobs).await?;
        Ok(())
    }

    /// After a hole of the whole account: which chats have news that are not stored?
    async fn compare_dialogs(&self, job: &FillJob) -> Result<(), Halt> {
        let mut cursor = None;
        loop {
            let page = self.link.dialogs_page(cursor, PAGE).await?;
            let mut jobs = Vec::new();
            for dialog in dialogs(&page.batch) {
                jobs.extend(self.gap_below(dialog).await?);
            }
            self.store.add_fill_jobs(self.account_id, jobs).await?;
            self.store.record_batch(page.batch).await?;
            cursor = page.next;
            if cursor.is_none() {
                self.store.finish_fill_job(job.id).await?;
                return Ok(());
            }
        }
    }

    async fn gap_below(&self, dialog: &DialogRecord) -> Result<Option<NewFillJob>, Halt> {
        let stored = match self
            .store
            .conversation_of(self.account_id, dialog.chat)
            .await?
        {
            Some(conversation) => self.store.history_state(conversation.id).await?.newest,
            None => None,
        };
        if stored.is_some_and(|newest| newest >= dialog.top_message) {
            return Ok(None);
        }
        Ok(Some(NewFillJob {
            scope: FillScope::Chat(dialog.chat),
            below: None,
            down_to: stored,
            remaining: stored.is_none().then_some(RECENT_MESSAGES),
        }))
    }

    async fn fill_chat(&self, job: &FillJob, chat: ChatId) -> Result<(), Halt> {
        let mut below = job.below;
        let mut remaining = job.remaining;
        loop {
            let range = HistoryRange {
                before: below.unwrap_or(0),
                min_id: job.down_to.unwrap_or(0),
                limit: remaining.map_or(PAGE, |left| left.min(PAGE)),
            };
            let page = match self.link.history(chat, range).await {
                Ok(page) => page,
                // Left, deleted or forbidden since: there is nothing to fetch any more.
                Err(CallError::Rejected { .. } | CallError::Unresolvable) => break,
                Err(error) => return Err(error.into()),
            };
            let count = i32::try_from(messages(&page.batch)).unwrap_or(PAGE);
            self.store.record_batch(page.batch).await?;
            if page.complete && job.down_to.is_none() {
                self.mark_complete(chat).await?;
            }
            remaining = remaining.map(|left| left - count);
            below = page.oldest_id.or(below);
            if page.complete || count == 0 || remaining.is_some_and(|left| left <= 0) {
                break;
            }
            self.store
                .save_fill_progress(job.id, below, remaining)
                .await?;
        }
        self.store.finish_fill_job(job.id).await?;
        Ok(())
    }

    async fn mark_complete(&self, chat: ChatId) -> Result<(), Halt> {
        if let Some(conversation) = self.store.conversation_of(self.account_id, chat).await? {
            self.store.set_history_complete(conversation.id).await?;
        }
        Ok(())
    }

    async fn progress(&self) -> Result<DialogProgress, Halt> {
        let saved = self.store.dialog_sync_cursor(self.account_id).await?;
        Ok(saved
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    async fn save(&self, progress: &DialogProgress) -> Result<(), Halt> {
        let text = serde_json::to_string(progress).ok();
        self.store
            .set_dialog_sync_cursor(self.account_id, text)
            .await?;
        Ok(())
    }

    async fn tell(&self, progress: Option<(&str, i64, i64)>) -> Result<(), Halt> {
        let sync = progress.map(|(phase, done, total)| SyncProgress {
            phase: phase.to_owned(),
            done,
            total,
        });
        self.store.set_sync(self.account_id, sync).await?;
        Ok(())
    }
}

impl DialogProgress {
    /// Where nothing was read yet, the top of the first folder.
    const fn cursor(&self) -> DialogCursor {
        DialogCursor {
            folder: self.folder,
            offset_date: self.offset_date,
            offset_id: self.offset_id,
            offset_peer: self.offset_peer,
        }
    }

    fn move_to(&mut self, next: Option<DialogCursor>) {
        let Some(next) = next else {
            self.finished = true;
            return;
        };
        self.folder = next.folder;
        self.offset_date = next.offset_date;
        self.offset_id = next.offset_id;
        self.offset_peer = next.offset_peer;
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

fn messages(batch: &Batch) -> usize {
    let is_message = |change: &&Change| matches!(change, Change::Message(_));
    batch.changes.iter().filter(is_message).count()
}

/// Fetches older history of a chat from Telegram and stores it, for somebody who pages up: until something was stored
/// below what is known, the chat begins, or Telegram gave only what can't be shown a few times over.
///
/// # Errors
/// What Telegram or the store answered; nothing is half-stored.
pub async fn fetch_older(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: &Conversation,
    limit: i32,
) -> Result<(), FetchError> {
    let state = store.history_state(conversation.id).await?;
    let mut below = state.oldest.unwrap_or(0);
    for _ in 0..BARREN_PAGES {
        let range = HistoryRange {
            before: below,
            min_id: 0,
            limit: limit.min(PAGE),
        };
        let page = link.history(conversation.chat_id, range).await?;
        let fruitful = messages(&page.batch) > 0;
        store.record_batch(page.batch).await?;
        if page.complete {
            store.set_history_complete(conversation.id).await?;
        }
        if page.complete || fruitful {
            break;
        }
        below = page.oldest_id.unwrap_or(below);
    }
    Ok(())
}

/// Fetches down to one message, so that what is stored stays in one piece. Tells whether it got there.
///
/// # Errors
/// As [`fetch_older`].
pub async fn fetch_down_to(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: &Conversation,
    message_id: i32,
) -> Result<bool, FetchError> {
    for _ in 0..LONGEST_JUMP {
        let state = store.history_state(conversation.id).await?;
        if state.complete || state.oldest.is_some_and(|oldest| oldest <= message_id) {
            return Ok(true);
        }
        fetch_older(store, link, conversation, PAGE).await?;
    }
    Ok(false)
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] CallError),
}
