//! Traffic: people who chat by themselves, at a rate, from a seed.
//!
//! Receives: a [`TrafficSpec`] from `control`.
//! Sends:    posts, edits, deletions and typing to the world, as people of its chats.
//! Promises: the same seed over the same world says the same things in the same order.
//! Does not: answer what accounts write; that is `control`'s answering people.

mod manners;
pub mod phrases;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::{
    control::Simulator,
    world::{ChatRef, Draft, Form, Media, World, samples},
};

/// Who chats how much, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TrafficSpec {
    pub seed: u64,
    pub rate_per_second: f64,
    /// Stops by itself after so many; never when none.
    pub limit: Option<u64>,
    /// Only these chats (marked ids; for private chats the person); all when empty.
    pub chats: Vec<i64>,
    /// Shares of a hundred: what is neither is a new text.
    pub edits: u32,
    pub deletes: u32,
    pub media: u32,
    pub typing: u32,
    pub reactions: u32,
    /// Of the new texts: those with a word that is set off.
    pub formatted: u32,
}

impl Default for TrafficSpec {
    fn default() -> Self {
        Self {
            seed: 1,
            rate_per_second: 1.0,
            limit: None,
            chats: Vec::new(),
            edits: 3,
            deletes: 1,
            media: 6,
            typing: 10,
            reactions: 0,
            formatted: 0,
        }
    }
}

/// A chat that somebody speaks in: (who, where).
type Seat = (i64, ChatRef);

/// Running traffic. It goes on when this is dropped; [`TrafficHandle::stop`] ends it.
#[derive(Clone)]
pub struct TrafficHandle {
    stopped: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    done: tokio::sync::watch::Receiver<bool>,
}

impl TrafficHandle {
    pub(crate) fn start(simulator: Simulator, spec: TrafficSpec) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let (tell_done, done) = tokio::sync::watch::channel(false);
        let handle = Self {
            stopped: stopped.clone(),
            sent: sent.clone(),
            done,
        };
        drop(tokio::spawn(async move {
            chat(&simulator, &spec, &stopped, &sent).await;
            let _ = tell_done.send(true);
        }));
        handle
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// New messages so far; edits, deletions and typing do not count.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Until its limit is reached or it was stopped.
    pub async fn finished(&self) {
        let mut done = self.done.clone();
        let _ = done.wait_for(|done| *done).await;
    }
}

