//! Faults of calls and pushes, set by scripts: what goes wrong, for whom, and how often.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use grammers_tl_types::{enums, types};
use serde::{Deserialize, Serialize};

use crate::world::Outgoing;

/// Names a fault that was set, so that it can be taken back.
pub type FaultId = u64;

/// Something that goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Only for this account; for all when none.
    #[serde(default)]
    pub account: Option<i64>,
    /// Only for this function (`messages.sendMessage`), or for all that begin so (`messages.*`).
    #[serde(default)]
    pub method: Option<String>,
    /// Only when this channel is named or concerned.
    #[serde(default)]
    pub channel: Option<i64>,
    /// Pushes: only this kind of update (`updateNewMessage`).
    #[serde(default)]
    pub update: Option<String>,
    /// How often; for ever when none.
    #[serde(default)]
    pub times: Option<u32>,
    /// Lets this many pass first.
    #[serde(default)]
    pub skip: u32,
    /// Happens to this many of a thousand, spread evenly; to all when none.
    #[serde(default)]
    pub per_mille: Option<u32>,
    /// It stands for something that must not happen, or need not.
    #[serde(default)]
    pub may_miss: bool,
    pub effect: Effect,
    #[serde(skip)]
    seen: u64,
    /// Of [`Effect::CallsPerWindow`]: each account's window and the calls in it.
    #[serde(skip)]
    windows: HashMap<Option<i64>, (Instant, u32)>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// The call is not carried out, and answered with this.
    Error { code: i32, message: String },
    /// Carried out after a while; a send holds its random id meanwhile.
    SlowStart { millis: u64 },
    /// Carried out at once, answered after a while.
    SlowAnswer { millis: u64 },
    /// Carried out, answered with bytes of a type that no layer has.
    Unreadable,
    /// Neither carried out nor answered.
    NeverAnswer,
    /// The line is cut, the call not carried out.
    Cut,
    /// Carried out; the line is cut instead of the answer.
    CutAfter,
    /// Carried out, never answered.
    SilentAfter,
    /// Not carried out, answered `boolTrue` as if it were: a part of a file that gets lost.
    Pretend,
    /// updates.getDifference answers differenceTooLong.
    DifferenceTooLong,
    /// updates.getDifference gives at most this many events at a time.
    DifferenceSlices { events: usize },
    /// The same, and a slice's state has the date of the answer, although channels are announced with the last slice.
    DatedSlices { events: usize },
    /// Each account may make this many such calls within a window; more are answered with the time that is left.
    CallsPerWindow { calls: u32, seconds: u32 },
    /// updates.getChannelDifference answers channelDifferenceTooLong.
    ChannelDifferenceTooLong,
    /// updates.getChannelDifference gives at most this many events at a time, names no time-out, and says of none of its
    /// answers that it is the last.
    ChannelSlices { events: usize },
    /// A page of history has at most this many messages, and in a channel what was deleted stands there as messageEmpty.
    ShortPages { messages: i32 },
    /// A page of history is messages.messages, as if it were all there is.
    Unsliced,
    /// A page of the list of chats begins with the last ones of the page before.
    Overlap { chats: usize },
    /// A push is lost.
    DropPush,
    /// A push comes twice.
    DuplicatePush,
    /// A push comes late; what follows overtakes it.
    DelayPush { millis: u64 },
    /// A push comes after the one that follows it.
    SwapPush,
    /// So many pushes come in one packet, the last one first.
    Bundle { pushes: usize },
    /// A push comes without the people and chats that it names.
    Bare,
    /// updatesTooLong instead of a push.
    TooLong,
    /// updateChannelTooLong instead of a channel's push.
    ChannelTooLong { with_pts: bool },
}

impl Effect {
    fn is_push(&self) -> bool {
        use Effect as E;
        matches!(
            self,
            E::DropPush
                | E::DuplicatePush
                | E::DelayPush { .. }
                | E::SwapPush
                | E::Bundle { .. }
                | E::Bare
                | E::TooLong
                | E::ChannelTooLong { .. }
        )
    }

