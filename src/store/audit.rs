//! Audit: what was noted, written and read.

use super::{
    Result, StoreHandle,
    audit_row::{AuditRecord, AuditRow, NewAudit, insert},
    sql::sql,
};

/// Read at once at most.
const READ_MAX: u32 = 1000;

impl StoreHandle {
    /// # Errors
    /// As every write.
    pub async fn audit(&self, entry: NewAudit) -> Result<()> {
        self.write("audit", move |conn| Ok((insert(conn, &entry)?, Vec::new())))
            .await
    }

    /// What was noted after `after`, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit_after(&self, after: i64, limit: u32) -> Result<Vec<AuditRecord>> {
        self.read("audit_after", move |conn| {
            let rows = sql(
                "SELECT id, at, action, caller, token_id, ip, account_id, detail FROM audit \
                            WHERE id > ? ORDER BY id LIMIT ?",
            )
            .number(after)
            .number(limit.clamp(1, READ_MAX))
            .load::<AuditRow>(conn)?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// What was noted last, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn newest_audit(&self, limit: u32) -> Result<Vec<AuditRecord>> {
        self.read("newest_audit", move |conn| {
            let mut rows = sql(
                "SELECT id, at, action, caller, token_id, ip, account_id, detail FROM audit \
                            ORDER BY id DESC LIMIT ?",
            )
            .number(limit.clamp(1, READ_MAX))
            .load::<AuditRow>(conn)?;
            rows.reverse();
            Ok(rows.into_iter().map(Into::into).collect())
        })
        .await
    }
}
