//! Kept answers: of calls that named a key, so that a repeat is answered with what the first one was answered.

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use uuid::Uuid;

use super::{
    Result, StoreHandle,
    sealed_row::foreign,
    sql::{Number, sql},
};

/// Whose call it is, which one, and under which key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallKey {
    pub caller: String,
    /// Method and path.
    pub call: String,
    pub key: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptAnswer {
    /// The envelope is bound to it.
    pub id: Uuid,
    /// Envelope.
    pub sealed: String,
    pub done: bool,
    /// The process that is, or was, at it.
    pub boot: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    sealed: String,
    #[diesel(sql_type = Number)]
    done: i64,
    #[diesel(sql_type = Text)]
    boot: String,
}

impl Row {
    fn read(self) -> QueryResult<KeptAnswer> {
        Ok(KeptAnswer {
            id: self.id.parse().map_err(|_| foreign(&self.id))?,
            sealed: self.sealed,
            done: self.done != 0,
            boot: self.boot,
        })
    }
}

impl StoreHandle {
    /// Takes a key for a call that begins. `Some`: it is taken already, by this one.
    ///
    /// # Errors
    /// As every write.
    pub async fn claim_answer(
        &self,
        key: CallKey,
        begun: KeptAnswer,
    ) -> Result<Option<KeptAnswer>> {
        self.job("claim_answer", move |tx| {
            // Two nodes may take it at once: the second one waits for the first, and gets its row.
            let row = sql("INSERT INTO kept_answers (caller, call, key, id, sealed, done, boot, created_at) \
                 VALUES (?, ?, ?, ?, ?, 0, ?, ?) \
                 ON CONFLICT (caller, call, key) DO UPDATE SET call = excluded.call RETURNING id, sealed, done, boot")
            .text(&key.caller)
            .text(&key.call)
            .text(&key.key)
            .text(&begun.id.to_string())
            .text(&begun.sealed)
            .text(&begun.boot)
            .number(tx.now.millis())
            .load::<Row>(tx.conn)?
            .pop()
            .ok_or(diesel::result::Error::NotFound)?
            .read()?;
            // Its own row may be of an earlier try of this call, which was committed.
            Ok((row.id != begun.id).then_some(row))
        })
        .await
    }

    /// The call was answered. The first answer stands.
    ///
    /// # Errors
    /// As every write.
    pub async fn keep_answer(&self, id: Uuid, sealed: String) -> Result<()> {
        self.job("keep_answer", move |tx| {
            sql("UPDATE kept_answers SET sealed = ?, done = 1 WHERE id = ? AND done = 0")
                .text(&sealed)
                .text(&id.to_string())
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// The call came to nothing: its key is free again; where it has made an account, once that is taken back.
    ///
    /// # Errors
    /// As every write.
    pub async fn drop_answer(&self, id: Uuid) -> Result<()> {
        self.job("drop_answer", move |tx| {
            sql("DELETE FROM kept_answers WHERE id = ? AND done = 0 \
                 AND NOT EXISTS (SELECT 1 FROM additions WHERE call = kept_answers.id)")
            .text(&id.to_string())
            .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Nobody is at the call any more, and what it did is not known.
    ///
    /// # Errors
    /// As every write.
    pub async fn leave_answer(&self, id: Uuid) -> Result<()> {
        self.job("leave_answer", move |tx| {
            // No process is called so.
            sql("UPDATE kept_answers SET boot = '' WHERE id = ? AND done = 0")
                .text(&id.to_string())
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// # Errors
    /// As every read.
    pub async fn kept_answers(&self) -> Result<Vec<KeptAnswer>> {
        self.read("kept_answers", |conn| {
            sql("SELECT id, sealed, done, boot FROM kept_answers")
                .load::<Row>(conn)?
                .into_iter()
                .map(Row::read)
                .collect()
        })
        .await
    }

    /// The envelope anew, if it still is as `seen` has it.
    ///
    /// # Errors
    /// As every write.
    pub async fn reseal_answer(&self, seen: KeptAnswer, sealed: String) -> Result<()> {
        self.job("reseal_answer", move |tx| {
            sql("UPDATE kept_answers SET sealed = ? WHERE id = ? AND sealed = ?")
                .text(&sealed)
                .text(&seen.id.to_string())
                .text(&seen.sealed)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}
