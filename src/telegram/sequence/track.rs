//! What a line has seen beyond its place: updates that have to wait for an earlier one, and numbers that the server named.
//!
//! A line at rest has no track at all.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use grammers_client::tl::enums::{Message, Update};

use super::{
    mark::{Mark, Place, place},
    packet::Cast,
};
use crate::domain::ChatId;

/// Updates that may wait in one line; with more, all are left to the difference.
const HELD_MOST: usize = 512;
/// The same in bytes.
const HELD_BYTES: usize = 256 * 1024;
/// Whole differences that did not reach what was seen before they were asked for.
const FRUITLESS_MOST: u32 = 4;

/// A numbered update with what came beside it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) mark: Mark,
    pub(super) update: Update,
    pub(super) cast: Option<Arc<Cast>>,
    /// Whom the store has to know first.
    pub(super) missing: Vec<ChatId>,
}

impl Item {
    fn bytes(&self) -> usize {
        size_of::<Self>() + text_of(&self.update)
    }
}

/// Most of what an update holds outside itself.
fn text_of(update: &Update) -> usize {
    let of = |message: &Message| match message {
        Message::Message(message) => {
            let entities = message.entities.as_ref().map_or(0, |list| list.len() * 48);
            let media = if message.media.is_some() { 1_024 } else { 0 };
            message.message.len() + entities + media
        }
        Message::Service(_) | Message::Empty(_) => 256,
    };
    match update {
        Update::NewMessage(u) => of(&u.message),
        Update::NewChannelMessage(u) => of(&u.message),
        Update::EditMessage(u) => of(&u.message),
        Update::EditChannelMessage(u) => of(&u.message),
        Update::DeleteMessages(u) => u.messages.len() * 4,
        Update::DeleteChannelMessages(u) => u.messages.len() * 4,
        _ => 256,
    }
}

/// What became of an offered update.
pub(super) enum Offered {
    Applies(Item),
    Old,
    Kept,
}

#[derive(Debug, Default)]
pub(super) struct Track {
    /// By where the line has to stand for them.
    held: VecDeque<Item>,
    bytes: usize,
    /// The highest number among them.
    held_to: i32,
    /// The highest number that was heard of without its update.
    announced: i32,
    /// Since when something is missing.
    since: Option<Instant>,
    fruitless: u32,
    /// More came than may wait.
    overflown: bool,
}

impl Track {
    pub(super) fn offer(&mut self, ours: i32, item: Item, now: Instant) -> Offered {
        match place(ours, item.mark) {
            Place::Old => Offered::Old,
            Place::Next if item.missing.is_empty() => Offered::Applies(item),
            Place::Next | Place::Beyond => {
                self.hold(item);
                self.look(ours, now);
                Offered::Kept
            }
        }
    }

    /// Keeps an update for later, whatever its place.
    pub(super) fn hold(&mut self, item: Item) {
        if self.held.len() >= HELD_MOST || self.bytes >= HELD_BYTES {
            self.announce(item.mark.pts);
            self.forget();
            self.overflown = true;
            return;
        }
        self.held_to = self.held_to.max(item.mark.pts);
        self.bytes += item.bytes();
        let key = |item: &Item| (item.mark.before(), item.mark.pts);
        let at = self.held.partition_point(|known| key(known) <= key(&item));
        self.held.insert(at, item);
    }

    pub(super) fn announce(&mut self, pts: i32) {
        self.announced = self.announced.max(pts);
    }

    /// Takes what has its turn by now, in order, and moves the line.
    pub(super) fn release(&mut self, ours: &mut i32) -> Vec<Item> {
        let mut released = Vec::new();
        while let Some(first) = self.held.front() {
            match place(*ours, first.mark) {
                Place::Beyond => break,
                Place::Next if !first.missing.is_empty() => break,
                Place::Next | Place::Old => {}
            }
            let Some(item) = self.held.pop_front() else {
                break;
            };
            self.bytes -= item.bytes();
            if place(*ours, item.mark) == Place::Next {
                *ours = (*ours).max(item.mark.pts);
                released.push(item);
            }
        }
        if self.held.is_empty() {
            self.held_to = 0;
        }
        released
    }

    /// Is something missing before what was seen?
    pub(super) fn gap(&self, ours: i32) -> bool {
        let first = self.held.front();
        first.is_some_and(|first| place(ours, first.mark) == Place::Beyond)
            || self.announced > ours.max(self.held_to)
    }

    /// Starts or ends the wait for what is missing.
    pub(super) fn look(&mut self, ours: i32, now: Instant) {
        if !self.gap(ours) {
            self.since = None;
            self.fruitless = 0;
            if self.announced <= ours {
                self.announced = 0;
            }
        } else if self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// When what is missing has to be asked for.
    pub(super) fn overdue_at(&self, patience: Duration) -> Option<Instant> {
        let since = self.since?;
        if self.overflown {
            return Some(since);
        }
        Some(since + patience * 2_u32.pow(self.fruitless))
    }

    /// The highest number that is known to exist.
    pub(super) fn high(&self) -> i32 {
        self.announced.max(self.held_to)
    }

    /// After a whole answer that was asked for when `high` was known. `false`: there is no bridge to what was seen.
    pub(super) fn answered(&mut self, ours: i32, high: i32, progress: bool, now: Instant) -> bool {
        self.since = None;
        self.overflown = false;
        self.look(ours, now);
        if !self.gap(ours) {
            return true;
        }
        self.fruitless = if progress || high <= ours {
            0
        } else {
            self.fruitless + 1
        };
        self.fruitless < FRUITLESS_MOST
    }

    /// The line goes on from another place.
    pub(super) fn begin(&mut self, ours: i32, now: Instant) {
        (self.fruitless, self.since) = (0, None);
        self.look(ours, now);
    }

    /// The first place from which the held ones could go on, or the highest number heard of.
    pub(super) fn foothold(&self) -> Option<i32> {
        match self.held.front() {
            Some(first) => Some(first.mark.before()),
            None => (self.announced > 0).then_some(self.announced),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.announced == 0
    }

    /// Drops what is held; that it exists stays known.
    pub(super) fn forget(&mut self) {
        self.announced = self.high();
        self.held_to = 0;
        self.held.clear();
        self.bytes = 0;
    }

    /// The store was asked about somebody. Did one have to go because it does not know them?
    pub(super) fn person(&mut self, person: ChatId, known: bool) -> bool {
        let before = self.held.len();
        for item in &mut self.held {
            if known {
                item.missing.retain(|missing| *missing != person);
            }
        }
        if !known {
            self.held.retain(|item| !item.missing.contains(&person));
            self.bytes = self.held.iter().map(Item::bytes).sum();
            self.held_to = self
                .held
                .iter()
                .map(|item| item.mark.pts)
                .max()
                .unwrap_or(0);
        }
        self.held.len() < before
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
