//! Work: what one node at a time does, by a lease of its own: the housekeeping, each webhook, an owner's turn.
//!
//! Where one process has the database to itself all of it is that one's, and there are no rows.

use std::time::{Duration, Instant};

use diesel::{QueryableByName, sql_types::Text};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{
    Result, StoreError, StoreHandle,
    changes::{Changed, tell},
    sql::sql,
    work_rows::claim_for,
};

/// An owner's turn, in milliseconds: much longer than what is done in it, and so short that a node that died in the middle is soon
/// forgotten.
const TURN: i64 = 10_000;
const TURN_WAITED: Duration = Duration::from_secs(20);
/// How often whoever waits for one asks, without a word.
const TURN_ASKED: Duration = Duration::from_millis(250);

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    told: String,
}

/// The turn of one owner, among all nodes. It ends when it is dropped.
pub struct OwnerTurn(Option<Taken>);

struct Taken {
    store: StoreHandle,
    name: String,
    /// Of this turn alone.
    holder: String,
}

impl Drop for OwnerTurn {
    fn drop(&mut self) {
        // Where it can't be ended now it ends with its time.
        let (Some(taken), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            let Taken {
                store,
                name,
                holder,
            } = taken;
            let ended = store.job("end_owner_turn", move |tx| {
                sql("DELETE FROM work_leases WHERE name = ? AND owner = ?")
                    .text(&name)
                    .text(&holder)
                    .run(tx.conn)?;
                Ok(tell(tx.conn, Changed::Work)?)
            });
            let _ = ended.await;
        });
    }
}

impl StoreHandle {
    /// Waits until nobody else has this owner's turn.
    ///
    /// # Errors
    /// As every write; [`StoreError::Unavailable`] when another node has it for too long.
    pub async fn owner_turn(&self, owner: &str) -> Result<OwnerTurn> {
        if !self.is_shared() {
            return Ok(OwnerTurn(None));
        }
        let name = format!("owner:{owner}");
        let (began, mut changes) = (Instant::now(), self.changes(Changed::Work));
        let holder = format!("turn:{}", Uuid::new_v4());
        loop {
            changes.borrow_and_update();
            let (asked, by) = (name.clone(), holder.clone());
            let claimed = self.job("owner_turn", move |tx| {
                Ok(claim_for(tx.conn, &asked, &by, (TURN, 0))?)
            });
            if claimed.await?.is_some() {
                return Ok(OwnerTurn(Some(Taken {
                    store: self.clone(),
                    name,
                    holder,
                })));
            }
            if began.elapsed() > TURN_WAITED {
                return Err(StoreError::Unavailable {
                    reason: "another node is at this owner's account".to_owned(),
                });
            }
            let _ = tokio::time::timeout(TURN_ASKED, changes.changed()).await;
        }
    }

    /// Whether others may do the same work.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.following.is_some()
    }

    /// Of all of it at once: other nodes wait for one commit, and not for one of each.
    ///
    /// # Errors
    /// As every write.
    pub async fn let_go_of_work(&self, mut held: Vec<(String, i64)>) -> Result<()> {
        if held.is_empty() {
            return Ok(());
        }
        // Whoever locks several does so in this order.
        held.sort_unstable();
        self.job("let_go_of_work", move |tx| {
            if tx.state.is_sole(tx.conn) {
                return Ok(());
            }
            for (name, epoch) in &held {
                sql("UPDATE work_leases SET owner = NULL WHERE name = ? AND owner = ? AND epoch = ?")
                    .text(name)
                    .text(&tx.state.holder())
                    .number(*epoch)
                    .run(tx.conn)?;
            }
            Ok(tell(tx.conn, Changed::Work)?)
        })
        .await
    }

    /// Its holder says how it goes, for whoever asks another node.
    ///
    /// # Errors
    /// As every write.
    pub async fn tell_of_work(&self, name: String, epoch: i64, told: String) -> Result<()> {
        self.job("tell_of_work", move |tx| {
            if tx.state.is_sole(tx.conn) {
                return Ok(());
            }
            sql("UPDATE work_leases SET told = ? WHERE name = ? AND owner = ? AND epoch = ?")
                .text(&told)
                .text(&name)
                .text(&tx.state.holder())
                .number(epoch)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }

    /// What its holder said last. `None`: nothing, or there is one process.
    ///
    /// # Errors
    /// As every read.
    pub async fn told_of_work(&self, name: String) -> Result<Option<String>> {
        if !self.is_shared() {
            return Ok(None);
        }
        self.read("told_of_work", move |conn| {
            let said = sql("SELECT told FROM work_leases WHERE name = ? AND told IS NOT NULL")
                .text(&name)
                .load::<Said>(conn)?;
            Ok(said.into_iter().next().map(|said| said.told))
        })
        .await
    }
}
