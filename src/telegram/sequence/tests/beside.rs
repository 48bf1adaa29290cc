//! What comes beside numbered updates: people and chats, updates without a number, and the other sequence's in an answer.

use std::time::Duration;

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::{
    Deserializable, Identifiable,
    enums::{Chat, Update},
    types,
};

use super::{
    super::{AccountAsk, NOT_COUNTED, Need, Sequence, Step},
    bench::{
        Bench, CHANNEL, account, applied, channel_answer, channels, mail, post, state, too_long,
    },
    client::PATIENCE,
    packets::{message, packet},
    server::account_answer,
};

/// A packet with somebody in it.
fn with_somebody(updates: Vec<Update>) -> UpdatesLike {
    of(updates, Vec::new(), 0)
}

fn of(updates: Vec<Update>, chats: Vec<Chat>, seq: i32) -> UpdatesLike {
    let users = vec![types::UserEmpty { id: 5 }.into()];
    let all = types::Updates {
        updates,
        users,
        chats,
        date: 1,
        seq,
    };
    UpdatesLike::Updates(all.into())
}

fn people(steps: &[Step]) -> usize {
    steps.iter().map(|step| step.users.len()).sum()
}

fn unnumbered() -> Update {
    Update::Config
}

/// A channel that says so much of itself: whether the account is out of it, and whether this is all that is known.
fn channel(left: bool, min: bool) -> Chat {
    let flags = u32::from(left) << 2 | u32::from(min) << 12;
    let words = [types::Channel::CONSTRUCTOR_ID, flags, 0];
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    bytes.extend(CHANNEL.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(types::ChatPhotoEmpty::CONSTRUCTOR_ID.to_le_bytes());
    bytes.extend(1_i32.to_le_bytes());
    Chat::from_bytes(&bytes).expect("a channel")
}

/// Protects names: whoever a message is from stands in the same step, whether it applies at once or has to wait, and nobody is
/// told of without one.
#[test]
fn people_come_with_what_they_are_named_beside() {
    let mut bench = Bench::new();
    let steps = bench.packet(with_somebody(vec![mail(11)]));
    assert_eq!((applied(&steps), people(&steps)), (vec![11], 1));
    let steps = bench.packet(with_somebody(vec![mail(11)]));
    assert_eq!((steps.len(), people(&steps)), (0, 0), "it came before");
    for updates in [
        vec![unnumbered()],
        vec![unnumbered(), mail(12)],
        vec![mail(13), unnumbered()],
    ] {
        let steps = bench.packet(with_somebody(updates));
        assert_eq!(people(&steps), 1, "{steps:?}");
    }
    assert!(bench.packet(with_somebody(vec![mail(15)])).is_empty());
    let steps = bench.take(vec![mail(14)]);
    assert_eq!((applied(&steps), people(&steps)), (vec![14, 15], 1));

    let mut bench = Bench::with_channel(100);
    assert!(bench.packet(with_somebody(vec![post(102)])).is_empty());
    let steps = bench.take(vec![post(101)]);
    assert_eq!((applied(&steps), people(&steps)), (vec![101, 102], 1));
}

/// Protects a channel that was joined elsewhere: the packet that says so makes it known, unless it says something else.
#[test]
fn a_channel_is_met_when_a_packet_says_that_the_account_is_in_it() {
    let news = || {
        Update::Channel(types::UpdateChannel {
            channel_id: CHANNEL,
        })
    };
    let table = [
        (channel(false, false), true),
        (channel(true, false), false),
        (channel(false, true), false),
    ];
    for (chat, met) in table {
        let mut bench = Bench::new();
        let steps = bench.packet(of(vec![news()], vec![chat], 0));
        assert_eq!(steps.len(), 1, "it is told in any case");
        let needs = bench.sequence.needs();
        assert_eq!(needs == [Need::Position(CHANNEL)], met, "{needs:?}");
    }
    // A packet that came before says nothing.
    let mut bench = Bench::new();
    let steps = bench.packet(of(vec![news()], vec![channel(false, false)], 5));
    assert!(steps.is_empty() && bench.sequence.needs().is_empty());
    let steps = bench.packet(of(vec![news()], vec![], 6));
    assert!(steps.len() == 1 && bench.sequence.needs().is_empty());
}

/// Protects what came while the account was out of a channel: nothing of it was pushed, and the next post may be long in coming.
#[test]
fn a_channel_that_the_account_comes_back_to_is_asked_about() {
    let news = |left: bool| {
        let update = Update::Channel(types::UpdateChannel {
            channel_id: CHANNEL,
        });
        of(vec![update], vec![channel(left, false)], 0)
    };
    let mut bench = Bench::with_channel(100);
    bench.packet(news(false));
    assert_eq!(bench.asks_from(), None, "it was in it all along");
    bench.packet(news(true));
    assert_eq!(bench.asks_from(), None, "it can't be asked about");
    bench.packet(news(false));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 100)));
    let answer = channel_answer(102, vec![message(Some(CHANNEL), 1, "meanwhile")], vec![]);
    let steps = bench.sequence.channel_answer(CHANNEL, answer, bench.now);
    assert!(steps[0].late, "it was missed");
    bench.packet(news(false));
    assert_eq!(bench.asks_from(), None, "once");
}

