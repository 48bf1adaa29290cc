//! Follow: what other nodes commit is told here, too. Each event once and in the order of the numbers, whoever wrote it.
//!
//! The log is the truth: numbers become visible in their order ([`super::numbering`]), so a read after the last one told misses
//! none. A word of the other nodes wakes the reader; without one it looks every second. What this node's own writer committed is told
//! as it was then, for the log does not keep all of it; it waits until what comes before it was read.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    EventSink, Result, ServerUrl, StoreError, StoreHandle,
    changes::{CHANGED, Changed, Changes},
    event_columns::CHANNEL,
    listen::{Heard, Listener},
    wire::sockets,
};
use crate::domain::{Event, Seq};

/// How often those are read without a word.
const READ_ANEW: Duration = Duration::from_secs(5);

/// Without a word.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events read at once.
const PORTION: u32 = 1000;
/// Own events that wait for others; beyond that they are told from the log.
const WAITING: usize = 16_384;
/// How long what was read waits for a commit of our own, which may be among it.
const OWN_COMMIT: Duration = Duration::from_secs(1);

/// Between the writer and its sink.
pub(super) struct Teller {
    sink: Arc<dyn EventSink>,
    told: Mutex<Told>,
    /// Groups that were begun, and those that were committed and told.
    begun: AtomicU64,
    done: watch::Sender<u64>,
    /// The newest number that any node spoke of.
    heard: AtomicI64,
    wake: Notify,
    /// Words may have been missed.
    missed: AtomicBool,
}

struct Told {
    /// All up to here was told.
    last: Seq,
    /// Of this node, after one that was not read yet.
    own: VecDeque<Arc<Event>>,
}

/// A group of the writer's, from before its commit until it was told.
pub(super) struct Telling<'a>(&'a Teller);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.done.send_modify(|done| *done += 1);
    }
}

impl Teller {
    pub fn new(sink: Arc<dyn EventSink>, last: Seq) -> Self {
        Self {
            sink,
            told: Mutex::new(Told {
                last,
                own: VecDeque::new(),
            }),
            begun: AtomicU64::new(0),
            done: watch::Sender::new(0),
            heard: AtomicI64::new(last.0),
            wake: Notify::new(),
            missed: AtomicBool::new(false),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // A listener that panics leaves what is remembered of it whole.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self) -> Telling<'_> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        Telling(self)
    }

    /// What this node committed.
    pub fn committed(&self, events: Vec<Arc<Event>>) {
        let mut told = self.told();
        let follows = |event: &Arc<Event>| event.seq.0 == told.last.0 + 1;
        if told.own.is_empty() && events.first().is_some_and(follows) {
            told.last = events.last().map_or(told.last, |event| event.seq);
            self.sink.committed(events);
            return;
        }
        let last = told.last;
        told.own
            .extend(events.into_iter().filter(|event| event.seq > last));
        if told.own.len() > WAITING {
            told.own.clear();
        }
        self.wake.notify_one();
    }

    /// There are events up to this number. `None`: nobody knows.
    fn heard(&self, newest: Option<i64>) {
        match newest {
            Some(newest) => drop(self.heard.fetch_max(newest, Ordering::AcqRel)),
            None => self.missed.store(true, Ordering::Release),
        }
        self.wake.notify_one();
    }

    /// Until the groups that are under way were told, or for a while.
    async fn own_commits(&self) {
        let begun = self.begun.load(Ordering::Acquire);
        let mut done = self.done.subscribe();
        let told = done.wait_for(|done| *done >= begun);
        // One that hangs must not keep back what others wrote.
        let _ = timeout(OWN_COMMIT, told).await;
    }

    /// Until the end of the log. What of it this node wrote is told as its writer told it.
    async fn read_on(&self, store: &StoreHandle) -> Result<(), StoreError> {
        loop {
            let (last, own) = {
                let told = self.told();
                (told.last, told.own.back().map(|event| event.seq))
            };
            let events = store.events_after(last, PORTION).await?;
            self.own_commits().await;
            let full = events.len() >= PORTION as usize;
            if !self.tell(events, own.filter(|_| !full)) && !full {
                return Ok(());
            }
        }
    }

    /// Tells what was read, and of our own what lies between or follows. `sure`: up to here all was read that there is. `true`: own
    /// ones wait.
    fn tell(&self, read: Vec<Arc<Event>>, sure: Option<Seq>) -> bool {
        let mut told = self.told();
        let upto = read.last().map(|event| event.seq).max(sure);
        let mut read = read.into_iter().peekable();
        let mut runs: Vec<(bool, Vec<Arc<Event>>)> = Vec::new();
        loop {
            let own = told.own.front().map(|event| event.seq);
            let next = read.peek().map(|event| event.seq);
            let follows = own.is_some_and(|own| Some(own) <= upto || own.0 == told.last.0 + 1);
            let takes_own = follows && next.is_none_or(|next| own.is_some_and(|own| own <= next));
            let event = match takes_own {
                true => told.own.pop_front(),
                false => read.next(),
            };
            let Some(event) = event else { break };
            // Read as well as told by the writer, or told before.
            if event.seq <= told.last {
                continue;
            }
            told.last = event.seq;
            match runs.last_mut() {
                Some((ours, run)) if *ours == takes_own => run.push(event),
                _ => runs.push((takes_own, vec![event])),
            }
        }
        for (ours, run) in runs {
            match ours {
                true => self.sink.committed(run),
                false => self.sink.heard(run),
            }
        }
        !told.own.is_empty()
    }

    /// Nothing is known to be missing.
    fn is_level(&self) -> bool {
        let told = self.told();
        told.own.is_empty() && told.last.0 >= self.heard.load(Ordering::Acquire)
    }
}

/// Ends when it is dropped.
pub(super) struct Following {
    changes: Changes,
    /// `None`: it has ended.
    listener: Mutex<Option<Listener>>,
    task: AbortOnDropHandle<()>,
}

impl Following {
    /// `store` must not hold what this gives back: it would never end.
    pub fn start(url: &ServerUrl, teller: Arc<Teller>, store: StoreHandle) -> Result<Self> {
        let woken = Arc::clone(&teller);
        let changes = Changes::new();
        let noted = changes.clone();
        let listener = Listener::start(url, &[CHANNEL, CHANGED], move |heard| match heard {
            Heard::Listening => {
                woken.heard(None);
                noted.note_copied();
                noted.note(Changed::Work);
            }
            Heard::Said {
                channel: CHANGED,
                payload,
            } => noted.heard(payload),
            Heard::Said { payload, .. } => woken.heard(payload.parse().ok()),
        })?;
        let again = changes.clone();
        let runtime = sockets().map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
        let task = runtime.spawn(async move {
            let mut read_anew = Instant::now();
            loop {
                if read_anew.elapsed() > READ_ANEW {
                    again.note_copied();
                    read_anew = Instant::now();
                }
                let word = timeout(LOOK_EVERY, teller.wake.notified()).await.is_ok();
                if word {
                    // Most words are of what this node is about to tell itself.
                    teller.own_commits().await;
                    if !teller.missed.swap(false, Ordering::AcqRel) && teller.is_level() {
                        continue;
                    }
                }
                if let Err(error) = teller.read_on(&store).await {
                    log::debug!(target: "switchboard::store", "what other nodes wrote can't be read for now: {error}");
                    tokio::time::sleep(LOOK_EVERY / 2).await;
                }
            }
        });
        Ok(Self {
            changes,
            listener: Mutex::new(Some(listener)),
            task: AbortOnDropHandle::new(task),
        })
    }

