//! A difference that is refused, again and again.

use std::time::Duration;

use grammers_client::tl::types;

use super::{
    super::{AccountAsk, AccountTrouble},
    bench::{Bench, account, applied, holes, mail},
};
use crate::domain::Hole;

/// Protects the desk and Telegram from a difference that is not to be had at all, as a frozen account's: the present is taken once,
/// behind one hole, and asked from ever less often; what comes live goes on, and a gap in it ends in a hole.
#[test]
fn a_difference_that_is_never_to_be_had_costs_one_hole() {
    type Refuses = fn(&mut Bench);
    let table: [(&str, Refuses); 3] = [
        ("refused", |bench| {
            let now = bench.now;
            bench
                .sequence
                .account_failed(AccountTrouble::Unreadable, now);
        }),
        ("the position is not taken", |bench| {
            let now = bench.now;
            bench.sequence.account_failed(AccountTrouble::Unusable, now);
        }),
        ("too long from its own end", |bench| {
            let now = bench.now;
            let answer = types::updates::DifferenceTooLong { pts: 20 };
            bench.sequence.account_answer(answer.into(), now);
        }),
    ];
    for (what, refuses) in table {
        let mut bench = Bench::new();
        let pass = |bench: &mut Bench, seconds: u32| {
            let (mut asked, mut found) = (0, Vec::new());
            for _ in 0..seconds {
                while let Some(ask) = bench.asks() {
                    asked += 1;
                    match ask {
                        AccountAsk::Difference(_) => refuses(bench),
                        AccountAsk::State => found.extend(holes(&bench.state(20))),
                    }
                    assert!(asked < 100, "{what}: asked {asked} times");
                }
                bench.pass(Duration::from_secs(1));
            }
            (asked, found)
        };
        bench.sequence.refresh();
        let (asked, found) = pass(&mut bench, 3_600);
        assert!(found.len() <= 1, "{what}: {found:?}");
        assert!(asked < 40, "{what}: asked {asked} times in an hour");
        assert!(bench.sequence.is_caught_up(), "{what}");
        assert!(
            bench.sequence.take_suspect(),
            "{what}: channels may have moved"
        );
        assert_eq!(applied(&bench.take(vec![mail(21)])), [21], "{what}");

        assert!(bench.take(vec![mail(23)]).is_empty(), "{what}");
        bench.pass(Duration::from_secs(3_600));
        let mut steps = Vec::new();
        while let Some(ask) = bench.asks() {
            match ask {
                AccountAsk::Difference(_) => refuses(&mut bench),
                AccountAsk::State => steps = bench.state(23),
            }
            bench.pass(Duration::from_secs(10));
        }
        assert_eq!(holes(&steps), [Hole::Account], "{what}");
        assert_eq!(account(&steps).map(|at| at.pts), Some(23), "{what}");

        // What can be had again is asked for as before.
        bench.pass(Duration::from_secs(3_600));
        assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
        bench.empty();
        bench.sequence.refresh();
        assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
    }
}
