//! Conversation rows: how they are made, remembered by the writer and shown.

use std::{collections::BTreeMap, sync::Arc};

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    engine::Conn,
    message_row::{MessageRecord, account_of, from_json},
    span_rows::open_from,
    sql::{Flag, Number, Runs, hot_sql},
};
use crate::domain::{
    ChatDraft, ChatId, Conversation, ConversationId, ConversationKind, PeerFlags, PeerKind,
    StoredMessage, Timestamp, TopicDraft,
};

#[derive(QueryableByName, Clone, Debug)]
pub(in crate::store) struct ConversationFields {
    #[diesel(sql_type = Number)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub telegram_account_id: String,
    #[diesel(sql_type = Text)]
    pub chat_id: String,
    #[diesel(sql_type = Number)]
    pub last_message_at: i64,
    #[diesel(sql_type = Number)]
    pub account_no: i64,
    #[diesel(sql_type = Number)]
    pub chat: i64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub title: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub username: Option<String>,
    #[diesel(sql_type = Number)]
    pub unread: i64,
    #[diesel(sql_type = Flag)]
    pub can_send: bool,
    #[diesel(sql_type = Nullable<Number>)]
    pub last_message: Option<i64>,
    #[diesel(sql_type = Nullable<Number>)]
    pub muted_until: Option<i64>,
    #[diesel(sql_type = Number)]
    pub read_inbox_max_id: i32,
    #[diesel(sql_type = Number)]
    pub read_outbox_max_id: i32,
    #[diesel(sql_type = Number)]
    pub top_message: i32,
    /// Up to this number Telegram itself counted when it listed the chat; what comes live above it counts one by one.
    #[diesel(sql_type = Number)]
    pub counted_to: i32,
    #[diesel(sql_type = Flag)]
    pub archived: bool,
    #[diesel(sql_type = Flag)]
    pub marked_unread: bool,
    #[diesel(sql_type = Flag)]
    pub blocked: bool,
    /// JSON.
    #[diesel(sql_type = Nullable<Text>)]
    pub draft: Option<String>,
    /// JSON, by the topic's number.
    #[diesel(sql_type = Nullable<Text>)]
    pub topic_drafts: Option<String>,
    /// Up to this message number nothing is kept, see `retention.rs`.
    #[diesel(sql_type = Number)]
    pub kept_above: i32,
}

/// `select_conversations!("WHERE …")`: the one way conversations are read.
macro_rules! select_conversations {
    ($rest:expr) => {
        concat!(
            "SELECT c.id, c.telegram_account_id, c.chat_id, c.last_message_at, c.account_no, c.chat, c.kind, c.title, \
             c.username, c.unread, c.can_send, c.last_message, c.muted_until, c.read_inbox_max_id, \
             c.read_outbox_max_id, c.top_message, c.counted_to, c.archived, c.marked_unread, c.blocked, c.draft, \
             c.topic_drafts, c.kept_above FROM conversations c ",
            $rest
        )
    };
}
pub(in crate::store) use select_conversations;

impl ConversationFields {
    pub fn shown(&self, last_message: Option<Arc<StoredMessage>>, now: Timestamp) -> Conversation {
        Conversation {
            id: ConversationId(self.id),
            account_id: account_of(&self.telegram_account_id),
            chat_id: ChatId::from_marked(self.chat),
            kind: ConversationKind::parse(&self.kind).unwrap_or(ConversationKind::Private),
            title: self.title.clone(),
            username: self.username.clone(),
            unread: self.unread,
            can_send: self.can_send,
            last_message,
            last_message_at: (self.last_message_at > 0)
                .then(|| Timestamp::from_millis(self.last_message_at)),
            muted: self.muted_until.is_some_and(|until| until > now.millis()),
            draft: self.draft.as_deref().and_then(from_json),
            topic_drafts: topic_drafts(self.topic_drafts.as_deref())
                .into_iter()
                .map(|(topic, draft)| TopicDraft {
                    topic_id: topic.to_string(),
                    draft,
                })
                .collect(),
            archived: self.archived,
            marked_unread: self.marked_unread,
            blocked: self.blocked,
            read_inbox_max_id: self.read_inbox_max_id,
            read_outbox_max_id: self.read_outbox_max_id,
        }
    }
}

/// The drafts of a forum's topics, as the column has them.
pub(in crate::store) fn topic_drafts(text: Option<&str>) -> BTreeMap<i32, ChatDraft> {
    text.and_then(from_json).unwrap_or_default()
}

