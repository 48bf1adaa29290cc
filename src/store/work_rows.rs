//! Work rows: the leases of what one node at a time does.

use std::time::{Duration, Instant};

use diesel::QueryResult;

use super::{
    changes::{Changed, tell},
    engine::Conn,
    sql::{One, server_now, sql},
    state::State,
};

/// How long a lease of a writer that is no node's lasts, and how long after that nobody takes the work, in milliseconds.
const LASTS: i64 = 45_000;
const GRACE: i64 = 15_000;
/// How often it is renewed, and after how long without that its holder stops.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
pub const GIVEN_UP: Duration = Duration::from_secs(25);

/// What is let go of is anybody's at once, and so is what a node had that fell silent, as the others have seen by their own clocks
/// ([`crate::nodes`]): the server's time of day says nothing. Who is no node (its name has a colon) goes by that time, and by a grace.
/// The epoch rises with each new holder. What a node that lives has is looked at and not locked: that one may be at it this moment, with
/// much else.
const CLAIM: &str = concat!(
    "INSERT INTO work_leases (name, owner, epoch, expires_at) SELECT CAST(? AS TEXT), h.name, 1, ",
    server_now!(),
    " + ? FROM (SELECT CAST(? AS TEXT) AS name) AS h WHERE (h.name LIKE '%:%' \
     OR EXISTS (SELECT 1 FROM nodes n WHERE n.id = h.name AND NOT n.silent)) \
     AND NOT EXISTS (SELECT 1 FROM work_leases w JOIN nodes n ON n.id = w.owner WHERE w.name = ? AND w.owner <> h.name AND NOT n.silent) \
     ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at, \
     epoch = work_leases.epoch + CASE WHEN work_leases.owner = excluded.owner THEN 0 ELSE 1 END \
     WHERE work_leases.owner IS NULL OR work_leases.owner = excluded.owner \
     OR CASE WHEN work_leases.owner LIKE '%:%' THEN work_leases.expires_at < ",
    server_now!(),
    " - ? ELSE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = work_leases.owner AND NOT n.silent) END RETURNING epoch AS n"
);

pub(super) fn claim(conn: &mut Conn, name: &str, node: &str) -> QueryResult<Option<i64>> {
    claim_for(conn, name, node, (LASTS, GRACE))
}

pub(super) fn claim_for(
    conn: &mut Conn,
    name: &str,
    node: &str,
    (lasts, grace): (i64, i64),
) -> QueryResult<Option<i64>> {
    let claimed = sql(CLAIM)
        .text(name)
        .number(lasts)
        .text(node)
        .text(name)
        .number(grace)
        .load::<One>(conn)?;
    Ok(claimed.first().map(|one| one.n))
}

/// Whether the work is still of this holder; nobody else takes it before the transaction ends.
pub(super) fn is_held(conn: &mut Conn, name: &str, node: &str, epoch: i64) -> QueryResult<bool> {
    let held = sql(
        "SELECT epoch AS n FROM work_leases WHERE name = ? AND owner = ? AND epoch = ? FOR SHARE",
    )
    .text(name)
    .text(node)
    .number(epoch)
    .load::<One>(conn)?;
    Ok(!held.is_empty())
}

/// Whoever does it stops, and somebody begins anew with what is written now.
pub(super) fn interrupt(conn: &mut Conn, name: &str) -> QueryResult<()> {
    if conn.gathers() {
        sql("UPDATE work_leases SET owner = NULL, epoch = epoch + 1 WHERE name = ?")
            .text(name)
            .run(conn)?;
        tell(conn, Changed::Work)?;
    }
    Ok(())
}

/// Nobody does it any more.
pub(super) fn end(conn: &mut Conn, name: &str) -> QueryResult<()> {
    if conn.gathers() {
        sql("DELETE FROM work_leases WHERE name = ?")
            .text(name)
            .run(conn)?;
        tell(conn, Changed::Work)?;
    }
    Ok(())
}

/// The housekeeping of rows that are no account's of anybody's: whether it is this node's to do.
#[derive(Default)]
pub(super) struct Chores {
    asked: Option<Instant>,
    held: Option<Instant>,
}

impl Chores {
    pub fn are_ours(&mut self, conn: &mut Conn, state: &State) -> QueryResult<bool> {
        if state.is_sole(conn) {
            return Ok(true);
        }
        if self.asked.is_none_or(|asked| asked.elapsed() > RENEW_EVERY) {
            let asked = Instant::now();
            self.held = claim(conn, "housekeeping", &state.holder())?.map(|_| asked);
            self.asked = Some(asked);
        }
        Ok(self.held.is_some_and(|held| held.elapsed() < GIVEN_UP))
    }
}

/// What this node holds is anybody's at once.
pub(super) fn let_go_of_all(conn: &mut Conn, node: &str) -> QueryResult<()> {
    sql("UPDATE work_leases SET owner = NULL WHERE owner = ?")
        .text(node)
        .run(conn)?;
    tell(conn, Changed::Work)
}
