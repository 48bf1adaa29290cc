//! Tables: what Telegram says, and what it becomes.

mod content;
mod hostile;
mod kinds;
mod masked;
mod media;
mod people;
mod places;
mod rich;
mod schema;
mod updates;
mod whole;
mod writers;

use tl::{enums, types};

use super::*;
use crate::domain::{AccountId, Change};

const SELF: i64 = 5;

fn text(id: i32, peer: enums::Peer) -> types::Message {
    types::Message {
        out: false,
        mentioned: false,
        media_unread: false,
        silent: false,
        post: false,
        from_scheduled: false,
        legacy: false,
        edit_hide: false,
        pinned: false,
        noforwards: false,
        invert_media: false,
        offline: false,
        video_processing_pending: false,
        paid_suggested_post_stars: false,
        paid_suggested_post_ton: false,
        id,
        from_id: None,
        from_boosts_applied: None,
        from_rank: None,
        peer_id: peer,
        saved_peer_id: None,
        fwd_from: None,
        via_bot_id: None,
        via_business_bot_id: None,
        guestchat_via_from: None,
        reply_to: None,
        date: 1_700_000_000,
        message: "hello".to_owned(),
        media: None,
        reply_markup: None,
        entities: None,
        views: None,
        forwards: None,
        replies: None,
        edit_date: None,
        post_author: None,
        grouped_id: None,
        reactions: None,
        restriction_reason: None,
        ttl_period: None,
        quick_reply_shortcut_id: None,
        effect: None,
        factcheck: None,
        report_delivery_until_date: None,
        paid_message_stars: None,
        suggested_post: None,
        schedule_repeat_period: None,
        summary_from_language: None,
        rich_message: None,
    }
}

fn user(user_id: i64) -> enums::Peer {
    types::PeerUser { user_id }.into()
}

fn channel(channel_id: i64) -> enums::Peer {
    types::PeerChannel { channel_id }.into()
}

fn converted(message: types::Message) -> crate::domain::IncomingMessage {
    let mut batch = Batch::empty(AccountId::random());
    Converter::new(SELF, &mut batch)
        .message(message.into())
        .unwrap()
}

/// Protects a database whose texts can't hold the character 0, and the marks behind it: they stay where they are.
#[test]
fn the_character_0_is_taken_out_where_it_comes_in() {
    let bold = types::MessageEntityBold {
        offset: 2,
        length: 1,
    };
    let message = converted(types::Message {
        message: "a\0b".to_owned(),
        entities: Some(vec![bold.into()]),
        ..text(1, user(7))
    });
    assert_eq!(message.text, "a\u{fffd}b");
    assert_eq!(
        (message.entities[0].offset, message.entities[0].length),
        (2, 1)
    );
}

fn changes(updates: Vec<enums::Update>, chats: Vec<enums::Chat>) -> Vec<Change> {
    let mut batch = Batch::empty(AccountId::random());
    let mut converter = Converter::new(SELF, &mut batch);
    converter.peers(Vec::new(), chats);
    for update in updates {
        converter.update(Box::new(update));
    }
    batch.changes
}

fn named(name: &str) -> enums::DocumentAttribute {
    types::DocumentAttributeFilename {
        file_name: name.to_owned(),
    }
    .into()
}

fn supergroup(change: impl FnOnce(&mut types::Channel)) -> enums::Chat {
    let mut chat = types::Channel {
        creator: false,
        left: false,
        broadcast: false,
        verified: false,
        megagroup: true,
        restricted: false,
        signatures: false,
        min: false,
        scam: false,
        has_link: false,
        has_geo: false,
        slowmode_enabled: false,
        call_active: false,
        call_not_empty: false,
        fake: false,
        gigagroup: false,
        noforwards: false,
        join_to_send: false,
        join_request: false,
        forum: false,
        stories_hidden: false,
        stories_hidden_min: false,
        stories_unavailable: false,
        signature_profiles: false,
        autotranslation: false,
        broadcast_messages_allowed: false,
        monoforum: false,
        forum_tabs: false,
        id: 3,
        access_hash: Some(33),
        title: "Group".to_owned(),
        username: None,
        photo: enums::ChatPhoto::Empty,
        date: 1,
        restriction_reason: None,
        admin_rights: None,
        banned_rights: None,
        default_banned_rights: None,
        participants_count: None,
        usernames: None,
        stories_max_id: None,
        color: None,
        profile_color: None,
        emoji_status: None,
        level: None,
        subscription_until_date: None,
        bot_verification_icon: None,
        send_paid_messages_stars: None,
        linked_monoforum_id: None,
        linked_community_id: None,
    };
    change(&mut chat);
    chat.into()
}

fn group(chat_id: i64) -> enums::Peer {
    types::PeerChat { chat_id }.into()
}

fn forward_header() -> types::MessageFwdHeader {
    types::MessageFwdHeader {
        imported: false,
        saved_out: false,
        from_id: None,
        from_name: None,
        date: 1,
        channel_post: None,
        post_author: None,
        saved_from_peer: None,
        saved_from_msg_id: None,
        saved_from_id: None,
        saved_from_name: None,
        saved_date: None,
        psa_type: None,
    }
}

fn with_code(peer: enums::Peer) -> types::Message {
    types::Message {
        message: "Login code: 12345. Keep it".to_owned(),
        ..text(1, peer)
    }
}

fn document(attributes: Vec<enums::DocumentAttribute>) -> enums::MessageMedia {
    let document = types::Document {
        id: 1,
        access_hash: 2,
        file_reference: vec![],
        date: 1,
        mime_type: "application/x-thing".to_owned(),
        size: 1_234,
        thumbs: Some(vec![
            types::PhotoStrippedSize {
                r#type: "i".to_owned(),
                bytes: vec![1, 40, 30, 9, 9],
            }
            .into(),
        ]),
        video_thumbs: None,
        dc_id: 2,
        attributes,
    };
    types::MessageMediaDocument {
        nopremium: false,
        spoiler: false,
        video: false,
        round: false,
        voice: false,
        document: Some(document.into()),
        alt_documents: None,
        video_cover: None,
        video_timestamp: None,
        ttl_seconds: None,
    }
    .into()
}

fn video(round_message: bool) -> enums::DocumentAttribute {
    types::DocumentAttributeVideo {
        round_message,
        supports_streaming: false,
        nosound: false,
        duration: 12.7,
        w: 640,
        h: 360,
        preload_prefix_size: None,
        video_start_ts: None,
        video_codec: None,
    }
    .into()
}

fn audio(voice: bool) -> enums::DocumentAttribute {
    let (title, performer) = (Some("Song".to_owned()), Some("Band".to_owned()));
    types::DocumentAttributeAudio {
        voice,
        duration: 61,
        title,
        performer,
        waveform: None,
    }
    .into()
}
