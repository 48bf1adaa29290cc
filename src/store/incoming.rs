//! Messages as Telegram tells them: new, known, edited.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use diesel::QueryResult;

use super::{
    heard::{Topic, Worth},
    job_error::JobResult,
    message_row::{MessageRecord, Shown, named, sender},
    new_row::NewRow,
    ready::Ready,
    record::Recording,
    sql::{One, hot_sql, id_list, sql},
    topics,
    tx::{Tx, scope_of},
};
use crate::domain::{
    Change, ChatId, ConversationId, EventBody, IncomingMessage, MessageRowId, PeerKind, Sender,
    StoredMessage, Timestamp,
};

/// Unread messages of a chat from some time on.
pub(super) const UNREAD: &str = "SELECT count(*) AS n FROM messages INDEXED BY messages_by_conversation \
     WHERE conversation_id = ? AND timestamp >= ? AND message_no > ? AND message_no < 4294967296 \
     AND (backfilled = FALSE OR message_no <= ?) AND direction = 'incoming' AND deleted_at IS NULL";

impl Tx<'_> {
    /// Stores a message, or finds that it is stored and whether this is a newer version of it.
    pub fn record_message(
        &mut self,
        recording: &mut Recording,
        message: &IncomingMessage,
        ready: Option<Ready>,
        edit: bool,
    ) -> JobResult<()> {
        let key = self.conversation_for(&recording.account, message.chat)?;
        if self.is_let_go(key, message.message_id)? {
            return Ok(());
        }
        let bare = self.without_code(recording, message)?;
        let ready = ready.filter(|_| bare.is_none());
        let message = bare.as_ref().unwrap_or(message);
        if !recording.backfilled && !edit {
            self.note_live(&recording.account, key, message)?;
        }
        let deleted_at = self.tombstone(
            recording.account.no,
            scope_of(message.chat),
            i64::from(message.message_id),
        )?;
        let held = self.may_be_echo(key, message)?;
        // An edit of a message that was never seen is news only where nothing else can bring that message.
        let row = self.conversation(key)?;
        let followed = row.open_from.is_some_and(|from| from <= message.message_id);
        let newest = followed && message.message_id > row.fields.top_message;
        let waits = !held && !edit && self.waits_for_gap(recording, key, message.message_id)?;
        let news = (!edit || newest) && !recording.backfilled && !waits;
        let place = (deleted_at, held, news);
        let Some(stored) = self.insert_message(recording, key, message, ready, place)? else {
            return self.record_known(recording, key, message, edit);
        };
        recording.new_messages += 1;
        self.place_in_time(recording, key, message, edit);
        if news {
            self.count_unread(recording, key, message, deleted_at.is_some())?;
        }
        self.mark_newest(key);
        if held || deleted_at.is_some() {
            return Ok(());
        }
        self.summarise(key, &stored, i64::from(message.message_id))?;
        if recording.backfilled || waits || !(news || followed) {
            recording.touch(key);
            return Ok(());
        }
        let conversation = self.show_conversation(key)?;
        let body = match news {
            true => EventBody::news(stored, conversation),
            false => EventBody::MessageEdited {
                message: stored,
                conversation,
            },
        };
        self.emit(&recording.account, body)?;
        recording.told(key);
        Ok(())
    }

    /// What came since a new row's answer was asked for may concern it, and could not be noted of it: the row is looked at again.
    fn place_in_time(
        &mut self,
        recording: &mut Recording,
        key: (i64, i64),
        message: &IncomingMessage,
        edit: bool,
    ) {
        let number = i64::from(message.message_id);
        let topic = Topic::Message(key.0, scope_of(message.chat), number);
        if edit {
            self.heard(recording, topic);
        }
        let topics = [topic, Topic::Cleared(key.0, key.1)];
        let heard = &self.state.heard;
        let since = |topic| heard.worth(topic, recording.read_at) == Worth::Overtaken;
        recording.unsure |= recording.backfilled && topics.into_iter().any(since);
    }

    /// Counts a live message once, in whatever order they come: what was there when Telegram listed the chat is in
    /// its own count.
    pub fn count_unread(
        &mut self,
        recording: &Recording,
        key: (i64, i64),
        message: &IncomingMessage,
        deleted: bool,
    ) -> JobResult<()> {
        let fields = &mut self.conversation(key)?.fields;
        let counts = message.message_id > fields.counted_to
            && message.message_id > fields.read_inbox_max_id
            && !message.outgoing
            && !deleted;
        fields.top_message = fields.top_message.max(message.message_id);
        if counts {
            fields.unread += 1;
            self.add_unread(recording.account.id, 1)?;
        }
        self.mark_newest(key);
        Ok(())
    }

    /// `None`: it is there already.
    fn insert_message(
        &mut self,
        recording: &mut Recording,
        key: (i64, i64),
        message: &IncomingMessage,
        ready: Option<Ready>,
        (deleted_at, held, news): (Option<i64>, bool, bool),
    ) -> JobResult<Option<Arc<StoredMessage>>> {
        let scope = scope_of(message.chat);
        let number = i64::from(message.message_id);
        if self.conn.gathers() && self.is_taken(recording.account.no, scope, number)? {
            return Ok(None);
        }
        let ready = ready.unwrap_or_else(|| Ready::of(recording.account.id, message));
        let account_no = recording.account.no;
        let id = self.next_message_row()?;
        let conversation = self.conversation(key)?.fields.id;
        let Self { conn, state, .. } = self;
        let row = state.conversations.get(&key);
        let chat_id = row.map_or("", |row| row.fields.chat_id.as_str());
        let row = NewRow {
            id,
            account: &recording.account,
            scope,
            conversation,
            chat_id,
            message,
            ready: &ready,
            sender: sender_of(message),
            deleted_at,
            held,
            news,
            late: news && recording.late,
        };
        let (sender, late) = (row.sender, row.late);
        if !row.insert(conn)? {
            self.state.return_message_row(id);
            return Ok(None);
        }
        if let Some(object) = &message.object {
            self.add_first_object(id, object)?;
        }
        self.add_media_keys(account_no, id, message.media.as_ref())?;
        self.note_topic(recording, message)?;
        if message.masked {
            self.drop_quotes_of(key, message)?;
        }
        let Ready {
            extra, mut shown, ..
        } = ready;
        // Nobody else has it yet.
        let stored = Arc::make_mut(&mut shown);
        stored.id = MessageRowId(id);
        stored.conversation_id = ConversationId(conversation);
        stored.deleted_at = deleted_at.map(Timestamp::from_millis);
        (stored.backfilled, stored.late) = (!news, late);
        stored.sender = self.shown_sender(account_no, message, sender)?;
        if let Some(media) = stored.media.take() {
            stored.media = Some(media.served(MessageRowId(id)));
        }
        if let Some(from) = stored.forwarded_from.take() {
            let peer = match from.id {
                Some(id) => self.known_peer(account_no, id)?,
                None => None,
            };
            let name = peer.map(|known| known.peer.name.clone());
            stored.forwarded_from = Some(named(from, name));
        }
        if let Some(mut extra) = extra {
            for person in extra.people() {
                if let Some(known) = self.known_peer(account_no, person.id)?
                    && !known.peer.name.is_empty()
                {
                    person.name = Some(known.peer.name.clone());
                }
            }
            let parts = Shown::of(Some(*extra));
            (stored.buttons, stored.reactions) = (parts.buttons, parts.reactions);
            (stored.action, stored.details) = (parts.action, parts.details);
        }
        if let Some(topic) = message.topic_id {
            stored.topic = Some(topics::titled(self.conn, (account_no, scope, topic))?);
        }
        Ok(Some(shown))
    }

    /// A peer that has a name is shown by it, whatever the message itself says.
    fn shown_sender(
        &mut self,
        account_no: i64,
        message: &IncomingMessage,
        id: Option<ChatId>,
    ) -> JobResult<Option<Arc<Sender>>> {
        let peer = match id {
            Some(id) => self.known_peer(account_no, id)?,
            None => None,
        };
        if let Some(named) = peer.as_ref().and_then(|known| known.sender.as_ref()) {
            return Ok(Some(Arc::clone(named)));
        }
        let username = peer.and_then(|known| known.peer.username.clone());
        let own = message.sender_name.clone();
        Ok(sender(message.chat, id, None, username, own).map(Arc::new))
    }

    /// Is the number taken? What lies above all of them is not, and that is nearly every message.
    fn is_taken(&mut self, account_no: i64, scope: i64, number: i64) -> QueryResult<bool> {
        if number > self.top(account_no, scope)? {
            self.state.tops.insert((account_no, scope), number);
            self.state.absent.remove(&(account_no, scope, number));
            return Ok(false);
        }
        if self.state.absent.remove(&(account_no, scope, number)) {
            return Ok(false);
        }
        let found = hot_sql!("SELECT count(*) AS n FROM messages WHERE account_no = ? AND scope = ? AND message_no = ?")
            .number(account_no)
            .number(scope)
            .number(number)
            .get_result::<One>(self.conn)?;
        Ok(found.n > 0)
    }

    fn top(&mut self, account_no: i64, scope: i64) -> QueryResult<i64> {
        if let Some(top) = self.state.tops.get(&(account_no, scope)) {
            return Ok(*top);
        }
        let top = sql("SELECT coalesce(max(message_no), 0) AS n FROM messages \
                       WHERE account_no = ? AND scope = ? AND message_no < 4294967296")
        .number(account_no)
        .number(scope)
        .get_result::<One>(self.conn)?
        .n;
        self.state.tops.insert((account_no, scope), top);
        Ok(top)
    }

    /// Which of these are not there, asked once for all of them.
    pub fn look_ahead(&mut self, account_no: i64, changes: &[Change]) -> QueryResult<()> {
        if !self.conn.gathers() {
            return Ok(());
        }
        self.state.absent.clear();
        let mut scopes: HashMap<i64, Vec<i64>> = HashMap::new();
        for change in changes {
            if let Change::Message(message) = change {
                let numbers = scopes.entry(scope_of(message.chat)).or_default();
                numbers.push(i64::from(message.message_id));
            }
        }
        for (scope, mut numbers) in scopes {
            let top = self.top(account_no, scope)?;
            // They may come in any order.
            let above = numbers.extract_if(.., |number| *number > top);
            let above = above.map(|number| (account_no, scope, number));
            self.state.absent.extend(above);
            if numbers.len() < 2 {
                continue;
            }
            let found = sql(
                "SELECT message_no AS n FROM messages WHERE account_no = ? AND scope = ? \
                             AND message_no IN (SELECT value FROM json_each(?))",
            )
            .number(account_no)
            .number(scope)
            .text(&id_list(&numbers))
            .load::<One>(self.conn)?;
            let found: HashSet<i64> = found.into_iter().map(|row| row.n).collect();
            let absent = numbers.into_iter().filter(|number| !found.contains(number));
            let absent = absent.map(|number| (account_no, scope, number));
            self.state.absent.extend(absent);
        }
        Ok(())
    }

    /// A row of this conversation has new contents or a new time: the summary may have to follow.
    pub fn changed_in_place(&mut self, key: (i64, i64), row: i64) -> JobResult<()> {
        let Some(record) = MessageRecord::load(self.conn, row)? else {
            return self.summarise_anew(key);
        };
        if self.conversation(key)?.fields.last_message == Some(row) {
            return self.summarise_anew(key);
        }
        if record.fields.held || record.fields.deleted_at.is_some() {
            return Ok(());
        }
        let no = record.fields.message_no;
        self.summarise(key, &Arc::new(record.into_message()), no)
    }

    /// Unread messages above a number: live ones, and history that Telegram's own count covers. Numbers of a scope rise
    /// with time, so times narrow the search down.
    pub fn count_unread_above(
        &mut self,
        key: (i64, i64),
        message_no: i32,
        counted_to: i32,
    ) -> JobResult<i64> {
        let conversation = self.conversation(key)?.fields.id;
        let scope = scope_of(ChatId::from_marked(key.1));
        let from = self.time_at(key.0, scope, message_no)?;
        Ok(sql(UNREAD)
            .number(conversation)
            .number(from)
            .number(message_no)
            .number(counted_to)
            .get_result::<One>(self.conn)?
            .n)
    }
}

/// Telegram leaves the sender out where the chat says it: private chats and channel posts.
pub(super) fn sender_of(message: &IncomingMessage) -> Option<ChatId> {
    if message.sender.is_some() || message.outgoing || message.sender_name.is_some() {
        return message.sender;
    }
    match message.chat.kind() {
        PeerKind::User(_) => Some(message.chat),
        PeerKind::Group(_) | PeerKind::Channel(_) => None,
    }
}
