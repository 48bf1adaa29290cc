//! What Telegram answers about a channel: its difference, its dialog, or a failure.

use std::time::Instant;

use grammers_client::tl;
use tl::{enums::Update, types};

use super::{ChannelTrouble, Channels, open::settle};
use crate::{
    domain::Hole,
    telegram::sequence::{
        asking::Flying,
        mark::{is_sane, rank},
        packet::Cast,
        step::Out,
    },
};

impl Channels {
    pub(in crate::telegram::sequence) fn failed(
        &mut self,
        id: i64,
        trouble: ChannelTrouble,
        out: &mut Out,
        now: Instant,
    ) {
        let (mut lost, mut strange) = (None, false);
        self.with(id, now, |open, _| match trouble {
            ChannelTrouble::Held => open.asking.ask_again(),
            ChannelTrouble::Passing | ChannelTrouble::Unreadable | ChannelTrouble::Unusable
                if open.is_strange() =>
            {
                strange = true;
            }
            ChannelTrouble::Passing => open.asking.again_later(now),
            ChannelTrouble::Unreadable if open.asking.unreadable(now) => {}
            ChannelTrouble::Unreadable | ChannelTrouble::Unusable if open.void => {
                open.asking.again_later(now);
            }
            ChannelTrouble::Unreadable | ChannelTrouble::Unusable => open.give_up(),
            ChannelTrouble::Lost(reason) => {
                open.asking.rest();
                lost = Some(Hole::ChannelLost {
                    channel_id: id,
                    reason,
                });
            }
        });
        if strange {
            // Whatever it is, it is not ours: the account may not wait for it.
            self.forget(id);
        }
        if let Some(hole) = lost {
            out.hole(hole);
            self.forget(id);
        }
    }

    /// The channel's dialog was asked for: it goes on from there, behind a hole. A line that is met begins with the first
    /// that was heard of it; what was before, the dialog says.
    pub(in crate::telegram::sequence) fn dialog(
        &mut self,
        id: i64,
        dialog: tl::enums::Dialog,
        cast: Cast,
        out: &mut Out,
        now: Instant,
    ) {
        let Some(theirs) = pts_of(&dialog) else {
            self.failed(id, ChannelTrouble::Unreadable, out, now);
            return;
        };
        let Some(open) = self.open.get(&id).filter(|open| open.void) else {
            return;
        };
        let from = if open.unmet {
            let heard = [open.floor, open.track.foothold()].into_iter().flatten();
            let pts = heard.fold(theirs, i32::min).max(1);
            out.hole(Hole::ChannelBegins {
                channel_id: id,
                pts,
            });
            pts
        } else {
            out.hole(Hole::Channel { channel_id: id });
            theirs
        };
        out.cast(cast);
        out.dialog(dialog);
        out.channel(id, from);
        self.at.insert(id, Some(from));
        self.with(id, now, |open, ours| {
            (open.void, open.unmet, open.sought, open.floor) = (false, false, false, None);
            open.missed = 0;
            open.asking.flying = None;
            open.asking.answered();
            settle(open, ours, out, now);
            if *ours < theirs {
                open.track.announce(theirs);
            }
            open.track.begin(*ours, now);
            if *ours != from {
                out.channel(id, *ours);
            }
        });
    }

