//! A chat's head in the layout: name, type and number.

use serde::Deserialize;

use crate::domain::{ChatId, Conversation, ConversationKind, Peer, PeerFlags, PeerKind, clean};

/// What stands before a chat's messages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct ChatHead {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub id: i64,
}

impl ChatHead {
    /// `own`: the account's user.
    pub(super) fn of(conversation: &Conversation, own: Option<i64>) -> Self {
        let id = match conversation.chat_id.kind() {
            PeerKind::User(id) | PeerKind::Group(id) | PeerKind::Channel(id) => id,
        };
        let public = conversation.username.is_some();
        let kind = match (conversation.kind, public) {
            (ConversationKind::Private, _) if Some(id) == own => "saved_messages",
            (ConversationKind::Private, _) => "personal_chat",
            (ConversationKind::Bot, _) => "bot_chat",
            (ConversationKind::Group, _) => "private_group",
            (ConversationKind::Supergroup, false) => "private_supergroup",
            (ConversationKind::Supergroup, true) => "public_supergroup",
            (ConversationKind::Channel, false) => "private_channel",
            (ConversationKind::Channel, true) => "public_channel",
        };
        let named = kind != "saved_messages";
        Self {
            name: named.then(|| conversation.title.clone()),
            kind: kind.to_owned(),
            id,
        }
    }

    /// `None`: not of a kind that an account has.
    #[must_use]
    pub fn chat(&self) -> Option<ChatId> {
        /// Beyond it Telegram gives none, and marked numbers would overlap.
        const HIGHEST: i64 = 997_852_516_352;
        if !(1..=HIGHEST).contains(&self.id) {
            return None;
        }
        match self.kind.as_str() {
            "personal_chat" | "bot_chat" | "saved_messages" | "replies" | "verify_codes" => {
                Some(ChatId::user(self.id))
            }
            "private_group" => Some(ChatId::group(self.id)),
            "private_supergroup" | "public_supergroup" | "private_channel" | "public_channel" => {
                Some(ChatId::channel(self.id))
            }
            _ => None,
        }
    }

    /// The chat as far as the file knows it.
    pub(super) fn peer(&self, chat: ChatId) -> Peer {
        let flags = PeerFlags {
            bot: self.kind == "bot_chat",
            broadcast: matches!(self.kind.as_str(), "private_channel" | "public_channel"),
            min: true,
            ..PeerFlags::default()
        };
        Peer {
            id: chat,
            access_hash: None,
            name: clean::line(self.name.clone().unwrap_or_default()),
            username: None,
            flags,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects chats from landing under another one's number.
    #[test]
    fn a_head_names_one_chat() {
        let chat = |kind: &str, id: i64| {
            let head = ChatHead {
                name: None,
                kind: kind.to_owned(),
                id,
            };
            head.chat().map(|chat| chat.to_string())
        };
        assert_eq!(chat("personal_chat", 7).as_deref(), Some("7"));
        assert_eq!(chat("private_group", 7).as_deref(), Some("-7"));
        assert_eq!(chat("public_channel", 7).as_deref(), Some("-1000000000007"));
        assert_eq!(chat("private_supergroup", 0), None);
        assert_eq!(chat("personal_chat", -7), None);
        assert_eq!(chat("private_group", i64::MAX), None);
        assert_eq!(chat("calendar", 7), None);
    }
}
