//! Refusals: how many rows of the audit they may fill. Of several nodes each may fill as many.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Rows about refusals within [`WINDOW`]; further ones are lines of the log alone, so that nobody fills the disk.
const REFUSED_ROWS: u32 = 120;
const WINDOW: Duration = Duration::from_secs(60);

/// Counts what is noted of refusals.
#[derive(Default)]
pub struct Audit(Mutex<Option<(Instant, u32)>>);

impl Audit {
    pub(super) fn may_write(&self) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = match *counted {
            Some((since, count)) if since.elapsed() < WINDOW => (since, count + 1),
            _ => (Instant::now(), 1),
        };
        *counted = Some((since, count));
        count <= REFUSED_ROWS
    }
}
