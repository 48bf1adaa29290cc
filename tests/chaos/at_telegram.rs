//! At Telegram: what goes wrong with its lines and its answers, set and taken back.

use switchboard_simulator::{
    Simulator,
    wire::{FaultId, FaultScope, WireFault},
};

use super::{
    facts::{Facts, struck},
    faults::{call_faults, wire_fault},
    plan::{Kind, Strike},
};

/// What stands until it is taken back.
pub enum Set {
    Calls(Vec<u64>),
    Wire(Vec<FaultId>),
}

pub struct AtTelegram {
    pub telegram: Simulator,
    /// By the account's place.
    pub users: Vec<i64>,
    pub facts: Facts,
}

/// It happens to the lines that there are at that moment.
pub const fn is_act(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Cut | Kind::CutWithReset | Kind::HalfOpen | Kind::Garbage | Kind::TruncatedFrame
    )
}

impl AtTelegram {
    fn users(&self, strike: &Strike) -> Vec<i64> {
        let whom = strike.whom.iter();
        whom.map(|index| self.users[*index]).collect()
    }

    fn scopes(&self, strike: &Strike) -> Vec<FaultScope> {
        if strike.whom.is_empty() {
            return vec![FaultScope::All];
        }
        let users = self.users(strike).into_iter();
        users
            .flat_map(|user| self.telegram.keys_of(user))
            .map(FaultScope::Key)
            .collect()
    }

    pub fn act(&self, strike: &Strike) {
        let fault = match strike.kind {
            Kind::Cut => WireFault::Cut { reset: false },
            Kind::CutWithReset => WireFault::Cut { reset: true },
            Kind::HalfOpen => WireFault::HalfOpen,
            Kind::Garbage => WireFault::Garbage,
            _ => WireFault::TruncatedFrame,
        };
        let wire = self.telegram.wire();
        for scope in self.scopes(strike) {
            let done = wire.set_fault(scope, fault.clone(), None);
            wire.may_miss(done);
            self.facts.add(&struck(strike.kind), wire.fault_hits(done));
        }
    }

    pub fn set(&self, strike: &Strike) -> Set {
        match wire_fault(strike.kind, strike.dice) {
            Some((fault, times)) => self.set_wire(strike, &fault, times),
            None => self.set_calls(strike),
        }
    }

    fn set_wire(&self, strike: &Strike, fault: &WireFault, times: Option<u32>) -> Set {
        let mut set = Vec::new();
        for scope in self.scopes(strike) {
            let id = self.telegram.wire().set_fault(scope, fault.clone(), times);
            // Which ones struck is counted over the whole run.
            self.telegram.wire().may_miss(id);
            set.push(id);
        }
        if matches!(
            strike.kind,
            Kind::RefuseConnects | Kind::RefuseAll | Kind::CloseOnAccept | Kind::SilentConnects
        ) {
            // Who is connected notices nothing of it.
            let users = match strike.whom.as_slice() {
                [] => self.users.clone(),
                _ => self.users(strike),
            };
            for user in users {
                self.telegram.cut(user);
            }
        }
        Set::Wire(set)
    }

    fn set_calls(&self, strike: &Strike) -> Set {
        let mut set = Vec::new();
        for fault in call_faults(strike.kind, strike.dice) {
            // Which ones struck is counted over the whole run.
            let fault = fault.may_miss();
            match self.users(strike).as_slice() {
                [] => set.push(self.telegram.set_fault(fault)),
                users => set.extend(
                    users
                        .iter()
                        .map(|user| self.telegram.set_fault(fault.clone().account(*user))),
                ),
            }
        }
        assert!(!set.is_empty(), "{:?} is nothing yet", strike.kind);
        Set::Calls(set)
    }

    /// How often it struck.
    pub fn clear(&self, set: Set) -> u64 {
        match set {
            Set::Calls(ids) => ids
                .into_iter()
                .map(|id| {
                    self.telegram.clear_fault(id);
                    self.telegram.fault_hits(id)
                })
                .sum(),
            Set::Wire(ids) => ids
                .into_iter()
                .map(|id| {
                    self.telegram.wire().clear_fault(id);
                    self.telegram.wire().fault_hits(id)
                })
                .sum(),
        }
    }
}
