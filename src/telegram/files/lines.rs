//! The lines of one account's files: one per data centre.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::outlets::Outlets;
use crate::{
    aside,
    telegram::{
        error::Failure,
        keys::KeyLease,
        pool::{Calls, Pool, PoolSession},
        settings::Settings,
        ways::Purpose,
    },
};

/// A line that nobody used for this long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// Parts on their way on one line.
const PARTS: usize = 8;

/// One connection to one data centre, signed in when it has to be.
pub(in crate::telegram) struct FileLine {
    pub calls: Calls,
    /// How often it was signed in; a call that was refused before the last time is just repeated.
    pub signed_in: tokio::sync::Mutex<u64>,
    pub parts: Semaphore,
    used: Mutex<Instant>,
    number: u64,
    _pool: Pool,
    /// Of another data centre's key; home's is held by the link itself.
    _lease: Option<KeyLease>,
}

impl FileLine {
    fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

/// Which way bytes go: a wait that Telegram asks for holds one of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::telegram) enum Way {
    Down,
    Up,
}

#[derive(Default)]
struct State {
    lines: HashMap<i32, Arc<FileLine>>,
    /// Told to hang up.
    closing: Vec<Arc<FileLine>>,
    /// Telegram asked not to be asked for files before this.
    holds: HashMap<Way, Instant>,
    closed: bool,
    reaper: Option<AbortOnDropHandle<()>>,
}

pub(in crate::telegram) struct FileLines {
    session: Arc<PoolSession>,
    settings: Arc<Settings>,
    api_id: i32,
    state: Arc<Mutex<State>>,
    /// One dials at a time: two at once would agree on two keys.
    dialling: tokio::sync::Mutex<()>,
    next: AtomicU64,
    stop: CancellationToken,
    /// What goes out has connections of its own.
    pub(super) outlets: Outlets,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileLines {
    pub fn new(
        session: Arc<PoolSession>,
        settings: Arc<Settings>,
        api_id: i32,
        stop: CancellationToken,
    ) -> Self {
        Self {
            outlets: Outlets::new(Arc::clone(&session), Arc::clone(&settings), api_id),
            session,
            settings,
            api_id,
            state: Arc::default(),
            dialling: tokio::sync::Mutex::default(),
            next: AtomicU64::new(0),
            stop,
        }
    }

    pub fn home(&self) -> i32 {
        self.session.home()
    }

    /// How long files have to be left alone.
    pub fn held(&self, way: Way) -> Option<Duration> {
        let hold = *lock(&self.state).holds.get(&way)?;
        let left = hold.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    pub fn hold(&self, way: Way, wait: Duration) {
        let until = Instant::now() + wait.max(Duration::from_secs(1));
        let mut state = lock(&self.state);
        let hold = state.holds.entry(way).or_insert(until);
        *hold = until.max(*hold);
    }

    fn known(&self, dc: i32) -> Result<Option<Arc<FileLine>>, Failure> {
        let state = lock(&self.state);
        if state.closed {
            return Err(Failure::network("not connected"));
        }
        let line = state.lines.get(&dc).cloned();
        drop(state);
        if let Some(line) = &line {
            line.touch();
        }
        Ok(line)
    }

    /// The line to a data centre, dialled when there is none.
    pub async fn line(&self, dc: i32) -> Result<Arc<FileLine>, Failure> {
        if let Some(line) = self.known(dc)? {
            return Ok(line);
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::network("not connected")),
            line = self.dial(dc) => line,
        }
    }

    async fn dial(&self, dc: i32) -> Result<Arc<FileLine>, Failure> {
        let _turn = self.dialling.lock().await;
        if let Some(line) = self.known(dc)? {
            return Ok(line);
        }
        if !self.session.knows(dc) {
            return Err(Failure::network(format!(
                "data centre {dc} is not configured"
            )));
        }
        self.session.ensure_key(dc, &self.settings).await?;
        let foreign = dc != self.session.home();
        let lease = match self.session.key(dc).filter(|_| foreign) {
            Some(key) => Some(self.settings.keys.lease(&key).await),
            None => None,
        };
        // What Telegram pushes is the other line's business: here nobody listens.
        let (pool, _) = Pool::start(
            &self.session,
            self.api_id,
            (&self.settings, Purpose::Aside),
            &aside::handle(),
        );
        let line = Arc::new(FileLine {
            calls: pool.calls.clone(),
            signed_in: tokio::sync::Mutex::new(0),
            parts: Semaphore::new(PARTS),
            used: Mutex::new(Instant::now()),
            number: self.next.fetch_add(1, Ordering::Relaxed),
            _pool: pool,
            _lease: lease,
        });
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Failure::network("not connected"));
        }
        state.lines.insert(dc, Arc::clone(&line));
        if state.reaper.is_none() {
            let reaper = aside::handle().spawn(close_idle(Arc::downgrade(&self.state)));
            state.reaper = Some(AbortOnDropHandle::new(reaper));
        }
        Ok(line)
    }

    /// This line brought no answer: the next call dials anew.
    pub fn drop_line(&self, dc: i32, line: &FileLine) {
        let mut state = lock(&self.state);
        if state
            .lines
            .get(&dc)
            .is_some_and(|known| known.number == line.number)
        {
            state.lines.remove(&dc);
        }
    }

    /// Nothing is dialled with the account's keys from here on, and what is open hangs up.
    pub fn close(&self) {
        self.outlets.close();
        let mut state = lock(&self.state);
        state.closed = true;
        state.reaper = None;
        for line in std::mem::take(&mut state.lines).into_values() {
            // Whoever still holds the line finds it cut. To disconnect before would make the runner panic: it takes a
            // connection that was aborted for a broken one while it ends (grammers-mtsender 0.11, `SenderPoolRunner::run`).
            line.calls.quit();
            state.closing.push(line);
        }
    }

    /// Cuts what was closed and did not end: one that still dials does not listen. Never before: of one that is cut, the connection may
    /// outlive what is told of it.
    pub fn cut(&self) {
        let closing = std::mem::take(&mut lock(&self.state).closing);
        drop(closing);
    }
}

async fn close_idle(state: std::sync::Weak<Mutex<State>>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(state) = state.upgrade() else {
            return;
        };
        let mut state = lock(&state);
        state.lines.retain(|_, line| {
            // Somebody else holds it, or used it a moment ago.
            Arc::strong_count(line) > 1 || lock(&line.used).elapsed() < IDLE
        });
        if state.lines.is_empty() {
            state.reaper = None;
            return;
        }
    }
}