    fn is_difference(&self) -> bool {
        matches!(
            self,
            Self::DifferenceTooLong
                | Self::DifferenceSlices { .. }
                | Self::DatedSlices { .. }
                | Self::ChannelDifferenceTooLong
                | Self::ChannelSlices { .. }
        )
    }

    fn is_page(&self) -> bool {
        matches!(
            self,
            Self::ShortPages { .. } | Self::Unsliced | Self::Overlap { .. }
        )
    }
}

impl Fault {
    pub fn new(effect: Effect) -> Self {
        Self {
            account: None,
            method: None,
            channel: None,
            update: None,
            times: None,
            skip: 0,
            per_mille: None,
            may_miss: false,
            effect,
            seen: 0,
            windows: HashMap::new(),
        }
    }

    /// A limit as Telegram has them: so many calls within so many seconds, for each account.
    pub fn calls_per_window(calls: u32, seconds: u32) -> Self {
        Self::new(Effect::CallsPerWindow { calls, seconds })
    }

    /// An `rpc_error`, for instance `Fault::error(420, "FLOOD_WAIT_5").on("messages.sendMessage").times(1)`.
    pub fn error(code: i32, message: &str) -> Self {
        Self::new(Effect::Error {
            code,
            message: message.to_owned(),
        })
    }

    pub fn flood_wait(seconds: u32) -> Self {
        Self::error(420, &format!("FLOOD_WAIT_{seconds}"))
    }

    pub fn on(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    pub fn account(mut self, account: i64) -> Self {
        self.account = Some(account);
        self
    }

    pub fn channel(mut self, channel: i64) -> Self {
        self.channel = Some(channel);
        self
    }

    pub fn update(mut self, kind: &str) -> Self {
        self.update = Some(kind.to_owned());
        self
    }

    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Nobody asks whether it happened.
    pub fn may_miss(mut self) -> Self {
        self.may_miss = true;
        self
    }

    pub fn per_mille(mut self, share: u32) -> Self {
        self.per_mille = Some(share);
        self
    }

    /// What happens to this chance, if anything does.
    fn happens(&mut self, user: Option<i64>) -> Option<Effect> {
        if let Effect::CallsPerWindow { calls, seconds } = self.effect {
            return self.over(user, calls, Duration::from_secs(seconds.into()));
        }
        self.strike().then(|| self.effect.clone())
    }

    /// Beyond the limit: the wait for the window's end.
    fn over(&mut self, user: Option<i64>, calls: u32, window: Duration) -> Option<Effect> {
        let now = Instant::now();
        let (began, count) = self.windows.entry(user).or_insert((now, 0));
        if now.duration_since(*began) >= window {
            (*began, *count) = (now, 0);
        }
        *count += 1;
        if *count <= calls {
            return None;
        }
        let left = window.saturating_sub(now.duration_since(*began));
        let seconds = left.as_secs_f64().ceil().max(1.0);
        Some(Effect::Error {
            code: 420,
            message: format!("FLOOD_WAIT_{seconds}"),
        })
    }

    /// One chance of happening: counts, and says whether it does.
    fn strike(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.seen += 1;
        if let Some(share) = self.per_mille.map(u64::from) {
            // Evenly spread, not by chance: a test can count on it.
            if (self.seen * share) / 1000 == ((self.seen - 1) * share) / 1000 {
                return false;
            }
        }
        match &mut self.times {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }
}

/// What becomes of one push.
pub(super) enum PushFate {
    Now(enums::Updates),
    Later(enums::Updates, Duration),
}

/// All faults that are set.
#[derive(Default)]
pub struct Faults {
    list: Mutex<Vec<(FaultId, Fault)>>,
    /// How often each happened, also those that are over.
    hits: Mutex<HashMap<FaultId, u64>>,
    /// Those that have to happen, as they were set.
    wanted: Mutex<Vec<(FaultId, String)>>,
    held: Mutex<Vec<(i64, enums::Updates)>>,
    /// Pushes that wait for others of their packet.
    bundles: Mutex<HashMap<i64, Vec<types::Updates>>>,
    next: AtomicU64,
    /// These spare the common case the locks.
    any: AtomicBool,
    holding: AtomicBool,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<(FaultId, Fault)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, fault: Fault) -> FaultId {
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        // A limit is kept best when it is never met.
        if !fault.may_miss && !matches!(fault.effect, Effect::CallsPerWindow { .. }) {
            let on = fault.method.as_deref().unwrap_or_default();
            let told = format!("{:?} {on}", fault.effect);
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.push((id, told));
        }
        self.lock().push((id, fault));
        self.any.store(true, Ordering::Release);
        id
    }

    pub fn clear(&self, id: FaultId) {
        self.lock().retain(|(own, _)| *own != id);
    }

    pub fn clear_all(&self) {
        self.lock().clear();
        self.any.store(false, Ordering::Release);
    }

    /// How often a fault happened. A scene whose fault did not happen shows nothing.
    pub fn hits(&self, id: FaultId) -> u64 {
        let hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        hits.get(&id).copied().unwrap_or(0)
    }

    /// Faults that were set and never happened.
    pub fn missed(&self) -> Vec<String> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = wanted.iter().filter(|(id, _)| !hits.contains_key(id));
        missed.map(|(_, told)| told.clone()).collect()
    }

