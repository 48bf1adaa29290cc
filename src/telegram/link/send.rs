//! What goes out: messages, read marks, typing.

use grammers_client::tl;
use tl::enums::InputReplyTo;

use super::{
    formatting,
    outcome::{accepted, not_sent, outcome, planned_in, refused},
    resolve::input_peer,
    shared::Shared,
};
use crate::{
    domain::{ChatId, NewText, Outcome, PeerKind, Place, Quote, Schedule, check_text},
    telegram::{CallError, error::meaning},
};

pub(super) async fn send(shared: &Shared, chat: ChatId, message: &NewText) -> Outcome {
    // A text beyond Telegram's limit could grow past what the layer below can carry at all.
    if let Err(error) = check_text(&message.text) {
        return refused("MESSAGE_INVALID", &error.to_string());
    }
    let peer = match input_peer(shared, chat).await {
        Ok(peer) => peer,
        Err(CallError::Unresolvable) => {
            return refused("PEER_ID_INVALID", meaning("PEER_ID_INVALID"));
        }
        Err(passing) => return not_sent(&passing.to_string()),
    };
    let reply_to = match reply_to(
        shared,
        peer.clone(),
        &message.place,
        message.wording.quote.as_ref(),
    )
    .await
    {
        Ok(reply_to) => reply_to,
        Err(CallError::Unresolvable) => {
            return refused("PEER_ID_INVALID", meaning("PEER_ID_INVALID"));
        }
        Err(error) => {
            return not_sent(&error.to_string());
        }
    };
    let entities = match formatting::outgoing(shared, &message.wording.entities).await {
        Ok(entities) => entities,
        Err(error) => return not_sent(&error.to_string()),
    };
    shared.hurry(chat);
    let request = request(peer, reply_to, message, entities);
    match shared.try_call(&request).await {
        Ok(updates) => match planned_in(&updates, &[message.making.random_id]) {
            Some(outcome) => outcome,
            None => accepted(updates, message.making.random_id),
        },
        Err(failure) => outcome(failure),
    }
}

/// In a forum the topic has to be named beside the message replied to; alone it is the message replied to
/// (core.telegram.org/api/forum). In a channel's direct messages the thread is named by whose it is.
pub(super) async fn reply_to(
    shared: &Shared,
    chat: tl::enums::InputPeer,
    place: &Place,
    quote: Option<&Quote>,
) -> Result<Option<InputReplyTo>, CallError> {
    let monoforum_peer_id = match place.monoforum_peer {
        Some(peer) => Some(monoforum_peer(shared, chat, peer, place.reply_to).await?),
        None => None,
    };
    Ok(
        match (place.reply_to.or(place.topic_id), monoforum_peer_id) {
            (None, None) => None,
            (None, Some(monoforum_peer_id)) => {
                Some(tl::types::InputReplyToMonoForum { monoforum_peer_id }.into())
            }
            (Some(reply_to_msg_id), monoforum_peer_id) => Some(
                tl::types::InputReplyToMessage {
                    reply_to_msg_id,
                    top_msg_id: place.topic_id,
                    reply_to_peer_id: None,
                    quote_text: quote.map(|quote| quote.text.clone()),
                    quote_entities: None,
                    quote_offset: quote.and_then(|quote| quote.offset),
                    monoforum_peer_id,
                    todo_item_id: None,
                    poll_option: None,
                }
                .into(),
            ),
        },
    )
}

/// Whoever is known only from what they wrote there is named by that message.
async fn monoforum_peer(
    shared: &Shared,
    chat: tl::enums::InputPeer,
    peer: ChatId,
    wrote: Option<i32>,
) -> Result<tl::enums::InputPeer, CallError> {
    match (input_peer(shared, peer).await, peer.kind(), wrote) {
        (Err(CallError::Unresolvable), PeerKind::User(user_id), Some(msg_id)) => {
            Ok(tl::types::InputPeerUserFromMessage {
                peer: chat,
                msg_id,
                user_id,
            }
            .into())
        }
        (found, ..) => found,
    }
}

fn request(
    peer: tl::enums::InputPeer,
    reply_to: Option<InputReplyTo>,
    message: &NewText,
    entities: Option<Vec<tl::enums::MessageEntity>>,
) -> tl::functions::messages::SendMessage {
    tl::functions::messages::SendMessage {
        no_webpage: message.wording.no_preview,
        silent: false,
        background: false,
        clear_draft: true,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer,
        reply_to,
        message: message.text.clone(),
        random_id: message.making.random_id,
        reply_markup: None,
        entities,
        schedule_date: message.schedule.map(Schedule::seconds),
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    }
}

pub(super) async fn mark_read(shared: &Shared, chat: ChatId, max_id: i32) -> Result<(), CallError> {
    let peer = input_peer(shared, chat).await?;
    if let tl::enums::InputPeer::Channel(channel) = &peer {
        let channel = tl::types::InputChannel {
            channel_id: channel.channel_id,
            access_hash: channel.access_hash,
        };
        shared
            .call(tl::functions::channels::ReadHistory {
                channel: channel.into(),
                max_id,
            })
            .await?;
        return Ok(());
    }
    shared
        .call(tl::functions::messages::ReadHistory { peer, max_id })
        .await?;
    Ok(())
}

pub(super) async fn set_typing(shared: &Shared, chat: ChatId) -> Result<(), CallError> {
    let request = tl::functions::messages::SetTyping {
        peer: input_peer(shared, chat).await?,
        top_msg_id: None,
        action: tl::enums::SendMessageAction::SendMessageTypingAction,
    };
    shared.call(request).await?;
    Ok(())
}
