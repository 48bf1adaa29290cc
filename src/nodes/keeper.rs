//! Keeper: two threads, one that renews, claims and lets go, and one that looks at the clock.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    clock,
    fuse::Fuse,
    share::{Step, step},
};
use crate::{
    domain::AccountId,
    store::{Lease, LeaseBook, LeaseTimes, NodeRow, ServerUrl, Standing, StoreError},
};

/// The times that it lives by. Each is less than the next: renewed, given up, ended by the kernel, over, taken by another.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub renew: Duration,
    /// Between two looks at how many nodes and accounts there are, and at what others let go of.
    pub look: Duration,
    /// Without a renewal for so long, lines are given up.
    pub fence: Duration,
    /// Lines that are open still are closed by the end of the process.
    pub fuse: Duration,
    pub lasts: Duration,
    /// Nobody takes an account for so long after its lease.
    pub grace: Duration,
    /// How long lines may take to close when the node stops.
    pub goodbye: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            renew: Duration::from_secs(10),
            look: Duration::from_secs(2),
            fence: Duration::from_secs(25),
            fuse: Duration::from_secs(35),
            lasts: Duration::from_secs(45),
            grace: Duration::from_secs(15),
            goodbye: Duration::from_secs(7),
        }
    }
}

/// Claimed at once; the rest with the next looks.
const AT_ONCE: i64 = 500;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);
/// Between two tries while the server can't be reached.
const AGAIN: Duration = Duration::from_secs(1);

/// Whoever runs accounts. Neither call may block.
pub trait Lines: Send + Sync + 'static {
    /// These are this node's: they may run.
    fn begin(&self, leases: &[Lease]);
    /// They are not any more: their lines are closed at once, and then that is said.
    fn end(&self, ending: Ending);
}

/// Accounts whose lines are to be closed.
pub struct Ending {
    pub leases: Vec<Lease>,
    shared: Arc<Shared>,
}

impl Ending {
    /// None of their lines is open any more.
    pub fn done(self) {
        let mut state = self.shared.state();
        for lease in self.leases {
            if state.ending.remove(&lease.account).is_some() {
                state.ended.push(lease);
            }
        }
        state.look_at_fuse();
        self.shared.wake.notify_all();
    }
}

/// Which accounts are this node's, at this moment. Cheap to clone, and to ask.
#[derive(Clone)]
pub struct Owned(Arc<Shared>);

