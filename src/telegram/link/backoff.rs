//! How long to wait before dialling again: longer each time, never in step with other accounts.

use std::time::Duration;

use rand::RngExt;

use crate::telegram::Timing;

/// The pause after the given number of failed attempts.
pub(super) fn pause(failed: u32, timing: &Timing) -> Duration {
    let full = full(failed, timing);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Without jitter: doubling from the first to the greatest.
fn full(failed: u32, timing: &Timing) -> Duration {
    let doubled = timing
        .backoff_min
        .saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
    doubled.min(timing.backoff_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects Telegram from being dialled without end, and the desk from waiting too long.
    #[test]
    fn pauses_double_up_to_their_limit() {
        let timing = Timing::default();
        let millis = |failed| full(failed, &timing).as_millis();
        assert_eq!(
            [1, 2, 3, 8, 9, 40].map(millis),
            [200, 400, 800, 25_600, 30_000, 30_000]
        );
        for failed in 1..12 {
            let pause = pause(failed, &timing);
            assert!(pause <= full(failed, &timing) && pause >= full(failed, &timing) / 2);
        }
    }
}
