//! The task of one link: one loop that reads, asks, tells and keeps the line. Nothing in it waits for anything else.

mod dial;
mod questions;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use grammers_client::session::updates::UpdatesLike;
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    LinkEvent,
    ask::{self, Answer, Asked},
    backoff::Backoff,
    cause::{Cause, Flow, Stop},
    line::{Line, Said},
    report::Report,
    shared::{Order, Shared},
    sweep,
};
use crate::{
    domain::{Frozen, HealthFact, Position, ProxyName, StateReason},
    telegram::{
        Charge, LinkExit, LoginLost,
        error::Failure,
        sequence::{Need, Sequence, Step},
    },
};

/// Packets that are taken before the loop looks at everything else.
const DRAIN: usize = 128;
/// What an answer is expected to hold, before it is there.
const ANSWER: usize = 16 * 1024;

/// How far the line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Until it is dialled.
    Pause(Instant),
    /// The clock is looked at.
    Clock,
    /// The first question is out.
    Dialling,
    Up,
}

pub(super) struct Task {
    pub(super) shared: Arc<Shared>,
    events: mpsc::Sender<LinkEvent>,
    pub(super) report: Report,
    pub(super) sequence: Sequence,
    line: Option<Line>,
    phase: Phase,
    backoff: Backoff,
    /// Questions to Telegram; they go with the line.
    calls: FuturesUnordered<Asked>,
    lookups: FuturesUnordered<Asked>,
    wanted: VecDeque<Need>,
    pub(super) channels_abreast: usize,
    /// Telegram asked not to be asked such things before this.
    pub(super) account_held: Option<Instant>,
    pub(super) channels_held: Option<Instant>,
    /// What waits in the sequence, and what is expected of questions.
    charge: Charge,
    /// When the line was lost, until Telegram has answered on the next one.
    dialling_since: Option<Instant>,
    catching_up: bool,
    next_safety: Instant,
    next_sweep: Instant,
    /// When the account's standing is asked for.
    pub(super) next_standing: Instant,
    sweeping: Option<AbortOnDropHandle<()>>,
    unknown_key: Option<(Instant, u32)>,
    /// Since when channels are heard of that can't be addressed.
    pub(super) unmet_since: Option<Instant>,
    /// The last line brought no answer: our clock may be the reason.
    unanswered: bool,
    /// Questions were put off because too much is not stored yet.
    waits_for_room: bool,
    /// What was told last of why it does not catch up.
    behind: Option<StateReason>,
    /// The way that was told last.
    way: Option<Option<ProxyName>>,
}

