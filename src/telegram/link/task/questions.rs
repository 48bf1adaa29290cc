//! What the loop asks: Telegram for what is missing and for the account's standing, the store for what the sequence needs.

use std::time::{Duration, Instant};

use super::{Task, ask, sweep};

/// Channels that are asked about at the same time.
const ABREAST: usize = 4;
/// The account's standing is asked for again after no answer came.
const STANDING_PAUSE: Duration = Duration::from_secs(60);
/// Questions to the store at the same time.
const LOOKUPS: usize = 8;

impl Task {
    pub(in crate::telegram::link) fn sweep(&mut self, now: Instant) {
        self.next_sweep = now + self.shared.settings.timing.sweep_every;
        let running = self.sweeping.as_ref();
        if running.is_none_or(|sweep| sweep.is_finished()) {
            self.sweeping = Some(sweep::start(&self.shared));
        }
    }

    /// Without an answer, because the line was lost meanwhile, it is asked anew.
    pub(super) fn ask_standing(&mut self, now: Instant) {
        let Some(line) = &self.line else {
            return;
        };
        let limit = self.shared.settings.timing.call_limit;
        self.next_standing = now + limit + STANDING_PAUSE;
        self.calls.push(ask::standing(line.calls(), limit));
    }

    /// Asks what may be asked now.
    pub(super) fn ask(&mut self, now: Instant) {
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

    pub(super) fn look_up(&mut self) {
        while self.lookups.len() < LOOKUPS
            && let Some(need) = self.wanted.pop_front()
        {
            self.lookups.push(ask::look_up(&self.shared, need));
        }
    }
}
