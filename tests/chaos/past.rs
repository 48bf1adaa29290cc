//! Past: the database becomes one of an earlier version, as if that had run until now. The next start makes it one of today's
//! again, and is killed half-way through.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::facts::Facts;
use crate::support::fleet::Fleet;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
/// Further back an earlier version would have kept less than what is looked at here. What came since and holds something
/// that is looked at moves this on.
const EARLIEST: &str = "20261201000010";
/// Between two looks at how far a start is.
const LOOK: Duration = Duration::from_micros(200);
/// A start that is held up by something else is killed all the same.
const LIMIT: Duration = Duration::from_secs(3);

pub const KILLED: &str = "an upgrade was killed half-way";

/// Takes back so many of the newest migrations, at most those since [`EARLIEST`]; how many it was. None while another process
/// holds the file.
pub fn go_back(file: &Path, steps: u64) -> u64 {
    let opened = SqliteConnection::establish(&file.to_string_lossy());
    let Ok(mut conn) = opened else { return 0 };
    let settings = "PRAGMA busy_timeout = 15000; PRAGMA synchronous = OFF;";
    if conn.batch_execute(settings).is_err() {
        return 0;
    }
    for step in 0..steps {
        let newest = conn.applied_migrations().ok().and_then(|mut all| {
            all.sort();
            all.pop()
        });
        let older = newest.is_none_or(|newest| newest.to_string().as_str() <= EARLIEST);
        if older || conn.revert_last_migration(MIGRATIONS).is_err() {
            return step;
        }
    }
    steps
}

/// Starts the service, and kills it while its upgrade has the file: all of it is one transaction, and none of it may be there
/// then.
pub fn kill_half_way(fleet: &mut Fleet, address: &str, path: &Path, facts: &Facts) {
    let opened = SqliteConnection::establish(&path.to_string_lossy());
    let Ok(mut conn) = opened else { return };
    let Ok(before) = conn.applied_migrations() else {
        return;
    };
    let began = Instant::now();
    let mut held = false;
    fleet.kill_starting_when(address, || {
        std::thread::sleep(LOOK);
        // Nobody but the upgrade writes now.
        held = conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK").is_err();
        held || began.elapsed() > LIMIT
    });
    let after = conn.applied_migrations();
    let none = after.is_ok_and(|after| after == before);
    facts.add(KILLED, u64::from(held && none));
}
