//! Each rule by itself: the account's line, and what holds for all.

use std::time::Duration;

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{
    enums::{self, Update},
    types,
};

use super::{
    super::{AccountAsk, ChannelAsk, NOT_COUNTED, Need, Step},
    bench::{
        Bench, CHANNEL, OF_CHANNEL, OTHER, account, applied, channel_answer, channels, gone, holes,
        mail, post, post_in, state, too_long,
    },
    client::PATIENCE,
    packets::{dialog, message, packet, short},
    server::account_answer,
};
use crate::domain::{ChatId, Hole};

/// Protects the order: what comes too early waits for what is missing, and nobody is asked.
#[test]
fn a_gap_that_fills_by_itself_is_not_asked_about() {
    let mut bench = Bench::with_channel(100);
    assert!(applied(&bench.take(vec![mail(13), post(103)])).is_empty());
    assert!(applied(&bench.take(vec![mail(12)])).is_empty());
    assert_eq!(applied(&bench.take(vec![mail(11)])), [11, 12, 13]);
    assert_eq!(
        applied(&bench.take(vec![post(102), post(101)])),
        [101, 102, 103]
    );
    bench.pass(PATIENCE * 3);
    assert_eq!((bench.asks(), bench.asks_channel()), (None, None));
    assert_eq!(bench.sequence.deadline(), None);
}

/// Protects against a forgotten gap: with gaps in several lines at once, all are asked about.
#[test]
fn gaps_of_several_lines_are_all_asked_about() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![post_in(OTHER, 55)]);
    bench.looked_up(OTHER, Some(50));
    bench.take(vec![mail(15), post(105)]);
    bench.pass(PATIENCE);
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 10));
    let asked = [bench.asks_from(), bench.asks_from()];
    assert_eq!(asked, [Some((CHANNEL, 100)), Some((OTHER, 50))]);
}

/// Protects Telegram from being asked without end: a number that the server itself does not reach ends in a hole.
#[test]
fn a_gap_that_no_answer_closes_ends_in_a_hole() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![mail(500), post(900)]);
    let mut asked = 0;
    let mut found = Vec::new();
    for _ in 0..100 {
        bench.pass(PATIENCE);
        let steps = match bench.asks() {
            Some(AccountAsk::Difference(_)) => bench.empty(),
            Some(AccountAsk::State) => bench.state(10),
            None => Vec::new(),
        };
        asked += usize::from(!steps.is_empty());
        found.extend(holes(&steps));
        let Some((channel, ask)) = bench.asks_channel() else {
            continue;
        };
        asked += 1;
        let now = bench.now;
        let steps = match ask {
            ChannelAsk::Dialog => {
                let nobody = (vec![], vec![]);
                bench
                    .sequence
                    .channel_dialog(channel, dialog(channel, 100), nobody, now)
            }
            ChannelAsk::Difference { .. } => {
                let answer = channel_answer(100, vec![], vec![]);
                bench.sequence.channel_answer(channel, answer, now)
            }
        };
        found.extend(holes(&steps));
    }
    found.sort_by_key(|hole| *hole == Hole::Account);
    assert_eq!(found, [OF_CHANNEL, Hole::Account]);
    assert!(asked < 16, "asked {asked} times");
}

/// Protects what came live while an answer was on its way: it is neither dropped nor undone by the older answer.
#[test]
fn an_answer_that_live_updates_have_overtaken_changes_nothing() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![too_long(None)]);
    bench.asks_from();
    assert_eq!(applied(&bench.take(vec![post(101), gone(102)])), [101, 102]);
    let answer = channel_answer(101, vec![message(Some(CHANNEL), 1, "text")], vec![]);
    let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
    assert!(steps.is_empty(), "{steps:?}");
    assert_eq!(applied(&bench.take(vec![post(103)])), [103]);

    bench.sequence.refresh();
    bench.asks();
    assert_eq!(applied(&bench.take(vec![mail(11), mail(12)])), [11, 12]);
    let answer = account_answer(state(11, 100), vec![message(None, 1, "text")], vec![]);
    let steps = bench.sequence.account_answer(answer, bench.now);
    assert!(applied(&steps).is_empty(), "{steps:?}");
    assert_eq!(applied(&bench.take(vec![mail(13)])), [13]);
}

/// Protects the position: it moves exactly with what is handed out, and names only the channels that moved.
#[test]
fn the_position_moves_with_what_is_handed_out() {
    let mut bench = Bench::with_channel(100);
    let steps = bench.take(vec![mail(11)]);
    assert_eq!(
        (account(&steps).unwrap().pts, channels(&steps)),
        (11, vec![])
    );
    let steps = bench.take(vec![post(101)]);
    assert_eq!(
        (account(&steps), channels(&steps)),
        (None, vec![(CHANNEL, 101)])
    );
    let steps = bench.take(vec![mail(20), post(120)]);
    assert!(steps.is_empty(), "nothing applies: {steps:?}");
    let typing = types::UpdateUserTyping {
        user_id: 1,
        top_msg_id: None,
        action: enums::SendMessageAction::SendMessageTypingAction,
    };
    let steps = bench.take(vec![typing.into()]);
    assert_eq!((account(&steps), steps[0].updates.len()), (None, 1));
}

