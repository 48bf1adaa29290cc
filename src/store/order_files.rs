//! Files of orders: each lies in the staging folder and has a row for as long as its message is still to be made.

use std::collections::HashSet;

use diesel::{
    QueryableByName, RunQueryDsl,
    sql_types::{Integer, Nullable, Text},
};

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    message_row::{account_of, from_json, json},
    orders::Known,
    sql::{One, sql},
    tx::Tx,
};
use crate::{
    domain::{AccountId, MessageRowId, OutgoingFile, PutUp, Uploaded},
    staging::StagedName,
};

/// How often a file goes up because Telegram lost it before its message was sent.
const MOST_AGAIN: i64 = 4;

#[derive(QueryableByName)]
struct FileRow {
    #[diesel(sql_type = Text)]
    file: String,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Text)]
    staged: String,
}

/// The columns, beside an order's message.
#[derive(QueryableByName)]
pub(in crate::store) struct FileColumns {
    #[diesel(sql_type = Nullable<Text>)]
    pub file: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    pub parts: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    pub put_up: Option<String>,
}

impl FileColumns {
    /// `None`: the message has none.
    pub fn read(&self) -> Option<(OutgoingFile, Uploaded)> {
        let file = self.file.as_deref().and_then(from_json)?;
        let uploaded = Uploaded {
            parts: u32::try_from(self.parts.unwrap_or(0)).unwrap_or(0),
            put_up: self.put_up.as_deref().and_then(from_json),
        };
        Some((file, uploaded))
    }
}

impl Tx<'_> {
    pub fn add_order_file(
        &mut self,
        account_no: i64,
        row: i64,
        file: &OutgoingFile,
    ) -> JobResult<()> {
        sql("INSERT INTO order_files (message_row, account_no, staged, file, size) VALUES (?, ?, ?, ?, ?)")
            .number(row)
            .number(account_no)
            .text(&file.staged)
            .text(&json(file).unwrap_or_default())
            .number(i64::try_from(file.size).unwrap_or(i64::MAX))
            .run(self.conn)?;
        Ok(())
    }

    /// Its message is made, or never will be.
    pub fn drop_order_file(&mut self, row: i64) -> JobResult<()> {
        sql("DELETE FROM order_files WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }
}

impl Tx<'_> {
    /// Telegram no longer has the files of an order. False: that was so too often.
    pub fn put_up_again(&mut self, known: &Known) -> JobResult<bool> {
        let mut most = 0;
        for (row, _) in known.makes() {
            let again = sql(
                "UPDATE order_files SET parts = 0, put_up = NULL, again = again + 1 WHERE message_row = ? \
                 RETURNING again AS n",
            )
            .number(row)
            .load::<One>(self.conn)?;
            most = most.max(again.first().map_or(0, |again| again.n));
        }
        Ok(most <= MOST_AGAIN)
    }

    /// A person said "again": what went up before is not relied on.
    pub fn put_up_anew(&mut self, row: i64) -> JobResult<()> {
        sql("UPDATE order_files SET parts = 0, put_up = NULL, again = 0 WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }
}

impl StoreHandle {
    /// So much of a message's file is at Telegram. Of one that is made meanwhile nothing is kept.
    ///
    /// # Errors
    /// As every write; it is only to spare the way a second time.
    pub async fn note_upload(&self, row: MessageRowId, uploaded: Uploaded) -> Result<()> {
        let put_up = uploaded.put_up.as_ref().and_then(json::<PutUp>);
        self.job("note_upload", move |tx| {
            sql("UPDATE order_files SET parts = ?, put_up = ? WHERE message_row = ?")
                .number(i64::from(uploaded.parts))
                .text_or_null(put_up.as_deref())
                .number(row.0)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Files that wait, of all accounts or of one.
    ///
    /// # Errors
    /// As every read.
    pub async fn staged_files(&self, account: Option<AccountId>) -> Result<HashSet<StagedName>> {
        let account = account.map(|account| account.to_string());
        self.read("staged_files", move |conn| {
            let rows = sql("SELECT a.id AS account, f.staged FROM order_files f JOIN accounts a ON a.no = f.account_no \
                            WHERE a.id = coalesce(?, a.id)")
                .text_or_null(account.as_deref())
                .load::<NameRow>(conn)?;
            Ok(rows
                .into_iter()
                .map(|row| StagedName {
                    account: account_of(&row.account),
                    name: row.staged,
                })
                .collect())
        })
        .await
    }

    /// The file of a message that is not sent yet.
    ///
    /// # Errors
    /// As every read.
    pub async fn order_file(&self, row: MessageRowId) -> Result<Option<OutgoingFile>> {
        self.read("order_file", move |conn| {
            let found = sql("SELECT file FROM order_files WHERE message_row = ?")
                .number(row.0)
                .load::<FileRow>(conn)?
                .pop();
            Ok(found.and_then(|row| from_json(&row.file)))
        })
        .await
    }
}
