//! Memory: what the service holds with few accounts and with many, all of them online and idle.

use super::{fill, resident};
use crate::support::fleet::Fleet;

const STEPS: [usize; 4] = [3, 50, 200, 2_000];
/// For an account, of all of them: the first ones warm what all share.
const EACH_KIB: f64 = 100.0;

pub async fn run() {
    println!("memory: accounts online and idle, in one process");
    let mut fleet = Fleet::builder().start().await;
    println!(
        "  {:>5} accounts {:>8.1} MB resident",
        0,
        settled(&fleet).await
    );
    let mut first = None;
    let mut each = 0.0;
    for count in STEPS {
        fill(&mut fleet, count).await;
        let held = settled(&fleet).await;
        let (base, base_count) = *first.get_or_insert((held, count));
        each = if count > base_count {
            (held - base) * 1024.0 / (count - base_count) as f64
        } else {
            0.0
        };
        println!("  {count:>5} accounts {held:>8.1} MB resident, {each:>6.1} KiB for each more");
    }
    assert!(each <= EACH_KIB, "more than {EACH_KIB} KiB for an account");
    println!();
}

/// Memory once it no longer changes: what a sign-in needed for a moment is given back.
pub(super) async fn settled(fleet: &Fleet) -> f64 {
    let pid = fleet.service().pid();
    let mut last = resident(pid);
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let now = resident(pid);
        if now.abs_diff(last) < 64 {
            return now as f64 / 1024.0;
        }
        last = now;
    }
    last as f64 / 1024.0
}
