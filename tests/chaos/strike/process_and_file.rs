//! Strikes at the process itself and at its file: a lock, a step back to an older schema, a kill; and the start behind them.

use std::{sync::mpsc, time::Duration};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{Conductor, Standing};
use crate::{
    check::count,
    facts::struck,
    past,
    plan::{Kind, Strike},
    support::ground::Disk,
};

impl Conductor {
    /// Another process has the write lock, for as long as it likes: a start waits for it like everybody.
    pub(super) fn lock(&mut self, number: usize, lasts: Duration) {
        let path = self.fleet.data_dir().join("switchboard.db");
        let locked = SqliteConnection::establish(&path.to_string_lossy()).and_then(|mut conn| {
            conn.batch_execute("PRAGMA busy_timeout = 1500; BEGIN IMMEDIATE")
                .map(|()| conn)
                .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))
        });
        // The service may hold it for longer.
        let Ok(locked) = locked else { return };
        self.facts.once(&struck(Kind::StoreLocked));
        let (let_go, order) = mpsc::channel();
        std::thread::spawn(move || {
            // Either way the time is over.
            let _ = order.recv_timeout(lasts);
            drop(locked);
        });
        self.stand(number, Kind::StoreLocked, Standing::Locked(let_go));
    }

    pub(super) fn upgrade(&mut self, strike: &Strike) {
        self.facts.expect(past::KILLED);
        self.fleet.kill_service();
        let path = self.fleet.data_dir().join("switchboard.db");
        let steps = 1 + strike.dice % 12;
        let back = tokio::task::block_in_place(|| past::go_back(&path, steps));
        if back > 1 {
            let address = self.door.address.clone();
            let fleet = &mut self.fleet;
            tokio::task::block_in_place(|| {
                past::kill_half_way(fleet, &address, &path, &self.facts);
            });
        }
        self.start();
        if back > 0 {
            self.facts.once(&struck(strike.kind));
        }
    }

    pub(super) fn kill(&mut self) {
        self.fleet.kill_service();
        let owed = count(&self.file, "SELECT count(*) AS n FROM owed");
        let under_way = count(
            &self.file,
            "SELECT count(*) AS n FROM orders WHERE state = 'in_flight'",
        );
        self.facts
            .add("a gap was owed across a kill", u64::from(owed > 0));
        self.facts
            .add("a reply was under way at a kill", u64::from(under_way > 0));
        self.facts.once(&struck(Kind::Killed));
        self.start();
    }

    /// A start that finds the store locked may refuse; then it is started once more.
    pub(super) fn start(&mut self) {
        let address = self.door.address.clone();
        self.facts.expect("a start was refused by a locked store");
        self.facts.expect("a start was refused by the disk");
        for number in 0..20 {
            let started = tokio::task::block_in_place(|| self.fleet.try_start_service_at(&address));
            match started {
                Ok(()) => return,
                Err(refused) if refused.contains("locked") => {
                    self.facts.once("a start was refused by a locked store");
                }
                Err(_) if self.is_disk_bad() => {
                    self.facts.once("a start was refused by the disk");
                    // The plan stands still meanwhile.
                    if number > 1 {
                        self.fleet.ground().set_disk(Disk::Well);
                    }
                }
                Err(refused) => {
                    self.findings
                        .add(&format!("the service did not start: {refused}"));
                }
            }
            tokio::task::block_in_place(|| std::thread::sleep(Duration::from_secs(1)));
        }
        panic!("the service never started again");
    }
}
