//! Outcome: what Telegram's answer to an attempt means for its order.

use std::time::Duration;

use grammers_client::tl;
use tl::enums::{Update, Updates};

use crate::{
    domain::{ChatId, Made, MessageError, Outcome, PeerKind, Planned, Timestamp},
    telegram::error::{Failure, meaning},
};

/// What Telegram keeps until its time, if it does: each random id by its number among the scheduled ones. One whose time has
/// come is an ordinary message.
pub(super) fn planned_in(updates: &Updates, random_ids: &[i64]) -> Option<Outcome> {
    let updates = match updates {
        Updates::Updates(updates) => &updates.updates,
        Updates::Combined(updates) => &updates.updates,
        _ => return None,
    };
    let waits = |id: i32| {
        updates.iter().any(
            |update| matches!(update, Update::NewScheduledMessage(told) if told.message.id() == id),
        )
    };
    let made: Vec<Planned> = updates
        .iter()
        .filter_map(|update| match update {
            Update::MessageId(named) if random_ids.contains(&named.random_id) => Some(Planned {
                random_id: named.random_id,
                scheduled_id: named.id,
            }),
            _ => None,
        })
        .filter(|made| waits(made.scheduled_id))
        .collect();
    (!made.is_empty()).then_some(Outcome::Scheduled { made })
}

/// The messages that these random ids became.
pub(super) fn made_in(updates: Updates, random_ids: &[i64]) -> Vec<Made> {
    let (updates, date) = match updates {
        Updates::Updates(updates) => (updates.updates, updates.date),
        Updates::Combined(updates) => (updates.updates, updates.date),
        Updates::UpdateShort(short) => (vec![short.update], short.date),
        _ => return Vec::new(),
    };
    let named = updates.iter().filter_map(|update| match update {
        Update::MessageId(named) if random_ids.contains(&named.random_id) => Some(named),
        _ => None,
    });
    named
        .map(|named| made(named.random_id, named.id, &updates, date))
        .collect()
}

/// Which message our random id became.
pub(super) fn accepted(updates: Updates, random_id: i64) -> Outcome {
    let made = match updates {
        Updates::UpdateShortSentMessage(short) => vec![made(random_id, short.id, &[], short.date)],
        updates => made_in(updates, &[random_id]),
    };
    match made.is_empty() {
        true => unknown("Telegram's answer does not name the message"),
        false => Outcome::Done { made },
    }
}

fn made(random_id: i64, message_id: i32, updates: &[Update], date: i32) -> Made {
    let told = updates
        .iter()
        .find_map(|update| told_of(update, message_id));
    Made {
        random_id,
        message_id,
        date: Timestamp::from_seconds(i64::from(told.map_or(date, |told| told.date))),
        album_id: told.and_then(|told| told.grouped_id),
    }
}

fn told_of(update: &Update, id: i32) -> Option<&tl::types::Message> {
    let message = match update {
        Update::NewMessage(update) => &update.message,
        Update::NewChannelMessage(update) => &update.message,
        _ => return None,
    };
    match message {
        tl::enums::Message::Message(message) if message.id == id => Some(message),
        _ => None,
    }
}

/// Our word for it.
pub const CHAT_MIGRATED: &str = "CHAT_MIGRATED";

/// Of a basic group that became a supergroup, Telegram says only that there is no such chat.
pub(super) fn of_chat(chat: ChatId, error: MessageError) -> MessageError {
    let is_group = matches!(chat.kind(), PeerKind::Group(_));
    if !is_group || !["PEER_ID_INVALID", "CHAT_ID_INVALID"].contains(&error.code.as_str()) {
        return error;
    }
    MessageError {
        code: CHAT_MIGRATED.to_owned(),
        message: meaning(CHAT_MIGRATED).to_owned(),
    }
}

pub(super) fn refused(code: &str, message: &str) -> Outcome {
    Outcome::Refused(MessageError {
        code: code.to_owned(),
        message: message.to_owned(),
    })
}

pub(super) fn not_sent(reason: &str) -> Outcome {
    Outcome::NotSent {
        reason: reason.to_owned(),
    }
}

pub(super) fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown {
        reason: reason.to_owned(),
    }
}

