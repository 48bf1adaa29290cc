//! Files of orders: each lies in the staging folder and has a row for as long as its message is still to be made, or to be
//! edited.

use std::collections::HashSet;

use diesel::{
    QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    message_row::{account_of, from_json, json},
    orders::Known,
    sql::{Number, One, sql},
    tx::Tx,
};
use crate::{
    domain::{AccountId, FileOf, MessageRowId, OrderId, OutgoingFile, PutUp, Uploaded},
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
    #[diesel(sql_type = Nullable<Number>)]
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

    /// Goes with its order.
    pub fn add_edit_file(
        &mut self,
        account_no: i64,
        order: OrderId,
        file: &OutgoingFile,
    ) -> JobResult<()> {
        sql("INSERT INTO edit_files (order_id, account_no, staged, file, size) VALUES (?, ?, ?, ?, ?)")
            .number(order.0)
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
        let again = sql(
            "UPDATE edit_files SET parts = 0, put_up = NULL, again = again + 1 WHERE order_id = ? RETURNING again AS n",
        )
        .number(known.row.id)
        .load::<One>(self.conn)?;
        most = most.max(again.first().map_or(0, |again| again.n));
        Ok(most <= MOST_AGAIN)
    }

    /// A person said "again": what went up before is not relied on.
    pub fn put_up_anew(&mut self, known: &Known) -> JobResult<()> {
        for (row, _) in known.makes() {
            sql("UPDATE order_files SET parts = 0, put_up = NULL, again = 0 WHERE message_row = ?")
                .number(row)
                .run(self.conn)?;
        }
        sql("UPDATE edit_files SET parts = 0, put_up = NULL, again = 0 WHERE order_id = ?")
            .number(known.row.id)
            .run(self.conn)?;
        Ok(())
    }
}

impl StoreHandle {
    /// So much of a file is at Telegram. Of one that is settled meanwhile nothing is kept.
    ///
    /// # Errors
    /// As every write.
    pub async fn note_upload(&self, file: FileOf, uploaded: Uploaded) -> Result<()> {
        let put_up = uploaded.put_up.as_ref().and_then(json::<PutUp>);
        let (text, key) = match file {
            FileOf::Making(row) => (
                "UPDATE order_files SET parts = ?, put_up = ? WHERE message_row = ?",
                row.0,
            ),
            FileOf::Edit(order) => (
                "UPDATE edit_files SET parts = ?, put_up = ? WHERE order_id = ?",
                order.0,
            ),
        };
        self.job("note_upload", move |tx| {
            sql(text)
                .number(i64::from(uploaded.parts))
                .text_or_null(put_up.as_deref())
                .number(key)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// Files that wait, of all accounts or of one; none of those whose history is being deleted.
    ///
    /// # Errors
    /// As every read.
    pub async fn staged_files(&self, account: Option<AccountId>) -> Result<HashSet<StagedName>> {
        let account = account.map(|account| account.to_string());
        self.read("staged_files", move |conn| {
            let rows = sql("SELECT a.id AS account, f.staged FROM (SELECT account_no, staged FROM order_files \
                            UNION ALL SELECT account_no, staged FROM edit_files) f JOIN accounts a ON a.no = f.account_no \
                            WHERE a.id = coalesce(?, a.id) AND NOT a.purge")
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
