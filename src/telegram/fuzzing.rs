//! The readers that strangers' bytes go through, as functions of bytes alone: for the targets of `fuzz/`, and for the same
//! checks by `cargo test`. Each ends in words or in nothing; what must hold of what was read is asserted.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use grammers_client::{session::updates::UpdatesLike, tl};
use tl::{Deserializable, enums};

pub use super::ways::fuzzing::relay;
use super::{
    convert::Converter,
    handshake::ServerKey,
    import,
    sequence::{AccountAsk, AccountTrouble, ChannelAsk, ChannelTrouble, Need, Sequence, Step},
};
use crate::domain::{AccountId, Batch, Change, IncomingMessage, Position, SecretText, utf16_len};

const SELF: i64 = 5;

/// A session string: as it was pasted, and with these bytes behind its letters.
pub fn session_import(bytes: &[u8]) {
    let packed = URL_SAFE.encode(bytes);
    let pasted = String::from_utf8_lossy(bytes).into_owned();
    for text in [pasted, format!("1{packed}"), packed] {
        let Ok(imported) = import::parse(&SecretText::new(text)) else {
            continue;
        };
        let home = imported.session.home_dc;
        let record = imported.session.dcs.get(&home);
        let key = record.and_then(|record| record.key.as_ref());
        assert!(home > 0, "a data centre that there is not");
        assert!(
            key.is_some_and(|key| key.iter().any(|byte| *byte != 0)),
            "a session without a key"
        );
    }
}

/// The key of custom data centres.
pub fn pem(bytes: &[u8]) {
    let _ = ServerKey::from_pem(&String::from_utf8_lossy(bytes));
    let body = base64::engine::general_purpose::STANDARD.encode(bytes);
    for kind in ["RSA PUBLIC KEY", "PUBLIC KEY"] {
        let _ = ServerKey::from_pem(&format!(
            "-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"
        ));
    }
}

/// One message, one update, a list of people: whatever Telegram says of them becomes something that can be stored.
pub fn conversion(bytes: &[u8]) {
    let mut batch = Batch::empty(AccountId(uuid::Uuid::nil()));
    let mut converter = Converter::new(SELF, &mut batch);
    if let Ok(message) = enums::Message::from_bytes(bytes)
        && let Some(message) = converter.message(message)
    {
        holds(&message);
    }
    if let Ok(update) = enums::Update::from_bytes(bytes) {
        converter.update(Box::new(update));
    }
    if let Ok(enums::Updates::Updates(packet)) = enums::Updates::from_bytes(bytes) {
        converter.peers(packet.users, packet.chats);
        for update in packet.updates {
            converter.update(Box::new(update));
        }
    }
    for change in &batch.changes {
        if let Change::Message(message) | Change::Edited(message) = change {
            holds(message);
        }
    }
}

fn holds(message: &IncomingMessage) {
    let whole = i32::try_from(utf16_len(&message.text)).unwrap_or(i32::MAX);
    for entity in &message.entities {
        let end = entity.offset.checked_add(entity.length);
        assert!(
            entity.offset >= 0 && entity.length > 0 && end.is_some_and(|end| end <= whole),
            "{entity:?} lies outside of a text of {whole} units"
        );
    }
    if let Some(object) = &message.object {
        assert!(
            super::convert::read_object(object).is_some(),
            "an object was kept that nobody can read"
        );
    }
}

/// What a sequence is driven with, made of bytes: kind, length, contents.
struct Script<'a>(&'a [u8]);

impl<'a> Iterator for Script<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (contents, rest) = rest.split_at(length);
        self.0 = rest;
        Some((*kind, contents))
    }
}

