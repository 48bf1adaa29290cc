//! The task of one link: one loop that reads, asks, tells and keeps the line. Nothing in it waits for anything else.

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
    backoff::{Backoff, jittered, key_pause},
    cause::{Cause, Flow, Stop},
    line::{Line, Said},
    report::Report,
    shared::{Order, Shared},
    sweep,
};
use crate::{
    domain::{Frozen, HealthFact, Position, ProxyName},
    telegram::{
        Charge, LinkExit, LoginLost,
        error::Failure,
        sequence::{Need, Sequence, Step},
    },
};

/// How often an unknown key is tried before it counts as lost.
const KEY_TRIES: u32 = 3;
/// Channels that are asked about at the same time.
pub(super) const ABREAST: usize = 4;
/// The account's standing is asked for again after no answer came.
const STANDING_PAUSE: Duration = Duration::from_secs(60);
/// Questions to the store at the same time.
const LOOKUPS: usize = 8;
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

    pub(super) fn sweep(&mut self, now: Instant) {
        self.next_sweep = now + self.shared.settings.timing.sweep_every;
        let running = self.sweeping.as_ref();
        if running.is_none_or(|sweep| sweep.is_finished()) {
            self.sweeping = Some(sweep::start(&self.shared));
        }
    }

    /// Without an answer, because the line was lost meanwhile, it is asked anew.
    fn ask_standing(&mut self, now: Instant) {
        let Some(line) = &self.line else {
            return;
        };
        let limit = self.shared.settings.timing.call_limit;
        self.next_standing = now + limit + STANDING_PAUSE;
        self.calls.push(ask::standing(line.calls(), limit));
    }

    /// Asks what may be asked now.
    fn ask(&mut self, now: Instant) {
        let free = |held: Option<Instant>| held.is_none_or(|until| until <= now);
        if !self.shared.budget.asks() && self.sequence.bytes() > 0 {
            // What waits in gaps would keep the room that the questions need which close the gaps, and wait for ever.
            self.sequence.let_go(now);
            self.weigh();
        }
        let Some(line) = &self.line else {
            return;
        };
        // Looked at once: room that is made from here on ends the wait.
        self.waits_for_room = !self.shared.budget.asks();
        if self.waits_for_room || !self.report.is_light() {
            return;
        }
        if free(self.account_held)
            && let Some(question) = self.sequence.account_ask(now)
        {
            let limit = self.shared.settings.timing.difference_limit;
            self.calls.push(ask::account(line.calls(), question, limit));
        }
        if !free(self.channels_held) {
            return;
        }
        while self.channels_abreast < ABREAST
            && let Some((id, question)) = self.sequence.channel_ask(now)
        {
            self.channels_abreast += 1;
            let calls = line.calls();
            self.calls
                .push(ask::channel(&self.shared, calls, id, question));
        }
    }

    fn look_up(&mut self) {
        while self.lookups.len() < LOOKUPS
            && let Some(need) = self.wanted.pop_front()
        {
            self.lookups.push(ask::look_up(&self.shared, need));
        }
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

    /// A pool to dial with: the one at hand when only its connection was closed, else a new one. The first question
    /// proves the line.
    pub(super) fn dial(&mut self) {
        self.shared.forget_cut();
        let line = self.line.get_or_insert_with(|| Line::open(&self.shared));
        let calls = line.calls();
        self.phase = Phase::Dialling;
        self.catching_up = true;
        self.report.take_updates();
        let now = Instant::now();
        let limit = self.shared.settings.timing.connect_limit;
        let held = self.account_held.is_some_and(|until| until > now);
        let question = (!held).then(|| self.sequence.account_ask(now)).flatten();
        self.calls.push(match question {
            Some(question) => ask::account(calls, question, limit),
            None => ask::ping(calls, limit),
        });
    }

    /// Telegram has answered, be it with an error: the line lives.
    pub(super) fn connected(&mut self) {
        self.unanswered = false;
        if self.phase != Phase::Dialling {
            return;
        }
        let now = Instant::now();
        self.phase = Phase::Up;
        self.unknown_key = None;
        self.backoff.stands(now);
        let ways = self.shared.session.ways();
        ways.works();
        let way = ways.in_use();
        if self.way.as_ref() != Some(&way) {
            self.way = Some(way.clone());
            self.report.say(LinkEvent::Way(way));
        }
        if let Some(since) = self.dialling_since.take() {
            let after = now.saturating_duration_since(since);
            self.report.say(LinkEvent::Connected { after });
        }
    }

    /// Drops the line, and says when it is dialled again. A panic below, if that was the reason.
    async fn lost(&mut self, cause: &Cause) -> Option<String> {
        let now = Instant::now();
        self.calls.clear();
        self.channels_abreast = 0;
        self.sequence.line_lost(now);
        if *cause != Cause::Closed {
            self.shared.set_calls(None);
            if let Some(line) = self.line.take()
                && let Some(panic) = line.drop_pool().await
            {
                return Some(panic);
            }
        }
        self.dialling_since.get_or_insert(now);
        let ways = self.shared.session.ways();
        if self.phase == Phase::Dialling {
            ways.fruitless();
        }
        let no_way = ways.trouble().map(Cause::NoWay);
        let cause = no_way.as_ref().unwrap_or(cause);
        let mut pause = jittered(self.backoff.lost(now, &self.shared.settings.timing));
        if *cause == Cause::Asked {
            pause = Duration::ZERO;
        }
        if let Some((_, tries)) = self.unknown_key {
            pause = pause.max(key_pause(self.shared.settings.timing.key_patience, tries));
            log::debug!(
                "account={} the server does not know the key, try {tries}",
                self.shared.account_id
            );
        }
        let reason = cause.reason();
        self.report.say(LinkEvent::Disconnected { reason });
        self.report.say(LinkEvent::Connecting {
            attempt: self.backoff.attempt(),
            retry_in: pause,
        });
        self.phase = Phase::Pause(now + pause);
        None
    }

    /// What a failed call means for the line.
    pub(super) fn broken(&mut self, failure: Failure) -> Stop {
        if let Some(exit) = failure.exit() {
            return Stop::End(exit);
        }
        if failure == Failure::KeyUnknown {
            return self.key_unknown();
        }
        self.unanswered = failure == Failure::TimedOut;
        Stop::Lost(Cause::Call(failure))
    }

    /// Counts how often the key was unknown, and for how long.
    fn key_unknown(&mut self) -> Stop {
        let (since, tries) = self.unknown_key.unwrap_or((Instant::now(), 0));
        let tries = tries + 1;
        self.unknown_key = Some((since, tries));
        let patience = self.shared.settings.timing.key_patience;
        // The pauses between the tries add up to more than half of the patience.
        if tries >= KEY_TRIES && since.elapsed() >= patience / 2 {
            return Stop::End(LinkExit::NeedsLogin {
                reason: LoginLost::KeyUnknown,
            });
        }
        Stop::Lost(Cause::Call(Failure::KeyUnknown))
    }

    /// The clock was looked at before the dial.
    pub(super) fn clock(&mut self, trouble: Option<i64>) -> Flow {
        self.unanswered = trouble.is_some();
        match trouble {
            Some(trouble) => Err(Stop::Lost(Cause::Clock(trouble))),
            None => {
                self.dial();
                Ok(())
            }
        }
    }

    pub(super) fn is_dialling(&self) -> bool {
        self.phase == Phase::Dialling
    }
}

async fn said(line: &mut Option<Line>, packets: bool) -> Said {
    match line {
        Some(line) => line.said(packets).await,
        None => std::future::pending().await,
    }
}
