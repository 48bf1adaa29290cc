//! Service messages in words: what happened, without the subject, which is the message's sender.

use grammers_client::tl;
use tl::enums::MessageAction as A;

use crate::domain::ChatId;

/// Short English for every action; the few nobody needs to read share one sentence.
pub(super) fn words<'n>(
    action: &A,
    sender: Option<ChatId>,
    name: &dyn Fn(i64) -> Option<&'n str>,
) -> String {
    if let Some(text) = members(action, sender, name).or_else(|| chat_itself(action)) {
        return text;
    }
    if let Some(text) = calls(action) {
        return text;
    }
    money(action).unwrap_or("sent a service message").to_owned()
}

fn members<'n>(
    action: &A,
    sender: Option<ChatId>,
    name: &dyn Fn(i64) -> Option<&'n str>,
) -> Option<String> {
    let is_sender = |id: i64| sender == Some(ChatId::user(id));
    let people = |ids: &[i64]| match ids {
        [one] => name(*one).unwrap_or("someone").to_owned(),
        many => format!("{} people", many.len()),
    };
    Some(match action {
        A::ChatCreate(a) => format!("created the group “{}”", a.title),
        A::ChannelCreate(a) => format!("created “{}”", a.title),
        A::ChatAddUser(a) if matches!(a.users[..], [one] if is_sender(one)) => {
            "joined the group".to_owned()
        }
        A::ChatAddUser(a) => format!("added {}", people(&a.users)),
        A::ChatDeleteUser(a) if is_sender(a.user_id) => "left the group".to_owned(),
        A::ChatDeleteUser(a) => format!("removed {}", people(&[a.user_id])),
        A::ChatJoinedByLink(_) => "joined by an invite link".to_owned(),
        A::ChatJoinedByRequest => "was accepted into the group".to_owned(),
        A::ChatJoinedViaCommunity(_) => "joined through the community".to_owned(),
        A::InviteToGroupCall(a) => format!("invited {} to the call", people(&a.users)),
        A::NewCreatorPending(a) => format!(
            "is handing the group over to {}",
            people(&[a.new_creator_id])
        ),
        A::ChangeCreator(a) => format!("handed the group over to {}", people(&[a.new_creator_id])),
        A::ContactSignUp => "joined Telegram".to_owned(),
        _ => return None,
    })
}

fn chat_itself(action: &A) -> Option<String> {
    Some(match action {
        A::ChatEditTitle(a) => format!("changed the title to “{}”", a.title),
        A::ChatEditPhoto(_) => "changed the photo".to_owned(),
        A::ChatDeletePhoto => "removed the photo".to_owned(),
        A::PinMessage => "pinned a message".to_owned(),
        A::HistoryClear => "cleared the history".to_owned(),
        A::ChatMigrateTo(_) => "made the group a supergroup".to_owned(),
        A::ChannelMigrateFrom(a) => format!("made the group “{}” a supergroup", a.title),
        A::SetMessagesTtl(a) if a.period == 0 => "switched off automatic deletion".to_owned(),
        A::SetMessagesTtl(a) => format!("set messages to be deleted after {}", span(a.period)),
        A::SetChatTheme(_) => "changed the chat's theme".to_owned(),
        A::SetChatWallPaper(_) => "changed the wallpaper".to_owned(),
        A::TopicCreate(a) => format!("created the topic “{}”", a.title),
        A::TopicEdit(_) => "changed the topic".to_owned(),
        A::NoForwardsToggle(_) => "changed who may forward messages".to_owned(),
        A::NoForwardsRequest(_) => "asked to change who may forward messages".to_owned(),
        A::ChangeCommunity(_) => "changed the community".to_owned(),
        A::BoostApply(_) => "boosted the group".to_owned(),
        A::CustomAction(a) => a.message.clone(),
        A::ScreenshotTaken => "took a screenshot".to_owned(),
        A::GameScore(a) => format!("scored {} in a game", a.score),
        A::BotAllowed(_) => "allowed the bot to send messages".to_owned(),
        A::SuggestProfilePhoto(_) => "suggested a profile photo".to_owned(),
        A::SuggestBirthday(_) => "suggested a birthday".to_owned(),
        A::GeoProximityReached(_) => "came close".to_owned(),
        A::RequestedPeer(_) | A::RequestedPeerSentMe(_) => "shared a contact or chat".to_owned(),
        A::WebViewDataSent(_) | A::WebViewDataSentMe(_) => "sent data to the bot".to_owned(),
        A::TodoCompletions(_) | A::TodoAppendTasks(_) => "changed the checklist".to_owned(),
        A::PollAppendAnswer(_) | A::PollDeleteAnswer(_) => "changed the poll".to_owned(),
        A::ManagedBotCreated(_) => "created a bot".to_owned(),
        A::SecureValuesSent(_) | A::SecureValuesSentMe(_) => "shared identity documents".to_owned(),
        _ => return None,
    })
}

