//! Copies that go out: messages that are still to be made, and whose files lie with another account's messages.

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    sql::{One, sql},
    tx::Tx,
};
use crate::domain::{MessageRowId, OutgoingFile};

impl Tx<'_> {
    /// `source`: the message that has the file.
    pub fn add_order_copy(&mut self, account_no: i64, row: i64, source: i64) -> JobResult<()> {
        sql("INSERT INTO order_copies (message_row, account_no, source_row) VALUES (?, ?, ?)")
            .number(row)
            .number(account_no)
            .number(source)
            .run(self.conn)?;
        Ok(())
    }

    /// Its message is made, or never will be.
    pub fn drop_order_copy(&mut self, row: i64) -> JobResult<()> {
        sql("DELETE FROM order_copies WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        Ok(())
    }

    fn copy_came(&mut self, row: MessageRowId, file: &OutgoingFile) -> JobResult<bool> {
        let waited =
            sql("DELETE FROM order_copies WHERE message_row = ? RETURNING account_no AS n")
                .number(row.0)
                .load::<One>(self.conn)?
                .pop();
        let Some(One { n: account_no }) = waited else {
            return Ok(false);
        };
        self.add_order_file(account_no, row.0, file)?;
        Ok(true)
    }
}

impl StoreHandle {
    /// The file of a copy is staged, and goes out like any other. `false`: nobody waits for it any more.
    ///
    /// # Errors
    /// As every write.
    pub async fn copy_came(&self, row: MessageRowId, file: OutgoingFile) -> Result<bool> {
        self.job("copy_came", move |tx| tx.copy_came(row, &file))
            .await
    }
}
