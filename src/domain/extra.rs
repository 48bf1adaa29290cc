//! Extra: what some messages have besides text and media. A plain message has none of it.

use serde::{Deserialize, Serialize};

use super::{ChatId, Timestamp, media::is_false};

/// In one column of the message's row.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// Rows of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Box<Action>>,
    #[serde(skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// The reactions say nothing of this account's own.
    #[serde(skip)]
    pub min: bool,
}

impl Extra {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a message says that its topic is called from now on.
    #[must_use]
    pub fn topic_title(&self) -> Option<&str> {
        let action = self.action.as_deref()?;
        let titles = matches!(action.kind.as_str(), "topic_create" | "topic_edit");
        action
            .value
            .as_deref()
            .filter(|title| titles && !title.is_empty())
    }

    /// Everybody whom it names.
    pub fn people(&mut self) -> impl Iterator<Item = &mut Named> {
        let action = self.action.iter_mut();
        let acting = action.flat_map(|action| action.who.iter_mut().chain(&mut action.whom));
        let reacting = self
            .reactions
            .iter_mut()
            .flat_map(|reaction| &mut reaction.who);
        let bots = [&mut self.details.via_bot, &mut self.details.business_bot];
        acting.chain(reacting).chain(bots.into_iter().flatten())
    }
}

/// Somebody, by the name that is known now, else by the one that came with the message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Named {
    pub id: ChatId,
    pub name: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonKind {
    /// Sends its own text.
    Text,
    Url,
    /// Opens a page inside Telegram.
    App,
    /// Asks the bot something.
    Callback,
    Copy,
    User,
    Pay,
    Game,
    Inline,
    /// Asks for a phone number, a place, a poll or a chat.
    Request,
    Disabled,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Button {
    pub text: String,
    pub kind: ButtonKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What it copies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<ChatId>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reaction {
    /// Empty for a custom one, a star for a paid one.
    pub emoji: String,
    pub count: i32,
    pub mine: bool,
    /// Telegram's number of its picture, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub paid: bool,
    /// Those whom Telegram tells of, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<Named>,
}

impl Reaction {
    fn is(&self, other: &Self) -> bool {
        (&self.emoji, &self.custom_emoji_id, self.paid)
            == (&other.emoji, &other.custom_emoji_id, other.paid)
    }
}

/// What happened, by a service message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Action {
    /// Telegram's name of it, in words with underscores: `chat_add_user`.
    pub kind: String,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Named>,
    /// Whom it was done to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whom: Vec<Named>,
    /// A title, an amount, a number of seconds…
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Of an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// Small things; only what there is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwards: Option<i32>,
    /// Answers in its thread, or comments of a post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<i32>,
    /// Seconds after which Telegram deletes the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletes_after: Option<i32>,
    /// May not be forwarded or saved.
    #[serde(skip_serializing_if = "is_false")]
    pub protected: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub silent: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// Names this account.
    #[serde(skip_serializing_if = "is_false")]
    pub mentioned: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub from_scheduled: bool,
    /// An automatic greeting or away message.
    #[serde(skip_serializing_if = "is_false")]
    pub automatic: bool,
    /// Was a rich text: the text has its words.
    #[serde(skip_serializing_if = "is_false")]
    pub rich: bool,
    /// Only a part of the rich text came.
    #[serde(skip_serializing_if = "is_false")]
    pub partial: bool,
    /// Sent with the help of this bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via_bot: Option<Named>,
    /// Sent by this bot in the account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_bot: Option<Named>,
    /// What the sender paid for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_stars: Option<i64>,
    /// A post that somebody suggests to a channel: `waiting`, `accepted` or `rejected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_post: Option<String>,
    /// The effect that is played with it, Telegram's number as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fact_check: Option<String>,
    /// Why Telegram does not show it on some devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricted: Option<String>,
    /// The chat of the message that it answers, when that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_chat: Option<ChatId>,
    /// Number of the story that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to_story: Option<i32>,
    /// What it was forwarded from, in that chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_message_id: Option<String>,
    /// When the sender first wrote it, of what was imported from another messenger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported_at: Option<Timestamp>,
}

impl Details {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reactions as they are now, after what was known: those that say nothing of this account leave its own as they were.
#[must_use]
pub fn reactions_after(mut now: Vec<Reaction>, min: bool, before: &[Reaction]) -> Vec<Reaction> {
    if min {
        for reaction in &mut now {
            reaction.mine = before.iter().any(|known| known.mine && known.is(reaction));
        }
    }
    now
}

/// Something of a message changed that is not what it says.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    Reactions {
        reactions: Vec<Reaction>,
        min: bool,
    },
    Views(i32),
    Forwards(i32),
    Pinned(bool),
    /// Its results; the poll itself when that changed.
    Poll(Box<super::Poll>),
    /// The preview of a page has come, or there is none.
    Page(Option<Box<super::Media>>),
}

/// Which message, as Telegram says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotedMessage {
    Message {
        chat: ChatId,
        message_id: i32,
    },
    /// Every message that has this poll.
    Poll(i64),
    /// Every message that waits for this page's preview.
    Page(i64),
}
