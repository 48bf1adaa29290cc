//! Scheduled messages of a chat: listed, changed, sent before their time, withdrawn
//! (core.telegram.org/api/scheduled-messages). They have numbers of their own.

use grammers_client::tl;
use tl::{enums, functions};

use super::{
    deeds::{Done, done_so, the_one},
    formatting,
    resolve::{chats_and, input_peer},
    shared::Shared,
};
use crate::{
    domain::{Batch, Change, ChatId, Deed, Entity, IncomingMessage, Outcome, Schedule},
    telegram::{CallError, convert::Converter},
};

/// All that waits in a chat: Telegram allows so few that they come in one answer.
pub(super) async fn list(
    shared: &Shared,
    chat: ChatId,
) -> Result<(Batch, Vec<IncomingMessage>), CallError> {
    let request = functions::messages::GetScheduledHistory {
        peer: input_peer(shared, chat).await?,
        hash: 0,
    };
    use enums::messages::Messages;
    let mut batch = Batch::asking(shared.account_id);
    let (messages, users, chats) = match shared.call(request).await? {
        Messages::Messages(m) => (m.messages, m.users, m.chats),
        Messages::Slice(m) => (m.messages, m.users, m.chats),
        Messages::ChannelMessages(m) => (m.messages, m.users, m.chats),
        Messages::NotModified(_) => (Vec::new(), Vec::new(), Vec::new()),
    };
    let mut converter = Converter::new(shared.self_id, &mut batch);
    converter.peers(users, chats);
    let listed = messages
        .into_iter()
        .filter_map(|message| converter.message(message))
        .collect();
    shared.meet(&batch.peers);
    Ok((batch, listed))
}

pub(super) async fn carry_out(shared: &Shared, chat: ChatId, deed: &Deed, ids: &[i32]) -> Done {
    match deed {
        Deed::Reschedule {
            text,
            entities,
            preview,
            at,
        } => {
            let words = text
                .as_ref()
                .map(|text| (text.as_str(), entities.as_slice()));
            change(shared, chat, the_one(ids), (words, *preview), *at).await
        }
        Deed::SendNow => send_now(shared, chat, ids).await,
        _ => withdraw(shared, chat, ids).await,
    }
}

async fn change(
    shared: &Shared,
    chat: ChatId,
    id: i32,
    (words, preview): (Option<(&str, &[Entity])>, bool),
    at: Schedule,
) -> Done {
    let peer = input_peer(shared, chat).await?;
    let entities = match words {
        Some((_, entities)) => Some(formatting::outgoing(shared, entities).await?),
        None => None,
    };
    let request = functions::messages::EditMessage {
        no_webpage: !preview,
        invert_media: false,
        peer,
        id,
        message: words.map(|(text, _)| text.to_owned()),
        media: None,
        reply_markup: None,
        entities: entities.map(Option::unwrap_or_default),
        // It says that the number is of a scheduled message.
        schedule_date: Some(at.seconds()),
        schedule_repeat_period: None,
        quick_reply_shortcut_id: None,
        rich_message: None,
    };
    let updates = shared.try_call(&request).await?;
    Ok(told(shared, updates))
}

async fn send_now(shared: &Shared, chat: ChatId, ids: &[i32]) -> Done {
    let request = functions::messages::SendScheduledMessages {
        peer: input_peer(shared, chat).await?,
        id: ids.to_vec(),
    };
    let updates = shared.try_call(&request).await?;
    Ok(told(shared, updates))
}

async fn withdraw(shared: &Shared, chat: ChatId, ids: &[i32]) -> Done {
    let request = functions::messages::DeleteScheduledMessages {
        peer: input_peer(shared, chat).await?,
        id: ids.to_vec(),
    };
    shared.try_call(&request).await?;
    Ok(Outcome::Changed(vec![Change::Unscheduled {
        chat,
        ids: ids.to_vec(),
        sent: Vec::new(),
    }]))
}

/// What the answer says became of scheduled messages. The stream has the same answer with everything else in it.
fn told(shared: &Shared, updates: enums::Updates) -> Outcome {
    let scheduled: Vec<enums::Update> = match &updates {
        enums::Updates::Updates(told) => told.updates.clone(),
        enums::Updates::Combined(told) => told.updates.clone(),
        _ => Vec::new(),
    };
    let (users, chats) = chats_and(updates);
    let mut batch = Batch::empty(shared.account_id);
    let mut converter = Converter::new(shared.self_id, &mut batch);
    converter.peers(users, chats);
    for update in scheduled {
        use enums::Update as U;
        if matches!(
            update,
            U::NewScheduledMessage(_) | U::DeleteScheduledMessages(_)
        ) {
            converter.update(Box::new(update));
        }
    }
    match batch.changes.is_empty() {
        true => done_so(),
        false => Outcome::Changed(batch.changes),
    }
}
