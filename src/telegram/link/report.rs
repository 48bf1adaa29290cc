//! Report: what the account has still to be told, in order. It grows while the store is busy; the link reads on.

use std::{collections::VecDeque, sync::Arc};

use super::{LinkEvent, shared::Shared, weight};
use crate::{
    domain::{Batch, Change, Position},
    telegram::{
        Charge,
        convert::{Converter, dialog_record},
        sequence::Step,
    },
};

/// A batch is closed at so many changes,
const CHANGES: usize = 2_000;
/// or so many bytes: one transaction should not hold up the others for long.
const BYTES: usize = 1024 * 1024;
/// With so many events before it, a line is not dialled again yet.
const BACKLOG: usize = 64;
/// What one account may have unstored, so that no single one uses up what is there for all.
const ONE_ACCOUNT: usize = 24 * 1024 * 1024;

pub(super) struct Report {
    shared: Arc<Shared>,
    ready: VecDeque<LinkEvent>,
    open: Option<(Box<Batch>, Charge)>,
    /// Of the batches in `ready`.
    ready_bytes: usize,
    /// The position after all steps so far.
    told: Option<Position>,
    /// Updates in steps since the last look.
    updates: u64,
}

impl Report {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            ready: VecDeque::new(),
            open: None,
            ready_bytes: 0,
            told: None,
            updates: 0,
        }
    }

    /// Where the store is, before the first step.
    pub(super) fn begin_at(&mut self, position: Position) {
        self.told = Some(Position {
            channels: Vec::new(),
            ..position
        });
    }

    pub(super) fn add(&mut self, step: Step) {
        let other = |batch: &Batch| batch.late != step.late || batch.changes.len() >= CHANGES;
        let full = |charge: &Charge| charge.bytes() >= BYTES;
        if step.hole.is_some()
            || (self.open.as_ref()).is_some_and(|(batch, charge)| other(batch) || full(charge))
        {
            self.close();
        }
        self.updates += step.updates.len() as u64;
        if let Some(at) = step.account {
            let told = self.told.get_or_insert_default();
            (told.pts, told.qts, told.seq, told.date) = (at.pts, at.qts, at.seq, at.date);
        }
        let shared = Arc::clone(&self.shared);
        let told = self.told.clone();
        let (batch, charge) = self.open();
        batch.late = step.late;
        batch.holes.extend(step.hole);
        let (peers, changes) = (batch.peers.len(), batch.changes.len());
        let mut converter = Converter::new(shared.self_id, batch);
        converter.peers(step.users, step.chats);
        for update in step.updates {
            converter.update(update);
        }
        let dialog = step
            .dialog
            .and_then(|dialog| dialog_record(dialog, shared.self_id));
        batch.changes.extend(dialog.map(Change::Dialog));
        let channels = match batch.position.take() {
            Some(position) => with_moved(position.channels, step.channels),
            None => step.channels,
        };
        batch.position = told.map(|position| Position {
            channels,
            ..position
        });
        let new_peers = batch.peers.get(peers..).unwrap_or_default();
        let new_changes = batch.changes.get(changes..).unwrap_or_default();
        let bytes: usize = new_peers.iter().map(weight::peer).sum::<usize>()
            + new_changes.iter().map(weight::change).sum::<usize>();
        charge.set(charge.bytes() + bytes);
        shared.meet(new_peers);
    }

    /// Adds to the step that was added last.
    pub(super) fn also(&mut self, change: Change) {
        let (batch, _) = self.open();
        batch.changes.push(change);
    }

    fn open(&mut self) -> (&mut Batch, &mut Charge) {
        let shared = &self.shared;
        let (batch, charge) = self.open.get_or_insert_with(|| {
            let batch = Box::new(Batch::empty(shared.account_id));
            let charge = shared.budget.charge(size_of::<Batch>());
            (batch, charge)
        });
        (batch, charge)
    }

    fn close(&mut self) {
        if let Some((batch, charge)) = self.open.take() {
            self.ready_bytes += charge.bytes();
            self.ready.push_back(LinkEvent::Batch(batch, charge));
        }
    }

    /// An event, behind everything so far.
    pub(super) fn say(&mut self, event: LinkEvent) {
        self.close();
        self.ready.push_back(event);
    }

    pub(super) fn has_news(&self) -> bool {
        !self.ready.is_empty() || self.open.is_some()
    }

    /// The next event to hand over.
    pub(super) fn next(&mut self) -> Option<LinkEvent> {
        if self.ready.is_empty() {
            self.close();
        }
        let event = self.ready.pop_front();
        if let Some(LinkEvent::Batch(_, charge)) = &event {
            self.ready_bytes -= charge.bytes();
        }
        event
    }

    /// May the account be given more to store?
    pub(super) fn takes(&self) -> bool {
        self.unstored() < ONE_ACCOUNT && self.shared.budget.takes()
    }

    /// Has the account so little before it that more may be asked for?
    pub(super) fn is_light(&self) -> bool {
        self.unstored() < ONE_ACCOUNT / 2
    }

    fn unstored(&self) -> usize {
        self.ready_bytes + (self.open.as_ref()).map_or(0, |(_, charge)| charge.bytes())
    }

    /// Has the account taken most of what happened, so that more may happen?
    pub(super) fn is_short(&self) -> bool {
        self.ready.len() < BACKLOG
    }

    pub(super) fn take_updates(&mut self) -> u64 {
        std::mem::take(&mut self.updates)
    }
}

fn with_moved(mut known: Vec<(i64, i32)>, moved: Vec<(i64, i32)>) -> Vec<(i64, i32)> {
    for (id, pts) in moved {
        match known.iter_mut().find(|(own, _)| *own == id) {
            Some((_, last)) => *last = pts,
            None => known.push((id, pts)),
        }
    }
    known
}
