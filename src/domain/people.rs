//! People: whom an account has in its address book, and whom or what it found.

use serde::Serialize;

use super::{
    AccountId, ChatId, Conversation, ConversationId, ConversationKind, Peer, PeerKind, Timestamp,
};

/// Somebody in the address book of an account. Their number is kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ListedContact {
    pub account_id: AccountId,
    pub chat_id: ChatId,
    pub name: String,
    pub username: Option<String>,
    /// The account is in their address book, too.
    pub mutual: bool,
    pub conversation_id: Option<ConversationId>,
    /// All accounts that know them: as a contact, or from a conversation.
    pub accounts: Vec<AccountId>,
}

/// How fresh an account's list of contacts is, and by what Telegram tells whether it is still the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContactListMark {
    pub hash: i64,
    /// `None`: never fetched.
    pub fetched_at: Option<Timestamp>,
}

/// What an account's look-up found. Nothing was joined or written for it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FoundChat {
    /// `None`: the account is not in it yet, and Telegram says no more than this.
    pub chat_id: Option<ChatId>,
    pub kind: ConversationKind,
    pub title: String,
    pub username: Option<String>,
    pub about: Option<String>,
    /// Of an invitation.
    pub members: Option<i32>,
    /// The chat's admins decide who comes in.
    pub on_request: bool,
    /// It can be written to only after joining.
    pub joinable: bool,
    pub conversation: Option<Conversation>,
    /// All accounts that know them: as a contact, or from a conversation.
    pub accounts: Vec<AccountId>,
    /// What this person wants of whoever writes to them unasked, as far as Telegram says.
    pub wants: Option<Wanted>,
}

/// Before somebody takes a message of a stranger's. Nothing is ever paid from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Wanted {
    /// For each message.
    pub stars: Option<u32>,
    /// Only Premium users may write.
    pub premium: bool,
}

impl FoundChat {
    /// Somebody, or a chat, that the account may write to or look into.
    #[must_use]
    pub fn of(peer: &Peer, conversation: Option<Conversation>, accounts: Vec<AccountId>) -> Self {
        let kind = match peer.id.kind() {
            PeerKind::User(_) if peer.flags.bot => ConversationKind::Bot,
            PeerKind::User(_) => ConversationKind::Private,
            PeerKind::Group(_) => ConversationKind::Group,
            PeerKind::Channel(_) if peer.flags.broadcast => ConversationKind::Channel,
            PeerKind::Channel(_) => ConversationKind::Supergroup,
        };
        let is_channel = matches!(
            kind,
            ConversationKind::Supergroup | ConversationKind::Channel
        );
        Self {
            chat_id: Some(peer.id),
            kind,
            title: peer.name.clone(),
            username: peer.username.clone(),
            about: None,
            members: None,
            on_request: false,
            joinable: is_channel && conversation.is_none(),
            conversation,
            accounts,
            wants: None,
        }
    }
}

/// Letters without case and without what stands on and under them, as the search of messages has them.
#[must_use]
pub fn folded(text: &str) -> String {
    use icu_normalizer::{
        DecomposingNormalizerBorrowed, properties::CanonicalCombiningClassMapBorrowed,
    };
    let classes = CanonicalCombiningClassMapBorrowed::new();
    DecomposingNormalizerBorrowed::new_nfkd()
        .normalize_iter(text.chars().flat_map(char::to_lowercase))
        .filter(|letter| classes.get_u8(*letter) == 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects finding people: however a name is written, it is found as it is typed on any keyboard.
    #[test]
    fn names_are_compared_without_case_and_marks() {
        for (written, typed) in [
            ("Émile Zoë", "emile zoe"),
            ("ЁЛКА", "елка"),
            ("مُحَمَّد", "محمد"),
            ("Ｗｉｄｅ", "wide"),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(folded(written), typed, "{written}");
        }
    }
}
