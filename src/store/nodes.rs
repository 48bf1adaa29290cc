//! Nodes, as everybody may see them: who serves this database, and who has which account. What is served by one process has none.

use std::collections::HashMap;

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};
use uuid::Uuid;

use super::{
    LeaseTimes, Result, StoreHandle,
    engine::Conn,
    leases::needs_one,
    message_row::account_of,
    sql::{Flag, Number, One, server_now, sql},
};
use crate::domain::{AccountId, Timestamp};

/// A node that was seen not long ago.
#[derive(Clone, Debug)]
pub struct NodeSeen {
    pub id: String,
    pub name: String,
    pub address: Option<String>,
    pub version: String,
    /// It has said so within the time that a lease lasts.
    pub alive: bool,
    /// It takes no accounts.
    pub draining: bool,
    pub started_at: Timestamp,
    /// Milliseconds since it last said that it lives.
    pub seen_ms: i64,
    pub accounts: Vec<LeaseSeen>,
}

#[derive(Clone, Debug)]
pub struct LeaseSeen {
    pub account: String,
    pub epoch: i64,
    /// Milliseconds that the lease lasts still; less than nothing: it is over.
    pub left_ms: i64,
}

/// All of it, at one moment.
#[derive(Clone, Debug, Default)]
pub struct NodesSeen {
    pub nodes: Vec<NodeSeen>,
    /// Accounts that nobody has.
    pub without_node: Vec<String>,
}

/// What became of an order to drain a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drained {
    Ordered,
    NoSuchNode,
    /// Nobody else would take its accounts.
    NoOther,
}

#[derive(QueryableByName)]
struct NodeRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Flag)]
    draining: bool,
    #[diesel(sql_type = Number)]
    started_at: i64,
    #[diesel(sql_type = Number)]
    seen_ms: i64,
}

#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = Nullable<Text>)]
    owner: Option<String>,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    epoch: i64,
    #[diesel(sql_type = Number)]
    left_ms: i64,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    epoch: i64,
}

fn seen(conn: &mut Conn, times: LeaseTimes) -> QueryResult<NodesSeen> {
    let nodes = sql(concat!(
        "SELECT id, name, address, version, draining, started_at, ",
        server_now!(),
        " - seen_at AS seen_ms FROM nodes ORDER BY started_at, id"
    ))
    .load::<NodeRow>(conn)?;
    let leases = sql(concat!(
        "SELECT l.owner, a.id, coalesce(l.epoch, 0) AS epoch, coalesce(l.expires_at, 0) - ",
        server_now!(),
        " AS left_ms FROM accounts a LEFT JOIN account_leases l ON l.account_no = a.no WHERE ",
        needs_one!("a"),
        " ORDER BY a.no"
    ))
    .load::<LeaseRow>(conn)?;
    let mut all = NodesSeen {
        nodes: nodes.into_iter().map(|row| row.node(times)).collect(),
        without_node: Vec::new(),
    };
    for row in leases {
        let owner = row.owner.filter(|_| row.left_ms > 0);
        match all
            .nodes
            .iter_mut()
            .find(|node| Some(&node.id) == owner.as_ref())
        {
            Some(node) => node.accounts.push(LeaseSeen {
                account: row.id,
                epoch: row.epoch,
                left_ms: row.left_ms,
            }),
            None => all.without_node.push(row.id),
        }
    }
    Ok(all)
}

/// Accounts that nobody has, or whose owner must have hung up: of all, or whether this one is such. None, where one process has
/// everything. Each with the epoch of its last owner.
pub(super) fn unattended(
    conn: &mut Conn,
    times: Option<LeaseTimes>,
    of: Option<AccountId>,
) -> QueryResult<HashMap<AccountId, i64>> {
    let Some(times) = times else {
        return Ok(HashMap::new());
    };
    let of = of.map(|id| id.to_string());
    let rows = sql(concat!(
        "SELECT a.id, coalesce(l.epoch, 0) AS epoch FROM accounts a LEFT JOIN account_leases l ON l.account_no = a.no WHERE a.id = coalesce(?, a.id) \
         AND a.removed_at IS NULL AND a.state IN ('connecting', 'online', 'reconnecting', 'limited') \
         AND (l.owner IS NULL OR l.expires_at - ? < ",
        server_now!(),
        ")"
    ))
    .text_or_null(of.as_deref())
    .number(times.lasts - times.given_up)
    .load::<IdRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| (account_of(&row.id), row.epoch))
        .collect())
}

impl NodeRow {
    fn node(self, times: LeaseTimes) -> NodeSeen {
        NodeSeen {
            id: self.id,
            name: self.name,
            address: self.address,
            version: self.version,
            alive: self.seen_ms < times.lasts,
            draining: self.draining,
            started_at: Timestamp::from_millis(self.started_at),
            seen_ms: self.seen_ms,
            accounts: Vec::new(),
        }
    }
}

impl StoreHandle {
    /// Who has what. Nothing, where one process has everything.
    ///
    /// # Errors
    /// As every read.
    pub async fn nodes(&self) -> Result<NodesSeen> {
        let Some(times) = self.fenced().map(|fence| fence.times()) else {
            return Ok(NodesSeen::default());
        };
        self.read("nodes", move |conn| seen(conn, times)).await
    }

    /// Tells a node to let go of its accounts and to take none; or (`false`) to take part again. It hears of it within seconds.
    ///
    /// # Errors
    /// As every write.
    pub async fn drain_node(&self, node: Uuid, draining: bool) -> Result<Drained> {
        let Some(times) = self.fenced().map(|fence| fence.times()) else {
            return Ok(Drained::NoSuchNode);
        };
        let node = node.to_string();
        self.job("drain_node", move |tx| {
            let count = |tx: &mut super::tx::Tx<'_>, which: &str| -> QueryResult<i64> {
                let text = format!(
                    concat!(
                        "SELECT count(*) AS n FROM nodes WHERE {} AND seen_at > ",
                        server_now!(),
                        " - ?"
                    ),
                    which
                );
                let counted = sql(&text)
                    .text(&node)
                    .number(times.lasts)
                    .get_result::<One>(tx.conn)?;
                Ok(counted.n)
            };
            if count(tx, "id = ?")? == 0 {
                return Ok(Drained::NoSuchNode);
            }
            if draining && count(tx, "NOT draining AND id <> ?")? == 0 {
                return Ok(Drained::NoOther);
            }
            sql("UPDATE nodes SET draining = ? WHERE id = ?")
                .flag(draining)
                .text(&node)
                .run(tx.conn)?;
            Ok(Drained::Ordered)
        })
        .await
    }
}
