//! Processor time: on a busy machine it says more than the clock. Shared by the benches.

use std::time::Duration;

/// Processor time of this thread so far.
#[allow(dead_code, reason = "one bench has no loop of its own to measure")]
pub fn thread_processor() -> Duration {
    let stat =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that counts");
    let nanos = stat
        .split_whitespace()
        .next()
        .and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("a number"))
}

/// Processor time of a process so far, all its threads.
pub fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
