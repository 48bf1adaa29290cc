//! Sealed row: an account's envelopes, and what Supabase has of it, as their rows have them.

use diesel::prelude::*;

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
pub(super) struct SealedRow {
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
pub(super) struct RemoteRow {
    account_id: String,
    label: String,
    api_id: i32,
    api_hash: Option<String>,
    session: Option<String>,
    proxies: Option<String>,
    is_active: bool,
    inserting: bool,
    pub delete_wanted: bool,
}

/// A value that diesel reports in place of a row that is not one of ours.
pub(super) fn foreign(id: &str) -> diesel::result::Error {
    diesel::result::Error::DeserializationError(format!("{id} is no account id").into())
}

impl SealedRow {
    pub fn of(account: &SealedAccount) -> Self {
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

    pub fn into_account(self) -> QueryResult<SealedAccount> {
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
    pub fn of(copy: &RemoteCopy) -> Self {
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

    pub fn into_copy(self) -> QueryResult<RemoteCopy> {
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
