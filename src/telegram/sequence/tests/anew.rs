//! Positions that begin anew, servers that have gone back, and packets that are counted anew.

use std::time::Duration;

use grammers_client::tl::{enums::Update, types};

use super::{
    super::{AccountAsk, AccountTrouble},
    bench::{Bench, CHANNEL, OF_CHANNEL, account, applied, channels, holes, mail, post, state},
    client::PATIENCE,
    packets::packet,
    server::account_answer,
};
use crate::domain::Hole;

/// Protects against a position that means nothing any more: the present is asked for, and what is between is a hole.
#[test]
fn void_positions_begin_anew_behind_a_hole() {
    type Happens = fn(&mut Bench);
    let table: [(&str, Happens); 4] = [
        ("updatePtsChanged", |bench| {
            bench.take(vec![Update::PtsChanged]);
        }),
        ("refused", |bench| {
            bench.sequence.refresh();
            bench.asks();
            let now = bench.now;
            bench.sequence.account_failed(AccountTrouble::Unusable, now);
        }),
        ("unreadable three times", |bench| {
            bench.sequence.refresh();
            for _ in 0..3 {
                assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
                let now = bench.now;
                bench
                    .sequence
                    .account_failed(AccountTrouble::Unreadable, now);
                bench.pass(Duration::from_secs(10));
            }
        }),
        (
            "several things look applied, and the server is behind",
            |bench| {
                bench.take(vec![mail(9)]);
                bench.take(vec![mail(10)]);
                assert_eq!(bench.asks(), None);
                bench.take(vec![mail(8)]);
            },
        ),
    ];
    for (what, happens) in table {
        let mut bench = Bench::new();
        happens(&mut bench);
        assert_eq!(bench.asks(), Some(AccountAsk::State), "{what}");
        let steps = bench.state(5);
        assert_eq!(holes(&steps), [Hole::Account], "{what}");
        assert_eq!(account(&steps).unwrap().pts, 5, "{what}");
        assert!(
            bench.sequence.take_suspect(),
            "{what}: channels may be behind too"
        );
        assert_eq!(applied(&bench.take(vec![mail(6)])), [6], "{what}");
    }
}

/// Protects against taking doubled pushes for a server that has gone back: it is asked once, and nothing happens.
#[test]
fn doubled_pushes_are_no_hole() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.take(vec![mail(10)]);
    }
    assert_eq!(bench.asks(), Some(AccountAsk::State));
    assert!(bench.state(10).is_empty());
    for _ in 0..100 {
        bench.take(vec![mail(10)]);
    }
    assert_eq!(bench.asks(), None, "not again so soon");
}

/// Protects against a server that was restored from a copy of an earlier day: whatever shape its answer has, what it
/// lacks is a hole, and its own news are taken.
#[test]
fn a_server_that_has_gone_back_is_noticed() {
    let mut bench = Bench::new();
    bench.sequence.line_lost(bench.now);
    bench.asks();
    let answer = account_answer(state(4, 100), vec![], vec![]);
    let steps = bench.sequence.account_answer(answer, bench.now);
    assert_eq!(
        (holes(&steps), account(&steps).unwrap().pts),
        (vec![Hole::Account], 4)
    );
    assert!(bench.sequence.take_suspect());

    // An empty difference does not say where the server is.
    let mut bench = Bench::new();
    bench.sequence.line_lost(bench.now);
    bench.asks();
    bench.empty();
    assert_eq!(bench.asks(), Some(AccountAsk::State));
    let steps = bench.state(4);
    assert_eq!(
        (holes(&steps), account(&steps).unwrap().pts),
        (vec![Hole::Account], 4)
    );

    let mut bench = Bench::with_channel(100);
    bench.sequence.compare(CHANNEL, 40, bench.now);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let empty = types::updates::ChannelDifferenceEmpty {
        r#final: true,
        pts: 40,
        timeout: None,
    };
    let steps = bench
        .sequence
        .channel_answer(CHANNEL, empty.into(), bench.now);
    assert_eq!(
        (holes(&steps), channels(&steps)),
        (vec![OF_CHANNEL], vec![(CHANNEL, 40)])
    );

    // The same of a channel that the store has to be asked about first.
    let mut bench = Bench::new();
    bench.sequence.compare(CHANNEL, 40, bench.now);
    bench.looked_up(CHANNEL, Some(100));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));

    // Posts that look applied already.
    let mut bench = Bench::with_channel(100);
    for pts in [41, 42, 43] {
        assert_eq!(bench.asks_channel(), None);
        bench.take(vec![post(pts)]);
    }
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
}

/// Protects what has no number of its own, and what has one from the packet's.
#[test]
fn the_packets_seq_decides_about_unnumbered_updates_alone() {
    let unread = || -> Update {
        types::UpdateReadChannelOutbox {
            channel_id: CHANNEL,
            max_id: 1,
        }
        .into()
    };
    let mut bench = Bench::new();
    assert_eq!(
        bench.packet(packet(vec![unread()], 6, 1))[0].updates.len(),
        1
    );
    let again = bench.packet(packet(vec![unread(), mail(11)], 6, 1));
    assert_eq!(applied(&again), [11], "the numbered one counts by itself");
    let early = bench.packet(packet(vec![unread(), mail(12)], 9, 1));
    assert_eq!(applied(&early), [0, 12]);
    assert_eq!(bench.asks(), None);
    bench.pass(PATIENCE);
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
}

/// Protects what has no number of its own from a server that counts its packets anew.
#[test]
fn packets_that_are_counted_anew_are_no_old_ones() {
    let unread = || -> Update {
        types::UpdateReadChannelOutbox {
            channel_id: CHANNEL,
            max_id: 1,
        }
        .into()
    };
    let mut bench = Bench::new();
    bench.packet(packet(vec![unread()], 6, 1));
    for seq in [1, 2, 3] {
        assert_eq!(bench.asks(), None);
        bench.packet(packet(vec![unread()], seq, 1));
    }
    assert_eq!(bench.asks(), Some(AccountAsk::State));
    let now = types::updates::State {
        seq: 3,
        ..state(10, 100)
    };
    bench.sequence.state_answer(&now, bench.now);
    let steps = bench.packet(packet(vec![unread()], 4, 1));
    assert_eq!(steps[0].updates.len(), 1);
}
