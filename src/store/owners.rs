//! Owners: which licence, user or portal caller has which account. Owners are known by hashes alone.

use diesel::prelude::*;

use super::{
    Result, StoreHandle,
    changes::{Changed, tell},
    engine::{Conn, on},
};
use crate::domain::{AccountId, Timestamp};

diesel::table! {
    account_owners (id) {
        id -> BigInt,
        kind -> Text,
        owner -> Text,
        account_id -> Text,
        pending -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

/// One owner and its account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnerRecord {
    pub id: i64,
    /// `licence`, `user` or `portal`.
    pub kind: String,
    /// SHA-256, hexadecimal.
    pub owner: String,
    pub account_id: AccountId,
    /// Names the started sign-in that is the valid one.
    pub pending: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = account_owners)]
struct OwnerRow {
    id: i64,
    kind: String,
    owner: String,
    account_id: String,
    pending: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl OwnerRow {
    fn into_record(self) -> QueryResult<OwnerRecord> {
        let account_id = self.account_id.parse().map_err(|_| {
            diesel::result::Error::DeserializationError("an owner's account id is no uuid".into())
        })?;
        Ok(OwnerRecord {
            id: self.id,
            kind: self.kind,
            owner: self.owner,
            account_id,
            pending: self.pending,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}

impl StoreHandle {
    /// # Errors
    /// As every read.
    pub async fn owners(&self) -> Result<Vec<OwnerRecord>> {
        self.read("owners", |conn| {
            on!(conn, |conn| account_owners::table
                .order(account_owners::id)
                .select(OwnerRow::as_select())
                .load(conn))?
            .into_iter()
            .map(OwnerRow::into_record)
            .collect()
        })
        .await
    }

    /// # Errors
    /// As every read.
    pub async fn owner(&self, kind: &'static str, owner: String) -> Result<Option<OwnerRecord>> {
        self.read("owner", move |conn| {
            let known = account_owners::kind
                .eq(kind)
                .and(account_owners::owner.eq(&owner));
            let row: Option<OwnerRow> = on!(conn, |conn| account_owners::table
                .filter(known)
                .select(OwnerRow::as_select())
                .first(conn)
                .optional())?;
            row.map(OwnerRow::into_record).transpose()
        })
        .await
    }

    /// Which started sign-in is the valid one; `None`: none is under way.
    ///
    /// # Errors
    /// As every write.
    pub async fn set_owner_pending(&self, id: i64, pending: Option<String>) -> Result<()> {
        self.write("set_owner_pending", move |conn| {
            on!(conn, |conn| diesel::update(account_owners::table.find(id))
                .set((
                    account_owners::pending.eq(&pending),
                    account_owners::updated_at.eq(Timestamp::now().millis()),
                ))
                .execute(conn))?;
            tell(conn, Changed::Owners)?;
            Ok(((), Vec::new()))
        })
        .await
    }

    /// Nobody owns this account any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_owners_of(&self, account_id: AccountId) -> Result<()> {
        self.write("forget_owners_of", move |conn| {
            forget(conn, account_id)?;
            Ok(((), Vec::new()))
        })
        .await
    }
}

/// Gives an owner an account, in place of the one it had. An owner keeps its id.
pub(super) fn put(
    conn: &mut Conn,
    kind: &str,
    owner: &str,
    account_id: AccountId,
) -> QueryResult<OwnerRecord> {
    let now = Timestamp::now().millis();
    let row = on!(conn, |conn| diesel::insert_into(account_owners::table)
        .values((
            account_owners::kind.eq(kind),
            account_owners::owner.eq(owner),
            account_owners::account_id.eq(account_id.to_string()),
            account_owners::created_at.eq(now),
            account_owners::updated_at.eq(now),
        ))
        .on_conflict((account_owners::kind, account_owners::owner))
        .do_update()
        .set((
            account_owners::account_id.eq(account_id.to_string()),
            account_owners::pending.eq(None::<String>),
            account_owners::updated_at.eq(now),
        ))
        .returning(OwnerRow::as_returning())
        .get_result(conn))?;
    tell(conn, Changed::Owners)?;
    row.into_record()
}

pub(super) fn forget(conn: &mut Conn, account_id: AccountId) -> QueryResult<()> {
    let owned = account_owners::account_id.eq(account_id.to_string());
    on!(conn, |conn| diesel::delete(
        account_owners::table.filter(owned)
    )
    .execute(conn))?;
    tell(conn, Changed::Owners)
}
