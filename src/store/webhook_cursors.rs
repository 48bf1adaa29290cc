//! Webhook cursors: how far each webhook was served, account by account, so that a restart goes on there.

use diesel::prelude::*;

use super::{
    Result, StoreHandle,
    engine::{Conn, on},
    sql::{One, sql},
    webhook_rows::work_of,
    work_rows::{claim, is_held},
};
use crate::domain::{AccountId, Seq, Timestamp};

diesel::table! {
    webhook_cursors (hook) {
        hook -> Text,
        seq -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    webhook_lanes (hook, account_id) {
        hook -> Text,
        account_id -> Text,
        seq -> BigInt,
    }
}

/// How far a webhook was served.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookPlace {
    /// Everything up to here, but for the accounts that it is behind with.
    pub seq: Seq,
    pub behind: Vec<(AccountId, Seq)>,
}

impl StoreHandle {
    /// `None`: this webhook is new.
    ///
    /// # Errors
    /// As every read.
    pub async fn webhook_place(&self, hook: String) -> Result<Option<WebhookPlace>> {
        self.read("webhook_place", move |conn| {
            let seq = on!(conn, |conn| webhook_cursors::table
                .find(&hook)
                .select(webhook_cursors::seq)
                .first(conn))
            .optional()?;
            let Some(seq) = seq else { return Ok(None) };
            let behind = on!(conn, |conn| webhook_lanes::table
                .filter(webhook_lanes::hook.eq(&hook))
                .select((webhook_lanes::account_id, webhook_lanes::seq))
                .load::<(String, i64)>(conn))?
            .into_iter()
            .filter_map(|(account, seq)| Some((account.parse().ok()?, Seq(seq))))
            .collect();
            Ok(Some(WebhookPlace {
                seq: Seq(seq),
                behind,
            }))
        })
        .await
    }

    /// Moves a webhook on. Of the lanes only what changed: `None` for an account that it is no longer behind with. `false`: under
    /// this epoch nobody posts it any more, and nothing was moved.
    ///
    /// # Errors
    /// As every write.
    pub async fn move_webhook(
        &self,
        hook: String,
        epoch: i64,
        seq: Seq,
        lanes: Vec<(AccountId, Option<Seq>)>,
    ) -> Result<bool> {
        self.job("move_webhook", move |tx| {
            if !tx.state.is_sole(tx.conn)
                && !is_held(tx.conn, &work_of(&hook), &tx.state.holder(), epoch)?
            {
                return Ok(false);
            }
            move_on(tx.conn, &hook, seq, &lanes)?;
            Ok(true)
        })
        .await
    }

    /// Takes the posting of a webhook, or renews it: the epoch. `made`: it has a row, and is posted while that says so. `None`: another
    /// node posts it, or nobody may.
    ///
    /// # Errors
    /// As every write; then nothing was renewed, as far as anybody may know.
    pub async fn claim_webhook(&self, hook: String, made: bool) -> Result<Option<i64>> {
        self.job("claim_webhook", move |tx| {
            if tx.state.is_sole(tx.conn) {
                return Ok(Some(0));
            }
            if made {
                // Whoever removes it waits, and ends the lease with it.
                let row = sql(
                    "SELECT is_active AS n FROM webhooks WHERE id = ? AND is_active = 1 FOR SHARE",
                );
                if row.text(&hook).load::<One>(tx.conn)?.is_empty() {
                    return Ok(None);
                }
            }
            let node = tx.state.holder();
            Ok(claim(tx.conn, &work_of(&hook), &node)?)
        })
        .await
    }

    /// The place of one that has none yet.
    ///
    /// # Errors
    /// As every write.
    pub async fn begin_webhook(&self, hook: String, seq: Seq) -> Result<()> {
        self.job("begin_webhook", move |tx| {
            sql("INSERT INTO webhook_cursors (hook, seq, updated_at) VALUES (?, ?, ?) ON CONFLICT (hook) DO NOTHING")
                .text(&hook)
                .number(seq.0)
                .number(tx.now.millis())
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}

fn move_on(
    conn: &mut Conn,
    hook: &str,
    seq: Seq,
    lanes: &[(AccountId, Option<Seq>)],
) -> QueryResult<()> {
    let now = Timestamp::now().millis();
    on!(conn, |conn| diesel::insert_into(webhook_cursors::table)
        .values((
            webhook_cursors::hook.eq(&hook),
            webhook_cursors::seq.eq(seq.0),
            webhook_cursors::updated_at.eq(now),
        ))
        .on_conflict(webhook_cursors::hook)
        .do_update()
        .set((
            webhook_cursors::seq.eq(seq.0),
            webhook_cursors::updated_at.eq(now),
        ))
        .execute(conn))?;
    for (account, seq) in lanes {
        let account = account.to_string();
        match seq {
            Some(seq) => on!(conn, |conn| diesel::insert_into(webhook_lanes::table)
                .values((
                    webhook_lanes::hook.eq(&hook),
                    webhook_lanes::account_id.eq(account),
                    webhook_lanes::seq.eq(seq.0),
                ))
                .on_conflict((webhook_lanes::hook, webhook_lanes::account_id))
                .do_update()
                .set(webhook_lanes::seq.eq(seq.0))
                .execute(conn))?,
            None => on!(conn, |conn| diesel::delete(
                webhook_lanes::table.find((&hook, account))
            )
            .execute(conn))?,
        };
    }
    Ok(())
}
