//! Farewells: sealed sessions that are still to be signed out at Telegram, whatever became of their accounts.

use diesel::prelude::*;

use super::{
    Result, StoreHandle,
    account_row::from_json,
    engine::{Conn, on},
    sealed_row::foreign,
    sql::sql,
};
use crate::domain::{AccountId, Device, Timestamp};

diesel::table! {
    farewells (id) {
        id -> BigInt,
        account_id -> Text,
        api_id -> Integer,
        session -> Text,
        proxies -> Nullable<Text>,
        device -> Nullable<Text>,
        ordered_at -> BigInt,
    }
}

/// An order to sign a session out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFarewell {
    /// Whose session it was; there may be no such account any more.
    pub account_id: AccountId,
    pub api_id: i32,
    /// Envelope.
    pub session: String,
    /// Envelope of the ways that its account went.
    pub proxies: Option<String>,
}

/// A stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFarewell {
    pub id: i64,
    pub account_id: AccountId,
    pub api_id: i32,
    /// Envelope.
    pub session: String,
    /// Envelope of the ways that its account went.
    pub proxies: Option<String>,
    /// What its account called itself.
    pub device: Option<Device>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = farewells)]
struct FarewellRow {
    id: i64,
    account_id: String,
    api_id: i32,
    session: String,
    proxies: Option<String>,
    device: Option<String>,
}

impl FarewellRow {
    fn into_farewell(self) -> QueryResult<SealedFarewell> {
        Ok(SealedFarewell {
            id: self.id,
            account_id: self
                .account_id
                .parse()
                .map_err(|_| foreign(&self.account_id))?,
            api_id: self.api_id,
            session: self.session,
            proxies: self.proxies,
            device: from_json(self.device.as_deref()),
        })
    }
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    kept: Option<String>,
}

/// In the transaction that takes the session from its account. Their numbers, in the order given.
pub(super) fn order(conn: &mut Conn, orders: &[NewFarewell]) -> QueryResult<Vec<i64>> {
    orders
        .iter()
        .map(|order| {
            let account = order.account_id.to_string();
            // The account may be gone by the time that it is carried out.
            let device = sql("SELECT device AS kept FROM accounts WHERE id = ?")
                .text(&account)
                .load::<Kept>(conn)?
                .pop()
                .and_then(|row| row.kept);
            on!(conn, |conn| diesel::insert_into(farewells::table)
                .values((
                    farewells::account_id.eq(account),
                    farewells::api_id.eq(order.api_id),
                    farewells::session.eq(&order.session),
                    farewells::proxies.eq(&order.proxies),
                    farewells::device.eq(device),
                    farewells::ordered_at.eq(Timestamp::now().millis()),
                ))
                .returning(farewells::id)
                .get_result(conn))
        })
        .collect()
}

impl StoreHandle {
    /// Oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn farewells(&self) -> Result<Vec<SealedFarewell>> {
        self.read("farewells", |conn| {
            on!(conn, |conn| farewells::table
                .order(farewells::id)
                .select(FarewellRow::as_select())
                .load(conn))?
            .into_iter()
            .map(FarewellRow::into_farewell)
            .collect()
        })
        .await
    }

    /// Sealed under another key. `false`: it is not the one that was read any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn reseal_farewell(
        &self,
        before: SealedFarewell,
        after: SealedFarewell,
    ) -> Result<bool> {
        self.sealed_write("reseal_farewell", move |conn| {
            let same = farewells::table
                .find(before.id)
                .filter(farewells::session.eq(&before.session));
            let written = on!(conn, |conn| diesel::update(same)
                .set((
                    farewells::session.eq(&after.session),
                    farewells::proxies.eq(&after.proxies),
                ))
                .execute(conn))?;
            Ok(written == 1)
        })
        .await
    }

    /// Telegram has ended the session, or nobody wants it ended any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn erase_farewell(&self, id: i64) -> Result<()> {
        self.sealed_write("erase_farewell", move |conn| {
            on!(conn, |conn| diesel::delete(farewells::table.find(id))
                .execute(conn))?;
            Ok(())
        })
        .await
    }
}
