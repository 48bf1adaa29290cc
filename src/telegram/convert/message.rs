//! One message: text, service or neither.

use grammers_client::tl;

use super::{
    Converter, chat_id, clean, codes, date, entities, extra, media, object, place, rich, service,
    some,
};
use crate::domain::{ChatId, ForwardedFrom, IncomingMessage, PeerKind, mask_codes};

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
        self.leave_out_known_sender(&mut message);
        let (object, extra) = if object::is_plain(&message) {
            (None, None)
        } else {
            let vanishing = message.media.take_if(|media| media::vanishes(media));
            message.media = message.media.or_else(|| {
                let mut kept = vanishing.clone()?;
                media::without_vanishing(&mut kept);
                Some(kept)
            });
            let object = if telegrams {
                codes::without_places(&mut message, object::of_message)
            } else {
                object::of_message(&message)
            };
            message.media = vanishing.or(message.media);
            (object, extra::of_message(&message, &self.people()))
        };
        let chat = self.chat(&message.peer_id);
        let forwarded_from = message.fwd_from.map(|header| self.forwarded_from(header));
        let hidden_author = forwarded_from.as_ref().and_then(|from| from.name.clone());
        let mut media = message
            .media
            .and_then(|media| media::describe(media, &self.people()));
        if let Some(media) = media.as_mut().filter(|_| telegrams) {
            // No telling where in it a code is.
            media.detail = None;
            if let Some(name) = media.name.as_deref().and_then(mask_codes) {
                media.name = Some(name);
            }
        }
        let mut entities = entities::entities(&message.message, message.entities);
        if let Some(rich) = message.rich_message.filter(|_| message.message.is_empty()) {
            let mut flat = rich::flat(rich);
            entities = flat.entities();
            message.message = flat.text;
            // Such as a map without a word.
            if message.message.is_empty() && media.is_none() {
                media = media::describe(tl::enums::MessageMedia::Unsupported, &self.people());
            }
        }
        let mut reply_to = message.reply_to;
        let quote = reply_to.as_mut().and_then(place::quote);
        IncomingMessage {
            chat,
            message_id: message.id,
            outgoing: message.out,
            sender: self.sender(chat, message.from_id.as_ref(), message.out),
            sender_name: message
                .post_author
                .or(hidden_author)
                .map(clean::line)
                .and_then(some),
            text: clean::text(message.message),
            date: date(message.date),
            // A hidden edit is Telegram's own bookkeeping (reactions, view counts), not a change of the text.
            edited_at: message.edit_date.filter(|_| !message.edit_hide).map(date),
            reply_to: reply_to.as_ref().and_then(place::replied_to),
            topic_id: reply_to.as_ref().and_then(place::topic),
            monoforum_peer: self.monoforum_peer(chat, message.saved_peer_id.as_ref()),
            media,
            service: None,
            masked,
            entities,
            album_id: message.grouped_id,
            forwarded_from,
            quoted: quote
                .as_ref()
                .and_then(|_| place::elsewhere(reply_to.as_ref()?))
                .map(|(peer, id)| (self.chat(peer), id)),
            quote,
            extra,
            object,
        }
    }

    /// A short update says no sender in a private chat, a full one does: the object is the same.
    fn leave_out_known_sender(&self, message: &mut tl::types::Message) {
        let chat = self.chat(&message.peer_id);
        if matches!(chat.kind(), PeerKind::User(_))
            && self.sender(chat, message.from_id.as_ref(), message.out)
                == self.sender(chat, None, message.out)
        {
            message.from_id = None;
        }
    }

    /// By name only where no peer is behind it: names of peers are the store's.
    fn forwarded_from(&self, header: tl::enums::MessageFwdHeader) -> ForwardedFrom {
        let tl::enums::MessageFwdHeader::Header(header) = header;
        let id = header.from_id.map(|peer| chat_id(&peer, self.self_id));
        ForwardedFrom {
            id,
            name: header.from_name.filter(|_| id.is_none()).map(clean::line),
            date: date(header.date),
        }
    }

    fn service_message(&self, message: tl::types::MessageService) -> IncomingMessage {
        let chat = self.chat(&message.peer_id);
        let sender = self.sender(chat, message.from_id.as_ref(), message.out);
        let telegrams = codes::is_telegrams_service(&message);
        let people = self.people();
        let words = service::words(&message.action, sender, &|id| people.name(ChatId::user(id)));
        let words = clean::line(words);
        // What Telegram itself does may say a code anywhere in it.
        let object = (!telegrams).then(|| object::of_service(&message)).flatten();
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
            entities: Vec::new(),
            album_id: None,
            forwarded_from: None,
            quote: None,
            quoted: None,
            extra: (!telegrams).then(|| extra::of_service(&message, sender, &self.people())),
            object,
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