/// Packets, answers, failures and the time, in any order and of any contents. Whatever comes: the questions come to an end,
/// and a position only goes back where Telegram itself said so.
pub fn updates(bytes: &[u8]) {
    let mut now = Instant::now();
    let begin = Position {
        pts: 100,
        qts: 1,
        seq: 1,
        date: 1_700_000_000,
        ..Position::default()
    };
    let mut sequence = Sequence::new(Some(&begin), Duration::from_millis(500));
    for (kind, contents) in Script(bytes).take(200) {
        let steps = match kind % 8 {
            0 => match enums::Updates::from_bytes(contents) {
                Ok(updates) => sequence.take(packet(updates), |_| true, now),
                Err(_) => Vec::new(),
            },
            1 => match enums::Updates::from_bytes(contents) {
                Ok(updates) => {
                    sequence.leave(packet(updates), now);
                    Vec::new()
                }
                Err(_) => Vec::new(),
            },
            2 => account_answer(&mut sequence, contents, now),
            3 => channel_answer(&mut sequence, contents, now),
            4 => {
                let millis = contents.first().map_or(100, |byte| u64::from(*byte) * 100);
                now += Duration::from_millis(millis);
                sequence.tick(now);
                Vec::new()
            }
            5 => {
                sequence.line_lost(now);
                sequence.refresh();
                Vec::new()
            }
            6 => {
                sequence.let_go(now);
                Vec::new()
            }
            _ => sequence.take(packet(enums::Updates::TooLong), |_| false, now),
        };
        judge(&steps);
        stored(&mut sequence, contents, now);
    }
    assert!(
        sequence
            .deadline()
            .is_none_or(|at| at < now + Duration::from_secs(86_400))
    );
}

fn packet(updates: enums::Updates) -> Box<UpdatesLike> {
    Box::new(UpdatesLike::Updates(updates))
}

fn judge(steps: &[Step]) {
    for step in steps {
        let channels: std::collections::BTreeSet<i64> =
            step.channels.iter().map(|(id, _)| *id).collect();
        assert_eq!(
            channels.len(),
            step.channels.len(),
            "a channel moves twice in a step"
        );
    }
}

fn account_answer(sequence: &mut Sequence, contents: &[u8], now: Instant) -> Vec<Step> {
    let Some(ask) = sequence.account_ask(now) else {
        return Vec::new();
    };
    assert!(
        sequence.account_ask(now).is_none(),
        "the same is asked twice at once"
    );
    match ask {
        AccountAsk::State => match tl::types::updates::State::from_bytes(contents) {
            Ok(state) => sequence.state_answer(&state, now),
            Err(_) => failed(sequence, contents, now),
        },
        AccountAsk::Difference(_) => match enums::updates::Difference::from_bytes(contents) {
            Ok(difference) => sequence.account_answer(difference, now),
            Err(_) => failed(sequence, contents, now),
        },
    }
}

fn failed(sequence: &mut Sequence, contents: &[u8], now: Instant) -> Vec<Step> {
    use AccountTrouble as T;
    let trouble = match contents.first().copied().unwrap_or_default() % 4 {
        0 => T::Held,
        1 => T::Passing,
        2 => T::Unreadable,
        _ => T::Unusable,
    };
    sequence.account_failed(trouble, now);
    Vec::new()
}

fn channel_answer(sequence: &mut Sequence, contents: &[u8], now: Instant) -> Vec<Step> {
    use ChannelTrouble as T;
    let Some((id, ask)) = sequence.channel_ask(now) else {
        return Vec::new();
    };
    if let ChannelAsk::Difference { pts, limit } = ask {
        assert!(pts > 0 && limit > 0, "Telegram refuses such a question");
    }
    match enums::updates::ChannelDifference::from_bytes(contents) {
        Ok(difference) => sequence.channel_answer(id, difference, now),
        Err(_) => {
            let trouble = match contents.first().copied().unwrap_or_default() % 4 {
                0 => T::Held,
                1 => T::Passing,
                2 => T::Unreadable,
                _ => T::Unusable,
            };
            sequence.channel_failed(id, trouble, now)
        }
    }
}

/// What the store would be asked is answered.
fn stored(sequence: &mut Sequence, contents: &[u8], now: Instant) {
    for (at, need) in sequence.needs().into_iter().enumerate() {
        let known = contents.get(at).is_some_and(|byte| byte % 2 == 0);
        let steps = match need {
            Need::Position(channel) => sequence.position(channel, known.then_some(10), now),
            Need::Person(person) => sequence.person(person, known, now),
        };
        judge(&steps);
    }
}
