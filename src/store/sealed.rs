//! Sealed: the vault's rows. The store keeps envelopes; it can't open one.

use diesel::prelude::*;

use super::{
    NewFarewell, Result, StoreHandle,
    engine::{Conn, on},
    farewells,
    sealed_row::{
        RemoteCopy, RemoteRow, SealedAccount, SealedRow, keyring_check, sealed_credentials,
        vault_remote, vault_settings,
    },
    vault_news,
};
use crate::domain::AccountId;

impl StoreHandle {
    /// # Errors
    /// As every read.
    pub async fn sealed_account(&self, id: AccountId) -> Result<Option<SealedAccount>> {
        self.read("sealed_account", move |conn| {
            on!(conn, |conn| sealed_credentials::table
                .find(id.to_string())
                .select(SealedRow::as_select())
                .first(conn))
            .optional()?
            .map(SealedRow::into_account)
            .transpose()
        })
        .await
    }

    /// Oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn sealed_accounts(&self) -> Result<Vec<SealedAccount>> {
        self.read("sealed_accounts", |conn| {
            on!(conn, |conn| sealed_credentials::table
                .order((
                    sealed_credentials::created_at,
                    sealed_credentials::account_id,
                ))
                .select(SealedRow::as_select())
                .load(conn))?
            .into_iter()
            .map(SealedRow::into_account)
            .collect()
        })
        .await
    }

    /// Writes `account` over the row whose revision it carries (0: there is none yet), and with it what is known of
    /// Supabase's row. `news`: what was done there, for the node that has the account. `false`: somebody else changed the row first, nothing was written.
    ///
    /// # Errors
    /// As every write.
    pub async fn replace_sealed(
        &self,
        account: SealedAccount,
        copy: Option<RemoteCopy>,
        news: Vec<&'static str>,
    ) -> Result<bool> {
        let written = self.replace_sealed_and_part(account, copy, Vec::new(), news);
        Ok(written.await?.is_some())
    }

    /// The same, and orders the end of sessions that the row no longer has. Their numbers, in the order given; `None`:
    /// nothing was written.
    ///
    /// # Errors
    /// As every write.
    pub async fn replace_sealed_and_part(
        &self,
        account: SealedAccount,
        copy: Option<RemoteCopy>,
        farewells: Vec<NewFarewell>,
        news: Vec<&'static str>,
    ) -> Result<Option<Vec<i64>>> {
        self.job("replace_sealed", move |tx| {
            let is_sole = tx.state.is_sole(tx.conn);
            let conn = &mut *tx.conn;
            let written = if account.revision == 0 {
                usize::from(insert(conn, &account)?)
            } else {
                let row = SealedRow::of(&account);
                on!(conn, |conn| diesel::update(
                    sealed_credentials::table
                        .find(account.id.to_string())
                        .filter(sealed_credentials::revision.eq(account.revision)),
                )
                .set(&row)
                .execute(conn))?
            };
            if written != 1 {
                return Ok(None);
            }
            if let Some(copy) = &copy {
                put_copy(conn, copy)?;
            }
            if !is_sole {
                vault_news::add(conn, account.id, &news)?;
            }
            Ok(Some(farewells::order(conn, &farewells)?))
        })
        .await
    }

    /// Forgets the account; when Supabase has a row of it, that is to go too.
    ///
    /// # Errors
    /// As every write.
    pub async fn remove_sealed(&self, id: AccountId) -> Result<()> {
        self.sealed_write("remove_sealed", move |conn| forget(conn, id))
            .await
    }

    /// # Errors
    /// As every read.
    pub async fn remote_copies(&self) -> Result<Vec<RemoteCopy>> {
        self.read("remote_copies", |conn| {
            on!(conn, |conn| vault_remote::table
                .select(RemoteRow::as_select())
                .load(conn))?
            .into_iter()
            .map(RemoteRow::into_copy)
            .collect()
        })
        .await
    }

    /// # Errors
    /// As every read.
    pub async fn remote_copy(&self, id: AccountId) -> Result<Option<RemoteCopy>> {
        self.read("remote_copy", move |conn| {
            on!(conn, |conn| vault_remote::table
                .find(id.to_string())
                .select(RemoteRow::as_select())
                .first(conn))
            .optional()?
            .map(RemoteRow::into_copy)
            .transpose()
        })
        .await
    }

    /// What Supabase has of the account, as just seen there. An account removed here meanwhile stays marked for
    /// removal there.
    ///
    /// # Errors
    /// As every write.
    pub async fn put_remote_copy(&self, copy: RemoteCopy) -> Result<()> {
        self.sealed_write("put_remote_copy", move |conn| put_copy(conn, &copy))
            .await
    }

    /// Supabase has no row of it (any more).
    ///
    /// # Errors
    /// As every write.
    pub async fn drop_remote_copy(&self, id: AccountId) -> Result<()> {
        self.sealed_write("drop_remote_copy", move |conn| {
            on!(conn, |conn| diesel::delete(
                vault_remote::table.find(id.to_string())
            )
            .execute(conn))?;
            Ok(())
        })
        .await
    }

    /// Which Supabase project the copies are of. Another one than before: they are forgotten.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_vault_remote(&self, address: String) -> Result<()> {
        self.sealed_write("set_vault_remote", move |conn| {
            let known: Option<String> = on!(conn, |conn| vault_settings::table
                .find("remote")
                .select(vault_settings::value)
                .first(conn))
            .optional()?;
            if known.as_deref() == Some(address.as_str()) {
                return Ok(());
            }
            on!(conn, |conn| diesel::delete(vault_remote::table)
                .execute(conn))?;
            on!(conn, |conn| diesel::update(sealed_credentials::table)
                .set((
                    sealed_credentials::removed_remotely.eq(false),
                    sealed_credentials::conflict.eq(None::<String>),
                ))
                .execute(conn))?;
            on!(conn, |conn| diesel::insert_into(vault_settings::table)
                .values((
                    vault_settings::name.eq("remote"),
                    vault_settings::value.eq(&address),
                ))
                .on_conflict(vault_settings::name)
                .do_update()
                .set(vault_settings::value.eq(&address))
                .execute(conn))?;
            Ok(())
        })
        .await
    }

    /// The envelopes that a key ring has to open before anything else is touched.
    ///
    /// # Errors
    /// As every read.
    pub async fn key_checks(&self) -> Result<Vec<String>> {
        self.read("key_checks", |conn| {
            on!(conn, |conn| keyring_check::table
                .select(keyring_check::envelope)
                .order(keyring_check::key_id)
                .load(conn))
        })
        .await
    }

    /// From now on a start without this key is refused.
    ///
    /// # Errors
    /// As every write.
    pub async fn add_key_check(&self, key_id: String, envelope: String) -> Result<()> {
        self.sealed_write("add_key_check", move |conn| {
            on!(conn, |conn| diesel::insert_into(keyring_check::table)
                .values((
                    keyring_check::key_id.eq(&key_id),
                    keyring_check::envelope.eq(&envelope),
                ))
                .on_conflict_do_nothing()
                .execute(conn))?;
            Ok(())
        })
        .await
    }

    /// Only this key is needed any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn keep_key_check(&self, key_id: String) -> Result<()> {
        self.sealed_write("keep_key_check", move |conn| {
            on!(conn, |conn| diesel::delete(
                keyring_check::table.filter(keyring_check::key_id.ne(&key_id))
            )
            .execute(conn))?;
            Ok(())
        })
        .await
    }

    /// A write without events.
    pub(super) async fn sealed_write<T, F>(&self, name: &'static str, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> QueryResult<T> + Send + 'static,
    {
        self.write(name, move |conn| Ok((job(conn)?, Vec::new())))
            .await
    }
}

