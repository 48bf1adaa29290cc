//! One message: text, service or neither.

use grammers_client::tl;

use super::{Converter, chat_id, codes, date, media, place, service, some};
use crate::domain::{ChatId, IncomingMessage, PeerKind, mask_codes};

impl Converter<'_> {
    /// `None` for an empty message: Telegram has nothing there (any more).
    pub(in crate::telegram) fn message(
        &self,
        message: tl::enums::Message,
    ) -> Option<IncomingMessage> {
        match message {
            tl::enums::Message::Empty(_) => None,
            tl::enums::Message::Message(message) => Some(self.text_message(message)),
            tl::enums::Message::Service(message) => Some(self.service_message(message)),
        }
    }

    fn text_message(&self, mut message: tl::types::Message) -> IncomingMessage {
        let telegrams = codes::is_telegrams(&message);
        let masked = telegrams && codes::mask(&mut message);
        codes::mask_quote(&mut message);
        let chat = self.chat(&message.peer_id);
        let hidden_author =
            message
                .fwd_from
                .and_then(|tl::enums::MessageFwdHeader::Header(header)| {
                    header
                        .from_id
                        .is_none()
                        .then_some(header.from_name)
                        .flatten()
                });
        let mut media = message.media.and_then(media::describe);
        if let Some(media) = media.as_mut().filter(|_| telegrams)
            && let Some(name) = media.name.as_deref().and_then(mask_codes)
        {
            media.name = Some(name);
        }
        IncomingMessage {
            chat,
            message_id: message.id,
            outgoing: message.out,
            sender: self.sender(chat, message.from_id.as_ref(), message.out),
            sender_name: message.post_author.or(hidden_author).and_then(some),
            text: message.message,
            date: date(message.date),
            // A hidden edit is Telegram's own bookkeeping (reactions, view counts), not a change of the text.
            edited_at: message.edit_date.filter(|_| !message.edit_hide).map(date),
            reply_to: message.reply_to.as_ref().and_then(place::replied_to),
            topic_id: message.reply_to.as_ref().and_then(place::topic),
            monoforum_peer: self.monoforum_peer(chat, message.saved_peer_id.as_ref()),
            media,
            service: None,
            masked,
        }
    }

    fn service_message(&self, message: tl::types::MessageService) -> IncomingMessage {
        let chat = self.chat(&message.peer_id);
        let sender = self.sender(chat, message.from_id.as_ref(), message.out);
        let telegrams = codes::is_telegrams_service(&message);
        let name = |id: i64| {
            let id = ChatId::user(id);
            self.batch
                .peers
                .iter()
                .find(|peer| peer.id == id && !peer.name.is_empty())
                .map(|peer| peer.name.as_str())
        };
        let words = service::words(&message.action, sender, &name);
        let masked_words = telegrams.then(|| mask_codes(&words)).flatten();
        IncomingMessage {
            chat,
            message_id: message.id,
            outgoing: message.out,
            sender,
            sender_name: None,
            text: String::new(),
            date: date(message.date),
            edited_at: None,
            reply_to: message.reply_to.as_ref().and_then(place::replied_to),
            topic_id: place::topic_begun(message.id, &message.action)
                .or_else(|| message.reply_to.as_ref().and_then(place::topic)),
            monoforum_peer: self.monoforum_peer(chat, message.saved_peer_id.as_ref()),
            media: None,
            service: Some(masked_words.unwrap_or(words)),
            masked: false,
        }
    }

    /// Saved messages and channels' direct messages name a thread in the same field; only in these it is somebody to
    /// answer.
    fn monoforum_peer(&self, chat: ChatId, thread: Option<&tl::enums::Peer>) -> Option<ChatId> {
        chat.channel_id()?;
        thread.map(|peer| chat_id(peer, self.self_id))
    }

    /// Private chats leave the sender out: it is the other side, or us. A post is its channel's.
    fn sender(&self, chat: ChatId, from: Option<&tl::enums::Peer>, out: bool) -> Option<ChatId> {
        match (from, chat.kind()) {
            (Some(from), _) => Some(chat_id(from, self.self_id)),
            (None, PeerKind::User(_)) if !out => Some(chat),
            (None, PeerKind::Channel(_)) => Some(chat),
            (None, _) if out => Some(ChatId::user(self.self_id)),
            (None, _) => None,
        }
    }
}