/// Protects against a difference after each read, edit and deletion of ours: their numbers come with their answers.
#[test]
fn the_answers_to_our_own_calls_are_no_gaps() {
    let affected = |pts, pts_count| types::messages::AffectedMessages { pts, pts_count };
    let mut bench = Bench::with_channel(100);
    let read = UpdatesLike::AffectedMessages(affected(11, 1));
    assert_eq!(account(&bench.packet(read)).unwrap().pts, 11);
    let steps = bench.sequence.moved(None, (14, 3), bench.now);
    assert_eq!(account(&steps).unwrap().pts, 14);
    let deleted = UpdatesLike::AffectedChannelMessages {
        affected: affected(102, 2),
        channel_id: CHANNEL,
        message_ids: vec![1, 2],
    };
    assert_eq!(channels(&bench.packet(deleted)), [(CHANNEL, 102)]);
    let steps = bench.sequence.moved(Some(CHANNEL), (105, 3), bench.now);
    assert_eq!(channels(&steps), [(CHANNEL, 105)]);
    // Nothing was there to be read: it takes no number.
    bench.packet(UpdatesLike::AffectedMessages(affected(14, 0)));
    let answer = packet(vec![mail(15)], 0, 0);
    assert_eq!(applied(&bench.packet(answer)), [15]);
    bench.pass(PATIENCE * 2);
    assert_eq!((bench.asks(), bench.asks_channel()), (None, None));
}

/// Protects a message of ours whose answer tells its number alone: the difference tells the rest.
#[test]
fn an_answer_that_does_not_say_what_was_sent_is_asked_about() {
    let sent = types::UpdateShortSentMessage {
        out: true,
        id: 5,
        pts: 11,
        pts_count: 1,
        date: 1,
        media: None,
        entities: None,
        ttl_period: None,
    };
    let mut bench = Bench::new();
    assert!(bench.packet(UpdatesLike::Updates(sent.into())).is_empty());
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 10));
}

/// Protects a long absence: what Telegram won't repeat is a hole, and what follows is still asked for.
#[test]
fn a_difference_too_long_is_a_hole_and_goes_on_from_its_end() {
    let mut bench = Bench::new();
    bench.sequence.refresh();
    bench.asks();
    let answer = types::updates::DifferenceTooLong { pts: 900 };
    let steps = bench.sequence.account_answer(answer.into(), bench.now);
    assert_eq!(holes(&steps), [Hole::Account]);
    assert_eq!(account(&steps).unwrap().pts, 900);
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 900));
    // A server that says so from its own end: not for ever.
    let mut asked = 0;
    for _ in 0..100 {
        let now = bench.now;
        bench.sequence.account_answer(answer_too_long(), now);
        bench.pass(Duration::from_secs(5));
        match bench.asks() {
            Some(AccountAsk::Difference(_)) => asked += 1,
            Some(AccountAsk::State) => break,
            None => {}
        }
    }
    assert!(asked < 5, "asked {asked} times");
}

fn answer_too_long() -> enums::updates::Difference {
    types::updates::DifferenceTooLong { pts: 900 }.into()
}

/// Protects memory: what waits in a gap is bounded, and beyond it the difference is due at once.
#[test]
fn a_flood_beyond_a_gap_is_left_to_the_difference() {
    let mut bench = Bench::with_channel(100);
    for pts in 102..2_000 {
        bench.take(vec![mail(pts), post(pts)]);
    }
    assert!(
        bench.sequence.bytes() < 1_100_000,
        "{}",
        bench.sequence.bytes()
    );
    bench.pass(Duration::ZERO);
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
}

/// Protects the first posts of a channel while the store is slow: more than may wait are asked for, from the first on.
#[test]
fn more_than_may_wait_for_the_store_is_asked_for() {
    let mut bench = Bench::new();
    for pts in 101..2_000 {
        bench.take(vec![post(pts)]);
    }
    bench.looked_up(CHANNEL, None);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
}