/// What the loop woke up for.
enum Woken {
    Stop,
    Order(Order),
    Answer(Answer),
    Said(Said),
    /// An event was handed over, or nobody listens any more.
    Told(bool),
    Time,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        events: mpsc::Sender<LinkEvent>,
        stored: Option<Position>,
    ) -> Self {
        let now = Instant::now();
        let timing = &shared.settings.timing;
        let stored = stored.filter(|position| position.pts > 0);
        let sequence = Sequence::new(stored.as_ref(), timing.gap_patience);
        let (next_safety, next_sweep) = (now + timing.safety_every, now + timing.sweep_every);
        let mut report = Report::new(Arc::clone(&shared));
        if let Some(position) = stored {
            report.begin_at(position);
        }
        let charge = shared.budget.charge(0);
        Self {
            shared,
            events,
            report,
            sequence,
            line: None,
            phase: Phase::Pause(now),
            backoff: Backoff::default(),
            calls: FuturesUnordered::new(),
            lookups: FuturesUnordered::new(),
            wanted: VecDeque::new(),
            channels_abreast: 0,
            account_held: None,
            channels_held: None,
            charge,
            dialling_since: Some(now),
            catching_up: false,
            next_safety,
            next_sweep,
            next_standing: now,
            sweeping: None,
            unknown_key: None,
            unmet_since: None,
            unanswered: false,
            waits_for_room: false,
            behind: None,
            way: None,
        }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(mut self) -> LinkExit {
        self.report.say(LinkEvent::Connecting {
            attempt: self.backoff.attempt(),
            retry_in: Duration::ZERO,
        });
        let exit = loop {
            let stop = match self.turn().await {
                Ok(()) => continue,
                Err(stop) => stop,
            };
            match stop {
                Stop::End(exit) => break exit,
                Stop::Lost(cause) => {
                    if let Some(panic) = self.lost(&cause).await {
                        break LinkExit::Panicked(panic);
                    }
                }
            }
        };
        self.shared.set_calls(None);
        let closing = self.shared.settings.timing.close_limit / 2;
        // Half the limit for each: the last word has to be said within the whole.
        if let Some(line) = self.line.take() {
            line.close(closing).await;
        }
        let _ = timeout(closing / 2, self.tell_the_rest()).await;
        exit
    }

    /// What is known by now is worth storing.
    async fn tell_the_rest(&mut self) {
        while let Some(event) = self.report.next() {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
    }

    /// One turn of the loop: what is due now, then whatever comes first.
    async fn turn(&mut self) -> Flow {
        let now = Instant::now();
        self.due(now);
        let deadline = self.deadline(now);
        match self.wake(deadline).await {
            Woken::Stop | Woken::Told(false) => Err(Stop::End(LinkExit::Closed)),
            Woken::Order(order) => self.follow(order),
            Woken::Answer(answer) => self.answered(answer),
            Woken::Said(Said::Packet(packet)) => self.drain(packet),
            Woken::Said(Said::Ended(Some(panic))) => Err(Stop::End(LinkExit::Panicked(panic))),
            Woken::Said(Said::Ended(None)) => Err(Stop::Lost(Cause::PoolEnded)),
            Woken::Told(true) | Woken::Time => Ok(()),
        }
    }

    async fn wake(&mut self, deadline: Instant) -> Woken {
        let reads = self.sequence.has_begun();
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => Woken::Stop,
            order = self.shared.order() => Woken::Order(order),
            permit = self.events.reserve(), if self.report.has_news() => {
                Woken::Told(permit.is_ok_and(|permit| {
                    if let Some(event) = self.report.next() {
                        permit.send(event);
                    }
                    true
                }))
            }
            Some(answer) = self.calls.next() => Woken::Answer(answer),
            Some(answer) = self.lookups.next() => Woken::Answer(answer),
            said = said(&mut self.line, reads) => Woken::Said(said),
            () = sleep_until(deadline.into()) => Woken::Time,
            () = self.shared.budget.room(), if self.waits_for_room => Woken::Time,
        }
    }

    /// Does what the time has come for.
    fn due(&mut self, now: Instant) {
        self.sequence.tick(now);
        self.waits_for_room = false;
        if now >= self.next_safety {
            self.next_safety = now + self.shared.settings.timing.safety_every;
            self.sequence.refresh();
        }
        if now >= self.next_sweep {
            self.sweep(now);
        }
        match self.phase {
            Phase::Pause(until) if now >= until && self.report.is_short() => {
                self.phase = Phase::Clock;
                self.calls.push(ask::clock(&self.shared, self.unanswered));
            }
            Phase::Up => self.ask(now),
            _ => {}
        }
        self.look_up();
        self.weigh();
        if !self.catching_up && self.phase == Phase::Up && now >= self.next_standing {
            self.ask_standing(now);
        }
        if self.catching_up && self.phase == Phase::Up && self.sequence.is_caught_up() {
            self.catching_up = false;
            self.behind = None;
            let updates = self.report.take_updates();
            self.report.say(LinkEvent::CaughtUp { updates });
        }
        if self.shared.session.take_changed() {
            let shared = &self.shared;
            let session = shared
                .session
                .export(shared.self_id, shared.self_hash, shared.api_id);
            self.report.say(LinkEvent::SessionChanged(session));
        }
    }

    /// Telegram refuses for now what was missed: whoever waits for the account to catch up hears why.
    pub(super) fn lags(&mut self, failure: &Failure) {
        let reason = failure.reason();
        if self.catching_up && self.behind.as_ref() != Some(&reason) {
            self.behind = Some(reason.clone());
            self.report.say(LinkEvent::Behind { reason });
        }
    }

    fn weigh(&mut self) {
        let expected = self.calls.len() * ANSWER;
        self.charge.set(self.sequence.bytes() + expected);
    }

    fn deadline(&self, now: Instant) -> Instant {
        let pause = match self.phase {
            Phase::Pause(until) => Some(until),
            _ => None,
        };
        let times = [
            pause,
            self.account_held,
            self.channels_held,
            self.sequence.deadline(),
            Some(self.next_safety),
            Some(self.next_sweep),
            Some(self.next_standing),
        ];
        let next = times.into_iter().flatten().filter(|at| *at > now).min();
        next.unwrap_or(now + self.shared.settings.timing.ping_every)
    }

    fn follow(&mut self, order: Order) -> Flow {
        let now = Instant::now();
        match order {
            Order::Exit(exit) => return Err(Stop::End(exit)),
            Order::Cut(cause) => {
                // Otherwise there is no line to drop: a new one is about to be dialled.
                if matches!(self.phase, Phase::Dialling | Phase::Up) {
                    return Err(Stop::Lost(cause));
                }
            }
            Order::Frozen => {
                self.report
                    .say(LinkEvent::Health(HealthFact::Frozen(Frozen::default())));
                self.next_standing = now;
            }
            Order::DialNow => {
                if let Phase::Pause(until) = &mut self.phase {
                    *until = now;
                }
            }
            Order::Compare(channels) => {
                for (id, pts) in channels {
                    self.sequence.compare(id, pts, now);
                }
                self.add(Vec::new());
            }
            Order::Hurry(channel) => self.sequence.hurry(channel),
            Order::Moved(channel, at) => {
                let steps = self.sequence.moved(channel, at, now);
                self.add(steps);
            }
        }
        Ok(())
    }

    /// Takes a packet and what else is there.
    fn drain(&mut self, first: Box<UpdatesLike>) -> Flow {
        let now = Instant::now();
        let mut next = Some(first);
        for _ in 0..DRAIN {
            let overruns = self.line.as_ref().is_some_and(Line::overruns);
            let Some(packet) = next.take() else { break };
            if overruns {
                self.sequence.refresh();
            }
            if matches!(*packet, UpdatesLike::ConnectionClosed) {
                return Err(Stop::Lost(Cause::Closed));
            }
            self.take(packet, now);
            next = self.line.as_mut().and_then(Line::more);
        }
        match next {
            Some(packet) if matches!(*packet, UpdatesLike::ConnectionClosed) => {
                Err(Stop::Lost(Cause::Closed))
            }
            Some(packet) => {
                self.take(packet, now);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn take(&mut self, packet: Box<UpdatesLike>, now: Instant) {
        if self.report.takes() {
            let shared = Arc::clone(&self.shared);
            let steps = self.sequence.take(packet, |chat| shared.knows(chat), now);
            self.add(steps);
        } else {
            self.shared.budget.left_one();
            self.sequence.let_go(now);
            self.sequence.leave(packet, now);
            self.add(Vec::new());
        }
    }

    pub(super) fn add(&mut self, steps: Vec<Step>) {
        for step in steps {
            self.report.add(step);
        }
        self.wanted.extend(self.sequence.needs());
    }
}

async fn said(line: &mut Option<Line>, packets: bool) -> Said {
    match line {
        Some(line) => line.said(packets).await,
        None => std::future::pending().await,
    }
}
