//! Each rule by itself: the lines of channels.

use std::time::Duration;

use grammers_client::tl::{enums::Update, types};

use super::{
    super::{ChannelAsk, ChannelTrouble},
    bench::{
        Bench, CHANNEL, OF_CHANNEL, OTHER, applied, begins, channel_answer, channels, gone, holes,
        post, post_in, too_long,
    },
    client::PATIENCE,
    packets::{dialog, message},
};
use crate::domain::Hole;

/// Protects against the loss of a whole outage: the server's position in "too long" never replaces ours.
#[test]
fn too_long_asks_from_our_own_position() {
    for theirs in [Some(500), None] {
        let mut bench = Bench::new();
        let steps = bench.take(vec![too_long(theirs)]);
        assert!(
            steps.is_empty(),
            "nothing is known before the store is asked"
        );
        let steps = bench.looked_up(CHANNEL, Some(100));
        assert!(steps.is_empty());
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_from(), Some((CHANNEL, 100)), "{theirs:?}");
    }
}

/// Protects the beginning of a channel that nothing is stored of: it is no hole, and not replayed either. Of one that was
/// announced, the dialog tells what there is.
#[test]
fn a_line_without_a_stored_position_begins_with_what_comes_first() {
    for (announced, first, behind) in [(Some(500), 500, true), (None, 510, false)] {
        let mut bench = Bench::new();
        bench.take(vec![too_long(announced)]);
        assert!(bench.looked_up(CHANNEL, None).is_empty());
        let steps = bench.dialog(510);
        assert!(steps[0].dialog.is_some());
        assert_eq!(
            (holes(&steps), channels(&steps)),
            (vec![], vec![(CHANNEL, first)])
        );
        assert_eq!(begins(&steps), [(CHANNEL, first)]);
        // What came since it was announced is of our time.
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_from(), behind.then_some((CHANNEL, first)));
    }

    let mut bench = Bench::new();
    bench.take(vec![post(301)]);
    let steps = bench.looked_up(CHANNEL, None);
    assert_eq!(
        (applied(&steps), channels(&steps)),
        (vec![301], vec![(CHANNEL, 301)])
    );
    assert_eq!(begins(&steps), [(CHANNEL, 300)]);
    bench.take(vec![post(303)]);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 301)));
}

/// Protects what was said in a group that began during an absence: the post that comes first after it does not hide those
/// before it.
#[test]
fn a_first_post_after_an_absence_waits_for_the_dialog() {
    let mut bench = Bench::new();
    bench.sequence.line_lost(bench.now);
    bench.take(vec![post(301)]);
    assert!(bench.looked_up(CHANNEL, None).is_empty());
    let steps = bench.dialog(301);
    assert!(steps[0].dialog.is_some());
    assert_eq!(
        (applied(&steps), channels(&steps)),
        (vec![301], vec![(CHANNEL, 301)])
    );
}

/// Protects the first posts of a channel that the account has just come to: they may be on their way behind the news of it.
#[test]
fn a_channel_that_is_named_is_met_once_its_posts_may_have_come() {
    let mut bench = Bench::new();
    bench.sequence.channels.name(CHANNEL, bench.now);
    bench.looked_up(CHANNEL, None);
    assert_eq!(bench.asks_channel(), None, "not yet");
    bench.take(vec![post(301)]);
    bench.pass(PATIENCE);
    assert_eq!(applied(&bench.dialog(301)), [301]);
}

/// Protects the word "late" and the account's date from a channel that can't be asked about: it is not waited for without
/// end, and posts of it still come.
#[test]
fn a_channel_that_can_not_be_met_is_left_alone() {
    let mut bench = Bench::new();
    bench.take(vec![too_long(Some(103))]);
    bench.looked_up(CHANNEL, None);
    let mut asked = 0;
    while bench.asks_channel().is_some() {
        asked += 1;
        let trouble = ChannelTrouble::Passing;
        bench.sequence.channel_failed(CHANNEL, trouble, bench.now);
        bench.pass(Duration::from_secs(300));
    }
    assert!((4..20).contains(&asked), "{asked}");
    assert_eq!(applied(&bench.take(vec![post(110)])), [110]);
}

