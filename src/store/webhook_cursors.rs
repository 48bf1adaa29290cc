//! Webhook cursors: how far each webhook was served, so that a restart goes on there.

use diesel::prelude::*;

use super::{Result, StoreHandle};
use crate::domain::{Seq, Timestamp};

diesel::table! {
    webhook_cursors (hook) {
        hook -> Text,
        seq -> BigInt,
        updated_at -> BigInt,
    }
}

impl StoreHandle {
    /// `None`: this webhook is new.
    ///
    /// # Errors
    /// As every read.
    pub async fn webhook_cursor(&self, hook: String) -> Result<Option<Seq>> {
        self.read("webhook_cursor", move |conn| {
            let seq = webhook_cursors::table
                .find(hook)
                .select(webhook_cursors::seq)
                .first(conn)
                .optional()?;
            Ok(seq.map(Seq))
        })
        .await
    }

    /// # Errors
    /// As every write.
    pub async fn set_webhook_cursor(&self, hook: String, seq: Seq) -> Result<()> {
        self.write("set_webhook_cursor", move |conn| {
            diesel::replace_into(webhook_cursors::table)
                .values((
                    webhook_cursors::hook.eq(&hook),
                    webhook_cursors::seq.eq(seq.0),
                    webhook_cursors::updated_at.eq(Timestamp::now().millis()),
                ))
                .execute(conn)?;
            Ok(((), Vec::new()))
        })
        .await
    }
}
