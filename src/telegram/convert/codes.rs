//! Codes: what Telegram itself wrote loses its codes here, before anything else sees it.
//!
//! Works on Telegram's own type, so that whatever is made of the message later has none either. Telegram's own are the
//! messages of its user, and forwards of them by whomever; of what answers them, the quote.

use std::ops::Range;

use grammers_client::tl;
use tl::enums::{MessageEntity as E, MessageFwdHeader, MessageMedia, Peer};

use super::rich;
use crate::domain::{
    CODE_MASK, ChatId, find_codes, is_telegram_itself, joined, mask_codes, mask_ranges,
};

/// Did Telegram itself write it?
pub(super) fn is_telegrams(message: &tl::types::Message) -> bool {
    let incoming = message.from_id.is_none() && !message.out;
    is_telegram(message.from_id.as_ref())
        || incoming && is_telegram(Some(&message.peer_id))
        || is_telegram(message.saved_peer_id.as_ref())
        || comes_from_telegram(message.fwd_from.as_ref())
}

/// The same of a service message.
pub(super) fn is_telegrams_service(message: &tl::types::MessageService) -> bool {
    is_telegram(message.from_id.as_ref())
        || message.from_id.is_none() && !message.out && is_telegram(Some(&message.peer_id))
}

fn is_telegram(peer: Option<&Peer>) -> bool {
    matches!(peer, Some(Peer::User(user)) if is_telegram_itself(ChatId::user(user.user_id)))
}

fn comes_from_telegram(header: Option<&MessageFwdHeader>) -> bool {
    let Some(MessageFwdHeader::Header(header)) = header else {
        return false;
    };
    [
        &header.from_id,
        &header.saved_from_peer,
        &header.saved_from_id,
    ]
    .into_iter()
    .any(|peer| is_telegram(peer.as_ref()))
}

/// Takes the codes out of a message of Telegram's own. Was there any?
pub(super) fn mask(message: &mut tl::types::Message) -> bool {
    // Buttons that copy or open something: no telling where a code is in them. Text in blocks becomes plain.
    message.reply_markup = None;
    message.factcheck = None;
    let rich = message.rich_message.take();
    if let Some(rich) = rich.filter(|_| message.message.is_empty()) {
        let flat = rich::flat(rich);
        let code = |(offset, length)| tl::types::MessageEntityCode { offset, length }.into();
        message.entities = Some(flat.apart().map(code).collect());
        message.message = flat.text;
    }
    let masked = mask_text(&mut message.message, message.entities.as_deref_mut());
    if masked && matches!(message.media, Some(MessageMedia::WebPage(_))) {
        // The preview of an address that had the code in it.
        message.media = None;
    }
    masked
}

/// Takes the codes out of the quote when what it quotes is Telegram's own.
pub(super) fn mask_quote(message: &mut tl::types::Message) {
    let chat = is_telegram(Some(&message.peer_id));
    let Some(tl::enums::MessageReplyHeader::Header(header)) = &mut message.reply_to else {
        return;
    };
    let quoted = match &header.reply_to_peer_id {
        Some(other) => is_telegram(Some(other)),
        None => chat,
    };
    if !quoted && !comes_from_telegram(header.reply_from.as_ref()) {
        return;
    }
    if let Some(text) = &mut header.quote_text {
        mask_text(text, header.quote_entities.as_deref_mut());
    }
    header.reply_media = None;
}

/// Looks at a message of Telegram's own without what might have a code in places that nobody masks: a file's name, a
/// poll, a page.
pub(super) fn without_places<T>(
    message: &mut tl::types::Message,
    look: impl FnOnce(&tl::types::Message) -> T,
) -> T {
    if matches!(message.media, Some(MessageMedia::Photo(_))) {
        return look(message);
    }
    let media = message.media.take();
    let seen = look(message);
    message.media = media;
    seen
}

fn mask_text(text: &mut String, entities: Option<&mut [E]>) -> bool {
    let entities = entities.unwrap_or_default();
    let mut codes = find_codes(text);
    codes.extend(entities.iter().filter_map(|entity| marked(text, entity)));
    let codes = joined(codes);
    if codes.is_empty() {
        return false;
    }
    let shifts = Shifts::new(text, &codes);
    for entity in entities {
        shifts.apply(entity);
    }
    *text = mask_ranges(text, &codes);
    true
}

/// What Telegram sets apart as code or hides until it is touched is one, whatever it looks like.
fn marked(text: &str, entity: &E) -> Option<Range<usize>> {
    let (offset, length) = match entity {
        E::Code(entity) => (entity.offset, entity.length),
        E::Pre(entity) => (entity.offset, entity.length),
        E::Spoiler(entity) => (entity.offset, entity.length),
        _ => return None,
    };
    let start = byte_of(text, offset);
    let end = byte_of(text, offset.saturating_add(length));
    let word = text.get(start..end)?;
    (!word.trim().is_empty()).then_some(start..end)
}

/// Where a text is at an offset in UTF-16 units.
fn byte_of(text: &str, offset: i32) -> usize {
    let mut units = 0;
    for (at, letter) in text.char_indices() {
        if units >= offset {
            return at;
        }
        units = units.saturating_add(i32::from(letter.len_utf16() > 1) + 1);
    }
    text.len()
}

/// Where things are once the codes are masked, in UTF-16 units.
struct Shifts(Vec<Range<i32>>);

impl Shifts {
    fn new(text: &str, codes: &[Range<usize>]) -> Self {
        let unit = |byte: usize| {
            let before = text.get(..byte).unwrap_or_default();
            i32::try_from(before.encode_utf16().count()).unwrap_or(i32::MAX)
        };
        Self(
            codes
                .iter()
                .map(|code| unit(code.start)..unit(code.end))
                .collect(),
        )
    }

    /// A place inside a code becomes the mask's beginning, or its end.
    fn moved(&self, place: i32, is_end: bool) -> i32 {
        let mask = i32::try_from(CODE_MASK.encode_utf16().count()).unwrap_or(0);
        let mut shift = 0;
        for code in &self.0 {
            if place <= code.start {
                break;
            }
            if place < code.end {
                return code.start + shift + if is_end { mask } else { 0 };
            }
            shift += mask - (code.end - code.start);
        }
        place + shift
    }

    fn apply(&self, entity: &mut E) {
        macro_rules! place_of {
            ($($kind:ident)*) => {
                match entity { $(E::$kind(entity) => (&mut entity.offset, &mut entity.length)),* }
            };
        }
        let (offset, length) = place_of!(Unknown Mention Hashtag BotCommand Url Email Bold Italic Code Pre TextUrl MentionName
            InputMessageEntityMentionName Phone Cashtag Underline Strike BankCard Spoiler CustomEmoji Blockquote
            FormattedDate DiffInsert DiffReplace DiffDelete TonAddress);
        let end = self.moved(offset.saturating_add(*length), true);
        *offset = self.moved(*offset, false);
        *length = end - *offset;
        match entity {
            E::TextUrl(entity) => mask_in(&mut entity.url),
            E::DiffReplace(entity) => mask_in(&mut entity.old_text),
            _ => {}
        }
    }
}

fn mask_in(text: &mut String) {
    if let Some(masked) = mask_codes(text) {
        *text = masked;
    }
}
