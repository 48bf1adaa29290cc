//! Outgoing: what every call that sends is held to, before anything is stored.

use std::time::Duration;

use actix_web::HttpRequest;

use super::{ApiError, Service};
use crate::{
    domain::{
        Account, AccountState, Change, Conversation, ConversationId, ConversationKind, Place,
        Schedule, Timestamp, check_text,
    },
    store::Target,
    telegram::Urgency,
};

const LONGEST_KEY: usize = 255;
/// Telegram takes no later moment (core.telegram.org/api/scheduled-messages).
const LATEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The topic of a forum that is there from the beginning; Telegram does not name it in messages
/// (core.telegram.org/api/forum).
pub const GENERAL: i32 = 1;

/// A number of Telegram's, as text.
pub fn number(
    text: Option<&str>,
    code: &'static str,
    words: &'static str,
) -> Result<Option<i32>, ApiError> {
    let number = text.map(str::parse).transpose();
    number
        .ok()
        .filter(|number| number.is_none_or(|number: i32| number > 0))
        .ok_or_else(|| ApiError::unprocessable(code, words))
}

/// A message that is not stored may be there all the same, further back: only Telegram knows. Nothing of it is stored.
pub async fn seen_at_telegram(
    service: &Service,
    conversation: &Conversation,
    message_id: Option<i32>,
) -> Result<Target, ApiError> {
    let not_found =
        || ApiError::unprocessable("reply_to_not_found", "this chat has no such message");
    let message_id = message_id.ok_or_else(not_found)?;
    let link = service
        .supervisor
        .link(conversation.account_id)
        .await
        .ok_or_else(|| {
            ApiError::unavailable(
                "telegram_unreachable",
                "the message replied to is not stored here, and Telegram can't be asked for it now; try again in a moment",
            )
        })?;
    let chat = conversation.chat_id;
    let channel = chat.channel_id().map(|_| chat);
    let batch = link
        .messages_by_id(channel, &[message_id], Urgency::Person)
        .await?;
    let found = batch.changes.iter().find_map(|change| match change {
        Change::Message(message) if message.chat == chat && message.message_id == message_id => {
            Some(Target::Seen(Place {
                reply_to: Some(message_id),
                topic_id: message.topic_id,
                monoforum_peer: message.monoforum_peer,
            }))
        }
        _ => None,
    });
    found.ok_or_else(not_found)
}

pub fn check_can_write(conversation: &Conversation) -> Result<(), ApiError> {
    if conversation.can_send {
        return Ok(());
    }
    Err(ApiError::conflict(
        "chat_read_only",
        format!("this account may not write in {}", conversation.title),
    ))
}

pub fn check_reply(text: &str) -> Result<(), ApiError> {
    use crate::domain::TextError as E;
    check_text(text).map_err(|error| {
        let code = match error {
            E::Empty => "text_empty",
            E::TooLong { .. } | E::CaptionTooLong { .. } => "text_too_long",
        };
        ApiError::unprocessable(code, error.to_string())
    })
}

/// Offline for now is fine, the reply waits; what only a person can end is told before anything is stored.
pub fn check_can_send(account: &Account) -> Result<(), ApiError> {
    if account.is_active && account.state.accepts_replies() {
        return Ok(());
    }
    let why = match account.state {
        AccountState::NeedsLogin => "it has to be signed in again",
        AccountState::Banned => "Telegram has banned it",
        AccountState::SignedOut | AccountState::SigningIn => "it is not signed in",
        _ => "it is switched off",
    };
    Err(ApiError::conflict(
        "account_unavailable",
        format!("{} can't send: {why}", account.label),
    ))
}

/// As [`check_can_send`] and [`check_can_write`]. What was taken under this key before is answered, whatever became of the
/// account and the chat since.
pub async fn check_can_order(
    service: &Service,
    account: &Account,
    conversation: &Conversation,
    key: Option<&str>,
) -> Result<(), ApiError> {
    let allowed = check_can_send(account).and_then(|()| check_can_write(conversation));
    if allowed.is_err() && was_taken(service, conversation.id, key).await? {
        return Ok(());
    }
    allowed
}

/// What was taken under its key before is answered as it was, whatever became of the account, the chat or its time since.
pub async fn was_taken(
    service: &Service,
    conversation: ConversationId,
    key: Option<&str>,
) -> Result<bool, ApiError> {
    match key {
        Some(key) => Ok(service
            .store
            .knows_key(conversation, key.to_owned())
            .await?),
        None => Ok(false),
    }
}

pub fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if is_key(key) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::bad_request(
            "invalid_idempotency_key",
            "Idempotency-Key has 1 to 255 visible ASCII characters and no spaces",
        )),
    }
}

fn is_key(text: &str) -> bool {
    (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// When something is to go out, as a caller says it.
///
/// # Errors
/// 422 when it is no moment, one that has passed, too late, or there is nobody whose coming online could be waited for.
pub async fn check_schedule(
    service: &Service,
    when: Option<&str>,
    conversation: &Conversation,
    key: Option<&str>,
) -> Result<Option<Schedule>, ApiError> {
    let Some(when) = when else {
        return Ok(None);
    };
    let invalid = || {
        ApiError::unprocessable(
            "schedule_invalid",
            "scheduled_for is a moment to come, within a year, or `online` in a chat with one person",
        )
    };
    let schedule = Schedule::parse(when).ok_or_else(invalid)?;
    let fits = match schedule {
        Schedule::WhenOnline => conversation.kind == ConversationKind::Private,
        Schedule::At(moment) => {
            let now = Timestamp::now();
            moment > now && moment.until(now) <= LATEST
        }
    };
    match fits || was_taken(service, conversation.id, key).await? {
        true => Ok(Some(schedule)),
        false => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects callers from a key that another server would read otherwise: it is as the description says.
    #[test]
    fn a_key_is_visible_characters() {
        for key in ["one", "~!", &"k".repeat(LONGEST_KEY)] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "a b", "a\tb", &"k".repeat(LONGEST_KEY + 1)] {
            assert!(!is_key(key), "{key}");
        }
    }
}
