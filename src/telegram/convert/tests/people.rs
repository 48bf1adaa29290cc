//! Who is who: rights, bans, and those of whom little is told.

use super::*;
use crate::domain::PeerFlags;

fn no_text() -> Option<enums::ChatBannedRights> {
    let rights = types::ChatBannedRights {
        view_messages: false,
        send_messages: true,
        send_media: false,
        send_stickers: false,
        send_gifs: false,
        send_games: false,
        send_inline: false,
        embed_links: false,
        send_polls: false,
        change_info: false,
        invite_users: false,
        pin_messages: false,
        manage_topics: false,
        send_photos: false,
        send_videos: false,
        send_roundvideos: false,
        send_audios: false,
        send_voices: false,
        send_docs: false,
        send_plain: false,
        edit_rank: false,
        send_reactions: false,
        manage_linked_peers: false,
        until_date: 0,
    };
    Some(rights.into())
}

/// Protects the reply box: it is open exactly where this account may write.
#[test]
fn who_may_write_is_known() {
    let flags = |change: fn(&mut types::Channel)| peer::chat(supergroup(change)).unwrap().flags;
    let may = |change| flags(change).can_send;
    assert!(may(|_| {}));
    assert!(!may(|chat| chat.left = true));
    assert!(!may(|chat| chat.default_banned_rights = no_text()));
    assert!(!may(|chat| chat.banned_rights = no_text()));
    assert!(may(|chat| {
        chat.default_banned_rights = no_text();
        chat.creator = true;
    }));
    assert!(!may(|chat| chat.broadcast = true));
    assert!(may(|chat| {
        chat.broadcast = true;
        chat.creator = true;
    }));
    assert!(flags(|chat| chat.broadcast = true).broadcast);
}

/// Protects access hashes: a min peer's never replaces a full one.
#[test]
fn min_peers_bring_no_hash() {
    let chat = peer::chat(supergroup(|chat| chat.min = true)).unwrap();
    assert_eq!((chat.access_hash, chat.flags.min), (None, true));
    let chat = peer::chat(supergroup(|_| {})).unwrap();
    assert_eq!(
        (chat.access_hash, chat.flags),
        (
            Some(33),
            PeerFlags {
                can_send: true,
                ..PeerFlags::default()
            }
        )
    );
}
