//! Writing `result.json`: a chat, or an account with all of its chats, piece by piece. The pieces one after another are the file.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    chat::ChatHead,
    entry::{Entry, ReactionEntry},
    happening,
    peers::peer_text,
    text::{mixed, parts},
    thing,
};
use crate::domain::{Account, ChatId, Conversation, Direction, Spans, StoredMessage, Timestamp};

const ABOUT: &str = "The chats of one account, in the layout of Telegram Desktop. Files are named and not included: media_url says where each is \
                     had. Times are UTC. missing: numbers of messages that may be at Telegram and are not stored here.";
const ABOUT_CHATS: &str = "All chats that are stored of this account.";

/// Whose messages without a sender are its own.
struct Own {
    id: Option<i64>,
    name: String,
}

impl Own {
    fn of(account: &Account) -> Self {
        let user = account.user.as_ref();
        let name = user.map(|user| {
            let last = user.last_name.as_deref().unwrap_or_default();
            format!("{} {last}", user.first_name).trim().to_owned()
        });
        Self {
            id: user.map(|user| user.id),
            name: name.unwrap_or_else(|| account.label.clone()),
        }
    }
}

#[must_use]
pub fn account_head(account: &Account) -> String {
    let user = account.user.as_ref();
    let first = user.map_or(account.label.as_str(), |user| user.first_name.as_str());
    let mut person = json!({
        "user_id": user.map(|user| user.id),
        "first_name": first,
        "last_name": user.and_then(|user| user.last_name.as_deref()).unwrap_or_default(),
    });
    if let Some(phone) = &account.phone {
        person["phone_number"] = json!(phone);
    }
    if let Some(name) = user.and_then(|user| user.username.as_deref()) {
        person["username"] = json!(format!("@{name}"));
    }
    format!(
        "{{\n \"about\": {},\n \"personal_information\": {},\n \"chats\": {{\n  \"about\": {},\n  \"list\": [",
        pretty(&ABOUT, 1),
        pretty(&person, 1),
        pretty(&ABOUT_CHATS, 2)
    )
}

/// `all`: every chat of the account has been listed; while a first sync is under way further ones are at Telegram.
#[must_use]
pub fn account_end(all: bool) -> String {
    format!("\n  ],\n  \"all_chats\": {all}\n }}\n}}\n")
}

/// `first`: `None` for a chat that is the whole file.
#[must_use]
pub fn chat_head(account: &Account, conversation: &Conversation, first: Option<bool>) -> String {
    let head = ChatHead::of(conversation, Own::of(account).id);
    let (before, depth) = match first {
        None => ("", 0),
        Some(true) => ("\n   ", 3),
        Some(false) => (",\n   ", 3),
    };
    let space = " ".repeat(depth + 1);
    let name = head.name.map_or_else(String::new, |name| {
        format!("{space}\"name\": {},\n", pretty(&name, 0))
    });
    let kind = pretty(&head.kind, 0);
    format!(
        "{before}{{\n{name}{space}\"type\": {kind},\n{space}\"id\": {},\n{space}\"messages\": [",
        head.id
    )
}

/// A stretch of message numbers; without an end: and all above.
pub type Stretch = (i32, Option<i32>);

/// What Telegram may have of a chat and is not here. `kept_above`: up to there it is deliberately not kept. `follows`: the account
/// hears of what is written now.
#[must_use]
pub fn missing(spans: &Spans, kept_above: i32, follows: bool) -> Vec<Stretch> {
    let mut missing = Vec::new();
    let mut next = 1_i32;
    let mut open = false;
    for span in spans.iter() {
        let low = span.low.max(kept_above.saturating_add(1));
        if !span.open && span.high < low {
            continue;
        }
        if low > next {
            missing.push((next, Some(low - 1)));
        }
        next = next.max(span.high.saturating_add(1)).max(low);
        open = span.open;
    }
    if !(open && follows) {
        missing.push((next, None));
    }
    missing
}

/// With what may be missing, as Telegram numbers it.
#[must_use]
pub fn chat_end(missing: &[Stretch], in_account: bool) -> String {
    let space = " ".repeat(if in_account { 4 } else { 1 });
    let missing = serde_json::to_string(missing).unwrap_or_default();
    let end = if in_account { "" } else { "\n" };
    format!(
        "\n{space}],\n{space}\"missing\": {missing}\n{}}}{end}",
        space.get(1..).unwrap_or_default()
    )
}

#[must_use]
pub fn chat_message(
    account: &Account,
    message: &StoredMessage,
    first: bool,
    in_account: bool,
) -> String {
    let depth = if in_account { 5 } else { 2 };
    let comma = if first { "" } else { "," };
    let space = " ".repeat(depth);
    let entry = entry_of(message, &Own::of(account));
    format!("{comma}\n{space}{}", pretty(&entry, depth))
}

