//! The line's life: it is dialled, stands, and is lost.

use std::time::{Duration, Instant};

use super::{Cause, Failure, Flow, Line, LinkEvent, LinkExit, LoginLost, Phase, Stop, Task, ask};
use crate::telegram::link::backoff::{jittered, key_pause};

/// How often an unknown key is tried before it counts as lost.
const KEY_TRIES: u32 = 3;

impl Task {
    /// A pool to dial with: the one at hand when only its connection was closed, else a new one. The first question
    /// proves the line.
    pub(in crate::telegram::link) fn dial(&mut self) {
        self.shared.forget_cut();
        let line = self.line.get_or_insert_with(|| Line::open(&self.shared));
        let calls = line.calls();
        self.phase = Phase::Dialling;
        self.catching_up = true;
        self.behind = None;
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
    pub(in crate::telegram::link) fn connected(&mut self) {
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
    pub(super) async fn lost(&mut self, cause: &Cause) -> Option<String> {
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
    pub(in crate::telegram::link) fn broken(&mut self, failure: Failure) -> Stop {
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
    pub(super) fn key_unknown(&mut self) -> Stop {
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
    pub(in crate::telegram::link) fn clock(&mut self, trouble: Option<i64>) -> Flow {
        self.unanswered = trouble.is_some();
        match trouble {
            Some(trouble) => Err(Stop::Lost(Cause::Clock(trouble))),
            None => {
                self.dial();
                Ok(())
            }
        }
    }

    pub(in crate::telegram::link) fn is_dialling(&self) -> bool {
        self.phase == Phase::Dialling
    }
}