    pub fn changes(&self, changed: Changed) -> watch::Receiver<u64> {
        self.changes.of(changed).subscribe()
    }

    pub fn end(&self) {
        self.task.abort();
        drop(
            self.listener
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, EventBody, Timestamp};

    /// What was told, and whether as this node's own.
    #[derive(Default)]
    struct Ear(Mutex<Vec<(i64, bool)>>);

    impl Ear {
        fn note(&self, events: &[Arc<Event>], own: bool) {
            let noted = events.iter().map(|event| (event.seq.0, own));
            self.0.lock().unwrap().extend(noted);
        }
    }

    impl EventSink for Ear {
        fn committed(&self, events: Vec<Arc<Event>>) {
            self.note(&events, true);
        }

        fn heard(&self, events: Vec<Arc<Event>>) {
            self.note(&events, false);
        }
    }

    fn events(seqs: &[i64]) -> Vec<Arc<Event>> {
        let event = |seq: &i64| {
            let account_id = AccountId::random();
            Arc::new(Event {
                seq: Seq(*seq),
                at: Timestamp::from_millis(0),
                account_id,
                body: EventBody::AccountRemoved { account_id },
                read_at: None,
                of_sign_in: false,
            })
        };
        seqs.iter().map(event).collect()
    }

    fn teller() -> (Arc<Ear>, Teller) {
        let ear = Arc::new(Ear::default());
        let teller = Teller::new(Arc::clone(&ear) as _, Seq(10));
        (ear, teller)
    }

    /// Protects listeners from hearing an event twice, too early or never, whoever is first: the log's reader or our own writer.
    #[test]
    fn own_events_and_others_are_told_in_one_order() {
        let (ear, teller) = teller();
        teller.committed(events(&[11, 12]));
        teller.committed(events(&[14]));
        assert!(!teller.is_level(), "13 is not known");
        teller.committed(events(&[16, 17]));
        assert!(teller.tell(events(&[13, 14, 15]), None) || teller.is_level());
        teller.committed(events(&[18]));
        // Read again, and read before the writer told it.
        teller.tell(events(&[17, 18, 19]), None);
        teller.committed(events(&[19, 20]));
        let own = [11, 12, 14, 16, 17, 18, 20];
        let all: Vec<_> = (11..=20).map(|seq| (seq, own.contains(&seq))).collect();
        teller.tell(Vec::new(), None);
        assert_eq!(*ear.0.lock().unwrap(), all);
        assert!(teller.is_level());
    }

    /// Protects everybody from one number that the log does not give back: what comes after it is told all the same.
    #[test]
    fn a_number_that_is_not_in_the_log_holds_up_nobody() {
        let (ear, teller) = teller();
        teller.committed(events(&[12, 13]));
        assert!(teller.tell(Vec::new(), None), "it may be on its way");
        assert!(!teller.tell(Vec::new(), Some(Seq(13))));
        assert_eq!(*ear.0.lock().unwrap(), [(12, true), (13, true)]);
    }
}
