//! Message: one text, picture or event of a chat, stored once however many accounts see it.

use grammers_tl_types::enums::{self, MessageEntity};

use super::{ids::ChatRef, page::Page, poll::Poll, topics::Spot};

/// Number of a message in the whole world; what it is called in an account or a channel is another number.
pub type Gid = u32;

/// What a message says and where its copies lie.
#[derive(Clone, Debug)]
pub struct Body {
    /// A user; for posts of broadcast channels the person behind the post, who is not shown.
    pub from: i64,
    /// The chat as the sender sees it.
    pub chat: ChatRef,
    pub date: i32,
    /// 0 when never edited.
    pub edit_date: i32,
    pub text: String,
    pub media: Option<Box<Media>>,
    /// The file behind its media; a forwarded message has the same. 0: none.
    pub file: i64,
    pub action: Option<Box<Action>>,
    pub reply_to: Option<Gid>,
    pub spot: Spot,
    /// `None`: plain.
    pub form: Option<Box<Form>>,
    pub forwarded: Option<Box<Forward>>,
    /// (emoji, by whom), in the order they came.
    pub reactions: Vec<(String, i64)>,
    /// Chosen by the sending client; 0 for what people say.
    pub random_id: i64,
    /// Accounts that have it in their mailbox, with the id it has there. Empty for channels.
    pub copies: Vec<(i64, i32)>,
    /// Its id in its channel, 0 elsewhere.
    pub channel_id: i32,
    /// Each text it had before, oldest first.
    pub former_texts: Vec<String>,
    /// Gone for everybody.
    pub deleted: bool,
    pub pinned: bool,
    pub silent: bool,
}

impl Body {
    /// Of a message that nobody has yet.
    pub fn of(from: i64, chat: ChatRef, date: i32, draft: Draft) -> Self {
        Self {
            from,
            chat,
            date,
            edit_date: 0,
            text: draft.text,
            media: draft.media.map(Box::new),
            file: draft.file,
            action: draft.action.map(Box::new),
            reply_to: draft.reply_to,
            spot: draft.spot,
            form: (draft.form != Form::default()).then(|| Box::new(draft.form)),
            forwarded: draft.forwarded.map(Box::new),
            reactions: Vec::new(),
            random_id: draft.random_id,
            copies: Vec::new(),
            channel_id: 0,
            former_texts: Vec::new(),
            deleted: false,
            pinned: false,
            silent: draft.silent,
        }
    }

    pub fn entities(&self) -> Option<Vec<MessageEntity>> {
        let entities = &self.form.as_ref()?.entities;
        (!entities.is_empty()).then(|| entities.clone())
    }
}

/// What a message carries besides its text.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Media {
    Photo {
        width: i32,
        height: i32,
    },
    Document {
        name: String,
        mime: String,
        size: i64,
    },
    Voice {
        seconds: i32,
        size: i64,
    },
    Video {
        seconds: i32,
        width: i32,
        height: i32,
        size: i64,
    },
    Sticker {
        emoji: String,
    },
    Location {
        latitude: f64,
        longitude: f64,
    },
    Contact {
        phone: String,
        first_name: String,
        last_name: String,
        user_id: i64,
    },
    Poll {
        question: String,
        answers: Vec<String>,
    },
}

/// What a service message tells.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    Created {
        title: String,
        users: Vec<i64>,
    },
    ChannelCreated {
        title: String,
    },
    Joined {
        users: Vec<i64>,
    },
    JoinedByLink {
        inviter: i64,
    },
    Left {
        user: i64,
    },
    TitleChanged {
        title: String,
    },
    TopicCreated {
        title: String,
    },
    /// The pinned message is the one that is replied to.
    Pinned,
    ContactSignedUp,
    /// Any other, as Telegram tells it.
    #[serde(skip)]
    Told(Box<enums::MessageAction>),
}

/// How a text is said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    pub entities: Vec<MessageEntity>,
    /// Messages with the same number are one album.
    pub album: Option<i64>,
    /// Of the message that is replied to.
    pub quote: Option<String>,
    /// The lines of the text are paragraphs of a rich text; the text itself is empty then.
    pub rich: bool,
    /// A rich text as it is; the text has its words for the ledger.
    pub blocks: Option<enums::RichMessage>,
    /// Media without a file, as Telegram tells it.
    pub told: Option<enums::MessageMedia>,
    pub poll: Option<Poll>,
    pub page: Option<Page>,
    pub markup: Option<enums::ReplyMarkup>,
    /// Seconds after which its media vanish once they are seen.
    pub ttl: Option<i32>,
    /// Not to be forwarded.
    pub protected: bool,
    /// Whoever sent it wanted no preview of its links.
    pub no_preview: bool,
    /// 0: as posts have it when nobody counts.
    pub views: i32,
    /// It waited for its time.
    pub from_scheduled: bool,
}

impl Form {
    /// Is it more than a short update says?
    pub fn is_long(&self) -> bool {
        let short = Self {
            entities: self.entities.clone(),
            quote: self.quote.clone(),
            no_preview: self.no_preview,
            ..Self::default()
        };
        *self != short
    }

    /// Does it bring something to a message without text?
    pub fn has_media(&self) -> bool {
        self.told.is_some() || self.poll.is_some() || self.page.is_some() || self.blocks.is_some()
    }
}

/// Where a forwarded message came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    pub from: i64,
    pub date: i32,
    /// Of a channel post: channel and message id there.
    pub channel: Option<(i64, i32)>,
}

/// A message about to be posted.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub text: String,
    pub media: Option<Media>,
    /// A file that exists already; 0: made for the media.
    pub file: i64,
    pub action: Option<Action>,
    pub reply_to: Option<Gid>,
    pub spot: Spot,
    pub form: Form,
    pub forwarded: Option<Forward>,
    pub random_id: i64,
    pub silent: bool,
}

impl Draft {
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// Telegram counts text in UTF-16 units.
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}