/// `false`: there is one.
pub(super) fn insert(conn: &mut Conn, account: &SealedAccount) -> QueryResult<bool> {
    let row = SealedRow::of(account);
    let written = on!(conn, |conn| diesel::insert_into(sealed_credentials::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(written == 1)
}

pub(super) fn forget(conn: &mut Conn, id: AccountId) -> QueryResult<()> {
    let id = id.to_string();
    on!(conn, |conn| diesel::delete(
        sealed_credentials::table.find(&id)
    )
    .execute(conn))?;
    on!(conn, |conn| diesel::update(vault_remote::table.find(&id))
        .set(vault_remote::delete_wanted.eq(true))
        .execute(conn))?;
    Ok(())
}

fn put_copy(conn: &mut Conn, copy: &RemoteCopy) -> QueryResult<()> {
    let id = copy.id.to_string();
    let here: i64 = on!(conn, |conn| sealed_credentials::table
        .find(&id)
        .count()
        .get_result(conn))?;
    let mut row = RemoteRow::of(copy);
    row.delete_wanted |= here == 0;
    on!(conn, |conn| diesel::insert_into(vault_remote::table)
        .values(&row)
        .on_conflict(vault_remote::account_id)
        .do_update()
        .set(&row)
        .execute(conn))?;
    Ok(())
}
