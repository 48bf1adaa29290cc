//! Owned: which accounts are this node's at this moment, and which of them are still in use although they are to be let go of.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::{
    clock,
    fuse::Fuse,
    terms::Terms,
    using::{Use, Users},
};
use crate::{
    domain::AccountId,
    store::{Ages, Fence, Lease, LeaseTimes},
};

/// Accounts whose lines are to be closed.
pub struct Ending {
    pub leases: Vec<Lease>,
    pub(super) shared: Arc<Shared>,
}

impl Ending {
    /// Each account by itself.
    pub fn apart(self) -> impl Iterator<Item = Self> {
        let shared = self.shared;
        self.leases.into_iter().map(move |lease| Self {
            leases: vec![lease],
            shared: Arc::clone(&shared),
        })
    }

    /// None of their lines is open any more.
    pub fn done(self) {
        let mut state = self.shared.state();
        for lease in self.leases {
            state.lines_closed(lease.account);
        }
        self.shared.wake.notify_all();
    }
}

/// Which accounts are this node's, at this moment. Cheap to clone, and to ask.
#[derive(Clone)]
pub struct Owned(pub(super) Arc<Shared>);

impl Owned {
    /// The lease under which the account may be used now; `None`: it may not.
    #[must_use]
    pub fn lease(&self, account: AccountId) -> Option<Lease> {
        let state = self.0.state();
        if clock::now() >= state.good_until {
            return None;
        }
        state.held.get(&account).map(|held| held.lease)
    }

    #[must_use]
    pub fn node(&self) -> Uuid {
        self.0.node
    }

    /// Changes when accounts came or went.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    pub(super) fn borrow(&self, account: AccountId) -> Option<Use> {
        let mut state = self.0.state();
        if clock::now() >= state.good_until || !state.held.contains_key(&account) {
            return None;
        }
        let users = state.users.entry(account).or_default();
        users.count += 1;
        Some(Use::new(account, users.over.clone(), Arc::clone(&self.0)))
    }

    /// How this node stands, as far as it knows without asking.
    #[must_use]
    pub fn standing(&self) -> NodeStanding {
        let state = self.0.state();
        NodeStanding {
            node: self.0.node,
            nodes: state.seen.nodes,
            draining: state.seen.draining,
            held: state.held.len(),
            renewed_ago: state
                .seen
                .renewed
                .map(|renewed| clock::now().saturating_sub(renewed)),
        }
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.0.state().held.len()
    }
}

impl std::fmt::Debug for Owned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}

impl Fence for Owned {
    fn node(&self) -> Uuid {
        self.0.node
    }

    fn times(&self) -> LeaseTimes {
        self.0.terms.times()
    }

    fn lives(&self) -> bool {
        clock::now() < self.0.state().good_until
    }

    fn ages(&self) -> Ages {
        self.0.state().seen.ages.clone()
    }

    /// What an account that ends has received, and what became of its replies, is written before it is let go of.
    fn epoch(&self, account: AccountId) -> Option<i64> {
        let state = self.0.state();
        if clock::now() >= state.good_until {
            return None;
        }
        let held = state.held.get(&account).map(|held| held.lease);
        let lease = held.or_else(|| state.ending.get(&account).copied());
        lease.map(|lease| lease.epoch)
    }

    fn lost(&self, account: AccountId) {
        let mut state = self.0.state();
        let lost = state.put_away([account]);
        state.lost.extend(lost);
        self.0.wake.notify_all();
    }

    fn expect(&self, account: AccountId) {
        self.0.state().expected.insert(account);
    }

    fn made(&self, account: AccountId, lease: Option<Lease>) {
        let mut state = self.0.state();
        state.expected.remove(&account);
        if let Some(lease) = lease {
            state.hold(&[lease], &self.0.terms);
            drop(state);
            self.0.changed.send_replace(());
        }
    }
}

/// What a node knows of itself and of how many there are.
#[derive(Clone, Copy, Debug)]
pub struct NodeStanding {
    pub node: Uuid,
    /// That take accounts.
    pub nodes: i64,
    pub draining: bool,
    /// Accounts.
    pub held: usize,
    /// Since its leases were renewed; `None`: never.
    pub renewed_ago: Option<Duration>,
}

#[derive(Default)]
pub(super) struct Seen {
    pub nodes: i64,
    pub draining: bool,
    pub renewed: Option<Duration>,
    pub ages: Ages,
}

/// A lease that this node has.
pub(super) struct Held {
    pub lease: Lease,
    pub since: Duration,
}

pub(super) struct Shared {
    pub node: Uuid,
    pub terms: Terms,
    /// Whether this node has taken part in the first sharing out.
    pub joined: watch::Sender<bool>,
    /// Told when accounts came or went.
    pub changed: watch::Sender<()>,
    pub state: Mutex<State>,
    /// Something was ended, or is asked for.
    pub wake: Condvar,
}

