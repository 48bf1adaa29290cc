//! Packets: updates as the simulated server puts them together.

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl::{
    enums::{self, Update},
    functions, types,
};

use super::super::packet::plain;

/// `None`: the account's own.
pub(super) type LineId = Option<i64>;

#[derive(Clone, Debug)]
pub(super) enum Event {
    New(i32, String),
    Edit(i32, String),
    Delete(Vec<i32>),
    /// Numbers without content: a read mark.
    Read,
}

impl Event {
    pub fn count(&self) -> i32 {
        match self {
            Self::Delete(ids) => ids.len() as i32,
            _ => 1,
        }
    }
}

pub(super) fn dialog(channel_id: i64, pts: i32) -> enums::Dialog {
    types::Dialog {
        pinned: false,
        unread_mark: false,
        view_forum_as_messages: false,
        peer: types::PeerChannel { channel_id }.into(),
        top_message: 1,
        read_inbox_max_id: 0,
        read_outbox_max_id: 0,
        unread_count: 0,
        unread_mentions_count: 0,
        unread_reactions_count: 0,
        unread_poll_votes_count: 0,
        notify_settings: types::PeerNotifySettings {
            show_previews: None,
            silent: None,
            mute_until: None,
            ios_sound: None,
            android_sound: None,
            other_sound: None,
            stories_muted: None,
            stories_hide_sender: None,
            stories_ios_sound: None,
            stories_android_sound: None,
            stories_other_sound: None,
        }
        .into(),
        pts: Some(pts),
        draft: None,
        folder_id: None,
        ttl_period: None,
    }
    .into()
}

pub(super) fn message(line: LineId, id: i32, text: &str) -> enums::Message {
    let peer = match line {
        None => types::PeerUser { user_id: 1 }.into(),
        Some(channel_id) => types::PeerChannel { channel_id }.into(),
    };
    plain(peer, id, 1, text.to_owned()).into()
}

pub(super) fn update(line: LineId, event: &Event, pts: i32, pts_count: i32) -> Update {
    match (event, line) {
        (Event::New(id, text), None) => types::UpdateNewMessage {
            message: message(line, *id, text),
            pts,
            pts_count,
        }
        .into(),
        (Event::New(id, text), Some(_)) => types::UpdateNewChannelMessage {
            message: message(line, *id, text),
            pts,
            pts_count,
        }
        .into(),
        (Event::Edit(id, text), None) => types::UpdateEditMessage {
            message: message(line, *id, text),
            pts,
            pts_count,
        }
        .into(),
        (Event::Edit(id, text), Some(_)) => types::UpdateEditChannelMessage {
            message: message(line, *id, text),
            pts,
            pts_count,
        }
        .into(),
        (Event::Delete(ids), None) => types::UpdateDeleteMessages {
            messages: ids.clone(),
            pts,
            pts_count,
        }
        .into(),
        (Event::Delete(ids), Some(channel_id)) => types::UpdateDeleteChannelMessages {
            channel_id,
            messages: ids.clone(),
            pts,
            pts_count,
        }
        .into(),
        (Event::Read, _) => types::UpdateReadHistoryInbox {
            folder_id: None,
            peer: types::PeerUser { user_id: 1 }.into(),
            top_msg_id: None,
            max_id: 1,
            still_unread_count: 0,
            pts,
            pts_count,
        }
        .into(),
    }
}

pub(super) fn packet(updates: Vec<Update>, seq: i32, date: i32) -> UpdatesLike {
    let all = types::Updates {
        updates,
        users: vec![],
        chats: vec![],
        date,
        seq,
    };
    UpdatesLike::Updates(all.into())
}

/// The same in short, where Telegram would be short.
pub(super) fn short(update: &Update, user_id: i64) -> Option<UpdatesLike> {
    let Update::NewMessage(new) = update else {
        return None;
    };
    let enums::Message::Message(message) = &new.message else {
        return None;
    };
    let short = types::UpdateShortMessage {
        out: false,
        mentioned: false,
        media_unread: false,
        silent: false,
        id: message.id,
        user_id,
        message: message.message.clone(),
        pts: new.pts,
        pts_count: new.pts_count,
        date: message.date,
        fwd_from: None,
        via_bot_id: None,
        reply_to: None,
        entities: None,
        ttl_period: None,
    };
    Some(UpdatesLike::Updates(short.into()))
}

pub(super) fn send_message(message: String) -> functions::messages::SendMessage {
    functions::messages::SendMessage {
        no_webpage: false,
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer: types::InputPeerUser {
            user_id: 1,
            access_hash: 1,
        }
        .into(),
        reply_to: None,
        message,
        random_id: 77,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    }
}
