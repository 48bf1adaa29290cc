//! Scheduled: what waits at Telegram, compared with what is stored. Its changes have no numbers of the stream: what happened
//! while the line was down is found by asking.

use tokio::sync::watch;

use crate::{
    domain::{AccountId, ChatId, ConversationId},
    store::{StoreError, StoreHandle},
    telegram::{CallError, LinkHandle},
};

/// What kept a comparison from its end.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One chat. What is scheduled there meanwhile is left alone.
///
/// # Errors
/// See [`CompareError`]; then nothing has changed.
pub async fn compare(
    store: &StoreHandle,
    link: &LinkHandle,
    conversation: ConversationId,
    chat: ChatId,
) -> Result<(), CompareError> {
    let known = store.scheduled_numbers(conversation).await?;
    let (batch, listed) = link.scheduled(chat).await?;
    let listed = (listed, batch.read_at);
    if !batch.peers.is_empty() {
        store.record_batch(batch).await?;
    }
    Ok(store.compare_scheduled(conversation, known, listed).await?)
}

/// Whenever an account has caught up; ends with it.
pub async fn keep_compared(
    store: StoreHandle,
    link: LinkHandle,
    account: AccountId,
    mut online: watch::Receiver<bool>,
) {
    loop {
        let caught_up = *online.borrow_and_update();
        if caught_up {
            compare_all(&store, &link, account).await;
        }
        if online.changed().await.is_err() {
            return;
        }
    }
}

/// Every chat in which something waited when the line was lost.
async fn compare_all(store: &StoreHandle, link: &LinkHandle, account: AccountId) {
    let chats = match store.chats_with_scheduled(account).await {
        Ok(chats) => chats,
        Err(error) => return away(account, &error.into()),
    };
    for (conversation, chat) in chats {
        if let Err(error) = compare(store, link, conversation, chat).await {
            away(account, &error);
        }
    }
}

/// It is compared again with the next line, and whenever somebody looks.
fn away(account: AccountId, error: &CompareError) {
    log::info!(target: "switchboard::account", "account={account} what waits for its time was not compared: {error}");
}