/// Indented as Telegram Desktop does it: one space for each depth.
fn pretty<T: Serialize>(value: &T, depth: usize) -> String {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
    // Into memory, and of plain data: there is nothing that fails.
    let _ = value.serialize(&mut writer);
    let text = String::from_utf8(bytes).unwrap_or_default();
    // A line break inside a text is written as an escape.
    text.replace('\n', &format!("\n{}", " ".repeat(depth)))
}

/// RFC 3339 to the second and without the zone, as the layout has it.
fn day_and_time(at: Timestamp) -> String {
    at.to_string().chars().take(19).collect()
}

fn seconds(at: Timestamp) -> String {
    at.millis().div_euclid(1000).to_string()
}

fn entry_of(message: &StoredMessage, own: &Own) -> Entry {
    let sender = message.sender.as_ref();
    // Telegram leaves out who wrote in a private chat; the layout names both.
    let (name, id) = match (sender, message.direction, own.id) {
        (Some(sender), ..) => (sender.name.clone(), Some(sender.id)),
        (None, Direction::Outgoing, Some(id)) => (own.name.clone(), Some(ChatId::user(id))),
        (None, ..) => (String::new(), None),
    };
    let name = Some(name).filter(|name| !name.is_empty());
    let id = id.map(|id| Value::from(peer_text(id)));
    let parts = parts(
        &message.text,
        message.entities.as_deref().unwrap_or_default(),
    );
    let mut entry = Entry {
        id: message
            .message_id
            .as_deref()
            .and_then(|id| id.parse().ok())
            .unwrap_or(0),
        date: day_and_time(message.timestamp),
        date_unixtime: Some(seconds(message.timestamp)),
        edited: message.edited_at.map(day_and_time),
        edited_unixtime: message.edited_at.map(seconds),
        text: mixed(&parts),
        text_entities: parts,
        ..Entry::default()
    };
    if message.service.is_some() || message.action.is_some() {
        entry.kind = "service".to_owned();
        (entry.actor, entry.actor_id) = (name, id);
        if let Some(action) = &message.action {
            happening::write(action, &mut entry);
        }
        entry.information_text.clone_from(&message.service);
        return entry;
    }
    entry.kind = "message".to_owned();
    (entry.from, entry.from_id) = (name, id);
    if let Some(from) = &message.forwarded_from {
        entry.forwarded_from = Some(from.name.clone().unwrap_or_default());
        entry.forwarded_from_id = from.id.map(|id| Value::from(peer_text(id)));
    }
    let replied = message.reply_to_message_id.as_deref();
    entry.reply_to_message_id = replied.and_then(|id| id.parse().ok());
    if let Some(media) = &message.media {
        thing::write(media, &mut entry);
        entry.media_url.clone_from(&media.url);
    }
    entry.reactions = message.reactions.as_ref().map(|all| {
        let reactions = all.iter().map(|reaction| ReactionEntry {
            kind: match (reaction.paid, &reaction.custom_emoji_id) {
                (true, _) => "paid",
                (false, Some(_)) => "custom_emoji",
                (false, None) => "emoji",
            }
            .to_owned(),
            count: reaction.count,
            emoji: Some(reaction.emoji.clone()).filter(|emoji| !emoji.is_empty()),
            document_id: reaction.custom_emoji_id.clone(),
        });
        reactions.collect()
    });
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;

    /// Protects whoever keeps an export from taking a part for the whole.
    #[test]
    fn what_is_not_here_is_said() {
        let kept = |spans: &[Span], above, follows| {
            missing(&Spans::of(spans.iter().copied()), above, follows)
        };
        let told = |spans: &[Span], follows| kept(spans, 0, follows);
        assert_eq!(told(&[], true), [(1, None)]);
        assert_eq!(told(&[Span::open(1, 9)], true), []);
        assert_eq!(told(&[Span::open(1, 9)], false), [(10, None)]);
        assert_eq!(told(&[Span::open(5, 4)], false), [(1, Some(4)), (5, None)]);
        let held = [Span::closed(5, 7), Span::closed(10, 12)];
        let between = [(1, Some(4)), (8, Some(9)), (13, None)];
        assert_eq!(told(&held, true), between);
        assert_eq!(kept(&[Span::open(1, 9)], 5, true), [(1, Some(5))]);
        let apart = [Span::closed(1, 5), Span::open(20, 30)];
        assert_eq!(kept(&apart, 5, true), [(1, Some(19))]);
    }
}
