//! New row: a message goes into the table.
//!
//! Each value that is bound costs about as much as two columns of the row: what nearly all messages lack is left out where it is lacking.

use diesel::QueryResult;

use super::{
    account_row::KnownAccount,
    engine::Conn,
    ready::Ready,
    sql::{Statement, hot_sql},
};
use crate::domain::{ChatId, IncomingMessage, Timestamp};

pub(in crate::store) struct NewRow<'a> {
    pub id: i64,
    pub account: &'a KnownAccount,
    pub scope: i64,
    pub conversation: i64,
    pub chat_id: &'a str,
    pub message: &'a IncomingMessage,
    pub ready: &'a Ready,
    pub sender: Option<ChatId>,
    pub deleted_at: Option<i64>,
    pub held: bool,
    pub news: bool,
    pub late: bool,
}

impl NewRow<'_> {
    /// `false`: its number is taken.
    pub fn insert(&self, conn: &mut Conn) -> QueryResult<bool> {
        // Rows that are gathered for one table have one text.
        match self.is_usual() && !conn.gathers() {
            true => self.usual(conn),
            false => self.whole(conn),
        }
    }

    fn is_usual(&self) -> bool {
        let (message, carried) = (self.message, &self.ready.carried);
        !self.held
            && !message.masked
            && self.deleted_at.is_none()
            && message.sender_name.is_none()
            && message.topic_id.is_none()
            && message.monoforum_peer.is_none()
            && message.edited_at.is_none()
            && message.service.is_none()
            && carried.album_id.is_none()
            && carried.forwarded_from.is_none()
            && carried.quote.is_none()
            && carried.extra.is_none()
    }

    fn usual(&self, conn: &mut Conn) -> QueryResult<bool> {
        let carried = &self.ready.carried;
        let insert = hot_sql!(
            "INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             message_id, direction, text, timestamp, status, sender_id, reply_to, media, entities, backfilled, late, held, masked) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, FALSE) \
             ON CONFLICT (account_no, scope, message_no) DO NOTHING"
        );
        let insert = self
            .head(insert)
            .number_or_null(self.message.reply_to)
            .text_or_null(carried.media.as_deref())
            .text_or_null(carried.entities.as_deref())
            .flag(!self.news)
            .flag(self.late);
        Ok(insert.run(conn)? > 0)
    }

    fn whole(&self, conn: &mut Conn) -> QueryResult<bool> {
        let (message, carried) = (self.message, &self.ready.carried);
        let insert = hot_sql!(
            "INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             message_id, direction, text, timestamp, status, sender_id, sender_name, reply_to, topic_id, monoforum_peer, \
             edited_at, deleted_at, media, service, backfilled, late, held, masked, entities, album_id, forwarded_from, quote, extra) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account_no, scope, message_no) DO NOTHING"
        );
        let insert = self
            .head(insert)
            .text_or_null(message.sender_name.as_deref())
            .number_or_null(message.reply_to)
            .number_or_null(message.topic_id)
            .number_or_null(message.monoforum_peer.map(ChatId::marked))
            .number_or_null(message.edited_at.map(Timestamp::millis))
            .number_or_null(self.deleted_at)
            .text_or_null(carried.media.as_deref())
            .text_or_null(message.service.as_deref())
            .flag(!self.news)
            .flag(self.late)
            .number(i64::from(self.held))
            .flag(message.masked)
            .text_or_null(carried.entities.as_deref())
            .number_or_null(carried.album_id)
            .text_or_null(carried.forwarded_from.as_deref())
            .text_or_null(carried.quote.as_deref())
            .text_or_null(carried.extra.as_deref());
        match conn.gathers() {
            true => insert.gather_new(conn).map(|()| true),
            false => Ok(insert.run(conn)? > 0),
        }
    }

    /// What every message has.
    fn head<'s, K>(&'s self, insert: Statement<'s, K>) -> Statement<'s, K> {
        let (direction, status) = self.ready.words();
        let message_id = self.ready.shown.message_id.as_deref();
        insert
            .number(self.id)
            .number(self.account.no)
            .number(self.scope)
            .number(self.message.message_id)
            .number(self.conversation)
            .text(&self.account.id_text)
            .text(self.chat_id)
            .text(message_id.unwrap_or_default())
            .text(direction)
            .text(&self.message.text)
            .number(self.message.date.millis())
            .text(status)
            .number_or_null(self.sender.map(ChatId::marked))
    }
}
