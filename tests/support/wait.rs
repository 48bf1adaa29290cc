//! Wait: for a state, never for a time. One generous limit; on failure the last state seen is printed.

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

/// Far beyond what any state should take, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Looks until `wanted` accepts what it sees; answers with it.
pub async fn until<T, F, Fut>(what: &str, mut look: F, wanted: impl Fn(&T) -> bool) -> T
where
    T: Debug,
    F: FnMut() -> Fut,
    Fut: Future<Output = T>,
{
    let start = Instant::now();
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(
            start.elapsed() < LIMIT,
            "waited {LIMIT:?} for {what}; seen last: {seen:#?}"
        );
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}
