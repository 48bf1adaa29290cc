//! Accounts: how long until so many are online after a start, and what they hold while nothing happens.

use super::{
    Size,
    contestant::{Contestant, Kind},
    report::{Goal, Report},
};

pub async fn run(size: Size, report: &mut Report) {
    println!("accounts: started with each number of them, all online and idle");
    let mut figures: Vec<[Vec<(Kind, f64)>; 3]> = vec![Default::default(); size.steps.len()];
    for kind in Kind::ALL {
        let mut contestant = Contestant::start(kind, 0).await;
        for (accounts, [memory, own, time]) in size.steps.iter().zip(&mut figures) {
            contestant.grow(*accounts).await;
            contestant.stop().await;
            let took = contestant.start_again().await;
            time.push((kind, took.as_secs_f64()));
            memory.push((kind, contestant.memory().await));
            own.push((kind, contestant.own_memory()));
        }
        contestant.end().await;
    }
    for (accounts, [memory, own, time]) in size.steps.iter().zip(figures) {
        let goal = if *accounts <= 200 {
            Goal::Share(1.0 / 3.0)
        } else {
            Goal::None
        };
        let each = |values: &[(Kind, f64)]| -> Vec<(Kind, f64)> {
            let each = |(kind, held): &(Kind, f64)| (*kind, held * 1024.0 / *accounts as f64);
            values.iter().map(each).collect()
        };
        let per_account = each(&memory);
        report.add(&format!("memory, {accounts} accounts"), "MB", memory, goal);
        report.add(
            &format!("the same, for each of {accounts}"),
            "KiB",
            per_account,
            Goal::None,
        );
        report.add(
            &format!("of {accounts}, without pages of files"),
            "MB",
            own,
            Goal::None,
        );
        report.add(
            &format!("{accounts} accounts online after"),
            "s",
            time,
            Goal::None,
        );
    }
}
