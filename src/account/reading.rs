//! Reading: pages of history on their way from Telegram into the store, whoever wants them.

use std::sync::Arc;

use crate::{
    domain::{AccountId, Change, ChatId, Conversation},
    store::{HistoryStretch, StoreError, StoreHandle},
    telegram::{CallError, HistoryRange, LinkHandle, Urgency},
};

/// Rows of a page; Telegram gives at most a hundred.
pub(super) const PAGE: i32 = 100;
/// Pages without a single message that can be shown, one after another, before somebody who waits is answered.
const BARREN_PAGES: u32 = 5;
/// Pages fetched for a jump to an old message.
const LONGEST_JUMP: u32 = 30;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] CallError),
}

/// One account's way from Telegram to the store.
pub(super) struct Reader<'a> {
    pub account: AccountId,
    pub store: &'a StoreHandle,
    pub link: &'a LinkHandle,
    pub urgency: Urgency,
}

/// What a page brought.
pub(super) struct Read {
    /// Messages in it that can be shown.
    pub messages: usize,
    pub oldest: Option<i32>,
    /// There is nothing more in the stretch.
    pub complete: bool,
}

impl Reader<'_> {
    /// A page of the stretch between two numbers (both outside; 0: no end), from its top. What is stored there and not
    /// in the answer is asked for by its number: an answer may leave out what it may not show, a deletion shows there.
    pub async fn stretch(
        &self,
        chat: ChatId,
        above: i32,
        before: i32,
        limit: i32,
    ) -> Result<Read, FetchError> {
        let asked = self.store.holes(self.account).await?;
        let range = HistoryRange {
            before,
            min_id: above,
            limit: limit.clamp(1, PAGE),
        };
        let page = self.link.history(chat, range, self.urgency).await?;
        if before > 0 && !page.complete && page.oldest_id.is_some_and(|oldest| oldest >= before) {
            // The same page would be asked for without end.
            return Err(CallError::Rejected {
                code: "HISTORY_STANDS_STILL".to_owned(),
                message: "its history does not lead on".to_owned(),
            }
            .into());
        }
        let is_message = |change: &&Change| matches!(change, Change::Message(_));
        let read = Read {
            messages: page.batch.changes.iter().filter(is_message).count(),
            oldest: page.oldest_id,
            complete: page.complete,
        };
        let stretched = self
            .store
            .record_stretch(HistoryStretch {
                chat,
                batch: Arc::new(page.batch),
                before,
                above,
                oldest: page.oldest_id,
                complete: page.complete,
                asked,
                left: page.left,
                archive: self.urgency == Urgency::Archive,
            })
            .await?;
        if !stretched.unseen.is_empty() {
            self.ask_for(chat, &stretched.unseen).await?;
        }
        if !stretched.unseen.is_empty() && !stretched.unsure {
            self.store
                .note_compared(self.account, chat, stretched.span, asked)
                .await?;
        }
        Ok(read)
    }

    /// What is still there of these, and what was deleted.
    async fn ask_for(&self, chat: ChatId, numbers: &[i32]) -> Result<(), FetchError> {
        for ids in numbers.chunks(PAGE as usize) {
            let channel = chat.channel_id().map(|_| chat);
            match self.link.messages_by_id(channel, ids, self.urgency).await {
                Ok(found) => self.store.record_batch(found).await?,
                // Refused, though the page was not: nothing else can tell, and they stay as they are.
                Err(CallError::Rejected { code, .. }) => {
                    log::warn!(
                        target: "switchboard::account",
                        "account={} chat={chat} what became of {} messages is not to be had reason={code:?}",
                        self.account, ids.len()
                    );
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(())
    }
}

/// Fetches the history right below what is shown, for somebody who pages up: until something was stored, the stretch
/// is whole, or Telegram gave only what can't be shown a few times over.
///
/// # Errors
/// What Telegram or the store answered; nothing is half-stored.
pub async fn fetch_between(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: &Conversation,
    (above, before): (i32, i32),
    limit: i32,
) -> Result<(), FetchError> {
    let reader = reader(store, link, conversation);
    let mut below = before;
    for _ in 0..BARREN_PAGES {
        let read = reader
            .stretch(conversation.chat_id, above, below, limit)
            .await?;
        if read.complete || read.messages > 0 {
            break;
        }
        below = read.oldest.unwrap_or(below);
    }
    Ok(())
}

/// Compares a stored stretch with what Telegram has.
///
/// # Errors
/// As [`fetch_between`].
pub async fn compare_between(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: &Conversation,
    (low, high): (i32, i32),
) -> Result<(), FetchError> {
    let reader = reader(store, link, conversation);
    let mut before = high.saturating_add(1);
    while before > low {
        let read = reader
            .stretch(conversation.chat_id, low - 1, before, PAGE)
            .await?;
        match read.oldest {
            Some(oldest) if !read.complete && oldest < before => before = oldest,
            _ => break,
        }
    }
    Ok(())
}

/// Fetches down to one message, so that what is stored stays in one piece. Tells whether it got there.
///
/// # Errors
/// As [`fetch_between`].
pub async fn fetch_down_to(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: &Conversation,
    message_id: i32,
) -> Result<bool, FetchError> {
    for _ in 0..LONGEST_JUMP {
        let spans = store.spans(conversation.id).await?;
        let top = spans.topmost();
        if top.is_some_and(|span| span.low <= message_id) {
            return Ok(true);
        }
        let before = top.map_or(0, |span| span.low);
        let above = top.and_then(|span| spans.below(span.low));
        let above = above.map_or(0, |span| span.high);
        fetch_between(store, link, conversation, (above, before), PAGE).await?;
    }
    Ok(false)
}

fn reader<'a>(
    store: &'a StoreHandle,
    link: &'a LinkHandle,
    conversation: &Conversation,
) -> Reader<'a> {
    Reader {
        account: conversation.account_id,
        store,
        link,
        urgency: Urgency::Person,
    }
}
