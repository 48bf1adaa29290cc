//! Sign-in attempts: recorded and counted, so that they can be limited.
//!
//! Who tried is stored as a salted hash: the count needs no phone number.

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use sha2::{Digest, Sha256};

use super::{
    LoginAttempt, LoginLimit, NewLoginAttempt, Result, StoreHandle,
    engine::Conn,
    schema::login_attempts,
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{AccountId, AttemptKind, AttemptOutcome, Timestamp, hex};

#[derive(QueryableByName)]
struct Salt {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
#[diesel(table_name = login_attempts)]
struct AttemptRow {
    id: i64,
    account_id: Option<String>,
    kind: String,
    outcome: String,
    error: Option<String>,
    at: i64,
    finished_at: Option<i64>,
}

const fn kind_text(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Phone => "phone",
        AttemptKind::Qr => "qr",
        AttemptKind::TwoFactor => "2fa",
        AttemptKind::Session => "session",
    }
}

fn kind_of(text: &str) -> AttemptKind {
    match text {
        "qr" => AttemptKind::Qr,
        "2fa" => AttemptKind::TwoFactor,
        "session" => AttemptKind::Session,
        _ => AttemptKind::Phone,
    }
}

const fn outcome_text(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Pending => "pending",
        AttemptOutcome::Success => "success",
        AttemptOutcome::Failed => "failed",
        AttemptOutcome::Timeout => "timeout",
        AttemptOutcome::Unanswered => "unanswered",
    }
}

fn outcome_of(text: &str) -> AttemptOutcome {
    match text {
        "success" => AttemptOutcome::Success,
        "failed" => AttemptOutcome::Failed,
        "timeout" => AttemptOutcome::Timeout,
        "unanswered" => AttemptOutcome::Unanswered,
        _ => AttemptOutcome::Pending,
    }
}

fn salt(conn: &mut Conn) -> QueryResult<Option<String>> {
    Ok(sql("SELECT value FROM meta WHERE key = 'attempt_salt'")
        .load::<Salt>(conn)?
        .pop()
        .map(|row| row.value))
}

fn hashed(salt: &str, subject: &str) -> String {
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update(subject.trim())
        .finalize();
    hex(&digest)
}

/// The salt, made with the first attempt.
fn made_salt(tx: &mut Tx<'_>) -> QueryResult<String> {
    sql("INSERT INTO meta (key, value) VALUES ('attempt_salt', ?) ON CONFLICT (key) DO NOTHING")
        .text(&uuid::Uuid::new_v4().to_string())
        .run(tx.conn)?;
    Ok(salt(tx.conn)?.unwrap_or_default())
}

fn insert(tx: &mut Tx<'_>, salt: &str, attempt: &NewLoginAttempt) -> QueryResult<i64> {
    let account = attempt.account_id.map(|id| id.to_string());
    let owner = attempt.owner.as_deref().map(|owner| hashed(salt, owner));
    Ok(sql(
        "INSERT INTO login_attempts (account_id, subject, owner, kind, outcome, at) \
             VALUES (?, ?, ?, ?, 'pending', ?) RETURNING id AS n",
    )
    .text_or_null(account.as_deref())
    .text(&hashed(salt, &attempt.subject))
    .text_or_null(owner.as_deref())
    .text(kind_text(attempt.kind))
    .number(tx.now.millis())
    .get_result::<One>(tx.conn)?
    .n)
}

impl StoreHandle {
    /// Begins as `pending`; its id.
    ///
    /// # Errors
    /// As every write.
    pub async fn record_login_attempt(&self, attempt: NewLoginAttempt) -> Result<i64> {
        self.job("record_login_attempt", move |tx| {
            let salt = made_salt(tx)?;
            Ok(insert(tx, &salt, &attempt)?)
        })
        .await
    }

    /// The same, unless its subject or its owner have made as many already. `None`: they have. One that Telegram never
    /// answered weighs a tenth: it was no try at the number, and still no reason to dial without end.
    ///
    /// # Errors
    /// As every write.
    pub async fn admit_login_attempt(
        &self,
        attempt: NewLoginAttempt,
        limit: LoginLimit,
    ) -> Result<Option<i64>> {
        self.job("admit_login_attempt", move |tx| {
            if tx.conn.gathers() {
                // Another node counts them in the same way, and must see this one.
                sql("SELECT count(*) AS n FROM (SELECT pg_advisory_xact_lock(7265433201)) AS turn")
                    .get_result::<One>(tx.conn)?;
            }
            let salt = made_salt(tx)?;
            let of_subject = sql(
                "SELECT coalesce(sum(CASE outcome WHEN 'unanswered' THEN 1 ELSE 10 END), 0) AS n \
                     FROM login_attempts WHERE subject = ? AND at >= ?",
            )
            .text(&hashed(&salt, &attempt.subject))
            .number(limit.since.millis())
            .get_result::<One>(tx.conn)?;
            let of_owner = sql(
                "SELECT coalesce(sum(CASE outcome WHEN 'unanswered' THEN 1 ELSE 10 END), 0) AS n \
                     FROM login_attempts WHERE owner = ? AND at >= ?",
            )
            .text_or_null(
                attempt
                    .owner
                    .as_deref()
                    .map(|owner| hashed(&salt, owner))
                    .as_deref(),
            )
            .number(limit.since.millis())
            .get_result::<One>(tx.conn)?;
            if of_subject.n.max(of_owner.n) >= limit.starts * 10 {
                return Ok(None);
            }
            Ok(Some(insert(tx, &salt, &attempt)?))
        })
        .await
    }

    /// `error` is for people and must carry no secret.
    ///
    /// # Errors
    /// As every write.
    pub async fn finish_login_attempt(
        &self,
        id: i64,
        outcome: AttemptOutcome,
        error: Option<String>,
    ) -> Result<()> {
        self.job("finish_login_attempt", move |tx| {
            sql("UPDATE login_attempts SET outcome = ?, error = ?, finished_at = ? WHERE id = ?")
                .text(outcome_text(outcome))
                .text_or_null(error.as_deref())
                .number(tx.now.millis())
                .number(id)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Newest first; of one account, or of all.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_login_attempts(
        &self,
        account: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<LoginAttempt>> {
        self.read("list_login_attempts", move |conn| {
            let account = account.map(|id| id.to_string());
            let rows = sql("SELECT id, account_id, kind, outcome, error, at, finished_at FROM login_attempts \
                            WHERE account_id = coalesce(?, account_id) OR (account_id IS NULL AND ? IS NULL) \
                            ORDER BY id DESC LIMIT ?")
            .text_or_null(account.as_deref())
            .text_or_null(account.as_deref())
            .number(limit.clamp(1, 1000))
            .load::<AttemptRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| LoginAttempt {
                    id: row.id,
                    account_id: row.account_id.and_then(|id| id.parse().ok()),
                    kind: kind_of(&row.kind),
                    outcome: outcome_of(&row.outcome),
                    error: row.error,
                    at: Timestamp::from_millis(row.at),
                    finished_at: row.finished_at.map(Timestamp::from_millis),
                })
                .collect())
        })
        .await
    }
}
