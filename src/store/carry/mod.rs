//! Carry: a whole store goes over from one engine to the other, table by table in the order of keys.
//!
//! A stretch of rows is compared by a sum that both engines make of the same text, and where the sums differ, the source's rows take
//! the place of the target's. So every round does the same, whatever changed in whichever table meanwhile, and one that was killed is
//! begun again without having lost anything. While a service writes at the source, rounds bring the target near; the last one runs
//! when nobody can write any more, and is the proof.
//!
//! At no moment may a service start on both: a session that is used from two places is burnt. The target bears a note from the first
//! row on until it is whole, the source one from the moment before that; a store with a note is refused ([`super::carried`]).

mod columns;
mod end;
mod range;
mod table;

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use self::{
    end::End,
    range::{Range, sha256},
    table::{Table, tables},
};
use super::{
    ServerUrl, StoreError,
    carried::{CARRIED_TO, CARRYING},
    connection,
    engine::Conn,
    migrations::broken,
    server::Server,
};

/// Rows that are compared, and taken over, at once.
const STRETCH: i64 = 500;

/// How long a run or a service that ended is waited for.
const GONE: Duration = Duration::from_secs(10);

/// One to a store.
#[derive(Clone, Debug)]
pub enum CarryEnd {
    File(PathBuf),
    Server(ServerUrl),
}

#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("rows go over between a SQLite file and PostgreSQL; both ends are of one kind here")]
    SameKind,
    #[error("there is no store in {0}")]
    NoStore(String),
    #[error(
        "{to} holds something else: there are rows in `{table}`. A store goes into an empty database; give another one, or empty \
         this one first"
    )]
    Holds { to: String, table: String },
    #[error(
        "{to} holds a part of what was being carried over from {from}: finish that, or empty it first"
    )]
    Another { to: String, from: String },
    #[error("{0} is in use, by a service or another run of this: stop that first")]
    InUse(String),
    #[error(
        "{0} is still to be brought up to date: start the service on it once, stop it and carry it over then"
    )]
    Unready(String),
    #[error(
        "`{table}` is not the same at both ends after all: {what}; nothing was given up, run it again"
    )]
    Differs { table: String, what: String },
}

impl From<diesel::result::Error> for CarryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(broken("migrate_store", &error))
    }
}

/// What the target's note says.
#[derive(Serialize, Deserialize)]
struct Note {
    from: String,
    /// What the target has to get back when it is whole.
    bonds: Vec<String>,
}

/// One round over all tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    pub rows: i64,
    /// Of stretches that differed.
    pub written: i64,
}

/// A table that is the same at both ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CarriedTable {
    pub name: String,
    pub rows: i64,
    /// Over its rows in the order of their keys.
    pub sha256: String,
}

/// A store on its way.
pub struct Carry {
    from: End,
    to: End,
    tables: Vec<Table>,
    note: Note,
}

impl std::fmt::Debug for Carry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carry").finish_non_exhaustive()
    }
}

impl Carry {
    /// Opens both ends and makes the target ready. Whoever calls holds the directory of a target that is a file.
    ///
    /// # Errors
    /// When the source is no store of this version, or the target is not empty and not the half of this one.
    pub fn open(from: &CarryEnd, to: &CarryEnd) -> Result<Self, CarryError> {
        let mut from = source(from)?;
        let mut to = target(to)?;
        let tables = match (&mut from.conn, &mut to.conn) {
            (Conn::Sqlite(file), Conn::Postgres(_)) | (Conn::Postgres(_), Conn::Sqlite(file)) => {
                tables(file)?
            }
            _ => return Err(CarryError::SameKind),
        };
        until_free(&mut to, |to| Ok(to.services()? == 0))?;
        let begun = to.note(CARRYING)?;
        let begun: Option<Note> = begun.and_then(|note| serde_json::from_str(&note).ok());
        if let Some(gone) = from.note(CARRIED_TO)?
            && (begun.is_none() || gone != to.told)
        {
            return Err(StoreError::CarriedOver { to: gone }.into());
        }
        if from.note(CARRYING)?.is_some() || from.note("old_codes")?.as_deref() == Some("rows") {
            return Err(CarryError::Unready(from.told));
        }
        let mut note = match begun {
            Some(note) if note.from == from.told => note,
            Some(note) => {
                return Err(CarryError::Another {
                    to: to.told,
                    from: note.from,
                });
            }
            None => {
                empty(&mut to, &tables)?;
                Note {
                    from: from.told.clone(),
                    bonds: Vec::new(),
                }
            }
        };
        let bonds = to.bonds()?;
        note.bonds.extend(bonds.iter().map(|bond| bond.add.clone()));
        let written = serde_json::to_string(&note).unwrap_or_default();
        to.batch("BEGIN")?;
        to.set_note(CARRYING, &written)?;
        for bond in &bonds {
            to.batch(&bond.drop)?;
        }
        to.batch("COMMIT")?;
        Ok(Self {
            from,
            to,
            tables,
            note,
        })
    }

    /// Brings the target near, also while somebody writes at the source.
    ///
    /// # Errors
    /// When an end can't be used for now; a later round goes on.
    pub fn round(&mut self) -> Result<Round, CarryError> {
        self.all(false).map(|(round, _)| round)
    }

