//! Faults below the calls: what goes wrong on lines, in packets and with salts, on demand.
//!
//! Two kinds live in one list so that a control API needs one door. *Standing* faults hold until they are cleared
//! or used up (those that are a condition rather than an event, such as a refused port or a trickling line, are
//! never used up); *acts* (`Cut`, `HalfOpen`, `Garbage`, …) happen once, to the connections that exist at that moment.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::port::KeyId;

/// Whom a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultScope {
    All,
    /// Connections to one data centre.
    Dc(i32),
    /// Connections that use one key. What happens before the first encrypted packet is not reached by it.
    Key(KeyId),
}

/// When a line is cut around one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The call arrives and is lost: the backend never sees it.
    BeforeProcessing,
    /// The backend has done it; its answer is lost (a session that comes back gets it again).
    BeforeAnswer,
    /// The answer is on its way when the line goes.
    AfterAnswer,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WireFault {
    /// Standing: nobody listens. New connections meet "connection refused". With a key scope the connection is
    /// reset at that key's first packet.
    RefuseConnects,
    /// Standing: new connections are accepted and closed at once.
    CloseOnAccept,
    /// Standing: new connections are accepted, read, and never answered.
    SilentConnects,
    /// Act: connections stay open but nothing goes through any more, either way, for good.
    HalfOpen,
    /// Act: connections are cut now; with a reset when asked for.
    Cut { reset: bool },
    /// Standing: every connection is cut this long after it opened.
    CutEvery { after_ms: u64 },
    /// Standing: every connection is cut when that many packets came in on it.
    CutAfterPackets { packets: u64 },
    /// Standing: the line is cut around a call of this constructor (any call when `None`).
    CutAround { method: Option<u32>, moment: Moment },
    /// Standing: every answer waits this long.
    DelayAnswers { by_ms: u64 },
    /// Standing: pushes get lost; answers still come. The client is deaf and does not know it.
    DropPushes,
    /// Standing: encrypted packets are answered with this transport error (-404, -429, -444), and the line closes.
    TransportError { code: i32 },
    /// Standing: packets to the client carry a session id that is not its own.
    WrongSessionId,
    /// Standing: every message is refused with `bad_msg_notification` of this code (17: clock ahead).
    BadMsg { code: i32 },
    /// Standing: every packet is refused with `bad_server_salt`, whatever its salt.
    BadSalt,
    /// Standing: `get_future_salts` is never answered.
    NoFutureSalts,
    /// Standing: a signed-in key on two connections is burnt: 406 AUTH_KEY_DUPLICATED for both and ever after. Harsher than
    /// Telegram, whose own apps have several: for clients that are to have one at a time.
    DuplicatedKeys,
    /// Standing: a signed-in key on connections from two addresses is burnt in the same way, however many it has from one.
    ///
    /// A line that was silenced is no use of the key: nothing comes over it any more, so that the server can't tell one whose
    /// client is gone from one whose client waits, and a phone that changes networks leaves one behind each time.
    KeyAtTwoPlaces,
    /// Standing: bytes to the client dribble at this rate.
    Trickle { bytes_per_second: u32 },
    /// Act: one whole frame of random bytes goes to the client.
    Garbage,
    /// Act: a frame that stops half-way, and the line is cut.
    TruncatedFrame,
    /// Standing: the server's clock is wrong by so many seconds.
    WrongClock { seconds: i32 },
}

impl WireFault {
    /// Happens once, at once, instead of standing until cleared.
    #[must_use]
    pub fn is_act(&self) -> bool {
        matches!(
            self,
            Self::HalfOpen | Self::Cut { .. } | Self::Garbage | Self::TruncatedFrame
        )
    }

    /// A rule for clients: it is kept best when it is never met.
    pub(super) const fn is_rule(&self) -> bool {
        matches!(self, Self::DuplicatedKeys | Self::KeyAtTwoPlaces)
    }
}

/// Names a standing fault, to clear it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FaultId(pub u64);

struct Standing {
    id: FaultId,
    scope: FaultScope,
    fault: WireFault,
    /// How often it may still happen; `None`: until cleared.
    times: Option<u32>,
}

/// The standing faults. Asking costs one atomic read while there are none.
#[derive(Default)]
pub(super) struct Faults {
    any: AtomicBool,
    next: AtomicU64,
    standing: Mutex<Vec<Standing>>,
    /// How often each was met, also those that are over.
    met: Mutex<HashMap<FaultId, u64>>,
    /// What has to be met, in words.
    wanted: Mutex<Vec<(FaultId, String)>>,
}

/// Whom a question about faults is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victim {
    pub dc_id: i32,
    pub key: Option<KeyId>,
}

