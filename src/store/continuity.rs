//! Continuity: how spans grow with the update stream, and what is owed where it broke.
//!
//! While a scope's position is continuous, everything new comes by the stream: the topmost span of each of its chats is
//! open. A hole closes them where the stream had got to. The next thing that the stream or the dialog list tells of a chat
//! opens a new one, and what lies between the two is owed.

use diesel::QueryResult;

use super::{
    account_row::KnownAccount,
    job_error::JobResult,
    sql::{One, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{ChatId, DialogRecord, IncomingMessage, Span, Spans, Timestamp};

/// The count of holes once an account has signed in for the first time.
const FIRST_SIGN_IN: i64 = 1;

/// What is known of a chat beside its dialog.
#[derive(Clone, Copy)]
pub(in crate::store) struct Claim {
    /// When this account came to a channel.
    pub joined: Option<Timestamp>,
    pub asked: Option<i64>,
    /// Before the batch that tells of it.
    pub watched: bool,
}

/// The marked ids of all chats that share a scope's numbering.
fn chats_of(scope: i64) -> (i64, i64) {
    // Channels lie below this.
    const BASIC: i64 = -1_000_000_000_000;
    match scope {
        0 => (BASIC, i64::MAX),
        channel => {
            let chat = ChatId::channel(channel).marked();
            (chat, chat)
        }
    }
}

impl Tx<'_> {
    /// The stream brought this message number of a chat.
    ///
    /// A message of our own may come a second time, with the answer to a repeated random id and a pts_count of 0, however long
    /// ago it was sent: where it is not above what the stream has brought, it moves no border.
    pub fn note_live(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        message: &IncomingMessage,
    ) -> JobResult<()> {
        let (number, own) = (message.message_id, message.outgoing);
        let scope_id = scope_of(ChatId::from_marked(key.1));
        let scope = self.scope(account.no, scope_id)?;
        let began = scope.live_from;
        if scope.brought(number, own) {
            self.mark_scope(account.no, scope_id);
        }
        let live_from = self.scope(account.no, scope_id)?.live_from;
        let placed = !own || live_from.is_some_and(|from| from <= number);
        match self.conversation(key)?.open_from {
            Some(from) if from <= number => Ok(()),
            _ if !placed => Ok(()),
            // Numbers came out of their order: the stream had begun before the first one that it brought.
            Some(from) if began.is_some_and(|began| from <= began) => {
                self.cover_more(key, Span::open(number, number))
            }
            // The list of chats was ahead of the stream. What lies between is known once the stream has got there, and is owed until then.
            Some(_) => self.cover_more(key, Span::closed(live_from.unwrap_or(number), number)),
            None => {
                let ended = self.scope(account.no, scope_id)?.ended;
                let from = live_from.unwrap_or(number);
                let spans = self.spans(key)?;
                let below = watched_to(&spans, ended);
                self.open_span(key, spans, Span::open(from, from - 1), below)
            }
        }
    }

    fn cover_more(&mut self, key: (i64, i64), more: Span) -> JobResult<()> {
        let mut spans = self.spans(key)?;
        if spans.containing(more.high).is_some() {
            return Ok(());
        }
        spans.cover(more);
        self.keep_spans(key, &spans)
    }

    /// The dialog list names the newest message of a chat. `asked`: the count of holes when it was asked for; `None` for
    /// what the stream itself tells. A channel that was never watched owes what came since it was `joined`, if that was in our
    /// time; and one that the stream tells of, what came since all was stored (a group that became a supergroup meanwhile).
    pub fn claim_dialog(
        &mut self,
        account: &KnownAccount,
        dialog: &DialogRecord,
        claim: Claim,
    ) -> JobResult<()> {
        let Claim {
            joined,
            asked,
            watched,
        } = claim;
        let key = (account.no, dialog.chat.marked());
        let scope_id = scope_of(dialog.chat);
        let scope = self.scope(account.no, scope_id)?.clone();
        let unbroken = asked.is_none_or(|asked| scope.epoch <= asked);
        let there = scope.pts > 0 && dialog.channel_pts.is_none_or(|theirs| scope.pts >= theirs);
        if !unbroken || !there || watched {
            return Ok(());
        }
        let open_from = self.conversation(key)?.open_from;
        self.forgive(key)?;
        let top = dialog.top_message;
        let spans = self.spans(key)?;
        let below = watched_to(&spans, scope.ended);
        let since = match joined.filter(|at| at.millis() >= account.since) {
            _ if below.is_some() => None,
            None if asked.is_none() => self.caught_up_at(account.no)?,
            None if scope_id != 0 || scope.epoch > FIRST_SIGN_IN => {
                self.of_our_time(account, scope_id, dialog.top_message)?
            }
            since => since,
        };
        if let Some(from) = open_from {
            // Posts of the same batch opened it; what a span below them leaves is owed already.
            return match since.filter(|_| below.is_none() && from > 1) {
                Some(since) => self.owe_since(key, Some(from - 1), since),
                None => Ok(()),
            };
        }
        if let Some(below) = below.filter(|below| top <= *below) {
            let nothing_since = Span::open(below.saturating_add(1), below);
            return self.open_span(key, spans, nothing_since, Some(below));
        }
        let let_go = self.is_let_go(key, top)?;
        if top > 0 && !let_go && !self.is_stored(account.no, scope_id, top)? {
            // The newest did not come along: it has to be fetched before anything can be said.
            return match (below, since) {
                (Some(below), _) => self.owe(key, below.saturating_add(1), None),
                (None, Some(since)) => self.owe_since(key, None, since),
                (None, None) => Ok(()),
            };
        }
        if let Some(below) = below {
            // The newest itself is told with what lies before it.
            self.owe(key, below.saturating_add(1), Some(top))?;
        } else if let Some(since) = since.filter(|_| top > 0) {
            self.owe_since(key, Some(top), since)?;
        }
        self.open_span(key, spans, Span::open(top.max(1), top), None)
    }

    /// The chat was never watched before it was listed, and its newest message may have been missed: nothing tells what was
    /// there at the sign-in but the time.
    fn of_our_time(
        &mut self,
        account: &KnownAccount,
        scope_id: i64,
        top: i32,
    ) -> JobResult<Option<Timestamp>> {
        let newest = sql("SELECT timestamp AS n FROM messages WHERE account_no = ? AND scope = ? AND message_no = ?")
            .number(account.no)
            .number(scope_id)
            .number(top)
            .load::<One>(self.conn)?
            .pop();
        let ours = newest.is_some_and(|newest| newest.n >= account.since);
        Ok(ours.then(|| Timestamp::from_millis(account.since)))
    }

    /// When the account's difference was whole the last time, with every channel that it named.
    fn caught_up_at(&mut self, account_no: i64) -> JobResult<Option<Timestamp>> {
        let seconds = sql("SELECT date AS n FROM account_positions WHERE account_no = ?")
            .number(account_no)
            .load::<One>(self.conn)?
            .pop();
        let seconds = seconds.map(|row| row.n).filter(|seconds| *seconds > 0);
        Ok(seconds.map(Timestamp::from_seconds))
    }

    /// `below`: up to there we were watching before; what came since is owed.
    fn open_span(
        &mut self,
        key: (i64, i64),
        mut spans: Spans,
        mut span: Span,
        below: Option<i32>,
    ) -> JobResult<()> {
        if let Some(below) = below {
            if below.saturating_add(1) < span.low {
                self.owe(key, below + 1, Some(span.low - 1))?;
            } else {
                span.low = below.saturating_add(1);
                span.high = span.high.max(below);
            }
        }
        spans.cover(span);
        self.keep_spans(key, &spans)
    }

    /// Is this a message that is deliberately not kept, and not one of the few in its stretch that stayed?
    pub fn is_let_go(&mut self, key: (i64, i64), number: i32) -> JobResult<bool> {
        let below = number <= self.conversation(key)?.fields.kept_above;
        let scope = scope_of(ChatId::from_marked(key.1));
        Ok(below && !self.is_stored(key.0, scope, number)?)
    }

    fn is_stored(&mut self, account_no: i64, scope: i64, number: i32) -> QueryResult<bool> {
        Ok(sql("SELECT count(*) AS n FROM messages WHERE account_no = ? AND scope = ? AND message_no = ?")
            .number(account_no)
            .number(scope)
            .number(number)
            .get_result::<One>(self.conn)?
            .n
            > 0)
    }

    /// Telegram won't replay what came in a scope: its open spans end where the stream had got to, and what is stored
    /// may have been edited or deleted meanwhile.
    pub fn lose_continuity(&mut self, account: &KnownAccount, scope_id: i64) -> JobResult<()> {
        self.flush()?;
        let holes = sql("UPDATE accounts SET holes = holes + 1 WHERE no = ? RETURNING holes AS n")
            .number(account.no)
            .get_result::<One>(self.conn)?
            .n;
        let (first, last) = chats_of(scope_id);
        let watched_to = self.watched_to_end(account.no, scope_id)?;
        let scope = self.scope(account.no, scope_id)?;
        let live_to = scope.live_to.unwrap_or(0);
        (scope.live_from, scope.live_to) = (None, None);
        (scope.epoch, scope.ended) = (holes, watched_to);
        self.mark_scope(account.no, scope_id);
        sql(
            "UPDATE spans SET high = max(high, ?), open = FALSE WHERE open AND conversation_id IN \
             (SELECT id FROM conversations WHERE account_no = ? AND chat BETWEEN ? AND ?)",
        )
        .number(live_to)
        .number(account.no)
        .number(first)
        .number(last)
        .run(self.conn)?;
        for text in [
            "DELETE FROM spans WHERE high < low AND conversation_id IN \
             (SELECT id FROM conversations WHERE account_no = ? AND chat BETWEEN ? AND ?)",
            "DELETE FROM stale WHERE conversation_id IN \
             (SELECT id FROM conversations WHERE account_no = ? AND chat BETWEEN ? AND ?)",
            // What is not kept is not compared either.
            "INSERT INTO stale (conversation_id, low, high) SELECT s.conversation_id, CASE WHEN s.low > c.kept_above THEN s.low \
             ELSE c.kept_above + 1 END, s.high FROM spans s JOIN conversations c ON c.id = s.conversation_id \
             WHERE s.high > c.kept_above AND c.account_no = ? AND c.chat BETWEEN ? AND ?",
        ] {
            sql(text)
                .number(account.no)
                .number(first)
                .number(last)
                .run(self.conn)?;
        }
        for (key, row) in &mut self.state.conversations {
            if key.0 == account.no && (first..=last).contains(&key.1) {
                row.open_from = None;
            }
        }
        if scope_id == 0 {
            // Which chats have something new, the list says.
            sql("UPDATE accounts SET dialog_cursor = NULL WHERE no = ?")
                .number(account.no)
                .run(self.conn)?;
        }
        Ok(())
    }

    /// Up to where nothing can have come in a chat of the scope that is not known by now. While the list of chats has not
    /// been read to its end, that is still where the stretch before ended.
    fn watched_to_end(&mut self, account_no: i64, scope_id: i64) -> JobResult<Option<i32>> {
        let scope = self.scope(account_no, scope_id)?.clone();
        if scope_id == 0 {
            let listed = sql("SELECT coalesce(listed, -1) AS n FROM accounts WHERE no = ?")
                .number(account_no)
                .get_result::<One>(self.conn)?
                .n;
            if listed < scope.epoch {
                return Ok(scope.ended);
            }
        }
        let (first, last) = chats_of(scope_id);
        // Also where the stream brought nothing: the list had named the newest, and open spans begin there.
        let open = sql("SELECT coalesce(max(high), 0) AS n FROM spans WHERE open AND conversation_id IN \
                        (SELECT id FROM conversations WHERE account_no = ? AND chat BETWEEN ? AND ?)")
        .number(account_no)
        .number(first)
        .number(last)
        .get_result::<One>(self.conn)?
        .n;
        let open = i32::try_from(open).ok().filter(|open| *open > 0);
        let known = scope.ended.max(scope.live_to).max(open);
        if known.is_some() || scope_id != 0 {
            return Ok(known);
        }
        // The whole list was read, and had not one chat of the scope: whatever comes to be is new.
        let chats = sql(
            "SELECT count(*) AS n FROM conversations WHERE account_no = ? AND chat BETWEEN ? AND ?",
        )
        .number(account_no)
        .number(first)
        .number(last)
        .get_result::<One>(self.conn)?
        .n;
        Ok((chats == 0).then_some(0))
    }

    /// The channel's position is of no use: what came since it is owed up to whatever is the newest.
    pub fn lose_channel_position(&mut self, account: &KnownAccount, channel: i64) -> JobResult<()> {
        self.lose_continuity(account, channel)?;
        let key = (account.no, ChatId::channel(channel).marked());
        if self.find_conversation(key.0, key.1)?.is_none() {
            return Ok(());
        }
        let ended = self.scope(account.no, channel)?.ended;
        let spans = self.spans(key)?;
        match watched_to(&spans, ended) {
            Some(below) => self.owe(key, below.saturating_add(1), None),
            None => Ok(()),
        }
    }

    /// The channel can't be followed any more; when it comes back, it begins anew and owes the time between.
    pub fn stop_following(&mut self, account: &KnownAccount, channel: i64) -> JobResult<()> {
        self.lose_continuity(account, channel)?;
        self.scope(account.no, channel)?.pts = 0;
        self.mark_scope(account.no, channel);
        Ok(())
    }

    /// The account is out of all its chats for now.
    pub fn stop_following_all(&mut self, account: &KnownAccount) -> JobResult<()> {
        let channels =
            sql("SELECT channel_id AS n FROM channel_positions WHERE account_no = ? AND pts > 0")
                .number(account.no)
                .load::<One>(self.conn)?;
        for channel in channels {
            self.stop_following(account, channel.n)?;
        }
        self.stop_following(account, 0)
    }
}

/// Up to where a chat was watched before its topmost span opens.
pub(in crate::store) fn watched_to(spans: &Spans, ended: Option<i32>) -> Option<i32> {
    match spans.topmost() {
        Some(span) => span.end(),
        None => ended,
    }
}