/// Protects a channel's updates that stand in the account's answer: they take their place in the channel's line.
#[test]
fn a_channels_updates_in_an_accounts_answer_apply_in_its_own_line() {
    let mut bench = Bench::with_channel(100);
    bench.sequence.refresh();
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
    let answer = account_answer(state(11, 100), vec![], vec![post(101)]);
    let steps = bench.sequence.account_answer(answer, bench.now);
    assert_eq!(
        (applied(&steps), channels(&steps)),
        (vec![101], vec![(CHANNEL, 101)])
    );
    assert_eq!(account(&steps).map(|at| at.pts), Some(11));
}

/// Protects a start: nothing can be placed before Telegram has told where it is, and whoever waits for the present is told when
/// it is reached, and told once of a server that has gone back.
#[test]
fn a_sequence_says_how_far_it_is() {
    let mut bench = Bench::new();
    bench.sequence = Sequence::new(None, PATIENCE);
    assert!(!bench.sequence.has_begun() && !bench.sequence.is_caught_up());
    assert_eq!(bench.asks(), Some(AccountAsk::State));
    assert!(!bench.sequence.is_caught_up(), "asked, and not answered");
    bench.state(10);
    assert!(bench.sequence.has_begun());
    assert!(bench.sequence.is_caught_up(), "it begins at the present");
    bench.sequence.refresh();
    assert!(!bench.sequence.is_caught_up(), "there may be more");
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(_))));
    assert!(!bench.sequence.is_caught_up());
    bench.empty();
    assert!(bench.sequence.is_caught_up());
    assert!(!bench.sequence.take_suspect(), "nothing has gone back");
    bench.sequence.line_lost(bench.now);
    bench.asks();
    let answer = account_answer(state(4, 100), vec![], vec![]);
    bench.sequence.account_answer(answer, bench.now);
    assert!(bench.sequence.take_suspect() && !bench.sequence.take_suspect());
}

/// Protects unread counts: the word for "not counted" is no count.
#[test]
fn what_is_not_counted_is_no_count() {
    assert_eq!(NOT_COUNTED.signum(), -1);
}

/// Protects memory: what waits is let go of, and asked for.
#[test]
fn what_waits_is_let_go_of_and_asked_for() {
    let mut bench = Bench::with_channel(100);
    bench.packet(packet(vec![mail(13), post(103)], 0, 1));
    let held = bench.sequence.bytes();
    assert!(held > 100, "{held}");
    bench.sequence.let_go(bench.now);
    assert_eq!(bench.sequence.bytes(), 0);
    bench.take(vec![mail(11), mail(12), post(101), post(102)]);
    bench.pass(PATIENCE + Duration::from_millis(1));
    assert!(matches!(bench.asks(), Some(AccountAsk::Difference(ask)) if ask.pts == 12));
    assert_eq!(bench.asks_from(), Some((CHANNEL, 102)));
    bench.take(vec![too_long(None)]);
}