pub(super) struct State {
    pub held: HashMap<AccountId, Held>,
    /// Accounts that are being made here: the server may know of their leases already.
    pub expected: HashSet<AccountId>,
    /// Their lines may still be open.
    pub ending: HashMap<AccountId, Lease>,
    /// Of those: their lines are closed.
    pub closed: HashSet<AccountId>,
    /// Uses of sessions beside lines.
    pub users: HashMap<AccountId, Users>,
    /// Found to be another's by the writer; to be told.
    pub lost: Vec<Lease>,
    /// Their lines are closed; the server does not know yet.
    pub ended: Vec<Lease>,
    /// Until then what is held may be used.
    pub good_until: Duration,
    pub fuse: Fuse,
    /// Asked of this node itself; not told yet.
    pub drain: Option<bool>,
    pub address: Option<String>,
    pub vault: Option<String>,
    /// As it was seen last; when that was renewed.
    pub seen: Seen,
    pub stopping: bool,
    /// What else ends with this node has ended.
    pub may_leave: bool,
    /// Told when everything is let go of, and the others know.
    pub stopped: Option<oneshot::Sender<()>>,
    /// Both threads end.
    pub over: bool,
}

impl State {
    /// Without a line that could be open there is nothing to be ended for.
    pub fn look_at_fuse(&self) {
        if self.held.is_empty() && self.ending.is_empty() {
            self.fuse.set(Duration::ZERO);
        }
    }

    /// `false`: the answer came too late; the next renewal lets go of them.
    pub fn hold(&mut self, leases: &[Lease], terms: &Terms) -> bool {
        let now = clock::now();
        if now >= self.good_until {
            return false;
        }
        for lease in leases {
            let held = Held {
                lease: *lease,
                since: now,
            };
            self.held.insert(lease.account, held);
        }
        let left = (self.good_until + terms.fuse).saturating_sub(terms.fence + now);
        self.fuse.set(left.max(Duration::from_millis(1)));
        true
    }

    fn lines_closed(&mut self, account: AccountId) {
        if self.ending.contains_key(&account) {
            self.closed.insert(account);
            self.settle(account);
        }
    }

    /// An account that nothing here uses any more may be let go of.
    fn settle(&mut self, account: AccountId) {
        if self.users.contains_key(&account) || !self.closed.remove(&account) {
            return;
        }
        if let Some(lease) = self.ending.remove(&account) {
            self.ended.push(lease);
        }
        self.look_at_fuse();
    }

    /// Up to so many. Unless none may stay (`settled` is zero), one whose session is used beside its line, as for a sign-in, stays, and
    /// so does one that came just now: it may be about to be.
    pub fn to_let_go(&self, count: usize, settled: Duration) -> Vec<AccountId> {
        let now = clock::now();
        let quiet = |(account, held): &(&AccountId, &Held)| {
            settled.is_zero() || (!self.users.contains_key(account) && held.since + settled <= now)
        };
        let quiet = self.held.iter().filter(quiet);
        quiet.map(|(account, _)| *account).take(count).collect()
    }

    pub fn put_away(&mut self, leases: impl IntoIterator<Item = AccountId>) -> Vec<Lease> {
        let mut gone = Vec::new();
        for account in leases {
            if let Some(held) = self.held.remove(&account) {
                self.ending.insert(account, held.lease);
                if let Some(users) = self.users.get(&account) {
                    users.over.cancel();
                }
                gone.push(held.lease);
            }
        }
        gone
    }
}

impl Shared {
    pub fn new(node: Uuid, terms: Terms, address: Option<String>) -> Self {
        Self {
            node,
            terms,
            joined: watch::Sender::new(false),
            changed: watch::Sender::new(()),
            state: Mutex::new(State {
                held: HashMap::new(),
                expected: HashSet::new(),
                ending: HashMap::new(),
                closed: HashSet::new(),
                users: HashMap::new(),
                lost: Vec::new(),
                ended: Vec::new(),
                good_until: Duration::ZERO,
                fuse: Fuse::new(),
                drain: None,
                address,
                vault: None,
                seen: Seen::default(),
                stopping: false,
                may_leave: false,
                stopped: None,
                over: false,
            }),
            wake: Condvar::new(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        // Whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One use less.
    pub fn used(&self, account: AccountId) {
        let mut state = self.state();
        let Some(users) = state.users.get_mut(&account) else {
            return;
        };
        users.count -= 1;
        if users.count == 0 {
            state.users.remove(&account);
            state.settle(account);
            self.wake.notify_all();
        }
    }
}
