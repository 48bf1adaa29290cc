//! Calls: what is asked of an account at a node that does not have it, as rows for the node that does. Rows of PostgreSQL alone.
//!
//! A call is addressed to the account: whoever has it takes it, and a node that gets the account later finds it, too. Whoever
//! asked takes the answer away with the row; rows that nobody takes away go after their time. On connections of their own:
//! an answer must not wait behind what accounts write. What the rows say is sealed; this file does not know with what.

use std::{sync::Arc, time::Duration};

use diesel::QueryResult;
use uuid::Uuid;

use super::{
    Result, ServerUrl,
    call_lines::CallLines,
    call_rows::{CallPart, CallState, Named, NewCall, PartRow, Standing, TakenCall, TakenRow, Way},
    sealed_row::foreign,
    server::Server,
    sql::{server_now, sql},
};
use crate::domain::AccountId;

/// On which calls are told of: an account's id, for one that waits, or a call's, when there is something new of it.
pub const CALLS_CHANNEL: &str = "switchboard_calls";

/// Rows of calls that nobody took away.
const LEFT: i64 = 60_000;
/// Longer than any call lasts: one that would has the server's clock from before it was set back, and lasts only if whoever asked says
/// so again.
const FARTHEST: i64 = 90_000;

/// Cheap to clone; its threads end with the last one.
#[derive(Clone)]
pub struct CallRows {
    lines: CallLines,
    /// This node.
    node: Arc<str>,
}

impl CallRows {
    /// # Errors
    /// When this process can't have the threads.
    pub fn open(url: &ServerUrl, node: Uuid) -> Result<Self> {
        Ok(Self {
            lines: CallLines::open(url)?,
            node: node.to_string().into(),
        })
    }

    /// Gives a call to whoever has its account.
    ///
    /// # Errors
    /// As every write; then nothing was asked.
    pub async fn give(&self, call: NewCall) -> Result<()> {
        let (id, account) = (call.id.to_string(), call.account.to_string());
        self.lines.ask("give_call", 0, move |server| {
            sql(concat!(
                "WITH given AS (INSERT INTO node_calls (id, account, sealed, again, expires_at) VALUES (?, ?, ?, ?, ",
                server_now!(),
                " + ?) RETURNING account) SELECT pg_notify('switchboard_calls', account) FROM given"
            ))
            .text(&id)
            .text(&account)
            .text(&call.sealed)
            .flag(call.again)
            .number(millis(call.lasts))
            .run(server)
            .map(drop)
        })
        .await
    }

    /// Of which accounts calls wait, whoever has them.
    ///
    /// # Errors
    /// As every read.
    pub async fn waiting(&self) -> Result<Vec<AccountId>> {
        let node = self.node.clone();
        self.lines.ask("waiting_calls", 0, move |server| {
            sql(concat!(
                "SELECT DISTINCT account AS t FROM node_calls c WHERE expires_at BETWEEN ", server_now!(), " + 1 AND ", server_now!(),
                " + ? AND (taker IS NULL OR (taker <> ? AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.taker AND NOT n.silent)))"
            ))
            .number(FARTHEST)
            .text(&node)
            .load::<Named>(server)?
            .into_iter()
            .map(|row| row.t.parse().map_err(|_| foreign(&row.t)))
            .collect()
        })
        .await
    }

    /// Takes calls of accounts that this node has, at most so many. What another node has begun is taken once that one has ended.
    ///
    /// # Errors
    /// As every write. Some may be taken all the same, see [`Self::give_back`].
    pub async fn take(&self, accounts: &[AccountId], most: usize) -> Result<Vec<TakenCall>> {
        let (accounts, node) = (list(accounts), self.node.clone());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.lines.ask("take_calls", 0, move |server| {
            sql(concat!(
                "WITH mine AS MATERIALIZED (SELECT c.id, c.taker IS NOT NULL AS before FROM node_calls c WHERE c.account IN \
                 (SELECT json_array_elements_text(CAST(? AS JSON))) AND c.expires_at BETWEEN ", server_now!(), " + 1 AND ", server_now!(),
                " + ? AND (c.taker IS NULL OR (c.taker <> ? AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.taker AND NOT n.silent))) ORDER BY c.expires_at LIMIT ? FOR UPDATE OF c SKIP LOCKED) \
                 UPDATE node_calls AS c SET taker = ? FROM mine WHERE c.id = mine.id \
                 RETURNING c.id, c.account, c.sealed, c.again, mine.before"
            ))
            .text(&accounts)
            .number(FARTHEST)
            .text(&node)
            .number(most)
            .text(&node)
            .load::<TakenRow>(server)?
            .into_iter()
            .map(|row| {
                Ok(TakenCall {
                    id: row.id.parse().map_err(|_| foreign(&row.id))?,
                    account: row.account.parse().map_err(|_| foreign(&row.account))?,
                    sealed: row.sealed,
                    again: row.again,
                    begun_before: row.before,
                })
            })
            .collect()
        })
        .await
    }

