//! Accounts: who they are.

use serde_json::json;

use super::{
    AccountPatch, Lease, NewAccount, Result, StoreError, StoreHandle,
    account_row::{self, AccountRow, select_accounts},
    fence::Claim,
    job_error::JobResult,
    leases,
    nodes::unattended,
    sql::sql,
    tx::Tx,
};
use crate::domain::{
    Account, AccountId, AccountState, Archive, EventBody, MediaPolicy, ProxyName, Retention,
    SyncProgress,
};

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
}
