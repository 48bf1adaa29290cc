//! Each rule by itself.

use std::time::{Duration, Instant};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::{
    enums::{self, Update},
    types,
};

use super::{
    super::{
        AccountAsk, AccountTrouble, ChannelAsk, ChannelTrouble, NOT_COUNTED, Need, Sequence, Step,
        step::At,
    },
    client::PATIENCE,
    server::{dialog, message, packet, short},
};
use crate::domain::{ChatId, Hole, Position};

pub(super) const CHANNEL: i64 = 7;
const OTHER: i64 = 8;

/// A sequence that has caught up at pts 10, and the time.
pub(super) struct Bench {
    pub(super) sequence: Sequence,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new() -> Self {
        let position = Position {
            pts: 10,
            qts: 1,
            date: 100,
            seq: 5,
            channels: Vec::new(),
        };
        let mut bench = Self {
            sequence: Sequence::new(Some(&position), PATIENCE),
            now: Instant::now(),
        };
        assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
        bench.empty();
        assert_eq!(
            bench.asks(),
            Some(AccountAsk::State),
            "where is the server?"
        );
        bench.state(10);
        assert_eq!(bench.asks(), None);
        // Doubts are cleared once a minute.
        bench.pass(Duration::from_secs(60));
        bench
    }

    /// With a channel whose line is stored at this pts.
    pub(super) fn with_channel(pts: i32) -> Self {
        let mut bench = Self::new();
        bench.take(vec![too_long(Some(pts))]);
        bench.looked_up(CHANNEL, Some(pts));
        assert_eq!(bench.sequence.deadline(), None);
        bench
    }

    pub(super) fn take(&mut self, updates: Vec<Update>) -> Vec<Step> {
        self.packet(packet(updates, 0, 1))
    }

    pub(super) fn packet(&mut self, packet: UpdatesLike) -> Vec<Step> {
        self.sequence.take(Box::new(packet), |_| false, self.now)
    }

    pub(super) fn looked_up(&mut self, channel: i64, stored: Option<i32>) -> Vec<Step> {
        assert_eq!(self.sequence.needs(), [Need::Position(channel)]);
        self.sequence.position(channel, stored, self.now)
    }

    pub(super) fn asks(&mut self) -> Option<AccountAsk> {
        self.sequence.account_ask(self.now)
    }

    pub(super) fn asks_channel(&mut self) -> Option<(i64, ChannelAsk)> {
        self.sequence.channel_ask(self.now)
    }

    /// From where a channel's difference is asked for now.
    pub(super) fn asks_from(&mut self) -> Option<(i64, i32)> {
        self.asks_channel().map(|(channel, ask)| match ask {
            ChannelAsk::Difference { pts, .. } => (channel, pts),
            ChannelAsk::Dialog => panic!("asks for the dialog"),
        })
    }

    /// The channel's dialog is asked for, and answered.
    pub(super) fn dialog(&mut self, pts: i32) -> Vec<Step> {
        let asked = self.asks_channel();
        assert_eq!(asked, Some((CHANNEL, ChannelAsk::Dialog)));
        let nobody = (vec![], vec![]);
        self.sequence
            .channel_dialog(CHANNEL, dialog(CHANNEL, pts), nobody, self.now)
    }

    pub(super) fn empty(&mut self) -> Vec<Step> {
        let empty = types::updates::DifferenceEmpty { date: 100, seq: 5 };
        self.sequence.account_answer(empty.into(), self.now)
    }

    pub(super) fn state(&mut self, pts: i32) -> Vec<Step> {
        let types = state(pts, 100);
        self.sequence.state_answer(&types, self.now)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.sequence.tick(self.now);
    }
}

pub(super) fn state(pts: i32, date: i32) -> types::updates::State {
    types::updates::State {
        pts,
        qts: 1,
        date,
        seq: 5,
        unread_count: 0,
    }
}

pub(super) fn mail(pts: i32) -> Update {
    types::UpdateNewMessage {
        message: message(None, pts, "text"),
        pts,
        pts_count: 1,
    }
    .into()
}

pub(super) fn post(pts: i32) -> Update {
    post_in(CHANNEL, pts)
}

pub(super) fn post_in(channel: i64, pts: i32) -> Update {
    types::UpdateNewChannelMessage {
        message: message(Some(channel), pts, "text"),
        pts,
        pts_count: 1,
    }
    .into()
}

fn gone(pts: i32) -> Update {
    types::UpdateDeleteChannelMessages {
        channel_id: CHANNEL,
        messages: vec![1],
        pts,
        pts_count: 1,
    }
    .into()
}

pub(super) fn too_long(pts: Option<i32>) -> Update {
    types::UpdateChannelTooLong {
        channel_id: CHANNEL,
        pts,
    }
    .into()
}

pub(super) fn channel_answer(
    pts: i32,
    new_messages: Vec<enums::Message>,
    other_updates: Vec<Update>,
) -> enums::updates::ChannelDifference {
    types::updates::ChannelDifference {
        r#final: true,
        pts,
        timeout: Some(1),
        new_messages,
        other_updates,
        chats: vec![],
        users: vec![],
    }
    .into()
}

pub(super) fn account_answer(
    state: types::updates::State,
    new_messages: Vec<enums::Message>,
    other_updates: Vec<Update>,
) -> enums::updates::Difference {
    types::updates::Difference {
        new_messages,
        new_encrypted_messages: vec![],
        other_updates,
        chats: vec![],
        users: vec![],
        state: state.into(),
    }
    .into()
}

/// The pts of what applies, in order.
pub(super) fn applied(steps: &[Step]) -> Vec<i32> {
    let place = |update: &Update| super::super::mark::mark(update).map_or(0, |(_, mark)| mark.pts);
    let updates = steps.iter().flat_map(|step| &step.updates);
    updates.map(|update| place(update)).collect()
}

pub(super) fn holes(steps: &[Step]) -> Vec<Hole> {
    let holes = steps.iter().filter_map(|step| step.hole.clone());
    holes
        .filter(|hole| !matches!(hole, Hole::ChannelBegins { .. }))
        .collect()
}

/// Where the lines of channels that nothing is stored of begin.
fn begins(steps: &[Step]) -> Vec<(i64, i32)> {
    let begins = steps.iter().filter_map(|step| match step.hole {
        Some(Hole::ChannelBegins { channel_id, pts }) => Some((channel_id, pts)),
        _ => None,
    });
    begins.collect()
}

pub(super) fn channels(steps: &[Step]) -> Vec<(i64, i32)> {
    steps
        .iter()
        .flat_map(|step| step.channels.iter().copied())
        .collect()
}

pub(super) fn account(steps: &[Step]) -> Option<At> {
    steps.iter().filter_map(|step| step.account).next_back()
}

const OF_CHANNEL: Hole = Hole::Channel {
    channel_id: CHANNEL,
};

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
