//! Confirmed: a message sent through the outbox, and what Telegram said to it.

use std::time::Duration;

use actix_web::http::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    broadcast::Since,
    domain::{
        AccountId, AccountState, EventBody, MessageRowId, MessageStatus, Seq, StoredMessage,
        Timestamp,
    },
    store::{Discard, QueueSend},
    web::{ApiError, Service},
};

/// Frames looked through at once.
const PORTION: usize = 256;

/// Queues a message and waits for Telegram's word. What can't be confirmed in time is taken back, so that a caller
/// who tries again does not send twice.
pub async fn send(
    service: &Service,
    send: QueueSend,
    limit: Duration,
) -> Result<StoredMessage, ApiError> {
    let mut confirming = Confirming::begin(service, limit);
    let queued = service.store.queue_send(send).await?;
    confirming.one(queued.message).await
}

/// Somebody who waits for Telegram's word on messages.
pub struct Confirming<'a> {
    service: &'a Service,
    deadline: Instant,
    newest: watch::Receiver<Seq>,
    cursor: Seq,
}

impl<'a> Confirming<'a> {
    /// Before the messages are there: none of their events can be missed.
    pub fn begin(service: &'a Service, limit: Duration) -> Self {
        let mut newest = service.broadcast.newest();
        let cursor = *newest.borrow_and_update();
        Self {
            service,
            deadline: Instant::now() + limit,
            newest,
            cursor,
        }
    }

    /// Of one order: where one of them can't be confirmed, those behind it are taken back with it.
    pub async fn all(
        &mut self,
        messages: Vec<StoredMessage>,
    ) -> Result<Vec<StoredMessage>, ApiError> {
        let mut confirmed = Vec::with_capacity(messages.len());
        let mut messages = messages.into_iter();
        while let Some(message) = messages.next() {
            match self.one(message).await {
                Ok(message) => confirmed.push(message),
                Err(error) => {
                    for message in messages {
                        take_back(self.service, &message).await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(confirmed)
    }

    async fn one(&mut self, message: StoredMessage) -> Result<StoredMessage, ApiError> {
        let (service, id) = (self.service, message.id);
        let mut message = now(service, id).await?;
        loop {
            match message.status {
                MessageStatus::Sent | MessageStatus::Received => return Ok(message),
                MessageStatus::Failed => return Err(refused(message)),
                MessageStatus::Pending => {}
            }
            if let Some(wait) = pause(service, &message).await?
                && take_back(service, &message).await
            {
                return Err(flood(wait));
            }
            let next = next_of(service, &mut self.newest, &mut self.cursor, id);
            let in_time = timeout_at(self.deadline, next).await.is_ok();
            message = now(service, id).await?;
            if !in_time && message.status == MessageStatus::Pending {
                return Err(unconfirmed(service, &message).await);
            }
        }
    }
}

async fn now(service: &Service, id: MessageRowId) -> Result<StoredMessage, ApiError> {
    let message = service.store.get_message(id).await?;
    message.ok_or_else(|| ApiError::conflict("message_taken_back", "the message was taken back"))
}

/// Returns when something was said about the message (or may have been).
async fn next_of(
    service: &Service,
    newest: &mut watch::Receiver<Seq>,
    cursor: &mut Seq,
    id: MessageRowId,
) {
    loop {
        match service.broadcast.after(*cursor, PORTION) {
            Since::Behind => {
                *cursor = *newest.borrow_and_update();
                return;
            }
            Since::Frames(frames) if frames.is_empty() => {
                if newest.changed().await.is_err() {
                    // The service is stopping; the deadline says so.
                    std::future::pending::<()>().await;
                }
            }
            Since::Frames(frames) => {
                let mut about = false;
                for frame in &frames {
                    *cursor = frame.seq();
                    about |= match &frame.event().body {
                        EventBody::MessageSent { message, .. } => message.id == id,
                        EventBody::MessageDeleted { ids, .. } => ids.contains(&id),
                        // A limit of the account holds its messages back without a word about each.
                        EventBody::AccountStatus { account } => {
                            account.state == AccountState::Limited
                        }
                        _ => false,
                    };
                }
                if about {
                    return;
                }
            }
        }
    }
}

/// How long Telegram wants this message, or its whole account, to wait.
async fn pause(service: &Service, message: &StoredMessage) -> Result<Option<Duration>, ApiError> {
    let now = Timestamp::now();
    let own = message.retry_at.map(|at| at.until(now));
    let account = limit_of(service, message.account_id).await?;
    Ok(own.max(account).filter(|wait| !wait.is_zero()))
}

async fn limit_of(service: &Service, id: AccountId) -> Result<Option<Duration>, ApiError> {
    let account = service.store.get_account(id).await?;
    Ok(account
        .filter(|account| account.state == AccountState::Limited)
        .and_then(|account| account.retry_at)
        .map(|at| at.until(Timestamp::now())))
}

/// True when it certainly was not sent and never will be.
async fn take_back(service: &Service, message: &StoredMessage) -> bool {
    let taken = service
        .store
        .discard_message(message.id, Discard::Unsent)
        .await
        .is_ok();
    if taken {
        service.supervisor.wake_outbox(message.account_id);
    }
    taken
}

fn flood(wait: Duration) -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "flood_wait",
        format!(
            "Telegram asks to wait {} s; nothing was sent",
            wait.as_secs().max(1)
        ),
    )
    .retry_after(wait)
}

async fn unconfirmed(service: &Service, message: &StoredMessage) -> ApiError {
    if take_back(service, message).await {
        return ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "telegram_unreachable",
            "Telegram could not be reached in time; nothing was sent",
        );
    }
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "unconfirmed",
        "Telegram has not confirmed the message yet; it may have arrived, and goes on by itself",
    )
}

/// Telegram's own word, told apart by what the caller can do.
fn refused(message: StoredMessage) -> ApiError {
    let Some(error) = message.error else {
        return ApiError::unprocessable("telegram_refused", "Telegram refused the message");
    };
    let code = error.code.to_ascii_uppercase();
    let may_not_write = [
        "PRIVACY",
        "BLOCKED",
        "WRITE_FORBIDDEN",
        "DEACTIVATED",
        "ADMIN_REQUIRED",
        "PEER_FLOOD",
        "RESTRICTED",
        "BANNED",
    ];
    if may_not_write.iter().any(|word| code.contains(word)) {
        return ApiError::forbidden(
            "recipient_refused",
            format!(
                "this recipient can't be written to: {} ({})",
                error.message, error.code
            ),
        );
    }
    if code.contains("PEER_ID_INVALID") || code.contains("USER_ID_INVALID") {
        return ApiError::unprocessable("recipient_not_found", error.message);
    }
    ApiError::unprocessable(
        "telegram_refused",
        format!("Telegram refused: {} ({})", error.message, error.code),
    )
}