/// Protects the first posts of a channel on a fresh account: an announcement that overtakes them on the wire does not
/// make them old.
#[test]
fn an_announcement_does_not_overtake_what_is_on_its_way() {
    for looked_up_first in [true, false] {
        let mut bench = Bench::new();
        bench.take(vec![too_long(Some(103))]);
        if looked_up_first {
            bench.looked_up(CHANNEL, None);
        }
        for pts in [101, 102, 103] {
            assert!(applied(&bench.take(vec![post(pts)])).is_empty());
        }
        if !looked_up_first {
            bench.looked_up(CHANNEL, None);
        }
        let told = applied(&bench.dialog(103));
        assert_eq!(told, [101, 102, 103], "{looked_up_first}");
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_channel(), None);
        bench.take(vec![post(105)]);
        bench.pass(PATIENCE);
        assert_eq!(bench.asks_from(), Some((CHANNEL, 103)));
    }
}

/// Protects a channel's first post after a start, however long it was quiet: a lost push before it is seen.
#[test]
fn the_first_post_of_a_stored_channel_shows_the_gap_before_it() {
    let mut bench = Bench::new();
    for _ in 0..5_000 {
        bench.pass(Duration::from_secs(300));
    }
    bench.take(vec![post(105)]);
    let steps = bench.looked_up(CHANNEL, Some(100));
    assert!(applied(&steps).is_empty());
    assert_eq!(bench.asks_channel(), None, "it may still come");
    assert_eq!(bench.sequence.deadline(), Some(bench.now + PATIENCE));
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
}

/// Protects edits and deletions of an outage: in a final channel difference they come, after the messages.
#[test]
fn a_final_channel_difference_keeps_what_happened_to_messages() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![too_long(Some(110))]);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let named = types::UpdateMessageId {
        id: 1,
        random_id: 2,
    };
    let answer = channel_answer(
        110,
        vec![message(Some(CHANNEL), 1, "text")],
        vec![gone(108), named.into()],
    );
    let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
    let [named, new, gone] = &steps[0].updates[..] else {
        panic!("{:?}", steps[0].updates);
    };
    assert!(matches!(**named, Update::MessageId(_)));
    assert!(matches!(**new, Update::NewChannelMessage(_)));
    assert!(matches!(**gone, Update::DeleteChannelMessages(_)));
    assert_eq!(channels(&steps), [(CHANNEL, 110)]);
    assert_eq!(bench.asks_channel(), None);
}

/// Protects the memory and the calls of an account with hundreds of quiet channels.
#[test]
fn a_quiet_channel_costs_an_entry_and_nothing_else() {
    assert!(size_of::<(i64, Option<i32>)>() <= 24);
    let mut bench = Bench::new();
    for channel in 0..500 {
        bench.take(vec![post_in(channel, 101)]);
        bench.looked_up(channel, Some(100));
    }
    assert_eq!(
        (bench.sequence.bytes(), bench.sequence.deadline()),
        (0, None)
    );
    for _ in 0..100 {
        bench.pass(Duration::from_secs(24 * 60 * 60));
        assert_eq!((bench.asks(), bench.asks_channel()), (None, None));
    }
    bench.take(vec![post_in(250, 103)]);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((250, 101)), "it is forgotten never");
}

/// Protects a channel's long absence: hole, its dialog for the marks, and the position that the dialog gives.
#[test]
fn a_channel_difference_too_long_is_a_hole_with_the_dialog() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![too_long(Some(9_000))]);
    bench.asks_from();
    let answer = types::updates::ChannelDifferenceTooLong {
        r#final: true,
        timeout: None,
        dialog: dialog(CHANNEL, 8_999),
        messages: vec![message(Some(CHANNEL), 5, "newest")],
        chats: vec![],
        users: vec![],
    };
    let steps = bench
        .sequence
        .channel_answer(CHANNEL, answer.into(), bench.now);
    assert_eq!(holes(&steps), [OF_CHANNEL]);
    assert_eq!(channels(&steps), [(CHANNEL, 8_999)]);
    assert!(steps[0].dialog.is_some() && steps[0].updates.is_empty());
    assert_eq!(applied(&bench.take(vec![post(9_000)])), [9_000]);
}