/// What of a conversation waits to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Waits {
    Nothing,
    /// What a message changes.
    Newest,
    Whole,
}

const NEWEST: &str = "UPDATE conversations SET last_message_at = ?, unread = ?, last_message = ?, top_message = ? WHERE id = ?";
const WHOLE: &str = "UPDATE conversations SET last_message_at = ?, kind = ?, title = ?, username = ?, find_key = ?, \
     unread = ?, can_send = ?, last_message = ?, muted_until = ?, read_inbox_max_id = ?, \
     read_outbox_max_id = ?, top_message = ?, counted_to = ?, archived = ?, marked_unread = ?, \
     blocked = ?, draft = ?, topic_drafts = ?, kept_above = ? WHERE id = ?";

/// A conversation as the writer remembers it.
#[derive(Clone, Debug)]
pub(in crate::store) struct ConversationRow {
    pub fields: ConversationFields,
    pub last: Option<Arc<StoredMessage>>,
    /// Sort key of `last` beside its time.
    pub last_no: i64,
    /// Where its open span begins, see `continuity.rs`.
    pub open_from: Option<i32>,
    pub waits: Waits,
}

impl ConversationRow {
    pub fn show(&self, now: Timestamp) -> Conversation {
        self.fields.shown(self.last.clone(), now)
    }

    pub fn update(&self, conn: &mut Conn) -> QueryResult<()> {
        // Rows that are gathered are written text by text, in the order of the texts: what is gathered as a whole is newer than what
        // was gathered of the other text, as long as nothing is gathered of that one any more.
        match self.waits == Waits::Newest && !conn.has_gathered(WHOLE) {
            true => self.update_newest(conn),
            false => self.update_whole(conn),
        }
    }

    fn update_newest(&self, conn: &mut Conn) -> QueryResult<()> {
        let fields = &self.fields;
        hot_sql!(NEWEST)
            .number(fields.last_message_at)
            .number(fields.unread)
            .number_or_null(fields.last_message)
            .number(fields.top_message)
            .number(fields.id)
            .gather_last(conn, [fields.id, 0])
    }

    fn update_whole(&self, conn: &mut Conn) -> QueryResult<()> {
        let fields = &self.fields;
        let find_key = find_key(&fields.title, fields.username.as_deref());
        hot_sql!(WHOLE)
            .number(fields.last_message_at)
            .text(&fields.kind)
            .text(&fields.title)
            .text_or_null(fields.username.as_deref())
            .text(&find_key)
            .number(fields.unread)
            .flag(fields.can_send)
            .number_or_null(fields.last_message)
            .number_or_null(fields.muted_until)
            .number(fields.read_inbox_max_id)
            .number(fields.read_outbox_max_id)
            .number(fields.top_message)
            .number(fields.counted_to)
            .flag(fields.archived)
            .flag(fields.marked_unread)
            .flag(fields.blocked)
            .text_or_null(fields.draft.as_deref())
            .text_or_null(fields.topic_drafts.as_deref())
            .number(fields.kept_above)
            .number(fields.id)
            .gather_last(conn, [fields.id, 0])
    }

    pub fn read(conn: &mut Conn, fields: ConversationFields) -> QueryResult<Self> {
        let last = match fields.last_message {
            Some(row) => MessageRecord::load(conn, row)?,
            None => None,
        };
        let open_from = open_from(conn, fields.id)?;
        Ok(Self {
            fields,
            open_from,
            last_no: last.as_ref().map_or(0, |record| record.fields.message_no),
            last: last.map(MessageRecord::into_message).map(Arc::new),
            waits: Waits::Nothing,
        })
    }
}

/// What the filter of the list looks into.
pub(in crate::store) fn find_key(title: &str, username: Option<&str>) -> String {
    match username {
        Some(username) => format!("{} @{}", title.to_lowercase(), username.to_lowercase()),
        None => title.to_lowercase(),
    }
}

pub(in crate::store) fn kind_of(chat: ChatId, flags: Option<PeerFlags>) -> ConversationKind {
    let flags = flags.unwrap_or_default();
    match chat.kind() {
        PeerKind::User(_) if flags.bot => ConversationKind::Bot,
        PeerKind::User(_) => ConversationKind::Private,
        PeerKind::Group(_) => ConversationKind::Group,
        PeerKind::Channel(_) if flags.broadcast => ConversationKind::Channel,
        PeerKind::Channel(_) => ConversationKind::Supergroup,
    }
}