impl Faults {
    fn list(&self) -> MutexGuard<'_, Vec<Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, scope: FaultScope, fault: WireFault, times: Option<u32>) -> FaultId {
        let id = self.next(&fault);
        let mut list = self.list();
        list.push(Standing {
            id,
            scope,
            fault,
            times,
        });
        self.any.store(true, Ordering::Release);
        id
    }

    fn next(&self, fault: &WireFault) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed) + 1);
        if !fault.is_rule() {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.push((id, format!("{fault:?}")));
        }
        id
    }

    /// An act met so many lines.
    pub fn acted(&self, fault: &WireFault, lines: u64) -> FaultId {
        let id = self.next(fault);
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.insert(id, lines);
        id
    }

    /// Nobody asks whether it was met.
    pub fn may_miss(&self, id: FaultId) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|(one, _)| *one != id);
    }

    /// What was set and met nobody.
    pub fn missed(&self) -> Vec<String> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = wanted.iter().filter(|(id, _)| self.met(*id) == 0);
        missed.map(|(_, told)| told.clone()).collect()
    }

    pub fn clear(&self, id: FaultId) -> bool {
        let mut list = self.list();
        let before = list.len();
        list.retain(|standing| standing.id != id);
        self.any.store(!list.is_empty(), Ordering::Release);
        list.len() != before
    }

    pub fn clear_all(&self) {
        let mut list = self.list();
        list.clear();
        self.any.store(false, Ordering::Release);
    }

    pub fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// How often a fault was met. A scene whose fault was not met shows nothing.
    pub fn met(&self, id: FaultId) -> u64 {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.get(&id).copied().unwrap_or(0)
    }

    fn count(&self, id: FaultId) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry(id).or_default() += 1;
    }

    /// The first standing fault that meets the victim and that `pick` recognises; it is used once by this.
    pub fn hit<T>(&self, victim: Victim, pick: impl Fn(&WireFault) -> Option<T>) -> Option<T> {
        if !self.any() {
            return None;
        }
        let mut list = self.list();
        let (at, found) = list
            .iter()
            .enumerate()
            .filter(|(_, standing)| standing.scope.meets(victim))
            .find_map(|(at, standing)| pick(&standing.fault).map(|found| (at, found)))?;
        if let Some(standing) = list.get(at) {
            self.count(standing.id);
        }
        let used_up = list
            .get_mut(at)
            .and_then(|standing| standing.times.as_mut())
            .is_some_and(|times| {
                *times = times.saturating_sub(1);
                *times == 0
            });
        if used_up {
            list.remove(at);
            self.any.store(!list.is_empty(), Ordering::Release);
        }
        Some(found)
    }

    /// Like [`Faults::hit`] without using the fault up.
    pub fn peek<T>(&self, victim: Victim, pick: impl Fn(&WireFault) -> Option<T>) -> Option<T> {
        if !self.any() {
            return None;
        }
        let list = self.list();
        let (id, found) = list
            .iter()
            .filter(|standing| standing.scope.meets(victim))
            .find_map(|standing| pick(&standing.fault).map(|found| (standing.id, found)))?;
        self.count(id);
        Some(found)
    }

    /// Does this very fault stand for the victim? Uses it once.
    pub fn strikes(&self, victim: Victim, fault: &WireFault) -> bool {
        self.hit(victim, |standing| (standing == fault).then_some(()))
            .is_some()
    }
}

impl FaultScope {
    pub(super) fn meets(self, victim: Victim) -> bool {
        match self {
            Self::All => true,
            Self::Dc(dc_id) => dc_id == victim.dc_id,
            Self::Key(key) => victim.key == Some(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: the control API names faults by these words.
    #[test]
    fn faults_are_written_as_people_write_them() {
        let fault = WireFault::CutAround {
            method: None,
            moment: Moment::BeforeAnswer,
        };
        let json = r#"{"kind":"cut_around","method":null,"moment":"before_answer"}"#;
        assert_eq!(serde_json::to_string(&fault).unwrap(), json);
        assert_eq!(
            serde_json::from_str::<WireFault>(r#"{"kind":"half_open"}"#).unwrap(),
            WireFault::HalfOpen
        );
    }

    /// Protects: a fault for one key or one use never touches another key or a second use.
    #[test]
    fn a_counted_fault_meets_only_its_victim_and_only_so_often() {
        let faults = Faults::default();
        let victim = Victim {
            dc_id: 2,
            key: Some(KeyId(7)),
        };
        let other = Victim {
            dc_id: 2,
            key: Some(KeyId(8)),
        };
        let id = faults.set(FaultScope::Key(KeyId(7)), WireFault::DropPushes, Some(2));
        assert!(!faults.strikes(other, &WireFault::DropPushes));
        assert_eq!(faults.met(id), 0);
        assert!(faults.strikes(victim, &WireFault::DropPushes));
        assert!(faults.strikes(victim, &WireFault::DropPushes));
        assert!(!faults.strikes(victim, &WireFault::DropPushes));
        assert!(!faults.any());
        assert_eq!(faults.met(id), 2, "it is known afterwards, too");
    }

    /// Protects: a scene whose fault met nobody shows nothing, and is told so.
    #[test]
    fn what_met_nobody_is_known() {
        let faults = Faults::default();
        let victim = Victim {
            dc_id: 2,
            key: None,
        };
        let all = |fault| faults.set(FaultScope::All, fault, None);
        let (deaf, excused) = (all(WireFault::DropPushes), all(WireFault::BadSalt));
        all(WireFault::DuplicatedKeys);
        all(WireFault::KeyAtTwoPlaces);
        faults.acted(&WireFault::HalfOpen, 0);
        faults.acted(&WireFault::Garbage, 1);
        faults.may_miss(excused);
        assert_eq!(faults.missed(), ["DropPushes", "HalfOpen"]);
        assert!(faults.strikes(victim, &WireFault::DropPushes));
        faults.clear(deaf);
        assert_eq!(faults.missed(), ["HalfOpen"]);
    }
}
