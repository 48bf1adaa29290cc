//! What happens when an account is removed.

use super::{
    Result, StoreError, StoreHandle, account_row::KnownAccount, job_error::JobResult, sql::sql,
    tx::Tx,
};
use crate::domain::{AccountId, EventBody};

impl Tx<'_> {
    /// The account goes from the lists at once. Without history its rows go too, in the background.
    pub fn remove_account(&mut self, id: AccountId, keep_history: bool) -> JobResult<()> {
        let known = self.account(id)?.clone();
        if known.removed {
            return if keep_history {
                Err(StoreError::AccountNotFound.into())
            } else {
                self.delete_kept_history(&known)
            };
        }
        self.flush()?;
        sql("UPDATE accounts SET removed_at = ?, purge = ?, is_active = FALSE, state = 'signed_out', state_reason = NULL, state_cause = NULL, \
             retry_at = NULL, attempt = 0, sync_phase = NULL, dialog_cursor = NULL WHERE no = ?")
        .number(self.now.millis())
        .flag(!keep_history)
        .number(known.no)
        .run(self.conn)?;
        self.stop_following_all(&known)?;
        sql("DELETE FROM additions WHERE account_id = ?")
            .text(&known.id_text)
            .run(self.conn)?;
        for text in [
            "UPDATE conversations SET can_send = FALSE WHERE account_no = ?",
            "DELETE FROM fill_jobs WHERE account_no = ?",
            "DELETE FROM owed WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
            "DELETE FROM stale WHERE conversation_id IN (SELECT id FROM conversations WHERE account_no = ?)",
            "UPDATE messages SET status = 'failed' WHERE id IN \
             (SELECT om.message_row FROM orders o JOIN order_messages om ON om.order_id = o.id AND om.random_id IS NOT NULL \
             WHERE o.account_no = ? AND o.state IN ('queued', 'in_flight', 'unanswered'))",
            "UPDATE orders SET state = CASE state WHEN 'queued' THEN 'failed' ELSE 'given_up' END, retry_at = NULL, \
             wait_of = NULL, held = NULL, wait_ms = NULL, error_code = 'account_removed', \
             error_message = 'the account was removed' \
             WHERE account_no = ? AND state IN ('queued', 'in_flight', 'unanswered')",
        ] {
            sql(text).number(known.no).run(self.conn)?;
        }
        self.emit(&known, EventBody::AccountRemoved { account_id: id })?;
        // Its conversations changed behind the writer's memory.
        self.state.accounts.remove(&id);
        self.state.conversations.retain(|key, _| key.0 != known.no);
        self.state.purge |= !keep_history;
        Ok(())
    }

    /// Of an account that was removed before.
    fn delete_kept_history(&mut self, known: &KnownAccount) -> JobResult<()> {
        let there = sql("UPDATE accounts SET purge = TRUE WHERE no = ? AND label <> ''")
            .number(known.no)
            .run(self.conn)?;
        if there == 0 {
            return Err(StoreError::AccountNotFound.into());
        }
        self.emit(
            known,
            EventBody::AccountRemoved {
                account_id: known.id,
            },
        )?;
        self.state.purge = true;
        Ok(())
    }
}

impl StoreHandle {
    /// Event `account_removed`. With `keep_history` its conversations stay readable, and nothing more is sent there.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn remove_account(&self, id: AccountId, keep_history: bool) -> Result<()> {
        let removed = self.job("remove_account", move |tx| {
            tx.remove_account(id, keep_history)
        });
        removed.await?;
        self.stated.forget(id);
        Ok(())
    }
}
