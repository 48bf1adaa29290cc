//! Leases: which node has which account. Rows of PostgreSQL alone; a file is served by one process.
//!
//! On a connection of its own: a renewal must not wait behind what accounts write. Times are the server's.

use std::time::Duration;

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use uuid::Uuid;

use super::{
    Result, ServerUrl, StoreError,
    account_row::KnownAccount,
    engine::Conn,
    fence::Claim,
    migrations::failed,
    server::Server,
    sql::{Flag, Number, id_list, server_now, sql},
};
use crate::domain::AccountId;

/// What a statement may take: much less than the time after which lines are given up.
const LIMIT: Duration = Duration::from_secs(8);

/// Accounts that somebody has to have: those that are there, and those whose session is still to be signed out.
macro_rules! needs_one {
    ($a:literal) => {
        concat!(
            "(",
            $a,
            ".removed_at IS NULL OR EXISTS (SELECT 1 FROM farewells w WHERE w.account_id = ",
            $a,
            ".id))"
        )
    };
}
pub(super) use needs_one;

/// How a node is known to the others.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Of one life of a process: a twin that was started anew is another node.
    pub id: Uuid,
    pub name: String,
    pub address: Option<String>,
    /// Which directory of which machine it holds: whoever has it after this one knows that this one is dead. `None`: can't be known.
    pub home: Option<String>,
}

/// An account that a node has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    pub account: AccountId,
    pub account_no: i64,
    /// Of this owner alone.
    pub epoch: i64,
}

/// How things stand after a renewal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Of every node that is known, this one among them, and of every owner that is none.
    pub beats: Vec<Beat>,
    pub accounts: i64,
    /// This one takes none: somebody said so, of here or elsewhere.
    pub draining: bool,
    pub held: Vec<Lease>,
}

/// A node, and how often it has said that it lives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Beat {
    pub node: String,
    pub beat: i64,
    /// It said so not long ago, by the server's clock.
    pub fresh: bool,
    /// It takes no accounts.
    pub draining: bool,
    /// Accounts that are its own.
    pub held: i64,
}

/// How long a lease lasts, after how long without a renewal its owner has given it up, and how long after its end nobody takes the
/// account; in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTimes {
    pub lasts: i64,
    /// Without a renewal for so long its owner has hung up.
    pub given_up: i64,
    pub grace: i64,
}

#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = Number)]
    no: i64,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    epoch: i64,
}

impl LeaseRow {
    fn lease(self) -> QueryResult<Lease> {
        let account = self.id.parse().map_err(|_| {
            diesel::result::Error::DeserializationError("an account's id is no UUID".into())
        })?;
        Ok(Lease {
            account,
            account_no: self.no,
            epoch: self.epoch,
        })
    }
}

#[derive(QueryableByName)]
struct BeatRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Number)]
    beat: i64,
    #[diesel(sql_type = Flag)]
    fresh: bool,
    #[diesel(sql_type = Flag)]
    draining: bool,
    #[diesel(sql_type = Number)]
    held: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Number)]
    accounts: i64,
    #[diesel(sql_type = Flag)]
    draining: bool,
}

/// A new account is its maker's, in the transaction that makes it. `None`: it was there before, and is another's still.
pub(super) fn claim_one(
    conn: &mut Conn,
    account: &KnownAccount,
    claim: &Claim,
) -> QueryResult<Option<Lease>> {
    let rows = sql(concat!(
        "INSERT INTO account_leases AS l (account_no, owner, epoch, expires_at) VALUES (?, ?, 1, ", server_now!(), " + ?) \
         ON CONFLICT (account_no) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, expires_at = excluded.expires_at \
         WHERE l.owner IS NULL OR l.owner = excluded.owner RETURNING account_no AS no, CAST(? AS TEXT) AS id, epoch AS epoch"
    ))
    .number(account.no)
    .text(&claim.node)
    .number(claim.times.lasts)
    .text(&account.id_text)
    .load::<LeaseRow>(conn)?;
    rows.into_iter().next().map(LeaseRow::lease).transpose()
}

/// The rows, for one node.
pub struct LeaseBook {
    server: Server,
    node: NodeRow,
    times: LeaseTimes,
    /// JSON, for whoever asks.
    vault: Option<String>,
}

impl LeaseBook {
    /// # Errors
    /// [`StoreError::Unavailable`] when the server can't be reached.
    pub fn open(url: &ServerUrl, node: NodeRow, times: LeaseTimes) -> Result<Self> {
        let server = Server::connect(url, LIMIT).map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
        Ok(Self {
            server,
            node,
            times,
            vault: None,
        })
    }

