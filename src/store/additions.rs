//! Additions: accounts that are being added. Everything of an account that is known at once is one transaction, and with it a row that says
//! who is at it; that row goes when the call is done. What a call made and did not finish is taken back by that row, also when
//! its process ended in the middle of it.

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use uuid::Uuid;

use super::{
    AccountPatch, NewAccount, OwnerRecord, Result, SealedAccount, StoreError, StoreHandle,
    fence::Claim,
    job_error::{JobError, JobResult},
    owners, sealed, sealed_row,
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{Account, AccountId, ProxyName};

/// An account is being added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addition {
    pub account: AccountId,
    /// Of this try: whoever begins anew with the account gives it another one.
    pub mark: Uuid,
    /// The kept answer of the call, where that carried a key ([`super::KeptAnswer`]).
    pub call: Option<Uuid>,
    /// The process that is, or was, at it; empty: none is any more.
    pub boot: String,
}

/// All of a new account that is known before it signs in.
pub struct AddedAccount {
    pub new: NewAccount,
    pub patch: AccountPatch,
    /// The way that it will try first; `None`: directly.
    pub way: Option<ProxyName>,
    pub sealed: SealedAccount,
    /// Whose account it is: kind and hash. `None`: the desk's.
    pub owner: Option<(&'static str, String)>,
    pub addition: Addition,
}

/// What became of an account that was to be taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TakenBack {
    Gone,
    /// It has a session, which somebody uses: it stays, and its caller is told that nobody knows what the call did.
    SignedIn,
    /// Somebody else was quicker, or has begun with it anew.
    Nothing,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    account_id: String,
    #[diesel(sql_type = Text)]
    mark: String,
    /// Empty: none.
    #[diesel(sql_type = Text)]
    call: String,
    #[diesel(sql_type = Text)]
    boot: String,
}

fn read(row: Row) -> QueryResult<Addition> {
    let foreign = |text: &str| sealed_row::foreign(text);
    Ok(Addition {
        account: (row.account_id.parse()).map_err(|_| foreign(&row.account_id))?,
        mark: row.mark.parse().map_err(|_| foreign(&row.mark))?,
        call: match row.call.as_str() {
            "" => None,
            call => Some(call.parse().map_err(|_| foreign(call))?),
        },
        boot: row.boot,
    })
}

impl Tx<'_> {
    fn put_addition(&mut self, addition: &Addition) -> QueryResult<()> {
        sql(
            "INSERT INTO additions (account_id, mark, call, boot, at) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (account_id) DO UPDATE SET mark = excluded.mark, call = excluded.call, boot = excluded.boot, at = excluded.at",
        )
        .text(&addition.account.to_string())
        .text(&addition.mark.to_string())
        .text(&addition.call.map(|call| call.to_string()).unwrap_or_default())
        .text(&addition.boot)
        .number(self.now.millis())
        .run(self.conn)
        .map(drop)
    }

    fn take_back(&mut self, addition: &Addition) -> JobResult<TakenBack> {
        let (id, mark) = (addition.account.to_string(), addition.mark.to_string());
        let dropped = sql("DELETE FROM additions WHERE account_id = ? AND mark = ?")
            .text(&id)
            .text(&mark)
            .run(self.conn)?;
        if dropped == 0 {
            return Ok(TakenBack::Nothing);
        }
        let call = (addition.call)
            .map(|call| call.to_string())
            .unwrap_or_default();
        let signed_in = sql(
            "SELECT (SELECT count(*) FROM sealed_credentials WHERE account_id = ? AND session IS NOT NULL) + \
             (SELECT count(*) FROM accounts WHERE id = ? AND user_id IS NOT NULL) AS n",
        )
        .text(&id)
        .text(&id)
        .get_result::<One>(self.conn)?;
        if signed_in.n > 0 {
            sql("UPDATE kept_answers SET boot = '' WHERE id = ? AND done = 0")
                .text(&call)
                .run(self.conn)?;
            return Ok(TakenBack::SignedIn);
        }
        match self.remove_account(addition.account, false) {
            // Somebody has removed it.
            Ok(()) | Err(JobError::Answer(StoreError::AccountNotFound)) => {}
            Err(error) => return Err(error),
        }
        sealed::forget(self.conn, addition.account)?;
        owners::forget(self.conn, addition.account)?;
        // Only now may the call be made again.
        sql("DELETE FROM kept_answers WHERE id = ? AND done = 0")
            .text(&call)
            .run(self.conn)?;
        Ok(TakenBack::Gone)
    }
}

