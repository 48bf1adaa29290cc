//! What the bench writes: messages of three kinds, and batches of them.

use switchboard::domain::{
    AccountId, Batch, Change, ChatId, Entity, EntityKind, Extra, IncomingMessage, Media, MediaKind,
    MessageObject, Named, Peer, PeerFlags, Position, Reaction, Timestamp, kept_preview,
};

/// Words like a language's: few common ones, many rare ones.
pub fn text(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = 4 + next() % 12;
    let mut text = String::new();
    for _ in 0..words {
        let rank = (20_000_f64.powf((next() % 10_000) as f64 / 10_000.0)) as u64;
        text.push_str(&format!("w{} ", radix(rank)));
    }
    if seed.is_multiple_of(10) {
        text.push_str("hello");
    }
    text
}

fn radix(mut number: u64) -> String {
    let mut letters = String::new();
    while number > 0 {
        letters.push(char::from(b'a' + u8::try_from(number % 26).unwrap_or(0)));
        number /= 26;
    }
    letters
}

pub fn message(chat: ChatId, id: i32, at: i64) -> IncomingMessage {
    IncomingMessage::plain(chat, id, text(id as u64), Timestamp::from_seconds(at))
}

/// One in bold, with an object of the size that a photo's has.
pub fn formatted(chat: ChatId, id: i32, at: i64) -> IncomingMessage {
    let mark = Entity::of(EntityKind::Bold, 0, 4);
    IncomingMessage {
        entities: vec![mark],
        object: Some(MessageObject {
            layer: 230,
            bytes: vec![7; 400],
        }),
        ..message(chat, id, at)
    }
}

/// A photo with its preview, a reaction, views and a button, and its object.
pub fn pictured(chat: ChatId, id: i32, at: i64) -> IncomingMessage {
    let reaction = Reaction {
        emoji: "👍".to_owned(),
        count: 2,
        mine: false,
        custom_emoji_id: None,
        paid: false,
        who: vec![Named {
            id: chat,
            name: None,
        }],
    };
    IncomingMessage {
        media: Some(Media {
            size: Some(48_000),
            mime: Some("image/jpeg".to_owned()),
            width: Some(1280),
            height: Some(960),
            // As long as Telegram's are.
            thumb: kept_preview(&[1; 250]),
            ..Media::of(MediaKind::Photo)
        }),
        extra: Some(Box::new(Extra {
            reactions: vec![reaction],
            ..Extra::default()
        })),
        ..formatted(chat, id, at)
    }
}

fn person(id: i64) -> Peer {
    Peer {
        id: ChatId::user(id),
        access_hash: Some(id),
        name: format!("Client {id}"),
        username: None,
        flags: PeerFlags {
            can_send: true,
            ..PeerFlags::default()
        },
    }
}

pub type Made = fn(ChatId, i32, i64) -> IncomingMessage;

pub fn batch(account: AccountId, first: i32, size: i32, chats: i64, at: i64) -> Batch {
    batch_of(message, account, first, size, chats, at)
}

pub fn batch_of(
    made: Made,
    account: AccountId,
    first: i32,
    size: i32,
    chats: i64,
    at: i64,
) -> Batch {
    let mut batch = Batch::empty(account);
    for id in first..first + size {
        let chat = 1 + (i64::from(id) * 7919) % chats;
        batch.peers.push(person(chat));
        batch
            .changes
            .push(Change::Message(made(ChatId::user(chat), id, at)));
    }
    batch.position = Some(Position {
        pts: first + size,
        ..Position::default()
    });
    batch
}
