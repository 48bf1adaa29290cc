//! Extra: what a message has besides text and media.

use grammers_client::tl;
use tl::enums::{MessageFwdHeader, MessageReplies, MessageReplyHeader};

use super::{
    action, buttons::buttons, chat_id, clean, date, people::People, poll, reactions, some,
};
use crate::domain::{Details, Extra};

pub(super) fn of_message(message: &tl::types::Message, people: &People<'_>) -> Option<Box<Extra>> {
    let (reactions, min) = message
        .reactions
        .as_ref()
        .map(|told| reactions::reactions(told, people))
        .unwrap_or_default();
    let extra = Extra {
        buttons: message
            .reply_markup
            .as_ref()
            .map(buttons)
            .unwrap_or_default(),
        reactions,
        action: None,
        details: details(message, people),
        min,
    };
    (!extra.is_empty()).then(|| Box::new(extra))
}

/// `who` did it, as far as Telegram says.
pub(super) fn of_service(
    message: &tl::types::MessageService,
    who: Option<crate::domain::ChatId>,
    people: &People<'_>,
) -> Box<Extra> {
    let (reactions, min) = message
        .reactions
        .as_ref()
        .map(|told| reactions::reactions(told, people))
        .unwrap_or_default();
    let mut action = action::action(&message.action, people);
    action.who = who.map(|id| people.named(id));
    Box::new(Extra {
        buttons: Vec::new(),
        reactions,
        action: Some(Box::new(action)),
        details: Details {
            silent: message.silent,
            mentioned: message.mentioned,
            deletes_after: message.ttl_period.filter(|seconds| *seconds > 0),
            ..Details::default()
        },
        min,
    })
}

fn details(message: &tl::types::Message, people: &People<'_>) -> Details {
    let replies = message
        .replies
        .as_ref()
        .map(|MessageReplies::Replies(replies)| replies);
    let rich = message
        .rich_message
        .as_ref()
        .map(|tl::enums::RichMessage::Message(rich)| rich);
    let suggested = message
        .suggested_post
        .as_ref()
        .map(|tl::enums::SuggestedPost::Post(post)| {
            let word = match (post.accepted, post.rejected) {
                (true, _) => "accepted",
                (_, true) => "rejected",
                (false, false) => "waiting",
            };
            word.to_owned()
        });
    let checked = message
        .factcheck
        .as_ref()
        .and_then(|tl::enums::FactCheck::Check(check)| check.text.clone().map(poll::words));
    let restricted = message.restriction_reason.iter().flatten().next();
    let (reply_to_chat, reply_to_story) = match &message.reply_to {
        Some(MessageReplyHeader::Header(header)) => (
            header
                .reply_to_peer_id
                .as_ref()
                .map(|peer| chat_id(peer, people.self_id)),
            None,
        ),
        Some(MessageReplyHeader::MessageReplyStoryHeader(story)) => (
            Some(chat_id(&story.peer, people.self_id)),
            Some(story.story_id),
        ),
        None => (None, None),
    };
    let origin = message
        .fwd_from
        .as_ref()
        .map(|MessageFwdHeader::Header(header)| header);
    Details {
        views: message.views.map(clean::count),
        forwards: message.forwards.map(clean::count),
        replies: replies
            .filter(|replies| replies.comments || replies.replies > 0)
            .map(|replies| clean::count(replies.replies)),
        deletes_after: message.ttl_period.filter(|seconds| *seconds > 0),
        protected: message.noforwards,
        silent: message.silent,
        pinned: message.pinned,
        mentioned: message.mentioned,
        from_scheduled: message.from_scheduled,
        automatic: message.offline,
        rich: rich.is_some(),
        partial: rich.is_some_and(|rich| rich.part),
        via_bot: message.via_bot_id.map(|id| people.user(id)),
        business_bot: message.via_business_bot_id.map(|id| people.user(id)),
        paid_stars: message.paid_message_stars.filter(|stars| *stars > 0),
        suggested_post: suggested,
        effect: message.effect.map(|id| id.to_string()),
        fact_check: checked.and_then(some),
        restricted: restricted
            .map(|tl::enums::RestrictionReason::Reason(reason)| clean::block(reason.text.clone())),
        reply_to_chat,
        reply_to_story,
        forwarded_message_id: origin
            .and_then(|header| header.channel_post)
            .map(|id| id.to_string()),
        imported_at: origin
            .filter(|header| header.imported)
            .map(|header| date(header.date)),
    }
}
