//! Action: what a service message says, as data. Every one of the layer is named, so that a new one is decided upon.

use grammers_client::tl;
use tl::enums::{MessageAction as A, PollAnswer, RequestedPeer, StarGift, StarsAmount, TodoItem};

use super::{clean, date, people::People, poll};
use crate::domain::{Action, Named};

/// Longest list of people.
const MOST: usize = 200;

/// What it was done with.
#[derive(Default)]
struct Told {
    whom: Vec<Named>,
    value: Option<String>,
    currency: Option<String>,
}

impl Told {
    fn whom(whom: impl Iterator<Item = Named>) -> Self {
        Self {
            whom: whom.take(MOST).collect(),
            ..Self::default()
        }
    }

    fn value(value: impl ToString) -> Self {
        Self {
            value: Some(clean::block(value.to_string())),
            ..Self::default()
        }
    }

    fn maybe(value: Option<impl ToString>) -> Self {
        value.map(Self::value).unwrap_or_default()
    }

    /// In the currency's smallest unit.
    fn money(amount: i64, currency: &str) -> Self {
        Self {
            value: Some(amount.to_string()),
            currency: Some(clean::line(currency.to_owned())),
            ..Self::default()
        }
    }

    fn stars(amount: i64) -> Self {
        Self::money(amount, "XTR")
    }

    fn amount(amount: &StarsAmount) -> Self {
        match amount {
            StarsAmount::Amount(amount) => Self::stars(amount.amount),
            StarsAmount::StarsTonAmount(amount) => Self::money(amount.amount, "TON"),
        }
    }

    fn to(self, whom: impl Iterator<Item = Named>) -> Self {
        Self {
            whom: whom.take(MOST).collect(),
            ..self
        }
    }
}

pub(super) fn action(action: &A, people: &People<'_>) -> Action {
    let (kind, told) = told(action, people);
    Action {
        kind: kind.to_owned(),
        who: None,
        whom: told.whom,
        value: told.value,
        currency: told.currency,
    }
}