    /// `updates.getChannelDifference` answered.
    pub(in crate::telegram::sequence) fn difference(
        &mut self,
        id: i64,
        difference: tl::enums::updates::ChannelDifference,
        out: &mut Out,
        now: Instant,
    ) {
        use tl::enums::updates::ChannelDifference as D;
        let asked = self.open.get(&id).filter(|open| !open.void);
        let Some(flying) = asked.and_then(|open| open.asking.flying) else {
            return;
        };
        out.late(flying.late);
        match difference {
            // Nothing more, whatever it says of being the last.
            D::Empty(d) => self.reached(id, flying, (d.pts, true), out, now),
            D::Difference(d) => {
                let ours = self.at.get(&id).copied().flatten().unwrap_or(0);
                // Live updates may have come as far while the answer was on its way.
                if d.pts > ours && d.pts >= flying.pts {
                    out.cast(Cast {
                        users: d.users,
                        chats: d.chats,
                    });
                    for update in sorted(d.new_messages, d.other_updates) {
                        out.apply(update);
                    }
                }
                self.reached(id, flying, (d.pts, d.r#final), out, now);
            }
            D::TooLong(d) => self.too_long(id, flying, d, out, now),
        }
    }

    fn too_long(
        &mut self,
        id: i64,
        flying: Flying,
        answer: types::updates::ChannelDifferenceTooLong,
        out: &mut Out,
        now: Instant,
    ) {
        let Some(theirs) = pts_of(&answer.dialog) else {
            self.failed(id, ChannelTrouble::Unusable, out, now);
            return;
        };
        if theirs == flying.pts {
            // "Too long" from its own end: it leads nowhere.
            self.failed(id, ChannelTrouble::Unreadable, out, now);
            return;
        }
        let ours = self.at.get(&id).copied().flatten().unwrap_or(0);
        if (flying.pts..=ours).contains(&theirs) {
            // Live updates have come as far meanwhile.
            self.reached(id, flying, (theirs, answer.r#final), out, now);
            return;
        }
        out.hole(Hole::Channel { channel_id: id });
        out.cast(Cast {
            users: answer.users,
            chats: answer.chats,
        });
        // Its messages are left out: the hole is filled from history.
        out.dialog(answer.dialog);
        self.at.insert(id, Some(theirs));
        out.channel(id, theirs);
        let flying = Flying {
            pts: theirs,
            ..flying
        };
        self.reached(id, flying, (theirs, answer.r#final), out, now);
    }

    /// An answer brought the line to `pts`.
    fn reached(
        &mut self,
        id: i64,
        flying: Flying,
        (pts, is_final): (i32, bool),
        out: &mut Out,
        now: Instant,
    ) {
        if pts < flying.pts {
            // The server has gone back: a copy of an earlier day took its place.
            out.hole(Hole::Channel { channel_id: id });
            self.at.insert(id, Some(pts));
            out.channel(id, pts);
        }
        self.with(id, now, |open, ours| {
            let before = *ours;
            *ours = (*ours).max(pts);
            let leads_on = is_final || pts > flying.pts;
            if !leads_on {
                if !open.asking.unreadable(now) {
                    open.give_up();
                }
                return;
            }
            open.asking.flying = None;
            open.asking.answered();
            open.late = false;
            if *ours != before {
                out.channel(id, *ours);
            }
            if !is_final {
                open.asking.want(flying.late);
                return;
            }
            // What came live meanwhile is not late.
            out.late(false);
            let before = *ours;
            settle(open, ours, out, now);
            if *ours != before {
                out.channel(id, *ours);
            }
            let progress = pts != flying.pts;
            if !open.track.answered(*ours, flying.high, progress, now) {
                open.give_up();
            }
        });
    }
}

fn pts_of(dialog: &tl::enums::Dialog) -> Option<i32> {
    match dialog {
        tl::enums::Dialog::Dialog(dialog) => dialog.pts,
        tl::enums::Dialog::Folder(_) | tl::enums::Dialog::Community(_) => None,
    }
}

/// In the order in which it applies.
fn sorted(messages: Vec<tl::enums::Message>, others: Vec<Update>) -> Vec<Box<Update>> {
    let messages = messages.into_iter().map(|message| {
        // The whole answer has one number.
        Update::NewChannelMessage(types::UpdateNewChannelMessage {
            message,
            pts: 0,
            pts_count: 0,
        })
    });
    let mut all: Vec<Box<Update>> = others
        .into_iter()
        .filter(is_sane)
        .chain(messages)
        .map(Box::new)
        .collect();
    all.sort_by_key(|update| rank(update));
    all
}
