//! Reveal: one message's text as Telegram has it, for a person who asked to see the code that is masked here.
//!
//! Goes past `convert`, and so past everything that stores, announces or logs.

use grammers_client::tl;
use tl::enums::{Message, messages::Messages};

use super::{fetch, shared::Shared};
use crate::{
    domain::{ChatId, SecretText},
    telegram::{CallError, convert::chat_id},
};

pub(super) async fn text(
    shared: &Shared,
    chat: ChatId,
    message_id: i32,
) -> Result<Option<SecretText>, CallError> {
    let channel = chat.channel_id().map(|_| chat);
    let messages = match fetch::by_id(shared, channel, &[message_id]).await? {
        Messages::Messages(answer) => answer.messages,
        Messages::Slice(answer) => answer.messages,
        Messages::ChannelMessages(answer) => answer.messages,
        Messages::NotModified(_) => Vec::new(),
    };
    let self_id = shared.self_id;
    Ok(messages.into_iter().find_map(|message| match message {
        Message::Message(message)
            if message.id == message_id && chat_id(&message.peer_id, self_id) == chat =>
        {
            Some(SecretText::new(message.message))
        }
        _ => None,
    }))
}