fn told(action: &A, people: &People<'_>) -> (&'static str, Told) {
    let users = |ids: &[i64]| Told::whom(ids.iter().map(|id| people.user(*id)));
    let user = |id: i64| users(&[id]);
    let peers = |peers: &[tl::enums::Peer]| Told::whom(peers.iter().map(|peer| people.peer(peer)));
    let none = Told::default;
    match action {
        A::Empty => ("empty", none()),
        A::ChatCreate(a) => (
            "chat_create",
            Told {
                value: Some(clean::line(a.title.clone())),
                ..users(&a.users)
            },
        ),
        A::ChatEditTitle(a) => ("chat_edit_title", Told::value(&a.title)),
        A::ChatEditPhoto(_) => ("chat_edit_photo", none()),
        A::ChatDeletePhoto => ("chat_delete_photo", none()),
        A::ChatAddUser(a) => ("chat_add_user", users(&a.users)),
        A::ChatDeleteUser(a) => ("chat_delete_user", user(a.user_id)),
        A::ChatJoinedByLink(a) => ("chat_joined_by_link", user(a.inviter_id)),
        A::ChatJoinedByRequest => ("chat_joined_by_request", none()),
        A::ChatJoinedViaCommunity(_) => ("chat_joined_via_community", none()),
        A::ChangeCommunity(_) => ("change_community", none()),
        A::ChannelCreate(a) => ("channel_create", Told::value(&a.title)),
        A::ChatMigrateTo(a) => (
            "chat_migrate_to",
            Told::value(crate::domain::ChatId::channel(a.channel_id)),
        ),
        A::ChannelMigrateFrom(a) => ("channel_migrate_from", Told::value(&a.title)),
        A::PinMessage => ("pin_message", none()),
        A::HistoryClear => ("history_clear", none()),
        A::GameScore(a) => ("game_score", Told::value(a.score)),
        A::PaymentSentMe(a) => ("payment_sent_me", Told::money(a.total_amount, &a.currency)),
        A::PaymentSent(a) => ("payment_sent", Told::money(a.total_amount, &a.currency)),
        A::PaymentRefunded(a) => (
            "payment_refunded",
            Told::money(a.total_amount, &a.currency).to(std::iter::once(people.peer(&a.peer))),
        ),
        A::PhoneCall(a) => ("phone_call", Told::maybe(a.duration)),
        A::ConferenceCall(a) => (
            "conference_call",
            Told::maybe(a.duration).to(a
                .other_participants
                .iter()
                .flatten()
                .map(|peer| people.peer(peer))),
        ),
        A::GroupCall(a) => ("group_call", Told::maybe(a.duration)),
        A::InviteToGroupCall(a) => ("invite_to_group_call", users(&a.users)),
        A::GroupCallScheduled(a) => ("group_call_scheduled", Told::value(date(a.schedule_date))),
        A::ScreenshotTaken => ("screenshot_taken", none()),
        A::CustomAction(a) => ("custom_action", Told::value(&a.message)),
        A::BotAllowed(a) => ("bot_allowed", Told::maybe(a.domain.as_ref())),
        // What identifies a person stays at Telegram.
        A::SecureValuesSentMe(_) => ("secure_values_sent_me", none()),
        A::SecureValuesSent(_) => ("secure_values_sent", none()),
        A::ContactSignUp => ("contact_sign_up", none()),
        A::GeoProximityReached(a) => (
            "geo_proximity_reached",
            Told::value(a.distance).to([&a.from_id, &a.to_id]
                .into_iter()
                .map(|peer| people.peer(peer))),
        ),
        A::SetMessagesTtl(a) => ("set_messages_ttl", Told::value(a.period)),
        A::SetChatTheme(a) => (
            "set_chat_theme",
            match &a.theme {
                tl::enums::ChatTheme::Theme(theme) => Told::value(&theme.emoticon),
                tl::enums::ChatTheme::UniqueGift(theme) => gift(&theme.gift),
            },
        ),
        A::WebViewDataSentMe(a) => ("web_view_data_sent_me", Told::value(&a.text)),
        A::WebViewDataSent(a) => ("web_view_data_sent", Told::value(&a.text)),
        A::GiftPremium(a) => ("gift_premium", Told::money(a.amount, &a.currency)),
        A::GiftCode(a) => (
            "gift_code",
            Told::money(
                a.amount.unwrap_or(0),
                a.currency.as_deref().unwrap_or_default(),
            ),
        ),
        A::TopicCreate(a) => ("topic_create", Told::value(&a.title)),
        A::TopicEdit(a) => ("topic_edit", Told::maybe(a.title.as_ref())),
        A::SuggestProfilePhoto(_) => ("suggest_profile_photo", none()),
        A::RequestedPeer(a) => ("requested_peer", peers(&a.peers)),
        A::RequestedPeerSentMe(a) => (
            "requested_peer_sent_me",
            Told::whom(a.peers.iter().map(|peer| match peer {
                RequestedPeer::User(peer) => people.user(peer.user_id),
                RequestedPeer::Chat(peer) => {
                    people.named(crate::domain::ChatId::group(peer.chat_id))
                }
                RequestedPeer::Channel(peer) => {
                    people.named(crate::domain::ChatId::channel(peer.channel_id))
                }
            })),
        ),
        A::SetChatWallPaper(_) => ("set_chat_wall_paper", none()),
        A::GiveawayLaunch(a) => (
            "giveaway_launch",
            a.stars.map(Told::stars).unwrap_or_default(),
        ),
        A::GiveawayResults(a) => ("giveaway_results", Told::value(a.winners_count)),
        A::BoostApply(a) => ("boost_apply", Told::value(a.boosts)),
        A::GiftStars(a) => ("gift_stars", Told::stars(a.stars)),
        A::PrizeStars(a) => (
            "prize_stars",
            Told::stars(a.stars).to(std::iter::once(people.peer(&a.boost_peer))),
        ),
        A::StarGift(a) => (
            "star_gift",
            gift(&a.gift).to(a.to_id.iter().map(|peer| people.peer(peer))),
        ),
        A::StarGiftUnique(a) => ("star_gift_unique", gift(&a.gift)),
        A::StarGiftPurchaseOffer(a) => ("star_gift_purchase_offer", Told::amount(&a.price)),
        A::StarGiftPurchaseOfferDeclined(a) => {
            ("star_gift_purchase_offer_declined", Told::amount(&a.price))
        }
        A::PaidMessagesRefunded(a) => ("paid_messages_refunded", Told::stars(a.stars)),
        A::PaidMessagesPrice(a) => ("paid_messages_price", Told::stars(a.stars)),
        A::TodoCompletions(a) => (
            "todo_completions",
            Told::value(
                a.completed
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(","),
            ),
        ),
        A::TodoAppendTasks(a) => (
            "todo_append_tasks",
            Told::value(
                a.list
                    .iter()
                    .map(|TodoItem::Item(item)| poll::words(item.title.clone()))
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
        ),
        A::SuggestedPostApproval(a) => (
            "suggested_post_approval",
            Told::maybe(a.reject_comment.as_ref()),
        ),
        A::SuggestedPostSuccess(a) => ("suggested_post_success", Told::amount(&a.price)),
        A::SuggestedPostRefund(_) => ("suggested_post_refund", none()),
        A::GiftTon(a) => ("gift_ton", Told::money(a.crypto_amount, &a.crypto_currency)),
        A::SuggestBirthday(_) => ("suggest_birthday", none()),
        A::NewCreatorPending(a) => ("new_creator_pending", user(a.new_creator_id)),
        A::ChangeCreator(a) => ("change_creator", user(a.new_creator_id)),
        A::NoForwardsToggle(a) => ("no_forwards_toggle", Told::value(a.new_value)),
        A::NoForwardsRequest(a) => ("no_forwards_request", Told::value(a.new_value)),
        A::PollAppendAnswer(a) => ("poll_append_answer", answer(&a.answer)),
        A::PollDeleteAnswer(a) => ("poll_delete_answer", answer(&a.answer)),
        A::ManagedBotCreated(a) => ("managed_bot_created", user(a.bot_id)),
        A::GramTransfer(a) => ("gram_transfer", Told::money(a.amount, "GRAM")),
        A::WalletTonConnectRequest(a) => (
            "wallet_ton_connect_request",
            Told::maybe(a.dapp_name.as_ref()),
        ),
    }
}

fn gift(gift: &StarGift) -> Told {
    match gift {
        StarGift::Gift(gift) => Told::stars(gift.stars),
        StarGift::Unique(gift) => Told::value(format!("{} #{}", gift.title, gift.num)),
    }
}

fn answer(answer: &PollAnswer) -> Told {
    let text = match answer {
        PollAnswer::Answer(answer) => &answer.text,
        PollAnswer::InputPollAnswer(answer) => &answer.text,
    };
    Told::value(poll::words(text.clone()))
}