/// What a failed attempt means for the reply: only Telegram's own word is final.
pub(super) fn outcome(failure: Failure) -> Outcome {
    if let Some(wait) = failure.flood() {
        // A wait of nothing would be a loop.
        let wait = wait.max(Duration::from_secs(1));
        return match &failure {
            Failure::Rpc { name, .. } if name == "SLOWMODE_WAIT" => Outcome::SlowMode { wait },
            _ => Outcome::Flood { wait },
        };
    }
    if failure.exit().is_some() {
        return unknown(&failure.to_string());
    }
    match &failure {
        // "You provided a random ID that was already used": the attempt before this one is under way, or has arrived.
        Failure::Rpc { name, .. } if name == "RANDOM_ID_DUPLICATE" => unknown(&failure.to_string()),
        Failure::Rpc { name, .. } if failure.is_frozen() => refused(name, meaning(name)),
        // The number is the price: it belongs to what is told.
        Failure::Rpc {
            name,
            value: Some(stars),
            ..
        } if name == "ALLOW_PAYMENT_REQUIRED" => refused(
            &format!("{name}_{stars}"),
            &format!("{}: {stars} stars for each", meaning(name)),
        ),
        Failure::Rpc {
            code: 400 | 403 | 404 | 406,
            name,
            ..
        } => refused(name, meaning(name)),
        Failure::NoLine => not_sent(&failure.to_string()),
        _ => unknown(&failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i32, name: &str, value: Option<u32>) -> Failure {
        Failure::Rpc {
            code,
            name: name.to_owned(),
            value,
        }
    }

    /// Protects replies from being lost or sent twice: only a definite refusal ends one, only a wait delays one.
    #[test]
    fn only_telegrams_own_word_is_final() {
        for failure in [
            Failure::TimedOut,
            Failure::Unreadable,
            Failure::KeyUnknown,
            Failure::network("reset"),
            rpc(500, "RANDOM_ID_DUPLICATE", None),
            rpc(400, "RANDOM_ID_DUPLICATE", None),
            rpc(401, "SOMETHING_NEW", None),
            rpc(-503, "Timeout", None),
            rpc(401, "AUTH_KEY_UNREGISTERED", None),
            rpc(406, "AUTH_KEY_DUPLICATED", None),
        ] {
            assert!(
                matches!(outcome(failure.clone()), Outcome::Unknown { .. }),
                "{failure}"
            );
        }
        for failure in [
            rpc(400, "PEER_FLOOD", None),
            rpc(403, "CHAT_WRITE_FORBIDDEN", None),
            rpc(420, "FROZEN_METHOD_INVALID", None),
            rpc(400, "FROZEN_PARTICIPANT_MISSING", None),
        ] {
            assert!(
                matches!(outcome(failure.clone()), Outcome::Refused(_)),
                "{failure}"
            );
        }
        let paid = outcome(rpc(403, "ALLOW_PAYMENT_REQUIRED", Some(150)));
        let Outcome::Refused(paid) = paid else {
            panic!("{paid:?}");
        };
        assert_eq!(paid.code, "ALLOW_PAYMENT_REQUIRED_150");
        assert!(matches!(outcome(Failure::NoLine), Outcome::NotSent { .. }));
        let wait = Duration::from_secs(31);
        for name in ["FLOOD_WAIT", "FLOOD_PREMIUM_WAIT"] {
            assert_eq!(outcome(rpc(420, name, Some(31))), Outcome::Flood { wait });
        }
        // One group's slow mode is no reason to keep the account from other chats.
        let slow = outcome(rpc(420, "SLOWMODE_WAIT", Some(31)));
        assert_eq!(slow, Outcome::SlowMode { wait });
    }

    /// Protects the row: the id comes from the update that names our random id, in whatever answer it arrives.
    #[test]
    fn the_message_is_known_by_our_random_id() {
        let id = |id, random_id| Update::MessageId(tl::types::UpdateMessageId { id, random_id });
        let answer = |updates| {
            tl::types::Updates {
                updates,
                users: vec![],
                chats: vec![],
                date: 9,
                seq: 0,
            }
            .into()
        };
        let outcome = accepted(answer(vec![id(1, 10), id(2, 20)]), 20);
        let made = vec![made(20, 2, &[], 9)];
        assert_eq!(outcome, Outcome::Done { made });
        let outcome = accepted(answer(vec![id(1, 10)]), 20);
        assert!(matches!(outcome, Outcome::Unknown { .. }));
    }
}
