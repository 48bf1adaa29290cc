//! Versions: the texts that a message has had.

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Result, StoreHandle,
    sql::{Number, sql},
};
use crate::domain::{MessageRowId, Timestamp};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    pub text: String,
    /// `None` for the text of now.
    pub replaced_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Number>)]
    replaced_at: Option<i64>,
}

impl StoreHandle {
    /// Oldest first, the text of now last, all of one moment: an edit stands in them as a whole or not at all.
    ///
    /// # Errors
    /// As every read.
    pub async fn versions(&self, message: MessageRowId) -> Result<Vec<Version>> {
        self.read("versions", move |conn| {
            let rows = sql(
                "SELECT text, replaced_at FROM ( \
                 SELECT no, text, replaced_at FROM message_versions WHERE message_row = ? UNION ALL \
                 SELECT CAST(9223372036854775807 AS BIGINT), text, CAST(NULL AS BIGINT) FROM messages WHERE id = ? \
                 ) AS v ORDER BY no",
            )
            .number(message.0)
            .number(message.0)
            .load::<VersionRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| Version {
                    text: row.text,
                    replaced_at: row.replaced_at.map(Timestamp::from_millis),
                })
                .collect())
        })
        .await
    }
}
