//! Tokens: who may call. Only hashes are kept; the text of a token is shown once and never comes here.
//!
//! That a service is locked is a fact of its own: a trigger sets it with the first token, and only a person's order
//! takes it back (`migrations/2026-11-28-000200_locked`).

use diesel::{dsl::exists, prelude::*, select};

use super::{
    Result, StoreHandle,
    engine::{Conn, on},
    token_table::{DESK, LICENCE, NewToken, TokenRecord, TokenState, TokenTable, Unlocked},
};
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
        launched_by -> Nullable<BigInt>,
        owner -> Nullable<Text>,
        accounts -> Nullable<Text>,
        generation -> BigInt,
    }
}

diesel::table! {
    access (one) {
        one -> BigInt,
        locked_at -> Nullable<BigInt>,
        version -> BigInt,
    }
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
    launched_by: Option<i64>,
    owner: Option<String>,
    accounts: Option<String>,
    generation: i64,
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
            launched_by: row.launched_by,
            owner: row.owner,
            // A list that can't be read names nobody's accounts.
            accounts: row
                .accounts
                .map(|list| serde_json::from_str(&list).unwrap_or_default()),
            generation: row.generation,
        }
    }
}

/// Inside a transaction.
pub(in crate::store) fn insert(conn: &mut Conn, token: &NewToken) -> QueryResult<i64> {
    if token.scope != DESK {
        end_desks_without_tokens(conn)?;
    }
    let accounts = token.accounts.as_ref().map(|accounts| {
        // Uuids as texts: serialising them has no way to fail.
        serde_json::to_string(accounts).unwrap_or_default()
    });
    on!(conn, |conn| diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::name.eq(&token.name),
            api_tokens::scope.eq(&token.scope),
            api_tokens::hash.eq(&token.hash),
            api_tokens::created_at.eq(Timestamp::now().millis()),
            api_tokens::expires_at.eq(token.expires_at.map(Timestamp::millis)),
            api_tokens::launched_by.eq(token.launched_by),
            api_tokens::owner.eq((token.scope == LICENCE).then_some(&token.hash)),
            api_tokens::accounts.eq(accounts),
        ))
        .returning(api_tokens::id)
        .get_result(conn))
}

/// Oldest first, revoked ones included.
pub(in crate::store) fn all(conn: &mut Conn) -> QueryResult<Vec<TokenRecord>> {
    let rows = on!(conn, |conn| api_tokens::table
        .order(api_tokens::id)
        .select(TokenRow::as_select())
        .load(conn))?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Inside a transaction. `false`: there is none with this id that still counts.
pub(in crate::store) fn revoke(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    let open = api_tokens::table
        .find(id)
        .filter(api_tokens::revoked_at.is_null());
    let changed = on!(conn, |conn| diesel::update(open)
        .set(api_tokens::revoked_at.eq(Timestamp::now().millis()))
        .execute(conn))?;
    end_desks_without_tokens(conn)?;
    Ok(changed == 1)
}

/// Inside a transaction. Another text for the same token: what the one before opened ends. `None`: there is none with this id
/// that counts.
pub(in crate::store) fn rotate(
    conn: &mut Conn,
    id: i64,
    hash: &str,
) -> QueryResult<Option<TokenRecord>> {
    let now = Timestamp::now();
    let known = on!(conn, |conn| api_tokens::table
        .find(id)
        .filter(api_tokens::scope.ne(DESK))
        .select(TokenRow::as_select())
        .first(conn))
    .optional()?;
    let known = known.map(TokenRecord::from);
    let Some(known) = known.filter(|known| known.state(now) == TokenState::Valid) else {
        return Ok(None);
    };
    on!(conn, |conn| diesel::update(
        api_tokens::table.find(known.id)
    )
    .set((
        api_tokens::hash.eq(hash),
        api_tokens::generation.eq(known.generation + 1),
    ))
    .execute(conn))?;
    // Its text was one once, and so is no guess.
    on!(conn, |conn| diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::name.eq(format!("{} (before)", known.name)),
            api_tokens::scope.eq(&known.scope),
            api_tokens::hash.eq(&known.hash),
            api_tokens::created_at.eq(known.created_at.millis()),
            api_tokens::revoked_at.eq(now.millis()),
            api_tokens::owner.eq(&known.owner),
        ))
        .execute(conn))?;
    let desks = api_tokens::table
        .filter(api_tokens::launched_by.eq(id))
        .filter(api_tokens::revoked_at.is_null());
    on!(conn, |conn| diesel::update(desks)
        .set(api_tokens::revoked_at.eq(now.millis()))
        .execute(conn))?;
    one(conn, id).map(Some)
}

fn one(conn: &mut Conn, id: i64) -> QueryResult<TokenRecord> {
    let row = on!(conn, |conn| api_tokens::table
        .find(id)
        .select(TokenRow::as_select())
        .first(conn))?;
    Ok(row.into())
}

/// Inside a transaction.
pub(in crate::store) fn unlock(conn: &mut Conn) -> QueryResult<Unlocked> {
    if any_lasting(conn)? {
        return Ok(Unlocked::TokensLeft);
    }
    end_desks_without_tokens(conn)?;
    let locked = access::table.filter(access::locked_at.is_not_null());
    let changed = on!(conn, |conn| diesel::update(locked)
        .set((
            access::locked_at.eq(None::<i64>),
            access::version.eq(access::version + 1),
        ))
        .execute(conn))?;
    Ok(if changed == 1 {
        Unlocked::Done
    } else {
        Unlocked::Already
    })
}