    /// Gives back what this node has taken and does not know of, or does not begin: all but `known`.
    ///
    /// # Errors
    /// As every write.
    pub async fn give_back(&self, known: &[Uuid]) -> Result<()> {
        let (known, node) = (list(known), self.node.clone());
        self.lines
            .ask("give_calls_back", 0, move |server| {
                sql(
                "WITH given AS (UPDATE node_calls SET taker = NULL WHERE taker = ? AND id NOT IN \
                 (SELECT json_array_elements_text(CAST(? AS JSON))) RETURNING account) \
                 SELECT pg_notify('switchboard_calls', account) FROM given",
            )
            .text(&node)
            .text(&known)
            .run(server)
            .map(drop)
            })
            .await
    }

    /// Adds a part. `false`: nobody waits for it any more, or what is told of the call is another node's to tell, which took it up when
    /// this one seemed to be dead. Of two nodes that tell the same part the first one's stands.
    ///
    /// # Errors
    /// As every write.
    pub async fn put(&self, id: Uuid, way: Way, part: CallPart) -> Result<bool> {
        // The first of an answer is most often all of it.
        let line = usize::from(part.number > 0 || way == Way::Asked);
        let (id, node) = (id.to_string(), self.node.clone());
        self.lines.ask("put_call_part", line, move |server| {
            let there = sql(concat!(
                "WITH there AS (SELECT id FROM node_calls WHERE id = ? AND (? OR taker = ?) AND expires_at > ", server_now!(),
                "), put AS (INSERT INTO node_call_parts (call_id, told, number, sealed) SELECT id, ?, ?, ? FROM there \
                 ON CONFLICT (call_id, told, number) DO NOTHING) SELECT pg_notify('switchboard_calls', id) FROM there"
            ))
            .text(&id)
            .flag(way == Way::Asked)
            .text(&node)
            .flag(way == Way::Told)
            .number(part.number)
            .text(&part.sealed)
            .run(server)?;
            Ok(there > 0)
        })
        .await
    }

    /// Takes away the parts that are there, in order, and says that there is room again; the call lasts as long as if it had been
    /// given now.
    ///
    /// # Errors
    /// As every write.
    pub async fn read(&self, id: Uuid, way: Way, lasts: Duration) -> Result<Vec<CallPart>> {
        let id = id.to_string();
        let line = usize::from(way == Way::Asked);
        self.lines.ask("read_call", line, move |server| {
            let mut parts: Vec<CallPart> = sql(
                "WITH read AS (DELETE FROM node_call_parts WHERE call_id = ? AND told = ? RETURNING number, sealed) \
                 SELECT number, sealed FROM read",
            )
            .text(&id)
            .flag(way == Way::Told)
            .load::<PartRow>(server)?
            .into_iter()
            .map(|row| CallPart {
                number: row.number,
                sealed: row.sealed,
            })
            .collect();
            parts.sort_by_key(|part| part.number);
            // Whoever waits for more keeps the call; of one that is answered in one piece this is for nothing, and the row goes.
            if parts.iter().any(|part| part.number > 0) || way == Way::Asked && !parts.is_empty() {
                sql(concat!(
                    "WITH kept AS (UPDATE node_calls SET expires_at = ", server_now!(),
                    " + ? WHERE id = ? RETURNING id) SELECT pg_notify('switchboard_calls', id) FROM kept"
                ))
                .number(millis(lasts))
                .text(&id)
                .run(server)?;
            }
            Ok(parts)
        })
        .await
    }