    /// What earlier processes of the same directory had is anybody's: this one holds the directory, so they are dead.
    ///
    /// # Errors
    /// As every write.
    pub fn inherit(&mut self) -> Result<()> {
        let Some(home) = self.node.home.clone() else {
            return Ok(());
        };
        let id = self.node.id.to_string();
        let mut inherited = || -> QueryResult<()> {
            // In this order: a node that is forgotten leaves no lease behind that could be told to be its own.
            for text in [
                "UPDATE account_leases SET owner = NULL WHERE owner IN (SELECT id FROM nodes WHERE home = ? AND id <> ?)",
                "UPDATE work_leases SET owner = NULL WHERE owner IN (SELECT id FROM nodes WHERE home = ? AND id <> ?)",
                "DELETE FROM nodes WHERE home = ? AND id <> ?",
            ] {
                sql(text).text(&home).text(&id).run(&mut self.server)?;
            }
            Ok(())
        };
        inherited().map_err(|error| failed("inherit_leases", &error))
    }

    /// Says that this node lives, and renews what it has. `draining`: what it says of itself from now on.
    ///
    /// # Errors
    /// As every write; then nothing was renewed, as far as this node may know.
    pub fn renew(&mut self, draining: Option<bool>) -> Result<Standing> {
        let id = self.node.id.to_string();
        let mut renewed = || -> QueryResult<Standing> {
            sql(concat!(
                "INSERT INTO nodes AS n (id, name, address, home, version, vault, draining, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, FALSE, ",
                server_now!(), ", ", server_now!(),
                ") ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, beat = n.beat + 1, silent = FALSE, address = excluded.address, vault = excluded.vault, draining = coalesce(?, n.draining)"
            ))
            .text(&id)
            .text(&self.node.name)
            .text_or_null(self.node.address.as_deref())
            .text_or_null(self.node.home.as_deref())
            .text(env!("CARGO_PKG_VERSION"))
            .text_or_null(self.vault.as_deref())
            .flag_or_null(draining)
            .run(&mut self.server)?;
            // In the order in which the writer takes them: two orders would wait for each other.
            let held = sql(concat!(
                "WITH mine AS (SELECT account_no FROM account_leases WHERE owner = ? ORDER BY account_no FOR UPDATE) \
                 UPDATE account_leases AS l SET expires_at = ",
                server_now!(),
                " + ? FROM mine m JOIN accounts a ON a.no = m.account_no WHERE l.account_no = m.account_no AND ",
                needs_one!("a"),
                " RETURNING l.account_no AS no, a.id AS id, l.epoch AS epoch"
            ))
            .text(&id)
            .number(self.times.lasts)
            .load::<LeaseRow>(&mut self.server)?;
            let counted = self.counted()?;
            Ok(Standing {
                beats: self.beats()?,
                accounts: counted.accounts,
                draining: counted.draining,
                held: held
                    .into_iter()
                    .map(LeaseRow::lease)
                    .collect::<QueryResult<_>>()?,
            })
        };
        renewed().map_err(|error| failed("renew_leases", &error))
    }

    /// How things stand, without renewing anything; what is held is not told.
    ///
    /// # Errors
    /// As every read.
    pub fn look(&mut self) -> Result<Standing> {
        let mut looked = || -> QueryResult<Standing> {
            let counted = self.counted()?;
            Ok(Standing {
                beats: self.beats()?,
                accounts: counted.accounts,
                draining: counted.draining,
                held: Vec::new(),
            })
        };
        looked().map_err(|error| failed("look_at_nodes", &error))
    }

    /// Where this node serves, for whoever asks; told with the next renewal.
    pub fn serves_at(&mut self, address: Option<String>) {
        self.node.address = address;
    }

    /// How this node's vault stands, as JSON without what concerns single accounts; told with the next renewal.
    pub fn knows_of_its_vault(&mut self, vault: Option<String>) {
        self.vault = vault;
    }

    fn counted(&mut self) -> QueryResult<Counted> {
        sql(concat!(
            "SELECT (SELECT count(*) FROM accounts a WHERE ",
            needs_one!("a"),
            ") AS accounts, coalesce((SELECT draining FROM nodes WHERE id = ?), FALSE) AS draining"
        ))
        .text(&self.node.id.to_string())
        .get_result::<Counted>(&mut self.server)
    }

    fn beats(&mut self) -> QueryResult<Vec<Beat>> {
        let rows = sql(concat!(
            "WITH had AS (SELECT owner, count(*) AS held FROM account_leases WHERE owner IS NOT NULL GROUP BY owner) \
             SELECT n.id AS id, n.beat AS beat, n.seen_at > ", server_now!(), " - ? AS fresh, n.draining AS draining, \
             coalesce(h.held, 0) AS held FROM nodes n LEFT JOIN had h ON h.owner = n.id UNION ALL \
             SELECT h.owner, CAST(-1 AS BIGINT), FALSE, TRUE, h.held FROM had h \
             WHERE NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = h.owner)"
        ))
        .number(self.times.lasts)
        .load::<BeatRow>(&mut self.server)?;
        let beat = |row: BeatRow| Beat {
            node: row.id,
            beat: row.beat,
            fresh: row.fresh,
            draining: row.draining,
            held: row.held,
        };
        Ok(rows.into_iter().map(beat).collect())
    }

