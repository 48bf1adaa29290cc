//! Where a message stands: topics, threads.

use super::*;

/// Protects where an answer will go: the topic is told from the message replied to, in every shape of the header, and a
/// thread of saved messages is nobody to answer.
#[test]
fn the_topic_and_the_thread_of_a_message_are_kept() {
    let header = |forum_topic, to: i32, top: Option<i32>| {
        let header = types::MessageReplyHeader {
            reply_to_scheduled: false,
            forum_topic,
            quote: false,
            reply_to_ephemeral: false,
            reply_to_msg_id: Some(to),
            reply_to_peer_id: None,
            reply_from: None,
            reply_media: None,
            reply_to_top_id: top,
            quote_text: None,
            quote_entities: None,
            quote_offset: None,
            todo_item_id: None,
            poll_option: None,
        };
        Some(header.into())
    };
    for (reply_to, topic_id, answers) in [
        (None, None, None),
        (header(true, 7, None), Some(7), None),
        (header(true, 9, Some(7)), Some(7), Some(9)),
        (header(false, 9, None), None, Some(9)),
        // A thread of comments.
        (header(false, 9, Some(3)), None, Some(9)),
    ] {
        let message = converted(types::Message {
            reply_to,
            ..text(11, channel(3))
        });
        assert_eq!((message.topic_id, message.reply_to), (topic_id, answers));
    }

    let thread = |peer| {
        let message = types::Message {
            saved_peer_id: Some(user(8)),
            ..text(1, peer)
        };
        converted(message).monoforum_peer
    };
    assert_eq!(thread(channel(3)), Some(ChatId::user(8)));
    assert_eq!(thread(user(SELF)), None);
}