fn calls(action: &A) -> Option<String> {
    use tl::enums::PhoneCallDiscardReason as Reason;
    Some(match action {
        A::PhoneCall(a) => {
            let kind = if a.video { "video call" } else { "call" };
            match (&a.reason, a.duration) {
                (Some(Reason::Missed), _) => format!("missed {kind}"),
                (Some(Reason::Busy), _) => format!("declined {kind}"),
                (_, Some(seconds)) => format!("{kind}, {}", span(seconds)),
                (_, None) => kind.to_owned(),
            }
        }
        A::ConferenceCall(a) if a.missed => "missed group call".to_owned(),
        A::ConferenceCall(_) => "group call".to_owned(),
        A::GroupCall(a) => match a.duration {
            Some(seconds) => format!("ended the video chat after {}", span(seconds)),
            None => "started a video chat".to_owned(),
        },
        A::GroupCallScheduled(_) => "scheduled a video chat".to_owned(),
        _ => return None,
    })
}

const fn money(action: &A) -> Option<&'static str> {
    Some(match action {
        A::PaymentSent(_) | A::PaymentSentMe(_) => "made a payment",
        A::PaymentRefunded(_) => "refunded a payment",
        A::GiftPremium(_) | A::GiftCode(_) => "gave a Premium subscription",
        A::GiftStars(_) | A::PrizeStars(_) => "gave Stars",
        A::GiftTon(_) | A::GramTransfer(_) => "sent a transfer",
        A::StarGift(_) | A::StarGiftUnique(_) => "sent a gift",
        A::StarGiftPurchaseOffer(_) | A::StarGiftPurchaseOfferDeclined(_) => {
            "made an offer for a gift"
        }
        A::GiveawayLaunch(_) => "started a giveaway",
        A::GiveawayResults(_) => "ended a giveaway",
        A::PaidMessagesPrice(_) => "changed the price of messages",
        A::PaidMessagesRefunded(_) => "refunded paid messages",
        A::SuggestedPostApproval(_) | A::SuggestedPostSuccess(_) | A::SuggestedPostRefund(_) => {
            "answered a suggested post"
        }
        A::WalletTonConnectRequest(_) => "asked to connect a wallet",
        _ => return None,
    })
}

fn span(seconds: i32) -> String {
    const UNITS: [(i32, &str); 4] = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let (size, unit) = UNITS
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(action: A) -> String {
        words(&action, Some(ChatId::user(5)), &|id| {
            (id == 7).then_some("Amal")
        })
    }

    /// Protects what the desk shows between messages: each happening reads as a sentence after the sender's name.
    #[test]
    fn happenings_read_as_sentences() {
        use tl::types as t;
        let table: [(A, &str); 12] = [
            (
                t::MessageActionChatAddUser { users: vec![5] }.into(),
                "joined the group",
            ),
            (
                t::MessageActionChatAddUser { users: vec![7] }.into(),
                "added Amal",
            ),
            (
                t::MessageActionChatAddUser { users: vec![7, 8] }.into(),
                "added 2 people",
            ),
            (
                t::MessageActionChatDeleteUser { user_id: 5 }.into(),
                "left the group",
            ),
            (
                t::MessageActionChatDeleteUser { user_id: 9 }.into(),
                "removed someone",
            ),
            (
                t::MessageActionChatEditTitle {
                    title: "Desk".into(),
                }
                .into(),
                "changed the title to “Desk”",
            ),
            (A::PinMessage, "pinned a message"),
            (
                t::MessageActionSetMessagesTtl {
                    period: 86_400,
                    auto_setting_from: None,
                }
                .into(),
                "set messages to be deleted after 1 day",
            ),
            (
                t::MessageActionPhoneCall {
                    video: true,
                    call_id: 1,
                    reason: Some(tl::enums::PhoneCallDiscardReason::Missed),
                    duration: None,
                }
                .into(),
                "missed video call",
            ),
            (
                t::MessageActionPhoneCall {
                    video: false,
                    call_id: 1,
                    reason: None,
                    duration: Some(125),
                }
                .into(),
                "call, 2 minutes",
            ),
            (
                t::MessageActionGiveawayLaunch { stars: None }.into(),
                "started a giveaway",
            ),
            (A::Empty, "sent a service message"),
        ];
        for (action, text) in table {
            assert_eq!(said(action), text);
        }
    }
}
