//! Start: a thousand accounts, from `exec` to all of them online.

use std::time::Instant;

use super::{all_online, fill, resident};
use crate::support::fleet::Fleet;

const ACCOUNTS: usize = 1_000;
const RUNS: usize = 3;

pub async fn run() {
    println!("start: {ACCOUNTS} accounts, from exec to the last one online");
    let mut fleet = Fleet::builder().accounts(0).start().await;
    fill(&mut fleet, ACCOUNTS).await;
    for _ in 0..RUNS {
        fleet.stop_service();
        let began = Instant::now();
        fleet.start_service();
        let serves = began.elapsed();
        all_online(&fleet).await;
        println!(
            "  serves after {serves:.2?}, all online after {:.2?}, {:.1} MB resident",
            began.elapsed(),
            resident(fleet.service().pid()) as f64 / 1024.0
        );
    }
    println!();
}