impl Owned {
    /// The lease under which the account may be used now; `None`: it may not.
    #[must_use]
    pub fn lease(&self, account: AccountId) -> Option<Lease> {
        let state = self.0.state();
        if clock::now() >= state.good_until {
            return None;
        }
        state.held.get(&account).copied()
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

struct Shared {
    state: Mutex<State>,
    /// Something was ended, or is asked for.
    wake: Condvar,
}

struct State {
    held: HashMap<AccountId, Lease>,
    /// Their lines may still be open.
    ending: HashMap<AccountId, Lease>,
    /// Their lines are closed; the server does not know yet.
    ended: Vec<Lease>,
    /// Until then what is held may be used.
    good_until: Duration,
    fuse: Fuse,
    draining: bool,
    stopping: bool,
    /// Told when everything is let go of.
    stopped: Option<oneshot::Sender<()>>,
    /// Both threads end.
    over: bool,
}

impl State {
    /// Without a line that could be open there is nothing to be ended for.
    fn look_at_fuse(&self) {
        if self.held.is_empty() && self.ending.is_empty() {
            self.fuse.set(Duration::ZERO);
        }
    }

    fn put_away(&mut self, leases: impl IntoIterator<Item = AccountId>) -> Vec<Lease> {
        let mut gone = Vec::new();
        for account in leases {
            if let Some(lease) = self.held.remove(&account) {
                self.ending.insert(account, lease);
                gone.push(lease);
            }
        }
        gone
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This node among the others.
pub struct Keeper {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

impl Keeper {
    /// Joins the others on this database.
    ///
    /// # Errors
    /// When a thread can't be had. A server that is away is waited for.
    pub fn start(
        url: ServerUrl,
        node: NodeRow,
        terms: Terms,
        lines: Arc<dyn Lines>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                held: HashMap::new(),
                ending: HashMap::new(),
                ended: Vec::new(),
                good_until: Duration::ZERO,
                fuse: Fuse::new(),
                draining: false,
                stopping: false,
                stopped: None,
                over: false,
            }),
            wake: Condvar::new(),
        });
        let books = Books {
            url,
            node,
            terms,
            lines: Arc::clone(&lines),
            shared: Arc::clone(&shared),
            open: None,
            renewed_at: Duration::ZERO,
            told_draining: false,
        };
        thread::Builder::new()
            .name("nodes-leases".to_owned())
            .spawn(move || books.run())?;
        let watched = Arc::clone(&shared);
        thread::Builder::new()
            .name("nodes-clock".to_owned())
            .spawn(move || watch(&watched, lines.as_ref()))?;
        Ok(Self { shared })
    }

    #[must_use]
    pub fn owned(&self) -> Owned {
        Owned(Arc::clone(&self.shared))
    }

    /// This node takes no more accounts, and lets go of those that it has; `false`: it takes part again.
    pub fn drain(&self, draining: bool) {
        self.shared.state().draining = draining;
        self.shared.wake.notify_all();
    }

    /// Ends all lines and lets go of their accounts, so that others take them at once. Ends when that is done, or can't be.
    pub async fn stop(&self) {
        let (tell, stopped) = oneshot::channel();
        {
            let mut state = self.shared.state();
            state.stopping = true;
            state.stopped = Some(tell);
        }
        self.shared.wake.notify_all();
        // Dropped unanswered when the thread is gone.
        let _ = stopped.await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.wake.notify_all();
    }
}

/// Gives lines up by this process's own clock, also while the other thread waits for the server.
fn watch(shared: &Arc<Shared>, lines: &dyn Lines) {
    loop {
        let late = {
            let mut state = shared.state();
            if state.over {
                return;
            }
            if clock::now() < state.good_until {
                Vec::new()
            } else {
                let all: Vec<AccountId> = state.held.keys().copied().collect();
                state.put_away(all)
            }
        };
        if !late.is_empty() {
            log::warn!(target: "switchboard::nodes", "the database did not answer for too long: accounts={} are given up, so that another node may take them", late.len());
            end(shared, lines, late);
        }
        thread::sleep(TICK);
    }
}

fn end(shared: &Arc<Shared>, lines: &dyn Lines, leases: Vec<Lease>) {
    if !leases.is_empty() {
        lines.end(Ending {
            leases,
            shared: Arc::clone(shared),
        });
    }
}

/// The thread that talks to the server.
struct Books {
    url: ServerUrl,
    node: NodeRow,
    terms: Terms,
    lines: Arc<dyn Lines>,
    shared: Arc<Shared>,
    open: Option<LeaseBook>,
    renewed_at: Duration,
    /// What the others know.
    told_draining: bool,
}

impl Books {
    fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let stopping = {
                let state = self.shared.state();
                let (state, _) = self
                    .shared
                    .wake
                    .wait_timeout_while(state, pause, |state| {
                        !state.over && !state.stopping && state.ended.is_empty()
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if state.over {
                    return;
                }
                state.stopping
            };
            if stopping {
                return self.goodbye();
            }
            let ended = std::mem::take(&mut self.shared.state().ended);
            pause = match self.turn(&ended) {
                Ok(pause) => pause,
                Err(error) => {
                    log::warn!(target: "switchboard::nodes", "leases could not be renewed: {error}");
                    // What was ended is found again at the next renewal.
                    self.open = None;
                    self.renewed_at = Duration::ZERO;
                    AGAIN
                }
            };
        }
    }

    fn book(&mut self) -> Result<&mut LeaseBook, StoreError> {
        let book = match self.open.take() {
            Some(book) => book,
            None => {
                let times = LeaseTimes {
                    lasts: i64::try_from(self.terms.lasts.as_millis()).unwrap_or(i64::MAX),
                    grace: i64::try_from(self.terms.grace.as_millis()).unwrap_or(i64::MAX),
                };
                LeaseBook::open(&self.url, self.node.clone(), times)?
            }
        };
        Ok(self.open.insert(book))
    }

    /// Renews when it is time to, gives up what is lost, and takes its share. How long the next look may wait.
    fn turn(&mut self, ended: &[Lease]) -> Result<Duration, StoreError> {
        if !ended.is_empty() {
            self.book()?.release(ended)?;
        }
        let draining = self.shared.state().draining;
        let due = clock::now() + self.terms.look >= self.renewed_at + self.terms.renew;
        let (nodes, accounts) = if due || draining != self.told_draining {
            self.renew(draining)?
        } else {
            self.book()?.look()?
        };
        let held = self.shared.state().held.len();
        let held = i64::try_from(held).unwrap_or(i64::MAX);
        match step(held, accounts, nodes, draining) {
            Step::Nothing => {}
            Step::LetGo(count) => {
                let surplus = {
                    let mut state = self.shared.state();
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    let some: Vec<AccountId> = state.held.keys().copied().take(count).collect();
                    state.put_away(some)
                };
                end(&self.shared, self.lines.as_ref(), surplus);
            }
            Step::Claim(count) => {
                let claimed = self.book()?.claim(count.min(AT_ONCE))?;
                let more = i64::try_from(claimed.len()).unwrap_or(0) == AT_ONCE;
                self.take(claimed);
                if more {
                    return Ok(Duration::ZERO);
                }
            }
        }
        Ok(self.terms.look)
    }