    /// `proving`: nobody writes any more, so what was taken over has to be the same afterwards.
    fn all(&mut self, proving: bool) -> Result<(Round, Vec<CarriedTable>), CarryError> {
        let mut round = Round::default();
        let mut carried = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            let mut rows = 0;
            let mut sums = String::new();
            let mut range = Range::default();
            loop {
                range.upto = self.from.border(table, range.after.as_ref(), STRETCH)?;
                let ours = self.from.sum(table, &range)?;
                if self.to.sum(table, &range)? != ours {
                    let stretch = self.from.rows(table, &range)?;
                    round.written += ours.rows.max(1);
                    self.to.replace(table, &range, &stretch)?;
                    if proving && self.to.sum(table, &range)? != ours {
                        return Err(differs(table, "a stretch of it has other values"));
                    }
                }
                rows += ours.rows;
                sums.push_str(&ours.sha256);
                range.after = range.upto.take();
                if range.after.is_none() {
                    break;
                }
            }
            round.rows += rows;
            carried.push(CarriedTable {
                name: table.name.clone(),
                rows,
                sha256: sha256(&sums),
            });
        }
        Ok((round, carried))
    }

    /// Holds the source. `false`: a service still runs there. Whoever calls holds the directory of a source that is a file.
    ///
    /// # Errors
    /// When it can't be used for now.
    pub fn hold(&mut self) -> Result<bool, CarryError> {
        if self.from.services()? > 0 {
            return Ok(false);
        }
        self.from.hold(&self.tables)?;
        // Who came in between waits for a lock now, and would go on afterwards.
        if self.from.services()? > 0 {
            self.from.batch("ROLLBACK")?;
            return Ok(false);
        }
        Ok(true)
    }

    /// The last round, the proof, and the change of who is the store. The source is held.
    ///
    /// # Errors
    /// When the ends differ after all, or can't be used for now; then the source is what it was.
    pub fn finish(mut self) -> Result<Vec<CarriedTable>, CarryError> {
        let (_, carried) = self.all(true)?;
        for (table, carried) in self.tables.iter().zip(&carried) {
            if self.to.count(table)? != carried.rows {
                return Err(differs(table, "one end has more rows"));
            }
            if table.counted {
                let last = self.from.counted(table)?;
                self.to.count_on(table, last)?;
            }
        }
        self.to.batch("BEGIN")?;
        let searched = self
            .to
            .number("SELECT coalesce(max(id), 0) AS n FROM messages")?;
        self.to.set_note("search_mark", &searched.to_string())?;
        let rows = self.from.rows_given_out()?;
        self.to.set_note("message_floor", &rows.to_string())?;
        for bond in std::mem::take(&mut self.note.bonds) {
            self.to.batch(&bond)?;
        }
        let note = serde_json::to_string(&self.note).unwrap_or_default();
        self.to.set_note(CARRYING, &note)?;
        self.to.batch("COMMIT")?;
        self.to.settle(&self.tables)?;
        // In this order: killed in between, neither is one that a service starts on, and the next run goes on here.
        self.from.set_note(CARRIED_TO, &self.to.told)?;
        self.from.batch("COMMIT")?;
        self.to.drop_note(CARRYING)?;
        Ok(carried)
    }
}

fn differs(table: &Table, what: &str) -> CarryError {
    CarryError::Differs {
        table: table.name.clone(),
        what: what.to_owned(),
    }
}

/// Nothing of anybody's is in it. What a new schema brings along is taken for nothing.
fn empty(to: &mut End, tables: &[Table]) -> Result<(), CarryError> {
    for table in tables {
        if !["meta", "access"].contains(&table.name.as_str()) && to.count(table)? > 0 {
            return Err(CarryError::Holds {
                to: to.told.clone(),
                table: table.name.clone(),
            });
        }
    }
    Ok(())
}

fn away(error: impl ToString) -> CarryError {
    CarryError::Store(StoreError::Unavailable {
        reason: error.to_string(),
    })
}

fn source(end: &CarryEnd) -> Result<End, CarryError> {
    let mut found = match end {
        CarryEnd::File(path) => {
            let none = || CarryError::NoStore(path.display().to_string());
            let told = path.canonicalize().map_err(|_| none())?;
            let mut file = connection::checkpointer(path).map_err(away)?;
            if !connection::is_ours(&mut file)? {
                return Err(none());
            }
            End {
                conn: Conn::Sqlite(file),
                told: told.display().to_string(),
            }
        }
        CarryEnd::Server(url) => {
            let mut server = Server::connect_for_long(url).map_err(away)?;
            if !server.is_ours()? {
                return Err(CarryError::NoStore(url.told()));
            }
            End {
                conn: Conn::Postgres(Box::new(server)),
                told: url.told(),
            }
        }
    };
    found.begin()?;
    Ok(found)
}

fn target(end: &CarryEnd) -> Result<End, CarryError> {
    let mut made = match end {
        CarryEnd::File(path) => {
            let mut file = connection::create(path).map_err(away)?;
            connection::make(&mut file)?;
            let told = path.canonicalize().map_err(away)?;
            End {
                conn: Conn::Sqlite(file),
                told: told.display().to_string(),
            }
        }
        CarryEnd::Server(url) => {
            let mut server = Server::connect_for_long(url).map_err(away)?;
            server.make()?;
            End {
                conn: Conn::Postgres(Box::new(server)),
                told: url.told(),
            }
        }
    };
    made.begin()?;
    until_free(&mut made, End::alone)?;
    Ok(made)
}

/// A server takes a moment to notice that a client has ended.
fn until_free(
    end: &mut End,
    is_free: fn(&mut End) -> diesel::QueryResult<bool>,
) -> Result<(), CarryError> {
    let began = Instant::now();
    while !is_free(end)? {
        if began.elapsed() > GONE {
            return Err(CarryError::InUse(end.told.clone()));
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
