//! Nodes, as everybody may see them: who serves this database, and who has which account. What is served by one process has none.

use std::collections::HashMap;

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Ages, LeaseTimes, Result, StoreHandle,
    engine::Conn,
    fence::Fence,
    leases::needs_one,
    message_row::account_of,
    sql::{Flag, Number, server_now, sql},
};
use crate::domain::{AccountId, Timestamp};

/// A node that was seen not long ago.
#[derive(Clone, Debug)]
pub struct NodeSeen {
    pub id: String,
    pub name: String,
    pub address: Option<String>,
    pub version: String,
    /// It has said so within the time that a lease lasts, by the clock of whoever is asked.
    pub alive: bool,
    /// It takes no accounts.
    pub draining: bool,
    pub started_at: Timestamp,
    /// Milliseconds since it last said that it lives.
    pub seen_ms: i64,
    /// How its vault stood then, as JSON; `None`: it has not said.
    pub vault: Option<String>,
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
    #[diesel(sql_type = Nullable<Text>)]
    vault: Option<String>,
}

#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = Nullable<Text>)]
    owner: Option<String>,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    epoch: i64,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    epoch: i64,
}

/// Who is there, as this process has seen it.
pub(super) struct Attendance {
    times: LeaseTimes,
    ages: Ages,
}

impl Attendance {
    pub fn of(fence: &dyn Fence) -> Self {
        Self {
            times: fence.times(),
            ages: fence.ages(),
        }
    }

    /// Milliseconds since it last said that it lives. `said`: by the server's clock, for one that has come just now.
    fn silent_for(&self, node: &str, said: i64) -> i64 {
        let age = self.ages.get(node);
        age.map_or(said, |age| {
            i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// Those that must have hung up, as JSON.
    fn gone(&self) -> String {
        let mut gone: Vec<&str> = Vec::new();
        for node in self.ages.keys() {
            if self.silent_for(node, 0) > self.times.given_up {
                gone.push(node);
            }
        }
        json!(gone).to_string()
    }
}

fn seen(conn: &mut Conn, attendance: &Attendance) -> QueryResult<NodesSeen> {
    let times = attendance.times;
    let nodes = sql(concat!(
        "SELECT id, name, address, version, vault, draining, started_at, ",
        server_now!(),
        " - seen_at AS seen_ms FROM nodes ORDER BY started_at, id"
    ))
    .load::<NodeRow>(conn)?;
    let leases = sql(concat!(
        "SELECT l.owner, a.id, coalesce(l.epoch, 0) AS epoch FROM accounts a LEFT JOIN account_leases l ON l.account_no = a.no WHERE ",
        needs_one!("a"),
        " ORDER BY a.no"
    ))
    .load::<LeaseRow>(conn)?;
    let mut all = NodesSeen {
        nodes: (nodes.into_iter())
            .map(|row| row.node(attendance))
            .collect(),
        without_node: Vec::new(),
    };
    for row in leases {
        match all
            .nodes
            .iter_mut()
            .find(|node| node.alive && Some(&node.id) == row.owner.as_ref())
        {
            Some(node) => node.accounts.push(LeaseSeen {
                account: row.id,
                epoch: row.epoch,
                left_ms: times.lasts - node.seen_ms,
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
    attendance: Option<&Attendance>,
    of: Option<AccountId>,
) -> QueryResult<HashMap<AccountId, i64>> {
    let Some(attendance) = attendance else {
        return Ok(HashMap::new());
    };
    let of = of.map(|id| id.to_string());
    let rows = sql(
        "SELECT a.id, coalesce(l.epoch, 0) AS epoch FROM accounts a LEFT JOIN account_leases l ON l.account_no = a.no \
         WHERE a.id = coalesce(?, a.id) AND a.removed_at IS NULL AND a.state IN ('connecting', 'online', 'reconnecting', 'limited') \
         AND (l.owner IS NULL OR l.owner IN (SELECT json_array_elements_text(CAST(? AS JSON))))",
    )
    .text_or_null(of.as_deref())
    .text(&attendance.gone())
    .load::<IdRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| (account_of(&row.id), row.epoch))
        .collect())
}

impl NodeRow {
    fn node(self, attendance: &Attendance) -> NodeSeen {
        let seen_ms = attendance.silent_for(&self.id, self.seen_ms);
        NodeSeen {
            id: self.id,
            name: self.name,
            address: self.address,
            version: self.version,
            alive: seen_ms < attendance.times.lasts,
            draining: self.draining,
            started_at: Timestamp::from_millis(self.started_at),
            seen_ms,
            vault: self.vault,
            accounts: Vec::new(),
        }
    }
}

impl StoreHandle {
    /// `None`: one process has everything.
    pub(in crate::store) fn attendance(&self) -> Option<Attendance> {
        self.fenced().map(|fence| Attendance::of(fence.as_ref()))
    }

    /// Who has what. Nothing, where one process has everything.
    ///
    /// # Errors
    /// As every read.
    pub async fn nodes(&self) -> Result<NodesSeen> {
        let Some(attendance) = self.attendance() else {
            return Ok(NodesSeen::default());
        };
        self.read("nodes", move |conn| seen(conn, &attendance))
            .await
    }

    /// Tells a node to let go of its accounts and to take none; or (`false`) to take part again. It hears of it within seconds.
    ///
    /// # Errors
    /// As every write.
    pub async fn drain_node(&self, node: Uuid, draining: bool) -> Result<Drained> {
        let Some(attendance) = self.attendance() else {
            return Ok(Drained::NoSuchNode);
        };
        let node = node.to_string();
        self.job("drain_node", move |tx| {
            let all = seen(tx.conn, &attendance)?.nodes;
            let alive = |one: &&NodeSeen| one.alive;
            if !all.iter().filter(alive).any(|one| one.id == node) {
                return Ok(Drained::NoSuchNode);
            }
            let takes = |one: &NodeSeen| !one.draining && one.id != node;
            if draining && !all.iter().filter(alive).any(takes) {
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
