//! Echoes: our own messages in what Telegram tells, while a reply is in flight in their chat.
//!
//! Such a message may be that reply, or be written on a phone at the same moment. Which it is says the random id alone,
//! and that may come later: so it is stored, and held from the desk until no reply is in flight that it could be. Then
//! it was bound (`settle`) or is shown. A reply that gets no definite answer holds others back no longer than
//! [`StoreConfig::hold`](super::StoreConfig); a message that was shown and turns out to be the reply is taken out again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use tokio::sync::oneshot;

use super::{
    account_row::KnownAccount,
    engine::Conn,
    job::{Job, TypedJob},
    job_error::JobResult,
    message_row::{MessageRecord, account_of, chat_of, from_json},
    order_row::{in_flight, makes_messages},
    sql::{Flag, Number, One, sql},
    state::State,
    tx::Tx,
};
use crate::domain::{AccountId, EventBody, Extra, IncomingMessage};

/// How long a release may wait for the file; then the next tick asks again.
const RELEASE_LIMIT: Duration = Duration::from_secs(60);

impl Tx<'_> {
    /// Is this perhaps the echo of a reply that is in flight? Its number lies above all that was known before the first
    /// call.
    pub fn may_be_echo(&mut self, key: (i64, i64), message: &IncomingMessage) -> JobResult<bool> {
        if !message.outgoing {
            return Ok(false);
        }
        let conversation = self.conversation(key)?.fields.id;
        let waited = message
            .extra
            .as_ref()
            .is_some_and(|extra| has_waited(extra));
        if waited && self.waits_at_telegram(conversation)? {
            return Ok(true);
        }
        self.is_awaited(conversation, i64::from(message.message_id))
    }

    /// What went out at its time is followed by the word which of those it was that waited.
    fn waits_at_telegram(&mut self, conversation: i64) -> JobResult<bool> {
        Ok(sql(
            "SELECT count(*) AS n FROM messages WHERE conversation_id = ? AND held AND held = 2 \
             AND scheduled_id IS NOT NULL AND deleted_at IS NULL",
        )
        .number(conversation)
        .get_result::<One>(self.conn)?
        .n > 0)
    }

    fn is_awaited(&mut self, conversation: i64, message_no: i64) -> JobResult<bool> {
        Ok(sql(concat!(
            "SELECT count(*) AS n FROM orders o WHERE o.conversation_id = ? AND coalesce(o.above, 0) < ? AND o.state IN ",
            in_flight!(),
            " AND o.kind IN ",
            makes_messages!(),
        ))
        .number(conversation)
        .number(message_no)
        .get_result::<One>(self.conn)?
        .n > 0)
    }

    /// Nothing is in flight any more that these could be: the desk sees them now.
    pub fn release_settled(&mut self, account: &KnownAccount, key: (i64, i64)) -> JobResult<()> {
        let conversation = self.conversation(key)?.fields.id;
        let held = sql(
            "SELECT id AS n FROM messages WHERE conversation_id = ? AND held AND held = 1 ORDER BY message_no",
        )
        .number(conversation)
        .load::<One>(self.conn)?;
        for One { n: row } in held {
            let Some(record) = MessageRecord::load(self.conn, row)? else {
                continue;
            };
            let extra = record.fields.extra.as_deref().and_then(from_json::<Extra>);
            if extra.is_some_and(|extra| has_waited(&extra))
                && self.waits_at_telegram(conversation)?
            {
                continue;
            }
            if !self.is_awaited(conversation, record.fields.message_no)? {
                self.release(account, key, record)?;
            }
        }
        Ok(())
    }

    /// They were held for long enough.
    fn release_overdue(&mut self, rows: &[i64]) -> JobResult<()> {
        for row in rows {
            let held = MessageRecord::load(self.conn, *row)?.filter(|record| record.fields.held);
            let Some(record) = held else {
                continue;
            };
            let account = self
                .account(account_of(&record.fields.telegram_account_id))?
                .clone();
            let key = (account.no, chat_of(&record.fields.chat_id).marked());
            self.release(&account, key, record)?;
        }
        Ok(())
    }

    fn release(
        &mut self,
        account: &KnownAccount,
        key: (i64, i64),
        record: MessageRecord,
    ) -> JobResult<()> {
        let fields = &record.fields;
        let row = fields.id;
        sql("UPDATE messages SET held = 0 WHERE id = ?")
            .number(row)
            .run(self.conn)?;
        if fields.deleted_at.is_some() || account.removed {
            return Ok(());
        }
        // What only an answer to a question brought is no news.
        if !fields.backfilled {
            self.announce_sent(account, key, row)?;
            return Ok(());
        }
        let no = fields.message_no;
        self.summarise(key, &Arc::new(record.into_message()), no)?;
        let conversation = self.show_conversation(key)?;
        Ok(self.emit(account, EventBody::ConversationUpdated { conversation })?)
    }

    /// A held message that was missed is news when it is released.
    pub fn heard_late(&mut self, row: i64) -> JobResult<()> {
        sql("UPDATE messages SET backfilled = FALSE, late = TRUE WHERE id = ? AND held = 1")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }

    /// A held message that history brought first now comes through the stream: it is news when it is released.
    pub fn heard_live(&mut self, row: i64) -> JobResult<()> {
        sql("UPDATE messages SET backfilled = FALSE WHERE id = ? AND held <> 0")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }
}

/// Did it wait for its time?
const fn has_waited(extra: &Extra) -> bool {
    extra.details.from_scheduled
}

/// Since when the writer sees each row held, by its own clock: another run of the service begins to count anew.
pub(super) struct Holds {
    limit: Duration,
    since: HashMap<i64, Instant>,
}

impl Holds {
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: HashMap::new(),
        }
    }

    /// The releases of what was held for too long, of each account by itself: one that has gone to another node keeps back no
    /// other's.
    pub fn overdue(&mut self, conn: &mut Conn, state: &State) -> QueryResult<Vec<Box<dyn Job>>> {
        let held = sql(HELD).load::<Held>(conn)?;
        if held.is_empty() && self.since.is_empty() {
            return Ok(Vec::new());
        }
        let now = Instant::now();
        let held: BTreeMap<i64, AccountId> = (held.into_iter())
            .map(|row| (row.id, row.removed, account_of(&row.account)))
            // What is nobody's is released wherever it is seen.
            .filter(|(_, removed, account)| *removed || state.is_ours(*account))
            .map(|(row, _, account)| (row, account))
            .collect();
        self.since.retain(|row, _| held.contains_key(row));
        // In the order in which the rows came.
        let mut overdue: HashMap<AccountId, Vec<i64>> = HashMap::new();
        for (row, account) in held {
            let since = self.since.entry(row).or_insert(now);
            if now.duration_since(*since) >= self.limit {
                overdue.entry(account).or_default().push(row);
                *since = now;
            }
        }
        let jobs = overdue.into_values().map(|rows| {
            // Nobody waits for its answer.
            let (reply, _) = oneshot::channel();
            let work = move |tx: &mut Tx<'_>| tx.release_overdue(&rows);
            let job = TypedJob::new("release_overdue", work, reply, now + RELEASE_LIMIT);
            Box::new(job) as Box<dyn Job>
        });
        Ok(jobs.collect())
    }
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Flag)]
    removed: bool,
}

/// Asked at each tick of the writer: walks an index that holds nothing else.
pub(in crate::store) const HELD: &str = "SELECT m.id, m.telegram_account_id AS account, a.removed_at IS NOT NULL AS removed \
     FROM messages m JOIN accounts a ON a.no = m.account_no WHERE m.held AND m.held = 1";