/// Protects a channel whose position Telegram does not take, or whose answers can't be read: its dialog says where it is.
#[test]
fn a_channels_useless_position_is_replaced_by_its_dialogs() {
    for (trouble, times) in [
        (ChannelTrouble::Unusable, 1),
        (ChannelTrouble::Unreadable, 3),
    ] {
        let mut bench = Bench::with_channel(100);
        bench.take(vec![too_long(None)]);
        for _ in 0..times {
            assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
            let now = bench.now;
            let steps = bench.sequence.channel_failed(CHANNEL, trouble.clone(), now);
            assert!(steps.is_empty());
            bench.pass(Duration::from_secs(10));
        }
        assert_eq!(bench.asks_channel(), Some((CHANNEL, ChannelAsk::Dialog)));
        bench.take(vec![post(61)]);
        let nobody = (vec![], vec![]);
        let steps = bench
            .sequence
            .channel_dialog(CHANNEL, dialog(CHANNEL, 60), nobody, bench.now);
        assert_eq!(holes(&steps), [OF_CHANNEL]);
        assert_eq!(
            (applied(&steps), channels(&steps)),
            (vec![61], vec![(CHANNEL, 61)])
        );
    }
}

/// Protects everything else from one channel: its failures are its own, later each time, and its loss is told.
#[test]
fn a_channel_that_fails_holds_nobody() {
    let mut bench = Bench::with_channel(100);
    bench.take(vec![post_in(OTHER, 55)]);
    bench.looked_up(OTHER, Some(50));
    bench.take(vec![too_long(None)]);
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let now = bench.now;
    bench
        .sequence
        .channel_failed(CHANNEL, ChannelTrouble::Passing, now);
    assert_eq!(bench.asks_from(), Some((OTHER, 50)));
    assert_eq!(bench.asks_channel(), None);
    assert_eq!(
        bench.sequence.deadline(),
        Some(now + Duration::from_secs(1))
    );
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let lost = ChannelTrouble::Lost("CHANNEL_PRIVATE".to_owned());
    let steps = bench.sequence.channel_failed(CHANNEL, lost, bench.now);
    assert!(matches!(holes(&steps)[..], [Hole::ChannelLost { .. }]));
    // Back again: it begins with what comes.
    assert_eq!(applied(&bench.take(vec![post(300)])), [300]);
}

/// Protects those who wait: the chat that is looked at comes first, also out of a pause.
#[test]
fn somebody_who_waits_comes_first() {
    let mut bench = Bench::new();
    for channel in 0..50 {
        bench.take(vec![post_in(channel, 105)]);
        bench.looked_up(channel, Some(100));
    }
    bench.pass(PATIENCE);
    bench.sequence.hurry(33);
    assert_eq!(bench.asks_from(), Some((33, 100)));
    let now = bench.now;
    bench
        .sequence
        .channel_failed(33, ChannelTrouble::Passing, now);
    bench.sequence.hurry(33);
    assert_eq!(bench.asks_from(), Some((33, 100)));
}

/// The same while the store has not said yet where the channel is.
#[test]
fn somebody_who_waits_early_comes_first() {
    let mut bench = Bench::new();
    bench.take((0..50).map(|channel| post_in(channel, 105)).collect());
    assert_eq!(bench.sequence.needs().len(), 50);
    bench.sequence.hurry(33);
    for channel in 0..50 {
        bench.sequence.position(channel, Some(100), bench.now);
    }
    bench.pass(PATIENCE);
    assert_eq!(bench.asks_from(), Some((33, 100)));
    assert_eq!(bench.asks_from(), Some((0, 100)));
}
