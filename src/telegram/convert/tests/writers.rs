//! Who has written a message, when it was edited, and what it answers.

use super::*;

/// Protects who is said to have written a message, in each kind of chat.
#[test]
fn every_message_has_its_writer() {
    let group = || types::PeerChat { chat_id: 9 }.into();
    let with = |peer, out, from: Option<enums::Peer>| {
        let message = converted(types::Message {
            out,
            from_id: from,
            ..text(1, peer)
        });
        (message.chat, message.sender)
    };
    let me = ChatId::user(SELF);
    assert_eq!(
        with(user(7), false, None),
        (ChatId::user(7), Some(ChatId::user(7)))
    );
    assert_eq!(with(user(7), true, None), (ChatId::user(7), Some(me)));
    assert_eq!(
        with(group(), false, Some(user(8))),
        (ChatId::group(9), Some(ChatId::user(8)))
    );
    assert_eq!(with(group(), true, None), (ChatId::group(9), Some(me)));
    assert_eq!(
        with(channel(3), false, None),
        (ChatId::channel(3), Some(ChatId::channel(3)))
    );
    // The echo of a note to oneself.
    assert_eq!(with(user(0), true, None), (me, Some(me)));
}

/// Protects names that have no peer behind them, edits, and replies.
#[test]
fn signatures_edits_and_replies_are_kept() {
    let post = types::Message {
        post: true,
        post_author: Some("The editor".to_owned()),
        ..text(1, channel(3))
    };
    assert_eq!(converted(post).sender_name.as_deref(), Some("The editor"));

    let header = |from_id| types::MessageFwdHeader {
        imported: false,
        saved_out: false,
        from_id,
        from_name: Some("Hidden".to_owned()),
        date: 1,
        channel_post: None,
        post_author: None,
        saved_from_peer: None,
        saved_from_msg_id: None,
        saved_from_id: None,
        saved_from_name: None,
        saved_date: None,
        psa_type: None,
    };
    let forward = |from_id| types::Message {
        fwd_from: Some(header(from_id).into()),
        ..text(1, user(7))
    };
    assert_eq!(
        converted(forward(None)).sender_name.as_deref(),
        Some("Hidden")
    );
    assert_eq!(converted(forward(Some(user(8)))).sender_name, None);

    let edited = |edit_hide| types::Message {
        edit_date: Some(1_700_000_060),
        edit_hide,
        ..text(1, user(7))
    };
    assert_eq!(
        converted(edited(false)).edited_at,
        Some(Timestamp::from_seconds(1_700_000_060))
    );
    assert_eq!(converted(edited(true)).edited_at, None);

    let reply = |forum_topic, top, elsewhere: Option<enums::Peer>| {
        let header = types::MessageReplyHeader {
            reply_to_scheduled: false,
            forum_topic,
            quote: false,
            reply_to_ephemeral: false,
            reply_to_msg_id: Some(40),
            reply_to_peer_id: elsewhere,
            reply_from: None,
            reply_media: None,
            reply_to_top_id: top,
            quote_text: None,
            quote_entities: None,
            quote_offset: None,
            todo_item_id: None,
            poll_option: None,
        };
        converted(types::Message {
            reply_to: Some(header.into()),
            ..text(41, channel(3))
        })
        .reply_to
    };
    assert_eq!(reply(false, None, None), Some(40));
    assert_eq!(reply(true, None, None), None);
    assert_eq!(reply(true, Some(2), None), Some(40));
    assert_eq!(reply(false, None, Some(channel(9))), None);
}