/// Protects against strangers without a name: a short message waits until its sender is known, or comes again with them.
#[test]
fn a_short_message_waits_for_its_sender() {
    let person = ChatId::user(44);
    for known in [true, false] {
        let mut bench = Bench::new();
        let steps = bench.packet(short(&mail(11), 44).unwrap());
        assert!(steps.is_empty());
        assert_eq!(bench.sequence.needs(), [Need::Person(person)]);
        assert!(bench.take(vec![mail(12)]).is_empty(), "the order is kept");
        bench.pass(PATIENCE * 10);
        assert_eq!(bench.asks(), None, "nothing is missing");
        let steps = bench.sequence.person(person, known, bench.now);
        if known {
            assert_eq!(applied(&steps), [11, 12]);
        } else {
            assert!(steps.is_empty());
            assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 10));
        }
    }
}

/// Protects the count of unread messages: a read mark that posts have overtaken keeps its place, not its count.
#[test]
fn an_overtaken_read_mark_does_not_count() {
    let read = |pts| -> Update {
        types::UpdateReadChannelInbox {
            folder_id: None,
            channel_id: CHANNEL,
            max_id: 1,
            still_unread_count: 3,
            pts,
        }
        .into()
    };
    let count = |steps: &[Step]| match &*steps[0].updates[0] {
        Update::ReadChannelInbox(read) => read.still_unread_count,
        other => panic!("{other:?}"),
    };
    let mut bench = Bench::with_channel(100);
    assert_eq!(count(&bench.take(vec![read(100)])), 3);
    bench.take(vec![post(101)]);
    assert_eq!(count(&bench.take(vec![read(100)])), NOT_COUNTED);
    assert!(
        bench.take(vec![read(102)]).is_empty(),
        "its post is on its way"
    );
    assert_eq!(applied(&bench.take(vec![post(102)])), [102, 102]);
}

/// Protects an answer that is too large to be read: after two lost lines the same question asks for less.
#[test]
fn a_question_that_costs_the_line_asks_for_less() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![too_long(None)]);
    let limits: Vec<i32> = (0..3)
        .map(|_| {
            let Some((_, ChannelAsk::Difference { limit, .. })) = bench.asks_channel() else {
                panic!("no question");
            };
            let now = bench.now;
            bench.sequence.line_lost(now);
            limit
        })
        .collect();
    assert_eq!(limits, [100, 100, 10]);
    let limits: Vec<_> = (0..3)
        .map(|_| {
            let Some(AccountAsk::Difference(ask)) = bench.asks() else {
                panic!("no question");
            };
            let now = bench.now;
            bench.sequence.line_lost(now);
            ask.pts_limit
        })
        .collect();
    assert_eq!(limits, [None, None, Some(20)]);
}

/// Protects what the store can't take: it is left to Telegram, asked for later, and the position stays.
#[test]
fn what_is_left_to_telegram_is_asked_for() {
    let mut bench = Bench::with_channel(100);
    let all = vec![mail(11), post(101), post_in(OTHER, 51)];
    bench.take(vec![mail(13), post(103)]);
    assert!(bench.sequence.bytes() > 0);
    bench.sequence.let_go(bench.now);
    bench.sequence.leave(Box::new(packet(all, 0, 1)), bench.now);
    assert_eq!(bench.sequence.bytes(), 0);
    bench.looked_up(OTHER, Some(50));
    bench.pass(PATIENCE);
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 10));
    let asked = [bench.asks_from(), bench.asks_from()];
    assert_eq!(asked, [Some((CHANNEL, 100)), Some((OTHER, 50))]);
}

/// Protects from packets that contradict themselves: an account's number on a channel's message moves nothing.
#[test]
fn contradictions_are_dropped() {
    let peer: enums::Peer = types::PeerChannel {
        channel_id: CHANNEL,
    }
    .into();
    let nonsense: Vec<Update> = vec![
        types::UpdateNewMessage {
            message: message(Some(CHANNEL), 1, "text"),
            pts: 11,
            pts_count: 1,
        }
        .into(),
        types::UpdateEditMessage {
            message: message(Some(CHANNEL), 1, "text"),
            pts: 11,
            pts_count: 1,
        }
        .into(),
        types::UpdateReadHistoryOutbox {
            peer,
            max_id: 1,
            pts: 11,
            pts_count: 1,
        }
        .into(),
    ];
    let mut bench = Bench::new();
    assert!(bench.take(nonsense).is_empty());
    assert_eq!(applied(&bench.take(vec![mail(11)])), [11]);
}

/// Protects a channel from being given up for a word: an answer with nothing in it is the end, whatever it says of that.
#[test]
fn an_answer_with_nothing_in_it_is_the_last() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![too_long(None)]);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let empty = types::updates::ChannelDifferenceEmpty {
        r#final: false,
        pts: 100,
        timeout: None,
    };
    let steps = bench
        .sequence
        .channel_answer(CHANNEL, empty.into(), bench.now);
    assert_eq!(holes(&steps), []);
    bench.pass(Duration::from_secs(300));
    assert_eq!(bench.asks_channel(), None);
}
