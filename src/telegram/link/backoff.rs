//! How long to wait before dialling again: at once after a line that stood, ever longer while none does, and never in
//! step with other accounts.

use std::time::{Duration, Instant};

use rand::RngExt;

use crate::telegram::Timing;

/// What became of the dials so far. Pure: the time comes in.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Lines in a row that never stood long enough.
    row: u32,
    stands_since: Option<Instant>,
}

impl Backoff {
    /// Telegram has answered on the line.
    pub(super) fn stands(&mut self, now: Instant) {
        self.stands_since.get_or_insert(now);
    }

    /// The line is gone, or never came up. How long to wait, without jitter.
    pub(super) fn lost(&mut self, now: Instant, timing: &Timing) -> Duration {
        let since = self.stands_since.take();
        let steady =
            since.is_some_and(|at| now.saturating_duration_since(at) >= timing.steady_after);
        if steady {
            self.row = 0;
        } else if since.is_none() {
            // A dial that failed is never the first trouble.
            self.row = self.row.max(1);
        }
        let wait = match self.row {
            0 => Duration::ZERO,
            row => timing
                .backoff_min
                .saturating_mul(2_u32.saturating_pow(row - 1))
                .min(timing.backoff_max),
        };
        self.row = self.row.saturating_add(1);
        wait
    }

    /// Counts dials from 1, over lines that did not stand.
    pub(super) fn attempt(&self) -> u32 {
        self.row.max(1)
    }
}

/// How long to wait after so many answers in a row that the key is unknown: it mostly passes in seconds, and a server that
/// has forgotten it is not to be asked again and again.
pub(super) fn key_pause(patience: Duration, tries: u32) -> Duration {
    let first = patience / 300;
    let grown = first.saturating_mul(4_u32.saturating_pow(tries.saturating_sub(1)));
    grown.min(patience / 3)
}

/// Somewhere in the later half of a pause.
pub(super) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a line.
    enum Line {
        NeverUp,
        /// Stood for so many seconds.
        Stood(u64),
    }
    use Line::{NeverUp, Stood};

    /// Protects an account from minutes offline for one wrong answer, and a key from being given up within minutes.
    #[test]
    fn an_unknown_key_is_tried_soon_and_then_ever_more_seldom() {
        let patience = Timing::default().key_patience;
        let pauses: Vec<u64> = (1..=6)
            .map(|tries| key_pause(patience, tries).as_secs())
            .collect();
        assert_eq!(pauses, [2, 8, 32, 128, 200, 200]);
        let until_given_up: u64 = pauses[..5].iter().sum();
        assert!(until_given_up > patience.as_secs() / 2);
    }

    fn waits(lines: &[Line]) -> Vec<u128> {
        let timing = Timing::default();
        let mut now = Instant::now();
        let mut backoff = Backoff::default();
        let mut wait = |line: &Line| {
            if let Stood(seconds) = line {
                backoff.stands(now);
                now += Duration::from_secs(*seconds);
                // Every answer says it again; only the first counts.
                backoff.stands(now);
            }
            backoff.lost(now, &timing).as_millis()
        };
        lines.iter().map(&mut wait).collect()
    }

    /// Protects Telegram from being dialled without end, by dials that fail and by lines that come up for a moment; and
    /// the desk from waiting after a line that stood.
    #[test]
    fn only_a_line_that_stood_is_dialled_again_at_once() {
        let table = [
            (vec![Stood(3_600)], vec![0]),
            (vec![NeverUp, NeverUp, NeverUp], vec![200, 400, 800]),
            (vec![Stood(3_600), NeverUp, NeverUp], vec![0, 200, 400]),
            (
                vec![Stood(2), Stood(2), Stood(2), Stood(2)],
                vec![0, 200, 400, 800],
            ),
            (vec![NeverUp, Stood(59), Stood(59)], vec![200, 400, 800]),
            (
                vec![NeverUp, NeverUp, Stood(60), Stood(1), Stood(1)],
                vec![200, 400, 0, 200, 400],
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(waits(&lines), expected);
        }
        let flapping: Vec<Line> = (0..40).map(|_| Stood(1)).collect();
        assert_eq!(waits(&flapping)[39], 30_000);
    }

    /// Protects Telegram from many accounts that dial in step.
    #[test]
    fn pauses_differ_within_their_later_half() {
        let pause = Duration::from_secs(10);
        for _ in 0..100 {
            let jittered = jittered(pause);
            assert!(jittered <= pause && jittered >= pause / 2);
        }
    }
}