impl StoreHandle {
    /// A new account, whole. Event `account_status`. Until [`Self::added`] it may be taken back.
    ///
    /// # Errors
    /// [`StoreError::Exists`], or as every write.
    pub async fn add_account(&self, one: AddedAccount) -> Result<(Account, Option<OwnerRecord>)> {
        let id = one.new.id;
        self.create(id, move |tx, claim: Option<&Claim>| {
            let lease = tx.insert_account(&one.new, claim)?;
            tx.change_account(id, &one.patch)?;
            tx.change_way(id, one.way.as_ref())?;
            if !sealed::insert(tx.conn, &one.sealed)? {
                return Err(StoreError::Exists("this account").into());
            }
            let owner = match &one.owner {
                Some((kind, owner)) => Some(owners::put(tx.conn, kind, owner, id)?),
                None => None,
            };
            tx.put_addition(&one.addition)?;
            Ok(((tx.announce_account(id)?, owner), lease))
        })
        .await
    }

    /// A known account that nobody is signed in with is begun with anew, and may be taken back until [`Self::added`].
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], or as every write.
    pub async fn add_anew(&self, addition: Addition) -> Result<()> {
        self.job("add_anew", move |tx| {
            tx.living_account(addition.account)?;
            Ok(tx.put_addition(&addition)?)
        })
        .await
    }

    /// The account stays: its caller may be told.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`] when it was taken back, or as every write.
    pub async fn added(&self, account: AccountId, mark: Uuid) -> Result<()> {
        // Also while another node has it: it takes nothing back of a process that lives.
        self.job("added", move |tx| {
            let dropped = sql("DELETE FROM additions WHERE account_id = ? AND mark = ?")
                .text(&account.to_string())
                .text(&mark.to_string())
                .run(tx.conn)?;
            match dropped {
                0 => Err(StoreError::AccountNotFound.into()),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Whoever has the account now takes it back.
    ///
    /// # Errors
    /// As every write.
    pub async fn leave_addition(&self, mark: Uuid) -> Result<()> {
        self.job("leave_addition", move |tx| {
            sql("UPDATE additions SET boot = '' WHERE mark = ?")
                .text(&mark.to_string())
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// # Errors
    /// As every read.
    pub async fn additions(&self) -> Result<Vec<Addition>> {
        self.read("additions", |conn| {
            sql("SELECT account_id, mark, call, boot FROM additions ORDER BY at, account_id")
                .load::<Row>(conn)?
                .into_iter()
                .map(read)
                .collect()
        })
        .await
    }

    /// What a call under this key made is not taken back yet.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_adding(&self, call: Uuid) -> Result<bool> {
        self.read("is_adding", move |conn| {
            let found = sql("SELECT count(*) AS n FROM additions WHERE call = ?")
                .text(&call.to_string())
                .get_result::<One>(conn)?;
            Ok(found.n > 0)
        })
        .await
    }

    /// Event `account_removed`. With the account goes what was written with it, and the key of its call is free. Never one that is
    /// signed in.
    ///
    /// # Errors
    /// [`StoreError::NotHere`], or as every write.
    pub async fn take_back(&self, addition: Addition) -> Result<TakenBack> {
        let id = addition.account;
        let taken = self
            .job("take_back", move |tx| tx.take_back(&addition))
            .await?;
        if taken == TakenBack::Gone {
            self.forget_stated(id);
        }
        Ok(taken)
    }
}