    /// How many nodes and accounts there are.
    fn renew(&mut self, draining: bool) -> Result<(i64, i64), StoreError> {
        // Counted from before it is asked: the server may have answered long before the answer is here.
        let asked = clock::now();
        let standing = self.book()?.renew(draining)?;
        (self.renewed_at, self.told_draining) = (asked, draining);
        let (lost, strange) = self.renewed(asked, &standing);
        end(&self.shared, self.lines.as_ref(), lost);
        if !strange.is_empty() {
            // Claimed without an answer, or given up by the clock meanwhile.
            self.book()?.release(&strange)?;
        }
        Ok((standing.nodes, standing.accounts))
    }

    /// Takes note of an answer: which of ours are lost, and which of the server's are not ours.
    fn renewed(&self, asked: Duration, standing: &Standing) -> (Vec<Lease>, Vec<Lease>) {
        let mut state = self.shared.state();
        state.good_until = state.good_until.max(asked + self.terms.fence);
        let left = (asked + self.terms.fuse).saturating_sub(clock::now());
        // Zero would put it out.
        state.fuse.set(left.max(Duration::from_millis(1)));
        state.look_at_fuse();
        let theirs: HashMap<AccountId, Lease> = standing
            .held
            .iter()
            .map(|lease| (lease.account, *lease))
            .collect();
        let lost: Vec<AccountId> = state
            .held
            .iter()
            .filter(|(account, lease)| theirs.get(account) != Some(lease))
            .map(|(account, _)| *account)
            .collect();
        let lost = state.put_away(lost);
        let strange = standing.held.iter().filter(|lease| {
            !state.held.contains_key(&lease.account) && !state.ending.contains_key(&lease.account)
        });
        let strange = strange.copied().collect();
        if !lost.is_empty() {
            log::warn!(target: "switchboard::nodes", "another node has taken accounts={}", lost.len());
        }
        (lost, strange)
    }

    fn take(&self, claimed: Vec<Lease>) {
        if claimed.is_empty() {
            return;
        }
        {
            let mut state = self.shared.state();
            if clock::now() >= state.good_until {
                // The answer came too late; the next renewal lets go of them.
                return;
            }
            for lease in &claimed {
                state.held.insert(lease.account, *lease);
            }
            let left = (state.good_until + self.terms.fuse)
                .saturating_sub(self.terms.fence + clock::now());
            state.fuse.set(left.max(Duration::from_millis(1)));
        }
        log::info!(target: "switchboard::nodes", "accounts={} are this node's now", claimed.len());
        self.lines.begin(&claimed);
    }

    /// Ends everything, and lets go of each account as soon as its line is closed.
    fn goodbye(mut self) {
        let all = {
            let mut state = self.shared.state();
            let all: Vec<AccountId> = state.held.keys().copied().collect();
            state.put_away(all)
        };
        end(&self.shared, self.lines.as_ref(), all);
        let until = clock::now() + self.terms.goodbye;
        loop {
            let (ended, left) = {
                let state = self.shared.state();
                let patience = until.saturating_sub(clock::now());
                let (mut state, _) = self
                    .shared
                    .wake
                    .wait_timeout_while(state, patience, |state| {
                        state.ended.is_empty() && !state.ending.is_empty()
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                (std::mem::take(&mut state.ended), state.ending.len())
            };
            let told = match ended.is_empty() {
                true => Ok(()),
                false => self.book().and_then(|book| book.release(&ended)),
            };
            if let Err(error) = told {
                log::warn!(target: "switchboard::nodes", "accounts={} could not be handed over, and are taken when their leases are over: {error}", ended.len());
                self.open = None;
            }
            if left == 0 || clock::now() >= until {
                break;
            }
        }
        if let Ok(book) = self.book()
            && let Err(error) = book.leave()
        {
            log::warn!(target: "switchboard::nodes", "the other nodes could not be told: {error}");
        }
        let mut state = self.shared.state();
        state.over = true;
        if let Some(stopped) = state.stopped.take() {
            let _ = stopped.send(());
        }
    }
}