fn any_lasting(conn: &mut Conn) -> QueryResult<bool> {
    let lasting = api_tokens::table
        .filter(api_tokens::scope.ne(DESK))
        .filter(api_tokens::revoked_at.is_null())
        .filter(
            api_tokens::expires_at
                .is_null()
                .or(api_tokens::expires_at.gt(Timestamp::now().millis())),
        );
    on!(conn, |conn| select(exists(lasting)).get_result(conn))
}

/// A desk that ended with the last token must not come back with the next one.
fn end_desks_without_tokens(conn: &mut Conn) -> QueryResult<()> {
    if any_lasting(conn)? {
        return Ok(());
    }
    let desks = api_tokens::table
        .filter(api_tokens::scope.eq(DESK))
        .filter(api_tokens::revoked_at.is_null());
    on!(conn, |conn| diesel::update(desks)
        .set(api_tokens::revoked_at.eq(Timestamp::now().millis()))
        .execute(conn))?;
    Ok(())
}

/// Rises with every change of what [`table`] answers, time aside.
pub(in crate::store) fn version(conn: &mut Conn) -> QueryResult<i64> {
    on!(conn, |conn| access::table
        .select(access::version)
        .first(conn))
}

/// With the version that it is of.
pub(in crate::store) fn table(conn: &mut Conn) -> QueryResult<(i64, TokenTable)> {
    conn.at_one_moment(|conn| {
        let (locked_at, version): (Option<i64>, i64) = on!(conn, |conn| access::table
            .select((access::locked_at, access::version))
            .first(conn))?;
        let rows = on!(conn, |conn| api_tokens::table
            .filter(api_tokens::revoked_at.is_null())
            .order(api_tokens::id)
            .select(TokenRow::as_select())
            .load(conn))?;
        let records = rows.into_iter().map(Into::into).collect();
        let table = TokenTable::new(locked_at.is_some(), records, Timestamp::now());
        Ok((version, table))
    })
}

impl StoreHandle {
    /// Was there ever a token with this hash?
    ///
    /// # Errors
    /// As every read.
    pub async fn knows_token(&self, hash: String) -> Result<bool> {
        self.read("knows_token", move |conn| {
            let known = api_tokens::table.filter(api_tokens::hash.eq(&hash));
            on!(conn, |conn| select(exists(known)).get_result(conn))
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

    /// Revoked ones and desks included, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>> {
        self.read("tokens", all).await
    }

    /// Makes a token, and gives it as it is stored.
    ///
    /// # Errors
    /// As every write.
    pub async fn make_token(&self, token: NewToken) -> Result<TokenRecord> {
        self.write("make_token", move |conn| {
            let id = insert(conn, &token)?;
            Ok((one(conn, id)?, Vec::new()))
        })
        .await
    }

    /// `false`: there is none with this id that still counts.
    ///
    /// # Errors
    /// As every write.
    pub async fn revoke_token(&self, id: i64) -> Result<bool> {
        self.write("revoke_token", move |conn| {
            Ok((revoke(conn, id)?, Vec::new()))
        })
        .await
    }

    /// Another text for the same token; `None`: there is none with this id that counts.
    ///
    /// # Errors
    /// As every write.
    pub async fn rotate_token(&self, id: i64, hash: String) -> Result<Option<TokenRecord>> {
        self.write("rotate_token", move |conn| {
            Ok((rotate(conn, id, &hash)?, Vec::new()))
        })
        .await
    }

    /// Remembers that a token was used, and moves the end of one that lives from use to use.
    ///
    /// # Errors
    /// As every write.
    pub async fn token_used(&self, id: i64, expires_at: Option<Timestamp>) -> Result<()> {
        self.write("token_used", move |conn| {
            on!(conn, |conn| diesel::update(api_tokens::table.find(id))
                .set(api_tokens::last_used_at.eq(Timestamp::now().millis()))
                .execute(conn))?;
            if let Some(expires_at) = expires_at {
                on!(conn, |conn| diesel::update(api_tokens::table.find(id))
                    .set(api_tokens::expires_at.eq(expires_at.millis()))
                    .execute(conn))?;
            }
            Ok(((), Vec::new()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::store::connection::migrate;

    /// Protects a database of before: whoever had a token is locked, also if none is left, and desks of which nobody knows
    /// what they came from are over.
    #[test]
    fn a_database_that_knew_tokens_is_locked_by_the_migration() {
        const BEFORE: &str = include_str!("../../migrations/2026-11-28-000200_locked/down.sql");
        let insert = |scope: &str, revoked: &str| {
            format!(
                "INSERT INTO api_tokens (name, scope, hash, created_at, revoked_at) \
                 VALUES ('{scope}', '{scope}', '{scope}', 5, {revoked});"
            )
        };
        for (rows, locked, ids) in [
            (String::new(), false, vec![]),
            (insert("desk", "NULL"), false, vec![]),
            (insert("admin", "7"), true, vec![]),
            (
                insert("admin", "NULL") + &insert("desk", "NULL"),
                true,
                vec![1],
            ),
        ] {
            let mut conn = SqliteConnection::establish(":memory:").unwrap();
            migrate(&mut conn).unwrap();
            conn.batch_execute(BEFORE).unwrap();
            conn.batch_execute(
                "DELETE FROM __diesel_schema_migrations WHERE version = '20261128000200'",
            )
            .unwrap();
            conn.batch_execute(&rows).unwrap();
            migrate(&mut conn).unwrap();
            let (_, table) = table(&mut Conn::Sqlite(conn)).unwrap();
            let counting: Vec<i64> = table.tokens.iter().map(|token| token.id).collect();
            assert_eq!((table.locked, counting), (locked, ids), "{rows}");
        }
    }
}