async fn chat(simulator: &Simulator, spec: &TrafficSpec, stopped: &AtomicBool, sent: &AtomicU64) {
    let mut chance = StdRng::seed_from_u64(spec.seed);
    let start = Instant::now();
    let mut acts = 0u64;
    let tick = Duration::from_secs_f64((1.0 / spec.rate_per_second.max(0.001)).clamp(0.002, 1.0));
    let mut clock = tokio::time::interval(tick);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while !stopped.load(Ordering::Acquire) {
        clock.tick().await;
        let due = (start.elapsed().as_secs_f64() * spec.rate_per_second) as u64;
        let seats = simulator.look(|world| seats(world, spec));
        if seats.is_empty() {
            continue;
        }
        while acts < due {
            if spec
                .limit
                .is_some_and(|limit| sent.load(Ordering::Acquire) >= limit)
                || stopped.load(Ordering::Acquire)
            {
                return;
            }
            acts += 1;
            let at = chance.random_range(0..seats.len());
            let Some((who, chat)) = seats.get(at).copied() else {
                continue;
            };
            if act(simulator, spec, &mut chance, who, chat) {
                sent.fetch_add(1, Ordering::AcqRel);
            }
            if acts.is_multiple_of(64) {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Every person in every chat it shares with an account, in a fixed order.
fn seats(world: &World, spec: &TrafficSpec) -> Vec<Seat> {
    let wanted = |chat: ChatRef| spec.chats.is_empty() || spec.chats.contains(&chat.marked());
    let person = |id: &i64| world.users.contains_key(id) && !world.accounts.contains_key(id);
    let mut seats: Vec<Seat> = Vec::new();
    for (account, entry) in &world.accounts {
        let mut friends: Vec<i64> = entry.contacts.iter().copied().filter(person).collect();
        friends.extend(entry.mailbox.dialogs.keys().filter_map(|chat| match chat {
            ChatRef::User(id) if person(id) => Some(*id),
            _ => None,
        }));
        friends.sort_unstable();
        friends.dedup();
        let friends = friends.into_iter().filter(|id| wanted(ChatRef::User(*id)));
        seats.extend(friends.map(|id| (id, ChatRef::User(*account))));
    }
    for (id, group) in &world.groups {
        let chat = ChatRef::Group(*id);
        seats.extend(
            group
                .members
                .iter()
                .filter(|id| person(id) && wanted(chat))
                .map(|id| (*id, chat)),
        );
    }
    for (id, channel) in &world.channels {
        let chat = ChatRef::Channel(*id);
        let may = |id: &&i64| {
            person(id) && wanted(chat) && (!channel.broadcast || channel.creator == **id)
        };
        seats.extend(channel.members.iter().filter(may).map(|id| (*id, chat)));
    }
    seats
}

/// One thing that somebody does; true when it is a new message.
fn act(
    simulator: &Simulator,
    spec: &TrafficSpec,
    chance: &mut StdRng,
    who: i64,
    chat: ChatRef,
) -> bool {
    let dice = chance.random_range(0..100u32);
    let text = phrases::phrase(who as u64, chance.random());
    let media_dice: u64 = chance.random();
    simulator.with(|world| {
        let mut share = spec.edits;
        if dice < share {
            let last = last_of(world, who, chat);
            return last.is_some_and(|gid| {
                let _ = world.edit(who, gid, (&format!("{text} ✏️"), Vec::new()), None, None);
                false
            });
        }
        share += spec.deletes;
        if dice < share {
            if let Some(gid) = last_of(world, who, chat) {
                match chat {
                    ChatRef::Channel(id) => {
                        let message = world.id_for(who, gid).unwrap_or(0);
                        world.delete_in_channel(id, &[message], None);
                    }
                    _ => drop(world.delete_everywhere(who, &[gid], None)),
                }
            }
            return false;
        }
        share += spec.typing;
        if dice < share {
            let action = grammers_tl_types::enums::SendMessageAction::SendMessageTypingAction;
            world.typing(who, chat, action, None);
            return false;
        }
        share += spec.reactions;
        if dice < share {
            let newest = newest_in(world, who, chat);
            if let Some(gid) = newest {
                let _ = world.react(who, gid, Some(manners::reaction(media_dice)), None);
            }
            return false;
        }
        share += spec.media;
        let media = (dice < share).then(|| some_media(media_dice));
        let form = Form {
            entities: match media_dice / 64 % 100 {
                share if share < u64::from(spec.formatted) => manners::set_off(text, media_dice),
                _ => Vec::new(),
            },
            ..Form::default()
        };
        world.post(
            who,
            chat,
            Draft {
                media,
                form,
                ..Draft::text(text)
            },
            None,
        );
        true
    })
}

/// The newest of the last few messages of a chat that `who` wrote.
fn last_of(world: &World, who: i64, chat: ChatRef) -> Option<u32> {
    newest(world, who, chat, true)
}

/// The newest of the last few messages of a chat that somebody else wrote.
fn newest_in(world: &World, who: i64, chat: ChatRef) -> Option<u32> {
    newest(world, who, chat, false)
}

fn newest(world: &World, who: i64, chat: ChatRef, own: bool) -> Option<u32> {
    let top = match chat {
        ChatRef::Channel(id) => world.channels.get(&id)?.top_id(),
        ChatRef::User(account) => world.accounts.get(&account)?.mailbox.top_id(),
        ChatRef::Group(id) => {
            let member = world
                .groups
                .get(&id)?
                .members
                .iter()
                .find_map(|member| world.accounts.get(member))?;
            member.mailbox.top_id()
        }
    };
    let wanted = |gid: &u32| {
        world.body(*gid).is_some_and(|body| {
            let here = body.chat == chat || !own && matches!(chat, ChatRef::User(_));
            (body.from == who) == own && here && !body.deleted && body.action.is_none()
        })
    };
    (1..=top)
        .rev()
        .take(50)
        .filter_map(|id| world.find(who, chat, id))
        .find(wanted)
}

fn some_media(dice: u64) -> Media {
    match dice % 6 {
        0 => samples::voice(),
        1 => Media::Sticker {
            emoji: "👍".to_owned(),
        },
        2 => Media::Location {
            latitude: 33.51,
            longitude: 36.29,
        },
        3 => Media::Document {
            name: "offer.pdf".to_owned(),
            mime: "application/pdf".to_owned(),
            size: 48_000,
        },
        _ => Media::Photo {
            width: 1280,
            height: 960,
        },
    }
}
