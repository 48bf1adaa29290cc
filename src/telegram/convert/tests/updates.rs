//! Updates that are no messages.

use super::*;

/// Protects the desk from chats that are gone, and from updates that say nothing.
#[test]
fn updates_become_changes_or_nothing() {
    let moved = || enums::Update::Channel(types::UpdateChannel { channel_id: 3 });
    let chat = ChatId::channel(3);
    assert_eq!(changes(vec![moved()], vec![supergroup(|_| {})]), []);
    assert_eq!(
        changes(vec![moved()], vec![supergroup(|chat| chat.left = true)]),
        [Change::LostChat { chat }]
    );

    let nothing = types::UpdateDeleteMessages {
        messages: vec![],
        pts: 1,
        pts_count: 1,
    };
    let topic = types::UpdateReadHistoryInbox {
        folder_id: None,
        peer: user(7),
        top_msg_id: Some(2),
        max_id: 9,
        still_unread_count: 0,
        pts: 1,
        pts_count: 1,
    };
    assert_eq!(
        changes(
            vec![nothing.into(), topic.into(), enums::Update::Config],
            vec![]
        ),
        []
    );
    let named = types::UpdateMessageId {
        id: 4,
        random_id: 44,
    };
    assert_eq!(
        changes(vec![named.into()], vec![]),
        [Change::Sent {
            random_id: 44,
            message_id: 4
        }]
    );
    let empty = types::MessageEmpty {
        id: 4,
        peer_id: None,
    };
    let update = types::UpdateNewMessage {
        message: empty.into(),
        pts: 1,
        pts_count: 1,
    };
    assert_eq!(changes(vec![update.into()], vec![]), []);
}
