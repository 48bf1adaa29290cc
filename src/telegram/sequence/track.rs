//! What a line has seen beyond its place: updates that have to wait for an earlier one, and numbers that the server named.
//!
//! A line at rest has no track at all.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use grammers_client::tl::{Deserializable, Serializable, enums::Update};

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
    pub(super) update: Box<Update>,
    pub(super) cast: Option<Arc<Cast>>,
    /// Whom the store has to know first.
    pub(super) missing: Vec<ChatId>,
}

impl Item {
    /// Its place in a line; one that waits for the store is beyond it.
    pub(super) fn place(&self, ours: i32) -> Place {
        match place(ours, self.mark) {
            Place::Next if !self.missing.is_empty() => Place::Beyond,
            place => place,
        }
    }
}

/// One that waits. Packed: an update takes up some kilobytes in memory, and some hundred bytes on the wire.
#[derive(Debug)]
struct Held {
    mark: Mark,
    packed: Box<[u8]>,
    cast: Option<Arc<Cast>>,
    missing: Vec<ChatId>,
}

impl Held {
    fn pack(item: Item) -> Self {
        Self {
            mark: item.mark,
            packed: item.update.to_bytes().into_boxed_slice(),
            cast: item.cast,
            missing: item.missing,
        }
    }

    /// `None` never happens: it was packed by ourselves.
    fn unpack(self) -> Option<Item> {
        Some(Item {
            mark: self.mark,
            update: Box::new(Update::from_bytes(&self.packed).ok()?),
            cast: self.cast,
            missing: self.missing,
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.packed.len() + self.cast.as_ref().map_or(0, |cast| cast.bytes())
    }
}

#[derive(Debug, Default)]
pub(super) struct Track {
    /// By where the line has to stand for them.
    held: VecDeque<Held>,
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
    /// Where the line has to stand for the first of those that were let go.
    let_go_from: Option<i32>,
}

impl Track {
    /// Keeps an update that does not have its turn yet.
    pub(super) fn wait(&mut self, ours: i32, item: Item, now: Instant) {
        self.hold(item);
        self.look(ours, now);
    }

    /// Keeps an update for later, whatever its place.
    pub(super) fn hold(&mut self, item: Item) {
        if self.held.len() >= HELD_MOST || self.bytes >= HELD_BYTES {
            self.announce(item.mark.pts);
            self.forget();
            self.overflown = true;
            return;
        }
        let held = Held::pack(item);
        self.held_to = self.held_to.max(held.mark.pts);
        self.bytes += held.bytes();
        let key = |held: &Held| (held.mark.before(), held.mark.pts);
        let at = self.held.partition_point(|known| key(known) <= key(&held));
        self.held.insert(at, held);
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
            let Some(held) = self.held.pop_front() else {
                break;
            };
            self.bytes -= held.bytes();
            if place(*ours, held.mark) == Place::Old {
                continue;
            }
            let mark = held.mark;
            let Some(item) = held.unpack() else {
                self.announce(mark.pts);
                break;
            };
            *ours = (*ours).max(mark.pts);
            released.push(item);
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
            self.let_go_from = None;
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

    /// The first place from which the held ones could go on.
    pub(super) fn foothold(&self) -> Option<i32> {
        let first = self.held.front().map(|first| first.mark.before());
        [first, self.let_go_from].into_iter().flatten().min()
    }

    /// The highest number among those that wait.
    pub(super) fn held_to(&self) -> Option<i32> {
        (!self.held.is_empty()).then_some(self.held_to)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.announced == 0
    }

    /// Drops what is held; that it exists stays known.
    pub(super) fn forget(&mut self) {
        self.let_go_from = self.foothold();
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
            self.bytes = self.held.iter().map(Held::bytes).sum();
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
