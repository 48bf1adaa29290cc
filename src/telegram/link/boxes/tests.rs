use std::time::{Duration, Instant};

use grammers_client::tl;
use tl::{enums, enums::Update, types};

use super::*;

const CHANNEL: i64 = 3;
const PATIENCE: Duration = Duration::from_millis(1);

fn at(pts: i32) -> Position {
    Position {
        pts,
        qts: 1,
        date: 1,
        seq: 0,
        channels: Vec::new(),
    }
}

/// Boxes that have caught up: nothing is due.
fn present(pts: i32) -> Boxes {
    let mut boxes = Boxes::new(&at(pts), PATIENCE);
    assert!(boxes.account_request().is_some());
    boxes.apply_account(types::updates::DifferenceEmpty { date: 1, seq: 0 }.into());
    assert!(!boxes.is_behind());
    boxes
}

fn packet(updates: Vec<Update>) -> UpdatesLike {
    let all = types::Updates {
        updates,
        users: vec![],
        chats: vec![],
        date: 1,
        seq: 0,
    };
    UpdatesLike::Updates(all.into())
}

fn deleted(pts: i32) -> Update {
    types::UpdateDeleteMessages {
        messages: vec![pts],
        pts,
        pts_count: 1,
    }
    .into()
}

fn deleted_in_channel(pts: i32) -> Update {
    types::UpdateDeleteChannelMessages {
        channel_id: CHANNEL,
        messages: vec![pts],
        pts,
        pts_count: 1,
    }
    .into()
}

fn too_long(pts: Option<i32>) -> Update {
    types::UpdateChannelTooLong {
        channel_id: CHANNEL,
        pts,
    }
    .into()
}

/// Protects against the loss of a whole outage: the server's position in "too long" must not replace ours.
#[test]
fn too_long_asks_from_our_own_position() {
    for pts in [Some(500), None] {
        let mut boxes = present(10);
        boxes.seed(CHANNEL, Some(100));
        let ready = boxes.feed(packet(vec![too_long(pts)]));
        assert!(ready.holes.is_empty());
        assert_eq!(boxes.channel_request(), Some((CHANNEL, 100)));
    }
}

/// Protects channels that were never stored: what lies before is reported as missing instead of being passed over.
#[test]
fn too_long_of_an_unknown_channel_is_a_hole() {
    let mut boxes = present(10);
    boxes.seed(CHANNEL, None);
    let ready = boxes.feed(packet(vec![too_long(Some(500))]));
    assert_eq!(
        ready.holes,
        [Hole::Channel {
            channel_id: CHANNEL
        }]
    );
}

/// Protects a channel's first update after a start: a gap before it is seen, because the stored position is seeded.
#[test]
fn a_seeded_channel_shows_the_gap_before_its_first_update() {
    let mut boxes = present(10);
    let update = [deleted_in_channel(105)];
    let mut unseeded = Vec::new();
    boxes.unseeded(&update, &mut unseeded);
    assert_eq!(unseeded, [CHANNEL]);
    boxes.seed(CHANNEL, Some(100));
    let ready = boxes.feed(packet(update.to_vec()));
    assert!(ready.updates.is_empty());
    boxes.watch_gaps(Instant::now() + PATIENCE);
    assert_eq!(boxes.channel_request(), Some((CHANNEL, 100)));
}

/// Protects against a forgotten gap: with holes in two sequences at once, both are asked for.
#[test]
fn two_gaps_at_once_are_both_filled() {
    let mut boxes = present(10);
    boxes.seed(CHANNEL, Some(100));
    boxes.feed(packet(vec![deleted(15)]));
    boxes.feed(packet(vec![deleted_in_channel(105)]));
    boxes.watch_gaps(Instant::now() + PATIENCE);
    assert!(boxes.account_request().is_some());
    boxes.apply_account(types::updates::DifferenceEmpty { date: 1, seq: 0 }.into());
    assert_eq!(boxes.channel_request(), Some((CHANNEL, 100)));
}

