//! Taking: what a file says of a message, as Telegram would have told it. A file is a stranger's word: it is cleaned, and the
//! codes of Telegram's own messages are masked, as in what Telegram itself tells.

use serde_json::Value;

use super::{chat::ChatHead, entry::Entry, happening, peers::peer_of, text, thing};
use crate::domain::{
    CODE_MASK, ChatId, Extra, ForwardedFrom, IncomingMessage, Peer, PeerFlags, Reaction, Timestamp,
    clean, is_telegram_itself, mask_codes,
};

/// A message, and whom it names.
#[derive(Debug)]
pub struct Taken {
    pub message: IncomingMessage,
    pub people: Vec<Peer>,
}

/// `None`: no message that Telegram numbers, or one that can't be read. `own`: the account's user.
#[must_use]
pub fn take(head: &ChatHead, chat: ChatId, own: i64, value: Value) -> Option<Taken> {
    let mut entry: Entry = serde_json::from_value(value).ok()?;
    let service = match entry.kind.as_str() {
        "message" => false,
        "service" => true,
        _ => return None,
    };
    // Those of a group that became a supergroup are numbered below zero there.
    let message_id = i32::try_from(entry.id).ok().filter(|id| *id > 0)?;
    let date = moment(entry.date_unixtime.as_deref(), &entry.date)?;
    let (name, id) = match service {
        true => (entry.actor.clone(), &entry.actor_id),
        false => (entry.from.clone(), &entry.from_id),
    };
    let sender = id.as_ref().and_then(peer_of);
    let name = name.map(clean::line).filter(|name| !name.is_empty());
    let edited = entry.edited.as_deref().unwrap_or_default();
    let edited_at = moment(entry.edited_unixtime.as_deref(), edited);
    let (text, entities) = text::read(&entry.text, std::mem::take(&mut entry.text_entities));
    let (action, words) = match service {
        true => {
            let (action, words) = happening::read(&entry, sender);
            (action.map(Box::new), Some(words))
        }
        false => (None, None),
    };
    let reactions = reactions(&mut entry);
    let forwarded_from = forwarded(&mut entry, date);
    let extra = Extra {
        action,
        reactions,
        ..Extra::default()
    };
    let mut message = IncomingMessage {
        chat,
        message_id,
        outgoing: sender == Some(ChatId::user(own)),
        sender,
        // Where a peer is behind it, the name is the peer's.
        sender_name: name.clone().filter(|_| sender.is_none()),
        text,
        date,
        edited_at,
        reply_to: entry
            .reply_to_message_id
            .and_then(|id| i32::try_from(id).ok())
            .filter(|id| *id > 0),
        topic_id: None,
        monoforum_peer: None,
        media: if service {
            None
        } else {
            thing::read(&mut entry)
        },
        service: words,
        masked: false,
        entities,
        album_id: None,
        forwarded_from,
        quote: None,
        quoted: None,
        extra: (!extra.is_empty()).then(|| Box::new(extra)),
        object: None,
    };
    mask(&mut message);
    let mut people = vec![head.peer(chat)];
    if let (Some(id), Some(name)) = (sender, name) {
        people.push(Peer {
            id,
            access_hash: None,
            name,
            username: None,
            flags: PeerFlags {
                min: true,
                ..PeerFlags::default()
            },
        });
    }
    Some(Taken { message, people })
}

/// Older files have only a local time, which is taken for UTC. 1970 stands for never.
fn moment(seconds: Option<&str>, local: &str) -> Option<Timestamp> {
    /// One day: no zone is further from UTC.
    const NEVER: i64 = 86_400;
    /// The year 9999.
    const END: i64 = 253_402_300_799;
    let said = seconds.and_then(|seconds| seconds.parse().ok());
    let at = said.or_else(|| {
        let at: jiff::Timestamp = format!("{local}Z").parse().ok()?;
        Some(at.as_second())
    })?;
    (NEVER..END)
        .contains(&at)
        .then(|| Timestamp::from_seconds(at))
}

