//! Keeper: two threads, one that renews, claims and lets go, and one that looks at the clock.

mod goodbye;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    clock,
    owned::{Ending, Owned, Shared},
    share::{Step, step},
    terms::Terms,
    watch::Watch,
};
use crate::{
    domain::AccountId,
    store::{Lease, LeaseBook, NodeRow, ServerUrl, Standing, StoreError},
};

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
        let shared = Arc::new(Shared::new(node.id, terms, node.address.clone()));
        let books = Books {
            url,
            node,
            terms,
            lines: Arc::clone(&lines),
            shared: Arc::clone(&shared),
            open: None,
            renewed_at: Duration::ZERO,
            watch: Watch::default(),
            told_silent: Vec::new(),
            inherited: false,
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

    /// Ends when this node has taken its first share and told it, or this time is over: the server may be away.
    pub async fn joined(&self, limit: Duration) {
        let mut joined = self.shared.joined.subscribe();
        let _ = tokio::time::timeout(limit, joined.wait_for(|joined| *joined)).await;
    }

    /// Where it serves, for whoever looks at the nodes.
    pub fn serves_at(&self, address: String) {
        self.shared.state().address = Some(address);
    }

    /// This node takes no more accounts, and lets go of those that it has; `false`: it takes part again.
    pub fn drain(&self, draining: bool) {
        self.shared.state().drain = Some(draining);
        self.shared.wake.notify_all();
    }

    /// Ends all lines and lets go of their accounts, so that others take them at once. Ends when that is done, or can't be. `beside`: what
    /// else ends with this node, in the meantime; only then the others hear that it is no more.
    pub async fn stop(&self, beside: impl Future<Output = ()>) {
        let (tell, stopped) = oneshot::channel();
        {
            let mut state = self.shared.state();
            state.stopped = Some(tell);
            state.stopping = true;
        }
        self.shared.wake.notify_all();
        beside.await;
        self.shared.state().may_leave = true;
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
        shared.changed.send_replace(());
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
    /// What was seen of the other nodes, and of this one.
    watch: Watch,
    /// Those of which the others were told.
    told_silent: Vec<(String, i64)>,
    /// What earlier processes of this one's directory had is let go of.
    inherited: bool,
}

impl Books {
    fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            let (stopping, lost) = {
                let state = self.shared.state();
                let (mut state, _) = self
                    .shared
                    .wake
                    .wait_timeout_while(state, pause, |state| {
                        let nothing = state.ended.is_empty() && state.lost.is_empty();
                        nothing && !state.over && !state.stopping
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if state.over {
                    return;
                }
                (state.stopping, std::mem::take(&mut state.lost))
            };
            end(&self.shared, self.lines.as_ref(), lost);
            if stopping {
                return self.goodbye();
            }
            let ended = std::mem::take(&mut self.shared.state().ended);
            pause = match self.turn(&ended) {
                Ok(pause) => {
                    if !pause.is_zero() {
                        self.shared.joined.send_replace(true);
                    }
                    pause
                }
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
                let mut book = LeaseBook::open(&self.url, self.node.clone(), self.terms.times())?;
                if !self.inherited {
                    book.inherit()?;
                    self.inherited = true;
                }
                book
            }
        };
        Ok(self.open.insert(book))
    }

    /// Renews when it is time to, gives up what is lost, and takes its share. How long the next look may wait.
    fn turn(&mut self, ended: &[Lease]) -> Result<Duration, StoreError> {
        if !ended.is_empty() {
            self.book()?.release(ended)?;
        }
        let drain = self.shared.state().drain;
        let due = clock::now() + self.terms.look >= self.renewed_at + self.terms.renew;
        let renews = due || drain.is_some();
        let mut seen = match renews {
            true => self.renew(drain)?,
            false => self.book()?.look()?,
        };
        if matches!(self.next(&seen), Step::LetGo(_)) && !renews {
            // What nobody needs any more goes first: it is told by a renewal.
            seen = self.renew(None)?;
        }
        let next = self.next(&seen);
        let silent = self.watch.silent(clock::now(), self.terms.silence());
        if silent != self.told_silent {
            self.book()?.is_silent(&silent)?;
            self.told_silent.clone_from(&silent);
        }
        match next {
            Step::Nothing => {}
            Step::LetGo(count) => {
                let surplus = {
                    let mut state = self.shared.state();
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    // Who leaves lets go of all; one that has too many finds some that nobody needs here.
                    let settled = match seen.draining {
                        true => Duration::ZERO,
                        false => self.terms.renew,
                    };
                    let some = state.to_let_go(count, settled);
                    state.put_away(some)
                };
                end(&self.shared, self.lines.as_ref(), surplus);
            }
            Step::Claim(count) => {
                let claimed = self.book()?.claim(count.min(AT_ONCE), &silent)?;
                let more = i64::try_from(claimed.len()).unwrap_or(0) == AT_ONCE;
                self.take(claimed);
                if more {
                    return Ok(Duration::ZERO);
                }
            }
        }
        Ok(self.terms.look)
    }

    fn next(&mut self, standing: &Standing) -> Step {
        let now = clock::now();
        self.watch.look(now, &standing.beats);
        let mut living = self.watch.living(now, self.terms.lasts);
        let mut state = self.shared.state();
        state.seen.nodes = i64::try_from(living.len()).unwrap_or(i64::MAX);
        state.seen.ages = self.watch.ages();
        state.seen.draining = standing.draining;
        let held = i64::try_from(state.held.len()).unwrap_or(i64::MAX);
        drop(state);
        if standing.draining {
            return match held {
                0 => Step::Nothing,
                all => Step::LetGo(all),
            };
        }
        // It knows better than the server what it has; and it may be new there.
        let own = self.node.id.to_string();
        living.insert(own.clone(), held);
        let place = living.keys().position(|node| *node == own);
        let held: Vec<i64> = living.into_values().collect();
        step(place.unwrap_or_default(), &held, standing.accounts)
    }

    /// How things stand after it.
    fn renew(&mut self, drain: Option<bool>) -> Result<Standing, StoreError> {
        let (address, vault) = {
            let state = self.shared.state();
            (state.address.clone(), state.vault.clone())
        };
        // Counted from before it is asked: the server may have answered long before the answer is here.
        let asked = clock::now();
        let book = self.book()?;
        book.serves_at(address);
        book.knows_of_its_vault(vault);
        let standing = book.renew(drain)?;
        self.renewed_at = asked;
        let (lost, strange) = self.renewed(asked, &standing);
        end(&self.shared, self.lines.as_ref(), lost);
        if !strange.is_empty() {
            // Claimed without an answer, or given up by the clock meanwhile.
            self.book()?.release(&strange)?;
        }
        Ok(standing)
    }

    /// Takes note of an answer: which of ours are lost, and which of the server's are not ours.
    fn renewed(&self, asked: Duration, standing: &Standing) -> (Vec<Lease>, Vec<Lease>) {
        let mut state = self.shared.state();
        state.good_until = state.good_until.max(asked + self.terms.fence);
        state.seen.renewed = Some(asked);
        if state.drain == Some(standing.draining) {
            state.drain = None;
        }
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
            // What was taken since may be missing in an answer to an older question.
            .filter(|(account, held)| {
                held.since < asked && theirs.get(account) != Some(&held.lease)
            })
            .map(|(account, _)| *account)
            .collect();
        let lost = state.put_away(lost);
        let strange = standing.held.iter().filter(|lease| {
            !state.held.contains_key(&lease.account)
                && !state.ending.contains_key(&lease.account)
                && !state.expected.contains(&lease.account)
        });
        let strange = strange.copied().collect();
        if !lost.is_empty() {
            log::warn!(target: "switchboard::nodes", "accounts={} are not this node's any more", lost.len());
        }
        (lost, strange)
    }

    fn take(&self, claimed: Vec<Lease>) {
        if claimed.is_empty() {
            return;
        }
        if !self.shared.state().hold(&claimed, &self.terms) {
            return;
        }
        log::info!(target: "switchboard::nodes", "accounts={} are this node's now", claimed.len());
        self.shared.changed.send_replace(());
        self.lines.begin(&claimed);
    }
}