fn stopped(qts: i32) -> Update {
    types::UpdateBotStopped {
        user_id: 1,
        date: 1,
        stopped: true,
        qts,
    }
    .into()
}

/// Protects what is said while a start asks where Telegram is: it waits for the answer, and takes its place then.
#[test]
fn what_comes_before_the_first_position_waits_for_it() {
    let mut bench = Bench::new();
    bench.sequence = Sequence::new(None, PATIENCE);
    assert_eq!(bench.asks(), Some(AccountAsk::State));
    assert!(bench.take(vec![mail(11), stopped(2)]).is_empty());
    let steps = bench.state(10);
    assert_eq!(applied(&steps), [11], "secret chats are nobody's here");
}

/// Protects the store from writing a position that did not move.
#[test]
fn what_takes_no_number_moves_no_position() {
    let mut bench = Bench::new();
    let page = types::UpdateWebPage {
        webpage: types::WebPageEmpty { id: 1, url: None }.into(),
        pts: 10,
        pts_count: 0,
    };
    let steps = bench.take(vec![page.into()]);
    assert_eq!((applied(&steps), account(&steps)), (vec![10], None));
}

/// Protects what a full memory leaves to Telegram: each line whose number was beyond ours is asked about, and no other.
#[test]
fn what_is_left_on_a_line_is_asked_for_if_it_is_news() {
    let table = [
        (mail(13), true),
        (mail(11), true),
        (mail(10), false),
        (mail(3), false),
        (stopped(2), true),
        (stopped(1), false),
        (post(101), true),
        (post(100), false),
    ];
    for (update, news) in table {
        let mut bench = Bench::with_channel(100);
        let said = format!("{update:?}");
        let packet = Box::new(packet(vec![update], 0, 1));
        bench.sequence.leave(packet, bench.now);
        bench.pass(PATIENCE);
        let asked = bench.asks().is_some() || bench.asks_channel().is_some();
        assert_eq!(asked, news, "{said}");
    }
}

fn reacted(peer: tl::enums::Peer, msg_id: i32) -> Update {
    let reactions = types::MessageReactions {
        min: false,
        can_see_list: false,
        reactions_as_tags: false,
        results: vec![],
        recent_reactions: None,
        top_reactors: None,
    };
    types::UpdateMessageReactions {
        peer,
        msg_id,
        top_msg_id: None,
        saved_peer_id: None,
        reactions: reactions.into(),
    }
    .into()
}

/// Protects reactions, views and votes from being said of a message that is not there yet, and so of none: they come behind it, also in
/// its own packet, and while it waits for an earlier one, for the store or for a dialog. `0` is what has no number.
#[test]
fn what_is_said_of_a_message_comes_behind_it() {
    let of_mail = |id| reacted(types::PeerUser { user_id: 1 }.into(), id);
    let of_post = |id| {
        let peer = types::PeerChannel {
            channel_id: CHANNEL,
        };
        reacted(peer.into(), id)
    };

    let mut bench = Bench::new();
    assert_eq!(applied(&bench.take(vec![of_mail(11), mail(11)])), [11, 0]);
    assert!(applied(&bench.take(vec![mail(13)])).is_empty());
    assert!(applied(&bench.take(vec![of_mail(13)])).is_empty());
    assert_eq!(applied(&bench.take(vec![mail(12)])), [12, 13, 0]);
    assert_eq!(applied(&bench.take(vec![of_mail(12)])), [0]);

    let mut bench = Bench::with_channel(20);
    assert_eq!(applied(&bench.take(vec![of_post(21), post(21)])), [21, 0]);
    assert!(applied(&bench.take(vec![post(23), of_post(23)])).is_empty());
    assert_eq!(applied(&bench.take(vec![of_mail(11)])), [0], "another line");
    assert_eq!(applied(&bench.take(vec![post(22)])), [22, 23, 0]);

    let mut bench = Bench::new();
    assert!(applied(&bench.take(vec![post(21)])).is_empty());
    assert!(applied(&bench.take(vec![of_post(21)])).is_empty());
    assert_eq!(applied(&bench.looked_up(CHANNEL, Some(20))), [21, 0]);
}