fn forwarded(entry: &mut Entry, date: Timestamp) -> Option<ForwardedFrom> {
    let id = entry.forwarded_from_id.as_ref().and_then(peer_of);
    let name = entry.forwarded_from.take().map(clean::line);
    if id.is_none() && name.is_none() {
        return None;
    }
    Some(ForwardedFrom {
        id,
        name: name.filter(|name| !name.is_empty()),
        // The layout does not say when it was written first.
        date,
    })
}

fn reactions(entry: &mut Entry) -> Vec<Reaction> {
    /// More than Telegram shows.
    const MOST: usize = 100;
    let all = entry.reactions.take().unwrap_or_default();
    let reactions = all.into_iter().take(MOST).map(|reaction| Reaction {
        emoji: clean::line(reaction.emoji.unwrap_or_default()),
        count: clean::count(reaction.count),
        mine: false,
        custom_emoji_id: reaction.document_id.map(clean::line),
        paid: reaction.kind == "paid",
        who: Vec::new(),
    });
    reactions.collect()
}

/// Codes of Telegram's own. Files that name no number of a forward's author name it by its name alone.
fn mask(message: &mut IncomingMessage) {
    const NAME: &str = "Telegram";
    let from = message.forwarded_from.as_ref();
    let forwarded = from.is_some_and(|from| match from.id {
        Some(id) => is_telegram_itself(id),
        None => from.name.as_deref() == Some(NAME),
    });
    let own = !message.outgoing && is_telegram_itself(message.chat)
        || message.sender.is_some_and(is_telegram_itself);
    if !own && !forwarded {
        return;
    }
    if let Some(words) = message.service.as_deref().and_then(mask_codes) {
        message.service = Some(words);
        message.extra = None;
    }
    let masked = mask_codes(&message.text);
    message.masked = masked.is_some() || message.text.contains(CODE_MASK);
    if let Some(text) = masked {
        message.text = text;
        message.entities = Vec::new();
        message.media = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(chat: i64, value: Value) -> Option<IncomingMessage> {
        let head = ChatHead {
            name: Some("Somebody".to_owned()),
            kind: "personal_chat".to_owned(),
            id: chat,
        };
        take(&head, ChatId::user(chat), 5, value).map(|taken| taken.message)
    }

    /// Protects accounts: a login code does not come in by way of a file.
    #[test]
    fn codes_are_masked() {
        let message = |from: &str, more: Value| {
            let mut value = json!({ "id": 3, "type": "message", "date_unixtime": "1700000000", "from_id": from,
                "text": ["Login code: ", { "type": "code", "text": "12345" }, ". Do not give it to anyone"] });
            if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
                value.extend(more.clone());
            }
            value
        };
        for (chat, value) in [
            (777_000, message("user777000", json!({}))),
            (7, message("user7", json!({ "forwarded_from": "Telegram" }))),
            (
                7,
                message(
                    "user7",
                    json!({ "forwarded_from": "T", "forwarded_from_id": "user777000" }),
                ),
            ),
        ] {
            let read = taken(chat, value.clone()).unwrap();
            assert!(read.masked && !read.text.contains("12345"), "{value}");
        }
        let own_words = taken(7, message("user7", json!({}))).unwrap();
        assert!(!own_words.masked && own_words.text.contains("12345"));
    }

    /// Protects history from what Telegram never numbered, and from times that mean nothing.
    #[test]
    fn what_is_no_message_is_left_out() {
        let good = json!({ "id": 3, "type": "message", "date": "2023-11-14T22:13:20", "from_id": 5, "text": "hi" });
        let read = taken(7, good.clone()).unwrap();
        assert_eq!(read.date, Timestamp::from_seconds(1_700_000_000));
        assert!(read.outgoing, "older files name a user by the number alone");
        for (field, value) in [
            ("id", json!(-999_999_999)),
            ("id", json!(1_i64 << 40)),
            ("type", json!("unsupported")),
            ("date", json!("1970-01-01T01:00:00")),
            ("date", json!("yesterday")),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            assert!(taken(7, bad.clone()).is_none(), "{bad}");
        }
        let edited = json!({ "id": 3, "type": "message", "date": "2023-11-14T22:13:20", "text": "", "edited": "1970-01-01T02:00:00" });
        assert_eq!(taken(7, edited).unwrap().edited_at, None);
    }
}
