//! The task of one link: dials, keeps the line, and ends with a reason.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::RemoteCall;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    LinkEvent, backoff,
    boxes::Boxes,
    pulse::Pulse,
    shared::{Order, Shared},
};
use crate::{
    domain::Position,
    telegram::{LinkExit, LoginLost, clock, error::Failure, pool::Pool},
};

/// How often an unknown key is tried before it counts as lost.
const KEY_TRIES: u32 = 3;
/// A connection task that panics takes its calls down a moment before the pool follows.
const PANIC_GRACE: Duration = Duration::from_millis(20);

/// Why the task leaves what it is doing.
pub(super) enum Stop {
    /// The line is gone; dial again.
    Lost(String),
    End(LinkExit),
}

pub(super) type Flow<T> = Result<T, Stop>;

/// One pool with what hangs on it.
pub(super) struct Line {
    pool: Pool,
    pub(super) updates: mpsc::Receiver<UpdatesLike>,
    _pulse: Pulse,
}

pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    /// `None` until the first position is known.
    pub(super) boxes: Option<Boxes>,
    pub(super) stored: Option<Position>,
    pub(super) line: Option<Line>,
    /// Channels to ask again later, and when.
    pub(super) later: Vec<(Instant, i64)>,
    /// Unreadable differences in a row.
    pub(super) unreadable: u32,
    /// Updates since the line came back, until all is caught up.
    pub(super) catching_up: Option<u64>,
    pub(super) next_safety: Instant,
    next_sweep: Instant,
    /// Telegram asked not to be asked for differences before this.
    pub(super) hold: Option<Instant>,
    /// When the line was lost, until Telegram has answered on the next one.
    dialling_since: Option<Instant>,
    unknown_key: Option<(Instant, u32)>,
    /// The last line brought no answer: our clock may be the reason.
    pub(super) unanswered: bool,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        events: mpsc::Sender<LinkEvent>,
        stored: Option<Position>,
    ) -> Self {
        let now = Instant::now();
        let timing = &shared.settings.timing;
        let (next_safety, next_sweep) = (now + timing.safety_every, now + timing.sweep_every);
        Self {
            shared,
            events,
            boxes: None,
            stored,
            line: None,
            later: Vec::new(),
            unreadable: 0,
            catching_up: None,
            next_safety,
            next_sweep,
            hold: None,
            dialling_since: Some(now),
            unknown_key: None,
            unanswered: false,
        }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(mut self) -> LinkExit {
        let exit = loop {
            let lost = match Box::pin(self.dial()).await {
                Ok(()) => self.live().await,
                Err(stop) => stop,
            };
            match lost {
                Stop::End(exit) => break exit,
                Stop::Lost(reason) => {
                    self.dialling_since = Some(Instant::now());
                    if let Err(Stop::End(exit)) =
                        self.emit(LinkEvent::Disconnected { reason }).await
                    {
                        break exit;
                    }
                }
            }
        };
        self.shared.set_calls(None);
        if let Some(line) = self.line.take() {
            // Half the limit: the last word has to be said within the rest.
            let limit = self.shared.settings.timing.close_limit / 2;
            line.pool.close(limit).await;
        }
        exit
    }

    /// Dials until Telegram answers, with growing pauses.
    async fn dial(&mut self) -> Flow<()> {
        let mut pause = Duration::ZERO;
        for attempt in 1.. {
            self.shared.forget_dial_now();
            self.emit(LinkEvent::Connecting {
                attempt,
                retry_in: pause,
            })
            .await?;
            self.pause(pause).await?;
            let answered = match self.clock_trouble().await? {
                Some(trouble) => Err(Stop::Lost(trouble)),
                None => {
                    self.open_line().await?;
                    self.first_answer().await
                }
            };
            match answered {
                Ok(()) => break,
                Err(Stop::End(exit)) => return Err(Stop::End(exit)),
                Err(Stop::Lost(reason)) => {
                    self.drop_line().await?;
                    self.emit(LinkEvent::Disconnected { reason }).await?;
                    pause = backoff::pause(attempt, &self.shared.settings.timing);
                    if let Some((_, tries)) = self.unknown_key {
                        pause = pause.max(self.shared.settings.timing.key_patience / KEY_TRIES);
                        log::debug!(
                            "account={} the server does not know the key, try {tries}",
                            self.shared.account_id
                        );
                    }
                }
            }
        }
        self.unknown_key = None;
        Ok(())
    }

    /// Asked where there is reason to doubt the clock, and again until it is no trouble any more.
    async fn clock_trouble(&mut self) -> Flow<Option<String>> {
        let shared = &self.shared;
        let look = async {
            let doubted =
                self.unanswered || clock::was_wrong(&shared.session, &shared.settings).await;
            match doubted {
                true => clock::trouble(&shared.session, &shared.settings).await,
                false => None,
            }
        };
        let trouble = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return Err(Stop::End(LinkExit::Closed)),
            trouble = look => trouble,
        };
        self.unanswered = trouble.is_some();
        Ok(trouble)
    }

    /// Telegram has answered; said once per line.
    pub(super) async fn connected(&mut self) -> Flow<()> {
        match self.dialling_since.take() {
            Some(since) => {
                self.emit(LinkEvent::Connected {
                    after: since.elapsed(),
                })
                .await
            }
            None => Ok(()),
        }
    }

    /// Waits, unless somebody wants to dial at once.
    async fn pause(&self, pause: Duration) -> Flow<()> {
        if pause.is_zero() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Err(Stop::End(LinkExit::Closed)),
            () = self.shared.dial_now() => Ok(()),
            () = sleep(pause) => Ok(()),
        }
    }

    /// A pool to dial with: the one at hand when only its line was closed, else a new one.
    async fn open_line(&mut self) -> Flow<()> {
        self.shared.forget_cut();
        if self.line.is_some() {
            return Ok(());
        }
        let shared = &self.shared;
        let (pool, updates) = Pool::start(
            &shared.session,
            shared.api_id,
            &shared.settings,
            &shared.runtime,
        );
        let calls = pool.calls.clone();
        shared.set_calls(Some(calls.clone()));
        let pulse = Pulse::start(shared, calls);
        self.line = Some(Line {
            pool,
            updates,
            _pulse: pulse,
        });
        Ok(())
    }

    /// Throws the pool away; a panic inside it ends the link.
    pub(super) async fn drop_line(&mut self) -> Flow<()> {
        self.shared.set_calls(None);
        let Some(mut line) = self.line.take() else {
            return Ok(());
        };
        match timeout(PANIC_GRACE, line.pool.ended()).await {
            Ok(Some(panic)) => Err(Stop::End(LinkExit::Panicked(panic))),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Counts how often the key was unknown, and for how long.
    pub(super) fn key_unknown(&mut self) -> Stop {
        let (since, tries) = self.unknown_key.unwrap_or((Instant::now(), 0));
        let tries = tries + 1;
        self.unknown_key = Some((since, tries));
        let patience = self.shared.settings.timing.key_patience;
        // The pauses between the tries add up to two thirds of the patience.
        if tries >= KEY_TRIES && since.elapsed() >= patience / 2 {
            return Stop::End(LinkExit::NeedsLogin {
                reason: LoginLost::KeyUnknown,
            });
        }
        Stop::Lost(Failure::KeyUnknown.to_string())
    }

    /// Keeps the line: differences first, then whatever comes. Returns why it ended.
    async fn live(&mut self) -> Stop {
        loop {
            let step = match self.catch_up().await {
                Ok(true) => continue,
                Ok(false) => self.listen().await,
                Err(stop) => Err(stop),
            };
            match step {
                Ok(()) => {}
                Err(Stop::Lost(reason)) => return self.line_lost(reason).await,
                Err(end) => return end,
            }
        }
    }

    /// The pool is kept only when its own connection told of the end: then it is alive and dials by itself.
    async fn line_lost(&mut self, reason: String) -> Stop {
        let closed_by_itself = reason == CLOSED;
        if let Some(boxes) = &mut self.boxes {
            boxes.line_lost();
        }
        if !closed_by_itself && let Err(end) = self.drop_line().await {
            return end;
        }
        Stop::Lost(reason)
    }

    /// Waits for the next thing to happen, and takes it.
    async fn listen(&mut self) -> Flow<()> {
        let now = Instant::now();
        let deadline = self.deadline(now);
        let Some(line) = &mut self.line else {
            return Err(Stop::Lost("no line".to_owned()));
        };
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Err(Stop::End(LinkExit::Closed)),
            order = self.shared.order() => self.follow(order),
            panic = line.pool.ended() => Err(match panic {
                Some(panic) => Stop::End(LinkExit::Panicked(panic)),
                None => Stop::Lost("the pool ended".to_owned()),
            }),
            packet = receive(&mut line.updates) => match packet {
                Some(packet) => self.drain(packet).await,
                None => Err(Stop::Lost("the pool ended".to_owned())),
            },
            () = tokio::time::sleep_until(deadline.into()) => {
                self.tick();
                Ok(())
            }
        }
    }

    fn follow(&mut self, order: Order) -> Flow<()> {
        match order {
            Order::Exit(exit) => Err(Stop::End(exit)),
            Order::Cut(reason) => Err(Stop::Lost(reason)),
            Order::Behind(channels) => {
                let due = Instant::now();
                self.later
                    .extend(channels.into_iter().map(|channel| (due, channel)));
                Ok(())
            }
        }
    }

    fn deadline(&mut self, now: Instant) -> Instant {
        if let Some(until) = self.hold {
            return until;
        }
        let boxes = self.boxes.as_mut().map(|boxes| boxes.deadline(now));
        let later = self.later.iter().map(|(at, _)| *at).min();
        [boxes, later, Some(self.next_sweep)]
            .into_iter()
            .flatten()
            .fold(self.next_safety, Instant::min)
    }

    /// Something is due without anything having come.
    fn tick(&mut self) {
        let now = Instant::now();
        let Some(boxes) = &mut self.boxes else {
            return;
        };
        boxes.watch_gaps(now);
        if now >= self.next_safety {
            self.next_safety = now + self.shared.settings.timing.safety_every;
            boxes.refresh();
        }
        if now >= self.next_sweep {
            self.next_sweep = now + self.shared.settings.timing.sweep_every;
            super::sweep::start(&self.shared);
        }
    }

    /// A call that gives way to orders.
    pub(super) async fn call<R: RemoteCall>(
        &mut self,
        request: &R,
        limit: Duration,
    ) -> Flow<Result<R::Return, Failure>> {
        let Some(calls) = self.shared.calls() else {
            return Err(Stop::Lost("no line".to_owned()));
        };
        let answer = calls.home(request, limit);
        tokio::pin!(answer);
        loop {
            let order = tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Err(Stop::End(LinkExit::Closed)),
                order = self.shared.order() => order,
                answer = &mut answer => return Ok(answer),
            };
            self.follow(order)?;
        }
    }
}

/// What the task says when a connection told of its own end.
pub(super) const CLOSED: &str = "the line was closed";

/// The next packet, boxed at once: it is some 5 KB by itself, and the task of an idle account would hold room for it in
/// every step that it passes through. Safe to drop.
async fn receive(updates: &mut mpsc::Receiver<UpdatesLike>) -> Option<Box<UpdatesLike>> {
    updates.recv().await.map(Box::new)
}