    /// Takes accounts that nobody has, at most so many. `silent`: nodes that have lost theirs, each with its last beat, as it was seen.
    ///
    /// # Errors
    /// As every write. Some may be taken all the same: the next renewal tells.
    pub fn claim(&mut self, count: i64, silent: &[(String, i64)]) -> Result<Vec<Lease>> {
        let id = self.node.id.to_string();
        let nodes: Vec<&str> = silent.iter().map(|(node, _)| node.as_str()).collect();
        let nodes = serde_json::json!(nodes).to_string();
        let beats: Vec<i64> = silent.iter().map(|(_, beat)| *beat).collect();
        let mut claimed = || -> QueryResult<Vec<Lease>> {
            sql(concat!(
                "INSERT INTO account_leases (account_no, owner, epoch, expires_at) SELECT no, NULL, 0, 0 FROM accounts a WHERE ",
                needs_one!("a"),
                " AND NOT EXISTS (SELECT 1 FROM account_leases l WHERE l.account_no = a.no) ON CONFLICT (account_no) DO NOTHING"
            ))
            .run(&mut self.server)?;
            // Who claims at the same time gets others, and waits for nobody.
            let rows = sql(concat!(
                "UPDATE account_leases AS l SET owner = ?, epoch = l.epoch + 1, expires_at = ", server_now!(), " + ? FROM accounts a \
                 WHERE a.no = l.account_no AND l.account_no IN (SELECT f.account_no FROM account_leases f \
                 JOIN accounts b ON b.no = f.account_no WHERE ", needs_one!("b"), " AND (f.owner IS NULL OR f.owner IN \
                 (SELECT given.node FROM ROWS FROM (json_array_elements_text(CAST(? AS JSON)), json_array_elements_text(CAST(? AS JSON))) \
                 AS given (node, beat) LEFT JOIN nodes n ON n.id = given.node WHERE coalesce(n.beat, -1) = CAST(given.beat AS BIGINT))) \
                 ORDER BY f.account_no LIMIT ? FOR UPDATE OF f SKIP LOCKED) \
                 RETURNING l.account_no AS no, a.id AS id, l.epoch AS epoch"
            ))
            .text(&id)
            .number(self.times.lasts)
            .text(&nodes)
            .text(&id_list(&beats))
            .number(count)
            .load::<LeaseRow>(&mut self.server)?;
            rows.into_iter().map(LeaseRow::lease).collect()
        };
        claimed().map_err(|error| failed("claim_leases", &error))
    }

    /// These nodes have fallen silent, each with its last beat: whoever waits for one need not.
    ///
    /// # Errors
    /// As every write.
    pub fn is_silent(&mut self, silent: &[(String, i64)]) -> Result<()> {
        let mut told = || -> QueryResult<()> {
            for (node, beat) in silent {
                sql("UPDATE nodes SET silent = TRUE WHERE id = ? AND beat = ? AND NOT silent")
                    .text(node)
                    .number(*beat)
                    .run(&mut self.server)?;
            }
            Ok(())
        };
        told().map_err(|error| failed("tell_of_silent_nodes", &error))
    }

    /// Lets go of accounts whose lines are closed: another node may take them at once.
    ///
    /// # Errors
    /// As every write; then they are taken when their leases are over.
    pub fn release(&mut self, leases: &[Lease]) -> Result<()> {
        let id = self.node.id.to_string();
        let numbers: Vec<i64> = leases.iter().map(|lease| lease.account_no).collect();
        let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
        let released = sql(
            "WITH gone AS (SELECT l.account_no FROM account_leases l JOIN ROWS FROM \
             (json_array_elements_text(CAST(? AS JSON)), json_array_elements_text(CAST(? AS JSON))) AS given (no, epoch) \
             ON l.account_no = CAST(given.no AS BIGINT) AND l.epoch = CAST(given.epoch AS BIGINT) \
             WHERE l.owner = ? ORDER BY l.account_no FOR UPDATE OF l) \
             UPDATE account_leases SET owner = NULL WHERE account_no IN (SELECT account_no FROM gone)",
        )
        .text(&id_list(&numbers))
        .text(&id_list(&epochs))
        .text(&id)
        .run(&mut self.server);
        released
            .map(drop)
            .map_err(|error| failed("release_leases", &error))
    }

    /// This node is no more: the others need not wait until it is missed. Those that were gone for a day are forgotten, too.
    ///
    /// # Errors
    /// As every write.
    pub fn leave(&mut self) -> Result<()> {
        let id = self.node.id.to_string();
        sql(concat!(
            "DELETE FROM nodes WHERE id = ? OR seen_at < ",
            server_now!(),
            " - 86400000"
        ))
        .text(&id)
        .run(&mut self.server)
        .map(drop)
        .map_err(|error| failed("leave", &error))
    }
}
