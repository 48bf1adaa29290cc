//! Account states: the state that an account is in, as it is stored, stated and shown.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use tokio::time::timeout;

use super::{
    Result, Statement, StoreError, StoreHandle,
    account_row::{AccountRow, select_accounts},
    job_error::JobResult,
    nodes::unattended,
    sql::sql,
    tx::Tx,
};
use crate::domain::{Account, AccountId, AccountState, StateChange, StateReason, Timestamp};

/// A state that takes longer to store is shown before.
const SOON: Duration = Duration::from_secs(1);

impl Tx<'_> {
    fn set_account_state(&mut self, id: AccountId, change: &StateChange) -> JobResult<Account> {
        let known = self.living_account(id)?;
        let old = self.show_account(id)?;
        let reason = change.reason.as_ref().map(ToString::to_string);
        let same = old.state == change.state
            && old.state_reason == reason
            && old.retry_at == change.retry_at
            && old.attempt == change.attempt;
        if same {
            return Ok(old);
        }
        let since = if old.state == change.state {
            old.state_since
        } else {
            self.now
        };
        let cause = change
            .reason
            .as_ref()
            .map(|reason| json!(reason).to_string());
        sql("UPDATE accounts SET state = ?, state_reason = ?, state_cause = ?, state_since = ?, retry_at = ?, attempt = ? WHERE no = ?")
            .text(change.state.as_str())
            .text_or_null(reason.as_deref())
            .text_or_null(cause.as_deref())
            .number(since.millis())
            .number_or_null(change.retry_at.map(Timestamp::millis))
            .number(i64::from(change.attempt))
            .number(known.no)
            .run(self.conn)?;
        self.announce_account(id)
    }

    /// What the last run left is not how they are: nothing runs yet.
    fn nothing_runs(&mut self, of: Option<&[AccountId]>) -> JobResult<()> {
        let running = sql(select_accounts!(
            "WHERE a.is_active AND a.removed_at IS NULL \
             AND a.state IN ('online', 'reconnecting', 'limited')"
        ))
        .load::<AccountRow>(self.conn)?;
        let concerned: Vec<AccountId> = (running.iter().map(AccountRow::account_id))
            .filter(|id| of.is_none_or(|of| of.contains(id)) && self.state.is_ours(*id))
            .collect();
        for id in concerned {
            self.set_account_state(id, &StateChange::to(AccountState::Connecting))?;
        }
        Ok(())
    }
}

impl StoreHandle {
    /// What was stated here and is not stored yet, and what is stored of accounts that nobody has, put right.
    pub(super) fn as_it_is(
        &self,
        account: Account,
        unattended: &HashMap<AccountId, i64>,
    ) -> Account {
        let mut account = self.stated.over(account);
        // The server's time of day may have been set: this node knows what it has.
        let here = || {
            self.fenced()
                .is_some_and(|fence| fence.epoch(account.id).is_some())
        };
        if unattended.contains_key(&account.id) && account.state.is_connected() && !here() {
            account.state = AccountState::Reconnecting;
            account.explain(Some(&StateReason::NoNode));
            account.retry_at = None;
        }
        account
    }

    /// Accounts that nobody has since the last time are shown so to whoever listens here: nobody writes it into the log. `told`: with
    /// the epoch of the last owner, for there may have been another one between two looks.
    ///
    /// # Errors
    /// As every read.
    pub async fn tell_of_unattended(&self, told: &mut HashMap<AccountId, i64>) -> Result<()> {
        let attendance = self.attendance();
        let now = self
            .read("unattended", move |conn| {
                unattended(conn, attendance.as_ref(), None)
            })
            .await?;
        told.retain(|id, epoch| now.get(id) == Some(epoch));
        for (id, epoch) in now {
            if told.insert(id, epoch).is_none()
                && let Some(account) = self.listed_account(id).await?
                && account.state_code.as_deref() == Some("no_node")
            {
                self.sink.waiting(account);
            }
        }
        Ok(())
    }

    /// What was stated here of an account that is another node's now.
    pub fn forget_stated(&self, id: AccountId) {
        self.stated.forget(id);
    }

    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn set_account_state(&self, id: AccountId, change: StateChange) -> Result<Account> {
        let statement = self.state(id, change);
        match self.store_state(&statement).await? {
            Some(account) => Ok(account),
            // Another was stated meanwhile.
            None => self
                .get_account(id)
                .await?
                .ok_or(StoreError::AccountNotFound),
        }
    }

    /// At a start, before anybody can look: accounts that ran are about to connect.
    ///
    /// # Errors
    /// As every write.
    pub async fn nothing_runs(&self, of: Option<Vec<AccountId>>) -> Result<()> {
        self.job("nothing_runs", move |tx| tx.nothing_runs(of.as_deref()))
            .await
    }

    /// States what holds from now on. It is in force at once, and to be stored by [`Self::store_state`].
    #[must_use]
    pub fn state(&self, id: AccountId, change: StateChange) -> Statement {
        self.stated.state(id, change)
    }

    /// Commits it; event `account_status`, only if something visible changed. `None`: another was stated since, which
    /// holds. While it can't be committed it is shown all the same, also after an error; then it is to be tried again.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn store_state(&self, statement: &Statement) -> Result<Option<Account>> {
        let (stated, this) = (self.stated.clone(), statement.clone());
        let writing = self.job("set_account_state", move |tx| {
            if !stated.is_newest(&this) {
                return Ok(None);
            }
            tx.set_account_state(this.account_id, &this.change)
                .map(Some)
        });
        tokio::pin!(writing);
        let written = match timeout(SOON, &mut writing).await {
            Ok(written) => written,
            Err(_) => {
                self.show_at_once(statement).await;
                writing.await
            }
        };
        match &written {
            Err(error) if error.passes() => self.show_at_once(statement).await,
            _ => self.stated.settled(statement),
        }
        written
    }

    async fn show_at_once(&self, statement: &Statement) {
        if !self.stated.waits(statement) {
            return;
        }
        if let Ok(Some(account)) = self.listed_account(statement.account_id).await {
            self.sink.waiting(account);
        }
    }
}
