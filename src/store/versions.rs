//! Versions: the texts that a message had before it was edited.

use diesel::{QueryableByName, sql_types::Text};

use super::{
    Result, StoreHandle,
    sql::{Number, sql},
};
use crate::domain::{MessageRowId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    pub text: String,
    pub replaced_at: Timestamp,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Number)]
    replaced_at: i64,
}

impl StoreHandle {
    /// Oldest first; empty for a message that was never edited.
    ///
    /// # Errors
    /// As every read.
    pub async fn versions(&self, message: MessageRowId) -> Result<Vec<Version>> {
        self.read("versions", move |conn| {
            let rows = sql(
                "SELECT text, replaced_at FROM message_versions WHERE message_row = ? ORDER BY no",
            )
            .number(message.0)
            .load::<VersionRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| Version {
                    text: row.text,
                    replaced_at: Timestamp::from_millis(row.replaced_at),
                })
                .collect())
        })
        .await
    }
}