    /// How many parts were not read yet; `None`: nobody reads them any more.
    ///
    /// # Errors
    /// As every read.
    pub async fn unread(&self, id: Uuid, way: Way) -> Result<Option<i64>> {
        let id = id.to_string();
        self.lines.ask("unread_call_parts", 1, move |server| {
            let found = sql(concat!(
                "SELECT (SELECT count(*) FROM node_call_parts p WHERE p.call_id = c.id AND p.told = ?) AS number, '' AS sealed \
                 FROM node_calls c WHERE c.id = ? AND c.expires_at > ", server_now!()
            ))
            .flag(way == Way::Told)
            .text(&id)
            .load::<PartRow>(server)?
            .pop();
            Ok(found.map(|row| row.number))
        })
        .await
    }

    /// Whether somebody runs it. Says at the same time that its answer is still waited for.
    ///
    /// # Errors
    /// As every write.
    pub async fn state(&self, id: Uuid, lasts: Duration) -> Result<CallState> {
        let id = id.to_string();
        self.lines
            .ask("state_of_call", 0, move |server| {
                let found = sql(concat!(
                    "UPDATE node_calls AS c SET expires_at = ",
                    server_now!(),
                    " + ? WHERE id = ? RETURNING taker IS NOT NULL AS taken, \
                 EXISTS (SELECT 1 FROM nodes n WHERE n.id = c.taker AND NOT n.silent) AS lives"
                ))
                .number(millis(lasts))
                .text(&id)
                .load::<Standing>(server)?
                .pop();
                Ok(match found {
                    None => CallState::Gone,
                    Some(Standing { taken: false, .. }) => CallState::Waits,
                    Some(Standing { lives: true, .. }) => CallState::Runs,
                    Some(_) => CallState::Orphaned,
                })
            })
            .await
    }

    /// Is this node there, and has nobody seen that it fell silent?
    ///
    /// # Errors
    /// As every read.
    pub async fn lives(&self, node: &str) -> Result<bool> {
        let node = node.to_owned();
        self.lines
            .ask("lives", 0, move |server| {
                let found = sql("SELECT id AS t FROM nodes WHERE id = ? AND NOT silent")
                    .text(&node)
                    .load::<Named>(server)?;
                Ok(!found.is_empty())
            })
            .await
    }

    /// Takes a call back that nobody has begun. `false`: too late, or it is gone.
    ///
    /// # Errors
    /// As every write.
    pub async fn withdraw(&self, id: Uuid) -> Result<bool> {
        let id = id.to_string();
        self.lines
            .ask("withdraw_call", 0, move |server| {
                let gone = sql("DELETE FROM node_calls WHERE id = ? AND taker IS NULL")
                    .text(&id)
                    .run(server)?;
                if gone > 0 {
                    remove_parts(server, &id)?;
                }
                Ok(gone > 0)
            })
            .await
    }

    /// Nobody waits for it any more: its rows go, and whoever still works for it hears.
    ///
    /// # Errors
    /// As every write; then they go after their time.
    pub async fn remove(&self, id: Uuid) -> Result<()> {
        let id = id.to_string();
        self.lines
            .ask("remove_call", 0, move |server| {
                sql(
                    "WITH gone AS (DELETE FROM node_calls WHERE id = ? RETURNING id) \
                 SELECT pg_notify('switchboard_calls', id) FROM gone",
                )
                .text(&id)
                .run(server)?;
                remove_parts(server, &id)
            })
            .await
    }

    /// Removes what those left who asked and ended, and tells how many calls that were.
    ///
    /// # Errors
    /// As every write.
    pub async fn sweep(&self) -> Result<usize> {
        self.lines.ask("sweep_calls", 0, |server| {
            sql(concat!(
                "UPDATE node_calls SET expires_at = ", server_now!(), " WHERE expires_at > ", server_now!(), " + ?"
            ))
            .number(FARTHEST)
            .run(server)?;
            let gone = sql(concat!("DELETE FROM node_calls WHERE expires_at < ", server_now!(), " - ?"))
                .number(LEFT)
                .run(server)?;
            sql("DELETE FROM node_call_parts p WHERE NOT EXISTS (SELECT 1 FROM node_calls c WHERE c.id = p.call_id)")
                .run(server)?;
            Ok(gone)
        })
        .await
    }
}

fn remove_parts(server: &mut Server, id: &str) -> QueryResult<()> {
    sql("DELETE FROM node_call_parts WHERE call_id = ?")
        .text(id)
        .run(server)
        .map(drop)
}

/// As JSON.
fn list(ids: &[impl ToString]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    serde_json::json!(ids).to_string()
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
