//! Accounts: who they are, the state they are in, and what happens when one is removed.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use tokio::time::timeout;

use super::{
    AccountPatch, Lease, NewAccount, Result, Statement, StoreError, StoreHandle,
    account_row::{self, AccountRow, KnownAccount, select_accounts},
    fence::Claim,
    job_error::JobResult,
    leases,
    nodes::unattended,
    sql::sql,
    tx::Tx,
};
use crate::domain::{
    Account, AccountId, AccountState, Archive, EventBody, MediaPolicy, ProxyName, Retention,
    StateChange, StateReason, SyncProgress, Timestamp,
};

/// A state that takes longer to store is shown before.
const SOON: Duration = Duration::from_secs(1);

impl Tx<'_> {
    /// The account as it is now, changes of this job included.
    pub fn show_account(&mut self, id: AccountId) -> JobResult<Account> {
        self.flush()?;
        let row = AccountRow::load(self.conn, id)?.ok_or(StoreError::AccountNotFound)?;
        Ok(row.show())
    }

    pub fn announce_account(&mut self, id: AccountId) -> JobResult<Account> {
        let known = self.living_account(id)?;
        let account = self.show_account(id)?;
        self.emit(
            &known,
            EventBody::AccountStatus {
                account: Box::new(account.clone()),
            },
        )?;
        Ok(account)
    }

    /// Its row, and where there are several nodes this one's lease of it.
    pub fn insert_account(
        &mut self,
        new: &NewAccount,
        claim: Option<&Claim>,
    ) -> JobResult<Option<Lease>> {
        let id = new.id.to_string();
        let created = new.created_at.unwrap_or(self.now).millis();
        let state = if new.is_active {
            AccountState::SignedOut
        } else {
            AccountState::Stopped
        };
        // One that was removed with its history kept comes back under the same id.
        let rows = sql(
            "INSERT INTO accounts (id, label, colour, phone, api_id, is_active, state, state_since, created_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET label = excluded.label, colour = excluded.colour, phone = excluded.phone, \
             api_id = excluded.api_id, is_active = excluded.is_active, state = excluded.state, state_reason = NULL, state_cause = NULL, \
             state_since = excluded.state_since, retry_at = NULL, attempt = 0, removed_at = NULL \
             WHERE accounts.removed_at IS NOT NULL AND NOT accounts.purge",
        )
        .text(&id)
        .text(&new.label)
        .number(new.colour)
        .text_or_null(new.phone_masked.as_deref())
        .number_or_null(new.api_id)
        .flag(new.is_active)
        .text(state.as_str())
        .number(self.now.millis())
        .number(created)
        .run(self.conn)?;
        if rows == 0 {
            return Err(StoreError::Exists("this account").into());
        }
        self.state.accounts.remove(&new.id);
        let mut lease = None;
        if let Some(claim) = claim {
            let known =
                account_row::known(self.conn, new.id)?.ok_or(StoreError::AccountNotFound)?;
            // One that comes back may be its former owner's for a moment.
            let claimed =
                leases::claim_one(self.conn, &known, claim)?.ok_or(StoreError::NotHere)?;
            self.state.touched.insert(known.no, (new.id, claimed.epoch));
            lease = Some(claimed);
        }
        Ok(lease)
    }

    pub fn change_account(&mut self, id: AccountId, patch: &AccountPatch) -> JobResult<()> {
        let known = self.living_account(id)?;
        sql("UPDATE accounts SET label = coalesce(?, label), colour = coalesce(?, colour), \
             is_active = coalesce(?, is_active), phone = coalesce(?, phone), api_id = coalesce(?, api_id), \
             archive = coalesce(?, archive), media = coalesce(?, media) WHERE no = ?")
        .text_or_null(patch.label.as_deref())
        .number_or_null(patch.colour)
        .flag_or_null(patch.is_active)
        .text_or_null(patch.phone_masked.as_deref())
        .number_or_null(patch.api_id)
        .text_or_null(patch.archive.map(Archive::as_str))
        .text_or_null(patch.media.map(MediaPolicy::as_str))
        .number(known.no)
        .run(self.conn)?;
        if let Some(user) = &patch.user {
            sql("UPDATE accounts SET user_id = ?, user_first_name = ?, user_last_name = ?, user_username = ? \
                 WHERE no = ?")
            .number(user.id)
            .text(&user.first_name)
            .text_or_null(user.last_name.as_deref())
            .text_or_null(user.username.as_deref())
            .number(known.no)
            .run(self.conn)?;
        }
        if let Some(pace) = &patch.pace {
            sql("UPDATE accounts SET sending_pace = ? WHERE no = ?")
                .text(&json!(pace).to_string())
                .number(known.no)
                .run(self.conn)?;
            self.release_paced(known.no)?;
            self.forget_pace(known.no)?;
        }
        if let Some(retention) = &patch.retention {
            let own = (*retention != Retention::default()).then(|| json!(retention).to_string());
            sql("UPDATE accounts SET retention = ? WHERE no = ?")
                .text_or_null(own.as_deref())
                .number(known.no)
                .run(self.conn)?;
            self.account(id)?.retention = *retention;
            self.state.retire = true;
        }
        if let Some(device) = &patch.device {
            sql("UPDATE accounts SET device = ? WHERE no = ?")
                .text_or_null(
                    device
                        .as_ref()
                        .map(|device| json!(device).to_string())
                        .as_deref(),
                )
                .number(known.no)
                .run(self.conn)?;
        }
        if let Some(proxies) = &patch.proxies {
            sql("UPDATE accounts SET proxies = ? WHERE no = ?")
                .text_or_null(
                    proxies
                        .as_ref()
                        .map(|names| json!(names).to_string())
                        .as_deref(),
                )
                .number(known.no)
                .run(self.conn)?;
        }
        Ok(())
    }

    pub fn change_way(&mut self, id: AccountId, way: Option<&ProxyName>) -> JobResult<()> {
        let known = self.living_account(id)?;
        sql("UPDATE accounts SET way = ? WHERE no = ?")
            .text_or_null(way.map(|way| json!(way).to_string()).as_deref())
            .number(known.no)
            .run(self.conn)?;
        Ok(())
    }

    /// Announced only if it is another one.
    fn set_way(&mut self, id: AccountId, way: Option<&ProxyName>) -> JobResult<Account> {
        let old = self.show_account(id)?;
        if old.proxy.as_ref() == way {
            return Ok(old);
        }
        self.change_way(id, way)?;
        self.announce_account(id)
    }

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

    fn set_sync(&mut self, id: AccountId, sync: Option<&SyncProgress>) -> JobResult<Account> {
        let known = self.living_account(id)?;
        let old = self.show_account(id)?;
        if old.sync.as_ref() == sync {
            return Ok(old);
        }
        sql("UPDATE accounts SET sync_phase = ?, sync_done = ?, sync_total = ? WHERE no = ?")
            .text_or_null(sync.map(|sync| sync.phase.as_str()))
            .number_or_null(sync.map(|sync| sync.done))
            .number_or_null(sync.map(|sync| sync.total))
            .number(known.no)
            .run(self.conn)?;
        self.announce_account(id)
    }

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
    /// Event `account_status`. One that was removed with its history kept may come back under its id.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or as every write.
    pub async fn create_account(&self, new: NewAccount) -> Result<Account> {
        let id = new.id;
        self.create(id, move |tx, claim| {
            let lease = tx.insert_account(&new, claim)?;
            Ok((tx.announce_account(id)?, lease))
        })
        .await
    }

    /// Runs what makes an account, which is this node's from then on.
    pub(super) async fn create<T, F>(&self, id: AccountId, mut make: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>, Option<&Claim>) -> JobResult<(T, Option<Lease>)> + Send + 'static,
    {
        let Some(fence) = self.fenced() else {
            let made = self.job("create_account", move |tx| Ok(make(tx, None)?.0));
            return made.await;
        };
        let claim = Claim {
            node: fence.node().to_string(),
            times: fence.times(),
        };
        fence.expect(id);
        let made = self.job("create_account", move |tx| make(tx, Some(&claim)));
        let made = made.await;
        // What was committed without an answer is let go of at the next renewal, and claimed anew.
        fence.made(id, made.as_ref().ok().and_then(|(_, lease)| *lease));
        Ok(made?.0)
    }

    /// Without removed ones, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn list_accounts(&self) -> Result<Vec<Account>> {
        let attendance = self.attendance();
        self.read("list_accounts", move |conn| {
            let rows = sql(select_accounts!(
                "WHERE a.removed_at IS NULL ORDER BY a.created_at, a.no"
            ))
            .load::<AccountRow>(conn)?;
            let unattended = unattended(conn, attendance.as_ref(), None)?;
            Ok((rows, unattended))
        })
        .await
        .map(|(rows, unattended)| {
            rows.into_iter()
                .map(|row| self.as_it_is(row.show(), &unattended))
                .collect()
        })
    }

    /// What was stated here and is not stored yet, and what is stored of accounts that nobody has, put right.
    fn as_it_is(&self, account: Account, unattended: &HashMap<AccountId, i64>) -> Account {
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

    /// Also a removed one whose history was kept: its label names the conversations that stayed.
    ///
    /// # Errors
    /// As every read.
    pub async fn get_account(&self, id: AccountId) -> Result<Option<Account>> {
        let attendance = self.attendance();
        self.read("get_account", move |conn| {
            let row = AccountRow::load(conn, id)?;
            let unattended = unattended(conn, attendance.as_ref(), Some(id))?;
            Ok((row.and_then(AccountRow::with_history), unattended))
        })
        .await
        .map(|(account, unattended)| account.map(|account| self.as_it_is(account, &unattended)))
    }

    /// `None` also for one that was removed.
    ///
    /// # Errors
    /// As every read.
    pub async fn listed_account(&self, id: AccountId) -> Result<Option<Account>> {
        let attendance = self.attendance();
        self.read("listed_account", move |conn| {
            let row = AccountRow::load(conn, id)?;
            let unattended = unattended(conn, attendance.as_ref(), Some(id))?;
            Ok((row.and_then(AccountRow::listed), unattended))
        })
        .await
        .map(|(account, unattended)| account.map(|account| self.as_it_is(account, &unattended)))
    }

    /// Event `account_status`.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn patch_account(&self, id: AccountId, patch: AccountPatch) -> Result<Account> {
        self.job("patch_account", move |tx| {
            tx.change_account(id, &patch)?;
            tx.announce_account(id)
        })
        .await
    }

    /// Event `account_status`, only if something visible changed.
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

    /// The way that the account's lines go; `None`: directly. Event `account_status`, only if it changed.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn set_way(&self, id: AccountId, way: Option<ProxyName>) -> Result<Account> {
        self.job("set_way", move |tx| tx.set_way(id, way.as_ref()))
            .await
    }

    /// Event `account_status`, only if something visible changed.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn set_sync(&self, id: AccountId, sync: Option<SyncProgress>) -> Result<Account> {
        self.job("set_sync", move |tx| tx.set_sync(id, sync.as_ref()))
            .await
    }

    /// Nothing is remembered of these accounts: before they begin at this node and after they end here, for another node's writer has
    /// written their rows, or will.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_accounts(&self, ids: Vec<AccountId>) -> Result<()> {
        for id in &ids {
            self.stated.forget(*id);
        }
        self.job("forget_accounts", move |tx| {
            for id in &ids {
                // By its row: whether it may be written here is not asked.
                if let Some(account) = account_row::known(tx.conn, *id)? {
                    tx.state.forget_account(account.no);
                }
            }
            Ok(())
        })
        .await
    }

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