/// Protects Telegram from being asked without end: a position that the server itself does not reach is asked for once.
#[test]
fn a_gap_that_stays_is_asked_for_once() {
    let mut boxes = present(10);
    boxes.feed(packet(vec![deleted(15)]));
    let later = Instant::now() + PATIENCE;
    boxes.watch_gaps(later);
    boxes.apply_account(types::updates::DifferenceEmpty { date: 1, seq: 0 }.into());
    boxes.watch_gaps(later + Duration::from_secs(60));
    assert!(!boxes.is_behind());
}

/// Protects edits and deletions of an outage: in a final channel difference they come, after the messages.
#[test]
fn a_final_channel_difference_keeps_what_happened_to_messages() {
    let mut boxes = present(10);
    boxes.seed(CHANNEL, Some(100));
    boxes.channel_behind(CHANNEL);
    let empty = types::MessageEmpty {
        id: 1,
        peer_id: None,
    };
    let difference = types::updates::ChannelDifference {
        r#final: true,
        pts: 110,
        timeout: Some(1),
        new_messages: vec![empty.into()],
        other_updates: vec![deleted_in_channel(108)],
        chats: vec![],
        users: vec![],
    };
    let ready = boxes
        .apply_channel(CHANNEL, difference.into())
        .ok()
        .unwrap();
    assert!(matches!(
        ready.updates[..],
        [
            Update::NewChannelMessage(_),
            Update::DeleteChannelMessages(_)
        ]
    ));
    let position = boxes.moved().unwrap();
    assert_eq!(position.channels, [(CHANNEL, 110)]);
    assert!(!boxes.is_behind());
}

/// Protects the link from assertions below: updates that contradict themselves are dropped.
#[test]
fn contradictions_are_dropped() {
    let mut boxes = present(10);
    let peer: enums::Peer = types::PeerChannel {
        channel_id: CHANNEL,
    }
    .into();
    let message = types::MessageEmpty {
        id: 1,
        peer_id: Some(peer.clone()),
    };
    let nonsense: Vec<Update> = vec![
        types::UpdateNewMessage {
            message: message.clone().into(),
            pts: 11,
            pts_count: 1,
        }
        .into(),
        types::UpdateEditMessage {
            message: message.into(),
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
    assert!(boxes.feed(packet(nonsense)).updates.is_empty());

    boxes.channel_behind(CHANNEL);
    let state = types::updates::State {
        pts: 0,
        qts: 5,
        date: 1,
        seq: 0,
        unread_count: 0,
    };
    boxes.restart(&state);
    assert!(
        boxes.account_request().is_some(),
        "a position of zero must not leave the account deaf"
    );
}

/// Protects the position: it moves exactly with what was handed out, and names only channels that changed.
#[test]
fn the_position_moves_with_what_was_handed_out() {
    let mut boxes = present(10);
    assert_eq!(boxes.moved(), None);
    boxes.seed(CHANNEL, Some(100));
    assert_eq!(boxes.moved(), None);
    boxes.feed(packet(vec![deleted(11)]));
    assert_eq!(
        boxes
            .moved()
            .map(|position| (position.pts, position.channels)),
        Some((11, vec![]))
    );
    boxes.feed(packet(vec![deleted_in_channel(101)]));
    let moved = boxes
        .moved()
        .map(|position| (position.pts, position.channels));
    assert_eq!(moved, Some((11, vec![(CHANNEL, 101)])));
    assert_eq!(boxes.moved(), None);
}

/// Protects quiet channels from being polled for ever, and gaps from being forgotten by the refresh.
#[test]
fn a_refresh_forgets_quiet_channels_only() {
    let mut boxes = present(10);
    boxes.seed(CHANNEL, Some(100));
    boxes.feed(packet(vec![deleted_in_channel(101)]));
    boxes.refresh();
    boxes.apply_account(types::updates::DifferenceEmpty { date: 1, seq: 0 }.into());
    assert!(
        !boxes.is_behind(),
        "a channel that was heard of is kept without being fetched"
    );
    boxes.feed(packet(vec![deleted_in_channel(103)]));
    boxes.watch_gaps(Instant::now() + PATIENCE);
    assert_eq!(boxes.channel_request(), Some((CHANNEL, 101)));
}
