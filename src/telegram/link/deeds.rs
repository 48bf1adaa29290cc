//! Deeds: what is done to messages and chats that are there.
//!
//! What Telegram answers with as updates reaches the stream by itself, numbers and all. A deletion says only how many
//! numbers it took: what is gone is told here, with the deed.

use grammers_client::tl;
use tl::{functions, types};

use super::{
    fetch, formatting,
    outcome::{not_sent, outcome, refused, unknown},
    resolve::input_peer,
    scheduled, send_media,
    shared::Shared,
    topics,
};
use crate::{
    domain::{Change, ChatId, ChatMark, Deed, Entity, OrderKind, Outcome, Replacement, Timestamp},
    telegram::{
        CallError,
        error::{Failure, meaning},
    },
};

/// Steps in which a long history is cleared; what is left is for the next attempt.
const STEPS: u32 = 100;

pub(super) async fn carry_out(
    shared: &Shared,
    chat: ChatId,
    deed: &Deed,
    message_ids: &[i32],
) -> Outcome {
    let done = match deed {
        Deed::Edit {
            text,
            entities,
            preview,
        } => {
            let words = (text.as_str(), entities.as_slice(), *preview);
            edit(shared, chat, the_one(message_ids), words, None).await
        }
        Deed::Delete { for_everyone } => delete(shared, chat, message_ids, *for_everyone).await,
        Deed::React { emoji } => react(shared, chat, message_ids, emoji.as_deref()).await,
        Deed::Pin { pinned, silent } => pin(shared, chat, message_ids, *pinned, *silent).await,
        Deed::Clear {
            for_everyone,
            up_to,
        } => clear(shared, chat, *for_everyone, *up_to).await,
        Deed::Reschedule { .. } | Deed::SendNow | Deed::Withdraw => {
            scheduled::carry_out(shared, chat, deed, message_ids).await
        }
        Deed::Draft { draft, topic_id } => topics::save_draft(shared, chat, draft, *topic_id).await,
        Deed::Mute { .. }
        | Deed::Archive { .. }
        | Deed::MarkUnread { .. }
        | Deed::Block { .. }
        | Deed::Report => mark(shared, chat, deed).await,
    };
    told(shared, (chat, message_ids), done, deed.kind()).await
}

/// Another file for a message. It was put up, and stays the same at every attempt.
pub(super) async fn replace(shared: &Shared, chat: ChatId, work: &Replacement) -> Outcome {
    let item = &work.item;
    let Some(put_up) = &item.uploaded.put_up else {
        return not_sent("a file is not at Telegram yet");
    };
    let words = (item.caption.as_str(), item.entities.as_slice(), true);
    let media = Some(send_media::shown(put_up));
    let done = edit(shared, chat, work.message_id, words, media).await;
    if let Err(Trouble::Call(failure)) = &done
        && let Some(error) = send_media::forgotten(failure)
    {
        return Outcome::NotPutUp(error);
    }
    let which: &[i32] = &[work.message_id];
    told(shared, (chat, which), done, OrderKind::Edit).await
}

async fn told(
    shared: &Shared,
    (chat, message_ids): (ChatId, &[i32]),
    done: Done,
    kind: OrderKind,
) -> Outcome {
    match done {
        Ok(outcome) => outcome,
        Err(Trouble::Call(Failure::Rpc { name, .. })) if kind.is_done_by(&name) => {
            as_it_is(shared, chat, message_ids).await
        }
        Err(Trouble::Call(failure)) => outcome(failure),
        Err(Trouble::Before(CallError::Unresolvable)) => {
            refused("PEER_ID_INVALID", meaning("PEER_ID_INVALID"))
        }
        Err(Trouble::Before(error)) => not_sent(&error.to_string()),
        Err(Trouble::Unfinished) => unknown("Telegram has more to clear"),
    }
}

pub(super) enum Trouble {
    Call(Failure),
    /// Nothing has left.
    Before(CallError),
    Unfinished,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Before(error)
    }
}

pub(super) type Done = Result<Outcome, Trouble>;

/// A call before this one did it, and its answer with what it changed did not come.
async fn as_it_is(shared: &Shared, chat: ChatId, message_ids: &[i32]) -> Outcome {
    let channel = chat.channel_id().map(|_| chat);
    match fetch::messages_by_id(shared, channel, message_ids.to_vec()).await {
        Ok(batch) => Outcome::AsItIs {
            asked_at: batch.read_at,
            changes: batch.changes,
        },
        // The next difference has it.
        Err(_) => done_so(),
    }
}

pub(super) fn done_so() -> Outcome {
    Outcome::Done { made: Vec::new() }
}

pub(super) fn the_one(message_ids: &[i32]) -> i32 {
    message_ids.first().copied().unwrap_or_default()
}

async fn edit(
    shared: &Shared,
    chat: ChatId,
    message_id: i32,
    (text, entities, preview): (&str, &[Entity], bool),
    media: Option<tl::enums::InputMedia>,
) -> Done {
    let peer = input_peer(shared, chat).await?;
    let entities = formatting::outgoing(shared, entities).await?;
    let request = functions::messages::EditMessage {
        no_webpage: !preview,
        invert_media: false,
        peer,
        id: message_id,
        message: Some(text.to_owned()),
        media,
        reply_markup: None,
        // Left out, Telegram would keep what formatted the text before.
        entities: Some(entities.unwrap_or_default()),
        schedule_date: None,
        schedule_repeat_period: None,
        quick_reply_shortcut_id: None,
        rich_message: None,
    };
    shared.try_call(&request).await?;
    Ok(done_so())
}

