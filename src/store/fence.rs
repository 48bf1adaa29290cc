//! Fence: only the owner of an account writes its rows. One process that has a file to itself has no fence.
//!
//! Each group of writes ends with a look at the leases of the accounts that it touched, which keeps others from taking them before
//! the commit. What this process believes may be old: it may have been asleep, or the server may have another past (a replica).

use std::{collections::HashMap, time::Duration};

use diesel::{QueryResult, QueryableByName};
use uuid::Uuid;

use super::{
    Lease, LeaseTimes, StoreError,
    engine::Conn,
    sql::{Number, id_list, sql},
    state::State,
};
use crate::domain::AccountId;

/// As whom accounts are claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The node.
    pub node: String,
    pub times: LeaseTimes,
}

/// For how long nothing was heard of each node, by this process's own clock: the server's time of day may be set.
pub type Ages = HashMap<String, Duration>;

/// Which accounts are this process's.
pub trait Fence: Send + Sync + 'static {
    fn node(&self) -> Uuid;

    fn times(&self) -> LeaseTimes;

    /// Whether the node may do what one node at a time does: others have heard of it not long ago.
    fn lives(&self) -> bool;

    /// As it saw them last.
    fn ages(&self) -> Ages;

    /// Under which the account's rows may be written now. `None`: they may not.
    fn epoch(&self, account: AccountId) -> Option<i64>;

    /// The rows say that another node has it.
    fn lost(&self, account: AccountId);

    /// An account is about to be made here, and with it its lease.
    fn expect(&self, account: AccountId);

    /// What came of it. `None`: no lease, as far as anybody knows.
    fn made(&self, account: AccountId, lease: Option<Lease>);
}

#[derive(QueryableByName)]
struct EpochRow {
    #[diesel(sql_type = Number)]
    no: i64,
    #[diesel(sql_type = Number)]
    epoch: i64,
}

impl State {
    /// Whether this node has the account, as far as it knows. A removed one is nobody's.
    pub fn is_ours(&self, account: AccountId) -> bool {
        self.fence
            .get()
            .is_none_or(|fence| fence.epoch(account).is_some() && !self.lost.contains(&account))
    }

    /// Rows of the account are about to be written, or read for what is written.
    pub fn touch(&mut self, account_no: i64, account: AccountId) -> Result<(), StoreError> {
        let Some(fence) = self.fence.get() else {
            return Ok(());
        };
        if self.touched.contains_key(&account_no) {
            return Ok(());
        }
        match fence.epoch(account) {
            Some(epoch) if !self.lost.contains(&account) => {
                self.touched.insert(account_no, (account, epoch));
                Ok(())
            }
            _ => Err(StoreError::NotHere),
        }
    }
}

/// Are all accounts that were touched this node's, and will be until the commit? Those that are not are refused from now on.
pub(super) fn holds(conn: &mut Conn, state: &mut State) -> QueryResult<bool> {
    if state.touched.is_empty() {
        return Ok(true);
    }
    let Some(fence) = state.fence.get().cloned() else {
        return Ok(true);
    };
    let numbers: Vec<i64> = state.touched.keys().copied().collect();
    // In the order in which renewals take them.
    let rows = sql(
        "SELECT account_no AS no, epoch FROM account_leases WHERE owner = ? AND account_no IN \
         (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(? AS JSON))) ORDER BY account_no FOR SHARE",
    )
    .text(&fence.node().to_string())
    .text(&id_list(&numbers))
    .load::<EpochRow>(conn)?;
    let before = state.lost.len();
    for (no, (account, epoch)) in &state.touched {
        if !rows.iter().any(|row| row.no == *no && row.epoch == *epoch) {
            log::warn!(target: "switchboard::nodes", "account={account} another node has it: nothing is written here any more");
            fence.lost(*account);
            state.lost.insert(*account);
        }
    }
    Ok(state.lost.len() == before)
}
