//! What a channel missed is late, whoever tells of it.

use grammers_client::tl::types;

use super::{
    super::AccountAsk,
    bench::{Bench, CHANNEL, account, applied, channel_answer, mail, post, state, too_long},
    client::PATIENCE,
    packets::message,
    server::account_answer,
};

/// Protects channels that changed during an outage: they are announced with the last slice, from the date that the
/// first was asked with; and that date is not stored before they are.
#[test]
fn the_date_waits_for_the_channels_that_it_announces() {
    let mut bench = Bench::with_channel(100);
    bench.sequence.line_lost(bench.now);
    let date_of = |ask| match ask {
        Some(AccountAsk::Difference(ask)) => ask.date,
        _ => 0,
    };
    assert_eq!(date_of(bench.asks()), 100);
    let slice = types::updates::DifferenceSlice {
        new_messages: vec![message(None, 1, "text")],
        new_encrypted_messages: vec![],
        other_updates: vec![],
        chats: vec![],
        users: vec![],
        intermediate_state: state(20, 200).into(),
    };
    let steps = bench.sequence.account_answer(slice.into(), bench.now);
    assert_eq!(
        (account(&steps).unwrap().pts, account(&steps).unwrap().date),
        (20, 100)
    );
    assert!(steps[0].late);
    assert_eq!(date_of(bench.asks()), 100);
    let last = account_answer(state(21, 200), vec![], vec![too_long(Some(101))]);
    let steps = bench.sequence.account_answer(last, bench.now);
    assert_eq!(
        account(&steps).unwrap().date,
        100,
        "the channel is not stored yet"
    );
    assert!(bench.sequence.is_caught_up());
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let steps = bench.take(vec![mail(22)]);
    assert_eq!(account(&steps).unwrap().date, 100);
    let answer = channel_answer(101, vec![message(Some(CHANNEL), 1, "text")], vec![]);
    let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
    assert!(steps[0].late, "it was missed while away");
    let steps = bench.take(vec![mail(23)]);
    assert_eq!(account(&steps).unwrap().date, 200);
    assert!(!steps[0].late);
}

/// Protects the word "late": a push that comes before the account has caught up may show first that a channel lacks what it
/// missed while away; a gap of later is none of an absence.
#[test]
fn what_a_channel_missed_while_away_is_late_whoever_tells_of_it() {
    for away in [true, false] {
        let mut bench = Bench::with_channel(100);
        if away {
            bench.sequence.line_lost(bench.now);
            assert!(bench.asks().is_some());
        }
        bench.take(vec![post(104)]);
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
        if away {
            bench.empty();
        }
        let answer = channel_answer(104, vec![message(Some(CHANNEL), 1, "text")], vec![]);
        let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
        assert_eq!(steps[0].late, away);
        // All is settled: the next gap is one of the living line.
        bench.take(vec![post(106)]);
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_from(), Some((CHANNEL, 104)));
        let answer = channel_answer(106, vec![message(Some(CHANNEL), 2, "text")], vec![]);
        let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
        assert!(!steps[0].late);
    }
}

/// Protects the same word where only the list of chats shows that something is missing; what is just on its way is none of it.
#[test]
fn what_the_list_of_chats_shows_to_be_missing_is_late() {
    let mut bench = Bench::with_channel(100);
    bench.sequence.compare(CHANNEL, 101, bench.now);
    assert_eq!(bench.asks_from(), None, "it may be on its way");
    let steps = bench.take(vec![post(101)]);
    assert!(!steps[0].late);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), None);
    bench.sequence.compare(CHANNEL, 103, bench.now);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 101)));
    let answer = channel_answer(103, vec![message(Some(CHANNEL), 1, "text")], vec![]);
    let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
    assert!(steps[0].late);
}

/// Protects channels whose messages stand among an account's: they are not placed there, and not passed over either.
#[test]
fn a_channels_message_in_an_accounts_difference_is_asked_about() {
    let mut bench = Bench::new();
    bench.sequence.refresh();
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
    let stray = message(Some(CHANNEL), 5, "stray");
    let answer = account_answer(state(11, 100), vec![stray], vec![]);
    let steps = bench.sequence.account_answer(answer, bench.now);
    assert!(applied(&steps).is_empty(), "{steps:?}");
    bench.looked_up(CHANNEL, Some(100));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
}
