//! Whose: the account that something belongs to, by its id alone.

use diesel::{QueryableByName, sql_types::Text};

use super::{Result, StoreHandle, sealed_row::foreign, sql::sql};
use crate::domain::{AccountId, ConversationId, MessageRowId, OrderId};

/// Something of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OfAccount {
    Conversation(ConversationId),
    Message(MessageRowId),
    Order(OrderId),
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    t: String,
}

impl StoreHandle {
    /// `None`: there is no such thing.
    ///
    /// # Errors
    /// As every read.
    pub async fn account_of(&self, thing: OfAccount) -> Result<Option<AccountId>> {
        let (query, id) = match thing {
            OfAccount::Conversation(ConversationId(id)) => (
                "SELECT a.id AS t FROM conversations c JOIN accounts a ON a.no = c.account_no WHERE c.id = ?",
                id,
            ),
            OfAccount::Message(MessageRowId(id)) => (
                "SELECT a.id AS t FROM messages m JOIN accounts a ON a.no = m.account_no WHERE m.id = ?",
                id,
            ),
            OfAccount::Order(OrderId(id)) => (
                "SELECT a.id AS t FROM orders o JOIN accounts a ON a.no = o.account_no WHERE o.id = ?",
                id,
            ),
        };
        self.read("account_of", move |conn| {
            let found = sql(query).number(id).load::<Named>(conn)?.pop();
            found
                .map(|row| row.t.parse().map_err(|_| foreign(&row.t)))
                .transpose()
        })
        .await
    }
}
