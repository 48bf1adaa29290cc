//! Vault news: what was done to accounts in Supabase, for the node that has the account. Any node may have seen it first; each piece is
//! written in the transaction that writes the account's copy, so that none is lost with the node that saw it.
//!
//! One process has no such rows: it is told by the vault itself.

use diesel::{QueryResult, QueryableByName, sql_types::Text};

use super::{
    Result, StoreHandle,
    changes::{Changed, tell},
    engine::Conn,
    sql::{Number, server_now, sql},
};
use crate::domain::AccountId;

/// Read at once.
const PORTION: i64 = 500;
/// One piece.
#[derive(Clone, Debug)]
pub struct VaultNews {
    pub id: i64,
    pub account: AccountId,
    pub kind: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Number)]
    id: i64,
    #[diesel(sql_type = Text)]
    account_id: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// With the copy that it is about.
pub(super) fn add(conn: &mut Conn, account: AccountId, news: &[&'static str]) -> QueryResult<()> {
    for kind in news {
        sql(concat!(
            "INSERT INTO vault_news (account_id, kind, at) VALUES (?, ?, ",
            server_now!(),
            ")"
        ))
        .text(&account.to_string())
        .text(kind)
        .run(conn)?;
    }
    if news.is_empty() {
        return Ok(());
    }
    tell(conn, Changed::Vault)
}

impl StoreHandle {
    /// What is to be done, of all accounts, in the order in which it was seen.
    ///
    /// # Errors
    /// As every read.
    pub async fn vault_news(&self) -> Result<Vec<VaultNews>> {
        self.read("vault_news", |conn| {
            let rows = sql("SELECT id, account_id, kind FROM vault_news ORDER BY id LIMIT ?")
                .number(PORTION)
                .load::<Row>(conn)?;
            Ok(rows
                .into_iter()
                .filter_map(|row| {
                    Some(VaultNews {
                        id: row.id,
                        account: row.account_id.parse().ok()?,
                        kind: row.kind,
                    })
                })
                .collect())
        })
        .await
    }

    /// It is done.
    ///
    /// # Errors
    /// As every write; then it is done once more.
    pub async fn drop_vault_news(&self, id: i64) -> Result<()> {
        self.job("drop_vault_news", move |tx| {
            sql("DELETE FROM vault_news WHERE id = ?")
                .number(id)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}
