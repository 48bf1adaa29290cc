//! Tokens: who may call. Only hashes are kept; the text of a token is shown once and never comes here.

use diesel::{prelude::*, sqlite::SqliteConnection};

use super::{Result, StoreHandle};
use crate::domain::Timestamp;

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        name -> Text,
        scope -> Text,
        hash -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

/// A token about to be stored.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// For people.
    pub name: String,
    pub scope: String,
    /// SHA-256 of the text, hexadecimal.
    pub hash: String,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRecord {
    pub id: i64,
    pub name: String,
    pub scope: String,
    pub hash: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
struct TokenRow {
    id: i64,
    name: String,
    scope: String,
    hash: String,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl From<TokenRow> for TokenRecord {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            scope: row.scope,
            hash: row.hash,
            created_at: Timestamp::from_millis(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_millis),
            expires_at: row.expires_at.map(Timestamp::from_millis),
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
        }
    }
}

pub(in crate::store) fn insert(conn: &mut SqliteConnection, token: &NewToken) -> QueryResult<i64> {
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::name.eq(&token.name),
            api_tokens::scope.eq(&token.scope),
            api_tokens::hash.eq(&token.hash),
            api_tokens::created_at.eq(Timestamp::now().millis()),
            api_tokens::expires_at.eq(token.expires_at.map(Timestamp::millis)),
        ))
        .returning(api_tokens::id)
        .get_result(conn)
}

/// Oldest first, revoked ones included.
pub(in crate::store) fn all(conn: &mut SqliteConnection) -> QueryResult<Vec<TokenRecord>> {
    let rows = api_tokens::table
        .order(api_tokens::id)
        .select(TokenRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// `false`: there is none with this id that still counts.
pub(in crate::store) fn revoke(conn: &mut SqliteConnection, id: i64) -> QueryResult<bool> {
    let open = api_tokens::table
        .find(id)
        .filter(api_tokens::revoked_at.is_null());
    let changed = diesel::update(open)
        .set(api_tokens::revoked_at.eq(Timestamp::now().millis()))
        .execute(conn)?;
    Ok(changed == 1)
}

impl StoreHandle {
    /// Those that count: neither revoked nor expired.
    ///
    /// # Errors
    /// As every read.
    pub async fn valid_tokens(&self) -> Result<Vec<TokenRecord>> {
        self.read("valid_tokens", |conn| {
            let now = Timestamp::now().millis();
            let rows = api_tokens::table
                .filter(api_tokens::revoked_at.is_null())
                .filter(
                    api_tokens::expires_at
                        .is_null()
                        .or(api_tokens::expires_at.gt(now)),
                )
                .order(api_tokens::id)
                .select(TokenRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// Its id.
    ///
    /// # Errors
    /// As every write.
    pub async fn add_token(&self, token: NewToken) -> Result<i64> {
        self.write("add_token", move |conn| {
            Ok((insert(conn, &token)?, Vec::new()))
        })
        .await
    }

    /// Remembers that a token was used, and moves the end of one that lives from use to use.
    ///
    /// # Errors
    /// As every write.
    pub async fn token_used(&self, id: i64, expires_at: Option<Timestamp>) -> Result<()> {
        self.write("token_used", move |conn| {
            diesel::update(api_tokens::table.find(id))
                .set(api_tokens::last_used_at.eq(Timestamp::now().millis()))
                .execute(conn)?;
            if let Some(expires_at) = expires_at {
                diesel::update(api_tokens::table.find(id))
                    .set(api_tokens::expires_at.eq(expires_at.millis()))
                    .execute(conn)?;
            }
            Ok(((), Vec::new()))
        })
        .await
    }
}
