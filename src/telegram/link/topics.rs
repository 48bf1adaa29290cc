//! Topics of a forum: what they are called, and what stands unsent in their fields, and in those of all chats.

use grammers_client::tl;
use tl::{enums, functions, types};

use super::{
    deeds::{Done, done_so},
    formatting,
    resolve::{chats_and, input_peer},
    shared::Shared,
};
use crate::{
    domain::{Batch, Change, ChatDraft, ChatId},
    telegram::{
        CallError,
        convert::{Converter, forum_topic},
    },
};

/// Telegram's answer to these numbers, at most a hundred.
pub(super) async fn by_id(
    shared: &Shared,
    chat: ChatId,
    ids: Vec<i32>,
) -> Result<Batch, CallError> {
    let request = functions::messages::GetForumTopicsById {
        peer: input_peer(shared, chat).await?,
        topics: ids.clone(),
    };
    let mut batch = Batch::asking(shared.account_id);
    let enums::messages::ForumTopics::Topics(answer) = shared.call(request).await?;
    Converter::new(shared.self_id, &mut batch).peers(answer.users, answer.chats);
    shared.meet(&batch.peers);
    let (mut topics, mut gone) = (Vec::new(), Vec::new());
    for topic in answer.topics {
        match forum_topic(topic) {
            Ok(topic) => topics.push(topic),
            Err(id) => gone.push(id),
        }
    }
    let unsaid = ids.into_iter().filter(|id| {
        let said = topics.iter().any(|topic| topic.id == *id);
        !said && !gone.contains(id)
    });
    let unsaid: Vec<i32> = unsaid.collect();
    gone.extend(unsaid);
    batch.changes.push(Change::Topics { chat, topics, gone });
    Ok(batch)
}

/// All that stands unsent anywhere.
pub(super) async fn all_drafts(shared: &Shared) -> Result<Batch, CallError> {
    let mut batch = Batch::asking(shared.account_id);
    let answer = shared.call(functions::messages::GetAllDrafts {}).await?;
    let updates: Vec<enums::Update> = match &answer {
        enums::Updates::Updates(told) => told.updates.clone(),
        enums::Updates::Combined(told) => told.updates.clone(),
        enums::Updates::UpdateShort(told) => vec![told.update.clone()],
        _ => Vec::new(),
    };
    let (users, chats) = chats_and(answer);
    let mut converter = Converter::new(shared.self_id, &mut batch);
    converter.peers(users, chats);
    for update in updates {
        if matches!(update, enums::Update::DraftMessage(_)) {
            converter.update(Box::new(update));
        }
    }
    shared.meet(&batch.peers);
    Ok(batch)
}

/// What stands in the field of a chat, or of a topic of it, and is not sent; an empty text takes it away.
pub(super) async fn save_draft(
    shared: &Shared,
    chat: ChatId,
    draft: &ChatDraft,
    topic_id: Option<i32>,
) -> Done {
    let answered = draft.reply_to_message_id;
    let reply_to = (answered.is_some() || topic_id.is_some()).then(|| {
        types::InputReplyToMessage {
            // In a topic nothing is answered by it: the topic alone is named.
            reply_to_msg_id: answered.unwrap_or(0),
            top_msg_id: topic_id,
            reply_to_peer_id: None,
            quote_text: None,
            quote_entities: None,
            quote_offset: None,
            monoforum_peer_id: None,
            todo_item_id: None,
            poll_option: None,
        }
        .into()
    });
    let request = functions::messages::SaveDraft {
        no_webpage: false,
        invert_media: false,
        reply_to,
        peer: input_peer(shared, chat).await?,
        message: draft.text.clone(),
        entities: formatting::outgoing(shared, &draft.entities).await?,
        media: None,
        effect: None,
        suggested_post: None,
        rich_message: None,
    };
    shared.try_call(&request).await?;
    Ok(done_so())
}
