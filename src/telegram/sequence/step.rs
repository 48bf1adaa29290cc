//! Steps: what applies now, each with the position that holds after it.

use grammers_client::tl;
use tl::enums::Update;

use super::packet::Cast;
use crate::domain::Hole;

/// Where the account's own lines are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::telegram) struct At {
    pub(in crate::telegram) pts: i32,
    pub(in crate::telegram) qts: i32,
    pub(in crate::telegram) seq: i32,
    /// Up to here every channel that Telegram announced is stored: what changes later is announced again.
    pub(in crate::telegram) date: i32,
}

/// One atomic unit: the position holds once all of it is stored.
#[derive(Debug, Default)]
pub(in crate::telegram) struct Step {
    /// Missed while the account was away, and asked for since.
    pub(in crate::telegram) late: bool,
    /// Everything else in the step is after it.
    pub(in crate::telegram) hole: Option<Hole>,
    pub(in crate::telegram) users: Vec<tl::enums::User>,
    pub(in crate::telegram) chats: Vec<tl::enums::Chat>,
    /// In the order in which they apply.
    pub(in crate::telegram) updates: Vec<Box<Update>>,
    /// What Telegram says of a chat whose updates it will not repeat.
    pub(in crate::telegram) dialog: Option<tl::enums::Dialog>,
    /// The account's own lines, when they moved.
    pub(in crate::telegram) account: Option<At>,
    /// Channels that moved.
    pub(in crate::telegram) channels: Vec<(i64, i32)>,
}

impl Step {
    const fn is_empty(&self) -> bool {
        self.hole.is_none()
            && self.users.is_empty()
            && self.chats.is_empty()
            && self.updates.is_empty()
            && self.dialog.is_none()
            && self.account.is_none()
            && self.channels.is_empty()
    }
}

/// Steps in the making.
#[derive(Default)]
pub(super) struct Out {
    done: Vec<Step>,
    open: Step,
}

impl Out {
    /// Whether what follows is late.
    pub(super) fn late(&mut self, late: bool) {
        if self.open.late != late {
            self.cut();
            self.open.late = late;
        }
    }

    pub(super) fn hole(&mut self, hole: Hole) {
        self.cut();
        self.open.hole = Some(hole);
    }

    fn cut(&mut self) {
        let late = self.open.late;
        if !self.open.is_empty() {
            self.done.push(std::mem::take(&mut self.open));
            self.open.late = late;
        }
    }

    pub(super) fn apply(&mut self, update: Box<Update>) {
        self.open.updates.push(update);
    }

    pub(super) fn cast(&mut self, cast: Cast) {
        if self.open.users.is_empty() && self.open.chats.is_empty() {
            (self.open.users, self.open.chats) = (cast.users, cast.chats);
        } else {
            self.open.users.extend(cast.users);
            self.open.chats.extend(cast.chats);
        }
    }

    pub(super) fn shared(&mut self, cast: &Cast) {
        self.open.users.extend(cast.users.iter().cloned());
        self.open.chats.extend(cast.chats.iter().cloned());
    }

    pub(super) fn dialog(&mut self, dialog: tl::enums::Dialog) {
        self.open.dialog = Some(dialog);
    }

    pub(super) fn account(&mut self, at: At) {
        self.open.account = Some(at);
    }

    pub(super) fn channel(&mut self, id: i64, pts: i32) {
        match self.open.channels.iter_mut().find(|(own, _)| *own == id) {
            Some((_, known)) => *known = pts,
            None => self.open.channels.push((id, pts)),
        }
    }

    pub(super) fn steps(mut self) -> Vec<Step> {
        self.late(false);
        self.cut();
        self.done
    }
}
