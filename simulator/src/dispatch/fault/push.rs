//! Push: what becomes of the updates that the world pushes.

use std::{
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use grammers_tl_types::{enums, types};

use super::{Effect, Faults, names};
use crate::world::Outgoing;

/// What becomes of one push.
pub enum PushFate {
    Now(enums::Updates),
    Later(enums::Updates, Duration),
}

impl Faults {
    pub fn fate_of(&self, user: Option<i64>, push: &Outgoing) -> Vec<PushFate> {
        let effect = self.pick(user, |fault| {
            fault.effect.is_push()
                && fault.account.is_none_or(|account| user == Some(account))
                && fault
                    .channel
                    .is_none_or(|id| push.channel.is_some_and(|(own, _)| own == id))
                && fault
                    .update
                    .as_deref()
                    .is_none_or(|kind| names(kind, push.kind))
        });
        let updates = push.updates.clone();
        let mut fates = match effect {
            None => vec![PushFate::Now(updates)],
            Some(Effect::DropPush) => Vec::new(),
            Some(Effect::DuplicatePush) => {
                vec![PushFate::Now(updates.clone()), PushFate::Now(updates)]
            }
            Some(Effect::DelayPush { millis }) => {
                vec![PushFate::Later(updates, Duration::from_millis(millis))]
            }
            Some(Effect::SwapPush) => {
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                held.push((user.unwrap_or(0), updates));
                self.holding.store(true, Ordering::Release);
                return Vec::new();
            }
            Some(Effect::Bundle { pushes }) => self.bundled(user.unwrap_or(0), updates, pushes),
            Some(Effect::Bare) => vec![PushFate::Now(match updates {
                enums::Updates::Updates(mut whole) => {
                    (whole.users, whole.chats) = (Vec::new(), Vec::new());
                    whole.into()
                }
                other => other,
            })],
            Some(Effect::TooLong) => vec![PushFate::Now(enums::Updates::TooLong)],
            Some(Effect::ChannelTooLong { with_pts }) => match push.channel {
                Some((channel_id, pts)) => {
                    let update = types::UpdateChannelTooLong {
                        channel_id,
                        pts: with_pts.then_some(pts),
                    };
                    let date = push_date(&push.updates);
                    vec![PushFate::Now(
                        types::UpdateShort {
                            update: update.into(),
                            date,
                        }
                        .into(),
                    )]
                }
                None => vec![PushFate::Now(updates)],
            },
            Some(_) => vec![PushFate::Now(updates)],
        };
        self.release_held(user, &mut fates);
        fates
    }

    /// Keeps a push until its packet is full. Short forms and counted packets go by themselves.
    fn bundled(&self, user: i64, updates: enums::Updates, pushes: usize) -> Vec<PushFate> {
        let enums::Updates::Updates(whole) = updates else {
            return vec![PushFate::Now(updates)];
        };
        let mut bundles = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        let bundle = bundles.entry(user).or_default();
        bundle.push(whole);
        if bundle.len() < pushes {
            return Vec::new();
        }
        let mut packet = types::UpdatesCombined {
            updates: Vec::new(),
            users: Vec::new(),
            chats: Vec::new(),
            date: 0,
            seq_start: 0,
            seq: 0,
        };
        for one in std::mem::take(bundle).into_iter().rev() {
            packet.updates.extend(one.updates);
            packet.users.extend(one.users);
            packet.chats.extend(one.chats);
            packet.date = packet.date.max(one.date);
        }
        vec![PushFate::Now(packet.into())]
    }

    /// What was held back comes right after the push that overtook it, also when the faults are cleared by then.
    fn release_held(&self, user: Option<i64>, fates: &mut Vec<PushFate>) {
        if !self.holding.load(Ordering::Acquire) {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(owner, updates)| {
            let mine = *owner == user.unwrap_or(0);
            if mine {
                fates.push(PushFate::Now(updates.clone()));
            }
            !mine
        });
        self.holding.store(!held.is_empty(), Ordering::Release);
    }
}

fn push_date(updates: &enums::Updates) -> i32 {
    match updates {
        enums::Updates::Updates(updates) => updates.date,
        enums::Updates::UpdateShort(update) => update.date,
        _ => 0,
    }
}