async fn delete(shared: &Shared, chat: ChatId, message_ids: &[i32], for_everyone: bool) -> Done {
    let channel = match input_peer(shared, chat).await? {
        tl::enums::InputPeer::Channel(channel) => Some(input_channel(&channel)),
        _ => None,
    };
    let id = message_ids.to_vec();
    match channel {
        Some(channel) => {
            let request = functions::channels::DeleteMessages { channel, id };
            shared.try_call(&request).await?;
        }
        None => {
            let revoke = for_everyone;
            let request = functions::messages::DeleteMessages { revoke, id };
            shared.try_call(&request).await?;
        }
    }
    Ok(Outcome::Changed(vec![Change::Deleted {
        channel: chat.channel_id(),
        message_ids: message_ids.to_vec(),
    }]))
}

async fn react(shared: &Shared, chat: ChatId, message_ids: &[i32], emoji: Option<&str>) -> Done {
    let peer = input_peer(shared, chat).await?;
    let reaction = emoji.map(|emoji| {
        types::ReactionEmoji {
            emoticon: emoji.to_owned(),
        }
        .into()
    });
    let request = functions::messages::SendReaction {
        big: false,
        add_to_recent: emoji.is_some(),
        peer,
        msg_id: the_one(message_ids),
        reaction: Some(reaction.into_iter().collect()),
    };
    shared.try_call(&request).await?;
    Ok(done_so())
}

async fn pin(
    shared: &Shared,
    chat: ChatId,
    message_ids: &[i32],
    pinned: bool,
    silent: bool,
) -> Done {
    let request = functions::messages::UpdatePinnedMessage {
        silent,
        unpin: !pinned,
        pm_oneside: false,
        peer: input_peer(shared, chat).await?,
        id: the_one(message_ids),
    };
    shared.try_call(&request).await?;
    Ok(done_so())
}

/// Telegram clears a long history in steps, and says whether there is more.
async fn clear(shared: &Shared, chat: ChatId, for_everyone: bool, up_to: i32) -> Done {
    let gone = || {
        let min_id = up_to;
        Outcome::Changed(vec![Change::ClearedBelow { chat, min_id }])
    };
    let peer = input_peer(shared, chat).await?;
    if let tl::enums::InputPeer::Channel(channel) = &peer {
        let request = functions::channels::DeleteHistory {
            for_everyone,
            channel: input_channel(channel),
            max_id: up_to,
        };
        shared.try_call(&request).await?;
        return Ok(gone());
    }
    let request = functions::messages::DeleteHistory {
        just_clear: !for_everyone,
        revoke: for_everyone,
        peer,
        max_id: up_to,
        min_date: None,
        max_date: None,
    };
    for _ in 0..STEPS {
        let tl::enums::messages::AffectedHistory::History(affected) =
            shared.try_call(&request).await?;
        if affected.pts_count > 0 {
            shared.moved(None, (affected.pts, affected.pts_count));
        }
        if affected.offset <= 0 {
            return Ok(gone());
        }
    }
    Err(Trouble::Unfinished)
}

/// What the account puts on a chat. Telegram's answers are a plain yes.
async fn mark(shared: &Shared, chat: ChatId, deed: &Deed) -> Done {
    let peer = input_peer(shared, chat).await?;
    let change = match deed {
        Deed::Mute { until } => {
            let settings = types::InputPeerNotifySettings {
                show_previews: None,
                silent: None,
                mute_until: Some(until.map_or(0, until_second)),
                sound: None,
                stories_muted: None,
                stories_hide_sender: None,
                stories_sound: None,
            };
            let request = functions::account::UpdateNotifySettings {
                peer: types::InputNotifyPeer { peer }.into(),
                settings: settings.into(),
            };
            shared.try_call(&request).await?;
            Change::Muted {
                chat,
                until: *until,
            }
        }
        Deed::Archive { archived } => {
            let folder_id = i32::from(*archived);
            let moved = types::InputFolderPeer { peer, folder_id };
            let folder_peers = vec![moved.into()];
            let request = functions::folders::EditPeerFolders { folder_peers };
            shared.try_call(&request).await?;
            marked(chat, ChatMark::Archived(*archived))
        }
        Deed::MarkUnread { unread } => {
            let request = functions::messages::MarkDialogUnread {
                unread: *unread,
                parent_peer: None,
                peer: types::InputDialogPeer { peer }.into(),
            };
            shared.try_call(&request).await?;
            marked(chat, ChatMark::Unread(*unread))
        }
        Deed::Block { blocked: true } => {
            let request = functions::contacts::Block {
                my_stories_from: false,
                id: peer,
            };
            shared.try_call(&request).await?;
            marked(chat, ChatMark::Blocked(true))
        }
        Deed::Block { blocked: false } => {
            let request = functions::contacts::Unblock {
                my_stories_from: false,
                id: peer,
            };
            shared.try_call(&request).await?;
            marked(chat, ChatMark::Blocked(false))
        }
        _ => {
            let request = functions::messages::ReportSpam { peer };
            shared.try_call(&request).await?;
            return Ok(done_so());
        }
    };
    Ok(Outcome::Changed(vec![change]))
}

/// Beyond what Telegram can say it is for ever.
fn until_second(at: Timestamp) -> i32 {
    i32::try_from(at.millis() / 1000).unwrap_or(i32::MAX)
}

const fn marked(chat: ChatId, mark: ChatMark) -> Change {
    Change::Marked { chat, mark }
}

fn input_channel(channel: &types::InputPeerChannel) -> tl::enums::InputChannel {
    types::InputChannel {
        channel_id: channel.channel_id,
        access_hash: channel.access_hash,
    }
    .into()
}
