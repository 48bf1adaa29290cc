//! Faults of calls and pushes, set by scripts: what goes wrong, for whom, and how often.

mod effect;
mod push;

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

pub use self::effect::Effect;
pub(super) use self::push::PushFate;

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
