//! Who and where: chats by their kind and id, and the access hashes that each viewer gets for them.

use grammers_tl_types::enums;

/// What is taken off a channel's id to mark it in one flat space of ids.
const CHANNEL_MARK: i64 = -1_000_000_000_000;

/// A chat, as one number would name it: user `123`, basic group `-456`, channel or supergroup `-1001234567890`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChatRef {
    /// The private chat with this user.
    User(i64),
    Group(i64),
    /// A broadcast channel or a supergroup.
    Channel(i64),
}

impl ChatRef {
    pub fn marked(self) -> i64 {
        match self {
            Self::User(id) => id,
            Self::Group(id) => -id,
            Self::Channel(id) => CHANNEL_MARK - id,
        }
    }

    pub fn peer(self) -> enums::Peer {
        use grammers_tl_types::types;
        match self {
            Self::User(user_id) => types::PeerUser { user_id }.into(),
            Self::Group(chat_id) => types::PeerChat { chat_id }.into(),
            Self::Channel(channel_id) => types::PeerChannel { channel_id }.into(),
        }
    }
}

impl From<i64> for ChatRef {
    fn from(marked: i64) -> Self {
        if marked >= 0 {
            Self::User(marked)
        } else if marked <= CHANNEL_MARK {
            Self::Channel(CHANNEL_MARK - marked)
        } else {
            Self::Group(-marked)
        }
    }
}

/// The hash that `viewer` has to show for a user or a channel. It differs per viewer, as Telegram's do.
pub fn access_hash(seed: u64, viewer: i64, chat: ChatRef) -> i64 {
    mix(seed ^ mix(viewer as u64 ^ mix(chat.marked() as u64))) as i64
}

/// What a min user carries instead: good for its photo, not for writing to it.
pub fn min_hash(seed: u64, viewer: i64, chat: ChatRef) -> i64 {
    access_hash(seed ^ 0x6d69_6e00, viewer, chat)
}

/// SplitMix64's finaliser: one number in, an unrelated one out.
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the marked form that the service's API shows.
    #[test]
    fn marked_ids_go_there_and_back() {
        for (chat, marked) in [
            (ChatRef::User(123), 123),
            (ChatRef::Group(456), -456),
            (ChatRef::Channel(1_234_567_890), -1_001_234_567_890),
        ] {
            assert_eq!(chat.marked(), marked);
            assert_eq!(ChatRef::from(marked), chat);
        }
    }

    /// Protects the rule that one account's hashes are useless to another.
    #[test]
    fn access_hashes_differ_per_viewer_and_per_seed() {
        let chat = ChatRef::Channel(7);
        assert_ne!(access_hash(1, 10, chat), access_hash(1, 11, chat));
        assert_ne!(access_hash(1, 10, chat), access_hash(2, 10, chat));
        assert_ne!(access_hash(1, 10, chat), min_hash(1, 10, chat));
    }
}
