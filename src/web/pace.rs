//! Pace: how fast an account may write by itself, as somebody set it.

use serde::{Deserialize, Deserializer};

use super::{ApiError, optional::Given, whole};
use crate::domain::PaceLimits;

/// What is left out stays; `null` lifts a limit.
#[derive(Deserialize)]
pub struct ChangePace {
    #[serde(default, deserialize_with = "limit")]
    strangers_per_day: Given<u32>,
    #[serde(default, deserialize_with = "limit")]
    per_minute: Given<u32>,
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Given<u32>, D::Error> {
    whole::maybe(deserializer).map(Some)
}

/// `None`: as by default.
pub fn change(known: PaceLimits, change: Option<&ChangePace>) -> Result<PaceLimits, ApiError> {
    let Some(change) = change else {
        return Ok(PaceLimits::default());
    };
    let limits = PaceLimits {
        strangers_per_day: change.strangers_per_day.unwrap_or(known.strangers_per_day),
        per_minute: change.per_minute.unwrap_or(known.per_minute),
    };
    let given = [limits.strangers_per_day, limits.per_minute];
    let fits = |limit: &u32| (1..=PaceLimits::MOST).contains(limit);
    match given.iter().flatten().all(fits) {
        true => Ok(limits),
        false => Err(ApiError::unprocessable(
            "pace_invalid",
            "a limit is a whole number from 1 to 1000; null lifts it",
        )),
    }
}