    fn pick(&self, user: Option<i64>, wanted: impl Fn(&Fault) -> bool) -> Option<Effect> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut list = self.lock();
        let hit = list.iter_mut().find_map(|(id, fault)| {
            let effect = wanted(fault).then(|| fault.happens(user)).flatten()?;
            Some((*id, effect))
        });
        list.retain(|(_, fault)| fault.times != Some(0));
        let (id, effect) = hit?;
        let mut hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        *hits.entry(id).or_default() += 1;
        Some(effect)
    }

    /// What happens to a call before it is carried out.
    pub(super) fn next_for_call(
        &self,
        user: Option<i64>,
        method: &str,
        body: &[u8],
    ) -> Option<Effect> {
        self.pick(user, |fault| {
            !fault.effect.is_push()
                && !fault.effect.is_difference()
                && !fault.effect.is_page()
                && fault.account.is_none_or(|account| user == Some(account))
                && fault
                    .method
                    .as_deref()
                    .is_none_or(|wanted| names(wanted, method))
                && fault.channel.is_none_or(|channel| mentions(body, channel))
        })
    }

    /// What happens to a difference.
    pub(super) fn next_for_difference(&self, user: i64, channel: Option<i64>) -> Option<Effect> {
        self.pick(Some(user), |fault| {
            let fits = match fault.effect {
                Effect::ChannelDifferenceTooLong | Effect::ChannelSlices { .. } => {
                    channel.is_some() && fault.channel.is_none_or(|id| channel == Some(id))
                }
                Effect::DifferenceTooLong
                | Effect::DifferenceSlices { .. }
                | Effect::DatedSlices { .. } => channel.is_none(),
                _ => false,
            };
            fits && fault.account.is_none_or(|account| user == account)
        })
    }

    /// What happens to a page of messages, or of chats.
    pub(super) fn next_for_page(&self, user: i64, method: &str) -> Option<Effect> {
        self.pick(Some(user), |fault| {
            fault.effect.is_page()
                && (fault.method.as_deref()).is_none_or(|wanted| names(wanted, method))
                && matches!(fault.effect, Effect::Overlap { .. })
                    == (method == "messages.getDialogs")
                && fault.account.is_none_or(|account| user == account)
        })
    }

    pub(super) fn fate_of(&self, user: Option<i64>, push: &Outgoing) -> Vec<PushFate> {
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

fn names(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == name,
    }
}

/// Does a serialised call name this channel? Its id stands somewhere in it, on a word's boundary.
fn mentions(body: &[u8], channel: i64) -> bool {
    let id = channel.to_le_bytes();
    body.windows(8).step_by(4).any(|window| window == id)
}
