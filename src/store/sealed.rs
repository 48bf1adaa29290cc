//! Sealed: the vault's rows. The store keeps envelopes; it can't open one.

use diesel::prelude::*;

use super::{
    NewFarewell, Result, StoreHandle,
    engine::{Conn, on},
    farewells, vault_news,
};
use crate::domain::{AccountId, Timestamp};

diesel::table! {
    sealed_credentials (account_id) {
        account_id -> Text,
        label -> Text,
        api_id -> Integer,
        api_hash -> Text,
        session -> Nullable<Text>,
        previous_session -> Nullable<Text>,
        sign_in -> Nullable<Text>,
        proxies -> Nullable<Text>,
        is_active -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        epoch -> BigInt,
        revision -> BigInt,
        removed_remotely -> Bool,
        conflict -> Nullable<Text>,
        overrule -> Bool,
    }
}

diesel::table! {
    vault_remote (account_id) {
        account_id -> Text,
        label -> Text,
        api_id -> Integer,
        api_hash -> Nullable<Text>,
        session -> Nullable<Text>,
        proxies -> Nullable<Text>,
        is_active -> Bool,
        inserting -> Bool,
        delete_wanted -> Bool,
    }
}

diesel::table! {
    keyring_check (key_id) { key_id -> Text, envelope -> Text, }
}

diesel::table! {
    vault_settings (name) { name -> Text, value -> Text, }
}

/// One account's sealed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAccount {
    pub id: AccountId,
    pub label: String,
    pub api_id: i32,
    /// Envelope.
    pub api_hash: String,
    /// Envelope; `None`: signed out.
    pub session: Option<String>,
    /// Envelope of the sign-in before, until the new one has connected once.
    pub previous_session: Option<String>,
    /// Envelope of a sign-in under way.
    pub sign_in: Option<String>,
    /// Envelope of its own ways to Telegram; `None`: it has none of its own.
    pub proxies: Option<String>,
    pub is_active: bool,
    pub created_at: Timestamp,
    /// Of the session envelope.
    pub epoch: i64,
    /// Of this row; a change names the one it saw.
    pub revision: i64,
    pub removed_remotely: bool,
    /// What a person should look at.
    pub conflict: Option<String>,
    /// A person changed it here after the conflict was noticed.
    pub overrule: bool,
}

/// A row in Supabase as last seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCopy {
    pub id: AccountId,
    pub label: String,
    pub api_id: i32,
    /// `None`: it was not sealed there.
    pub api_hash: Option<String>,
    pub session: Option<String>,
    pub proxies: Option<String>,
    pub is_active: bool,
    pub inserting: bool,
    pub delete_wanted: bool,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sealed_credentials, treat_none_as_null = true)]
struct SealedRow {
    account_id: String,
    label: String,
    api_id: i32,
    api_hash: String,
    session: Option<String>,
    previous_session: Option<String>,
    sign_in: Option<String>,
    proxies: Option<String>,
    is_active: bool,
    created_at: i64,
    updated_at: i64,
    epoch: i64,
    revision: i64,
    removed_remotely: bool,
    conflict: Option<String>,
    overrule: bool,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = vault_remote, treat_none_as_null = true)]
struct RemoteRow {
    account_id: String,
    label: String,
    api_id: i32,
    api_hash: Option<String>,
    session: Option<String>,
    proxies: Option<String>,
    is_active: bool,
    inserting: bool,
    delete_wanted: bool,
}

/// A value that diesel reports in place of a row that is not one of ours.
pub(super) fn foreign(id: &str) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(format!("{id} is no account id").into())
}

impl SealedRow {
    fn of(account: &SealedAccount) -> Self {
        let account = account.clone();
        Self {
            account_id: account.id.to_string(),
            label: account.label,
            api_id: account.api_id,
            api_hash: account.api_hash,
            session: account.session,
            previous_session: account.previous_session,
            sign_in: account.sign_in,
            proxies: account.proxies,
            is_active: account.is_active,
            created_at: account.created_at.millis(),
            updated_at: Timestamp::now().millis(),
            epoch: account.epoch,
            revision: account.revision.saturating_add(1),
            removed_remotely: account.removed_remotely,
            conflict: account.conflict,
            overrule: account.overrule,
        }
    }

    fn into_account(self) -> QueryResult<SealedAccount> {
        Ok(SealedAccount {
            id: self
                .account_id
                .parse()
                .map_err(|_| foreign(&self.account_id))?,
            label: self.label,
            api_id: self.api_id,
            api_hash: self.api_hash,
            session: self.session,
            previous_session: self.previous_session,
            sign_in: self.sign_in,
            proxies: self.proxies,
            is_active: self.is_active,
            created_at: Timestamp::from_millis(self.created_at),
            epoch: self.epoch,
            revision: self.revision,
            removed_remotely: self.removed_remotely,
            conflict: self.conflict,
            overrule: self.overrule,
        })
    }
}

impl RemoteRow {
    fn of(copy: &RemoteCopy) -> Self {
        let copy = copy.clone();
        Self {
            account_id: copy.id.to_string(),
            label: copy.label,
            api_id: copy.api_id,
            api_hash: copy.api_hash,
            session: copy.session,
            proxies: copy.proxies,
            is_active: copy.is_active,
            inserting: copy.inserting,
            delete_wanted: copy.delete_wanted,
        }
    }

    fn into_copy(self) -> QueryResult<RemoteCopy> {
        Ok(RemoteCopy {
            id: self
                .account_id
                .parse()
                .map_err(|_| foreign(&self.account_id))?,
            label: self.label,
            api_id: self.api_id,
            api_hash: self.api_hash,
            session: self.session,
            proxies: self.proxies,
            is_active: self.is_active,
            inserting: self.inserting,
            delete_wanted: self.delete_wanted,
        })
    }
}

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
