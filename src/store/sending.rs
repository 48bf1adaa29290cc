//! Sending: what was learned of an account's health, and what its outbox has to know before a message goes out.

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};
use serde_json::json;

use super::{
    Result, StoreHandle,
    account_row::{from_json, health_record},
    job_error::JobResult,
    sql::{Flag, Number, sql},
    tx::Tx,
};
use crate::domain::{
    Account, AccountId, ChatId, Device, HealthFact, HealthRecord, LearnedPace, Met, PaceLimits,
    PeerKind, Timestamp,
};

/// On what terms a message goes to a chat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendingTerms {
    pub limits: PaceLimits,
    /// A person who never wrote to the account, as far as is known.
    pub stranger: bool,
    /// Somebody wrote there.
    pub talks: bool,
    /// The strangers of the last day.
    pub met: Vec<Met>,
    /// What Telegram has taught it, as the last run left it.
    pub learned: Option<LearnedPace>,
}

#[derive(QueryableByName)]
struct TermsRow {
    #[diesel(sql_type = Nullable<Text>)]
    pace: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    health: Option<String>,
    #[diesel(sql_type = Number)]
    read_up_to: i32,
    #[diesel(sql_type = Flag)]
    wrote: bool,
    #[diesel(sql_type = Flag)]
    bot: bool,
    #[diesel(sql_type = Number)]
    self_id: i64,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Nullable<Text>)]
    kept: Option<String>,
}

impl Tx<'_> {
    /// Announced only if it is news for a person; `None`: it was known.
    fn learn_health(&mut self, id: AccountId, fact: &HealthFact) -> JobResult<Option<Account>> {
        let known = self.living_account(id)?;
        let mut record = self.health_of(known.no)?;
        let before = self.show_account(id)?;
        if !record.learn(fact, self.now) {
            return Ok(None);
        }
        self.keep_health(known.no, &record)?;
        // The state that a flood wait leads to is announced right after it.
        if matches!(fact, HealthFact::FloodWait { .. })
            || before.health == record.shown(before.pace, self.now)
        {
            return Ok(None);
        }
        self.announce_account(id).map(Some)
    }

    fn health_of(&mut self, account_no: i64) -> JobResult<HealthRecord> {
        let row = sql("SELECT health AS kept FROM accounts WHERE no = ?")
            .number(account_no)
            .load::<Kept>(self.conn)?
            .pop();
        Ok(health_record(row.and_then(|row| row.kept).as_deref()))
    }

    fn keep_health(&mut self, account_no: i64, record: &HealthRecord) -> JobResult<()> {
        sql("UPDATE accounts SET health = ? WHERE no = ?")
            .text(&json!(record).to_string())
            .number(account_no)
            .run(self.conn)?;
        Ok(())
    }

    /// What was learned of the pace goes with the limits that it was learned under.
    pub fn forget_pace(&mut self, account_no: i64) -> JobResult<()> {
        let mut record = self.health_of(account_no)?;
        record.forget_pace();
        self.keep_health(account_no, &record)
    }

    /// What waits for the pace alone is looked at anew.
    pub fn release_paced(&mut self, account_no: i64) -> JobResult<()> {
        sql("UPDATE orders SET wait_of = NULL, held = NULL, wait_ms = NULL, retry_at = NULL WHERE account_no = ? AND state = 'queued' \
             AND held IS NOT NULL")
            .number(account_no)
            .run(self.conn)?;
        Ok(())
    }
}

impl StoreHandle {
    /// Takes in what was learned. Event `account_status` when it is news; then the account as it is now.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn learn_health(&self, id: AccountId, fact: HealthFact) -> Result<Option<Account>> {
        self.job("learn_health", move |tx| tx.learn_health(id, &fact))
            .await
    }

    /// What the account calls itself at Telegram: what was kept, else `first`, which is kept from now on. Told with what
    /// is told of the account next.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn device(&self, id: AccountId, first: Device) -> Result<Device> {
        self.job("device", move |tx| {
            let known = tx.living_account(id)?;
            let row = sql("SELECT device AS kept FROM accounts WHERE no = ?")
                .number(known.no)
                .load::<Kept>(tx.conn)?
                .pop();
            if let Some(device) = from_json(row.and_then(|row| row.kept).as_deref()) {
                return Ok(device);
            }
            sql("UPDATE accounts SET device = ? WHERE no = ?")
                .text(&json!(first).to_string())
                .number(known.no)
                .run(tx.conn)?;
            Ok(first.clone())
        })
        .await
    }

    /// Before a message goes to this chat.
    ///
    /// # Errors
    /// As every read.
    pub async fn sending_terms(&self, id: AccountId, chat: ChatId) -> Result<SendingTerms> {
        self.read("sending_terms", move |conn| {
            let row = sql(
                "SELECT a.sending_pace AS pace, a.health, coalesce(a.user_id, 0) AS self_id, coalesce(c.read_inbox_max_id, 0) AS read_up_to, \
                 coalesce(p.bot, FALSE) AS bot, \
                 EXISTS (SELECT 1 FROM (SELECT m.direction FROM messages m INDEXED BY messages_by_conversation \
                 WHERE m.conversation_id = c.id ORDER BY m.timestamp DESC LIMIT 500) AS newest WHERE direction = 'incoming') AS wrote \
                 FROM accounts a LEFT JOIN conversations c ON c.account_no = a.no AND c.chat = ? \
                 LEFT JOIN peers p ON p.account_no = a.no AND p.peer_id = ? WHERE a.id = ?",
            )
            .number(chat.marked())
            .number(chat.marked())
            .text(&id.to_string())
            .load::<TermsRow>(conn)?
            .pop();
            Ok(row.map_or_else(
                || SendingTerms {
                    limits: PaceLimits::default(),
                    stranger: false,
                    talks: false,
                    met: Vec::new(),
                    learned: None,
                },
                |row| row.terms(chat),
            ))
        })
        .await
    }
}

impl TermsRow {
    fn terms(self, chat: ChatId) -> SendingTerms {
        let person =
            matches!(chat.kind(), PeerKind::User(user) if user != self.self_id) && !self.bot;
        // What was read of a person was theirs, also where it is not here; of a group it may be our own.
        let talks = self.wrote || (person && self.read_up_to > 0);
        let health = health_record(self.health.as_deref());
        SendingTerms {
            limits: from_json(self.pace.as_deref()).unwrap_or_default(),
            stranger: person && !talks,
            talks,
            met: health.met_lately(Timestamp::now()),
            learned: health.pace(),
        }
    }
}
