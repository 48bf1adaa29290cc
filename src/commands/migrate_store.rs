//! Migrate store: `switchboard migrate-store`. Rounds while the service runs, then a short stop, in which the last changes go over.

use std::{
    fs,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::{CarrySettings, Settings, say},
    data_dir::{DataDir, DataDirError, database_in},
    store::{CarriedTable, Carry, CarryEnd, CarryError, ServerUrl, StoreError},
};

/// Rounds before the service is asked to be stopped; fewer where the last one found nothing.
const ROUNDS: usize = 3;
/// How often it is looked whether the service has stopped.
const LOOK: Duration = Duration::from_millis(200);
/// Rounds while it is waited for take this part of the time at most.
const SHARE: u32 = 10;

#[derive(Debug, thiserror::Error)]
enum MigrateError {
    #[error("--{0} is missing: a data directory, or postgres://…")]
    Missing(&'static str),
    #[error("--{0} {1}")]
    Address(&'static str, String),
    #[error("{path} can't be read: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the service on {0} was not stopped; everything but its last changes is over, and the next run goes on from there"
    )]
    NotStopped(String),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Carry(#[from] CarryError),
}

impl MigrateError {
    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Missing(_)
            | Self::Address(..)
            | Self::Unreadable { .. }
            | Self::Carry(
                CarryError::SameKind
                | CarryError::NoStore(_)
                | CarryError::Holds { .. }
                | CarryError::Another { .. },
            ) => 2,
            Self::DataDir(DataDirError::InUse { .. }) => 3,
            _ => 1,
        })
    }
}

/// One to a store, as a person names it.
enum Named {
    Directory(PathBuf),
    Server(ServerUrl),
}

impl Named {
    fn of(name: &'static str, text: &str, settings: &Settings) -> Result<Self, MigrateError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Ok(Self::Directory(text.into()));
        }
        ServerUrl::parse(text, settings.database_ca.clone())
            .map(Self::Server)
            .map_err(|what| MigrateError::Address(name, what))
    }

    fn end(&self) -> CarryEnd {
        match self {
            Self::Directory(path) => CarryEnd::File(database_in(path)),
            Self::Server(url) => CarryEnd::Server(url.clone()),
        }
    }

    /// The directory, held by us alone; of a server there is none.
    fn claim(&self) -> Result<Option<DataDir>, DataDirError> {
        match self {
            Self::Directory(path) => DataDir::claim(path).map(Some),
            Self::Server(_) => Ok(None),
        }
    }

    /// Without a password.
    fn told(&self) -> String {
        match self {
            Self::Directory(path) => path.display().to_string(),
            Self::Server(url) => url.shown(),
        }
    }
}

/// Carries the store over, and tells how far it is on stdout.
#[must_use]
pub fn run(settings: &Settings, way: &CarrySettings) -> ExitCode {
    match migrate(settings, way) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("switchboard: {error}");
            error.code()
        }
    }
}

fn setting(value: Option<&String>, file: Option<&PathBuf>) -> Result<Option<String>, MigrateError> {
    let Some(path) = file else {
        return Ok(value.cloned());
    };
    let text = fs::read_to_string(path).map_err(|source| MigrateError::Unreadable {
        path: path.clone(),
        source,
    })?;
    Ok(Some(text.trim().to_owned()))
}

fn migrate(settings: &Settings, way: &CarrySettings) -> Result<(), MigrateError> {
    let from = match setting(way.from.as_ref(), way.from_file.as_ref())? {
        None => Named::Directory(settings.data_dir.clone()),
        Some(from) => Named::of("from", &from, settings)?,
    };
    let to = setting(way.to.as_ref(), way.to_file.as_ref())?;
    let to = Named::of("to", &to.ok_or(MigrateError::Missing("to"))?, settings)?;
    if matches!(
        (&from, &to),
        (Named::Directory(_), Named::Directory(_)) | (Named::Server(_), Named::Server(_))
    ) {
        return Err(CarryError::SameKind.into());
    }
    if let (Named::Directory(path), CarryEnd::File(file)) = (&from, from.end())
        && !file.exists()
    {
        return Err(CarryError::NoStore(path.display().to_string()).into());
    }
    let _target = to.claim()?;
    let mut carry = Carry::open(&from.end(), &to.end())?;
    for _ in 0..ROUNDS {
        if round(&mut carry)?.0 == 0 {
            break;
        }
    }
    let _source = stopped(&from, &mut carry, Duration::from_secs(way.patience))?;
    let began = Instant::now();
    let tables = carry.finish()?;
    for CarriedTable { name, rows, sha256 } in &tables {
        say(&format!("{name}: {rows} rows, sha256 {sha256}"));
    }
    let rows: i64 = tables.iter().map(|table| table.rows).sum();
    say(&format!(
        "{} tables with {rows} rows are the same at both ends; the last changes took {:.1} s. Start the service on the new store; the \
         old one is kept as it is, and refused",
        tables.len(),
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// What a round wrote, and how long it took.
fn round(carry: &mut Carry) -> Result<(i64, Duration), MigrateError> {
    let began = Instant::now();
    let round = carry.round()?;
    let took = began.elapsed();
    say(&format!(
        "{} rows compared, {} carried over in {:.1} s",
        round.rows,
        round.written,
        took.as_secs_f64()
    ));
    Ok((round.written, took))
}

/// Waits until nobody writes at the source any more, and holds it.
fn stopped(
    from: &Named,
    carry: &mut Carry,
    patience: Duration,
) -> Result<Option<DataDir>, MigrateError> {
    let deadline = Instant::now() + patience;
    let mut asked = false;
    let (mut last, mut took) = (Instant::now(), Duration::from_secs(1));
    loop {
        let holder = match from.claim() {
            Ok(claimed) => match carry.hold() {
                Ok(true) => return Ok(claimed),
                Ok(false) => String::new(),
                // Somebody writes who holds no directory: `switchboard token`.
                Err(CarryError::Store(StoreError::Unavailable { .. })) => String::new(),
                Err(error) => return Err(error.into()),
            },
            Err(DataDirError::InUse { holder, .. }) => format!(" (process {holder})"),
            Err(error) => return Err(error.into()),
        };
        if !asked {
            say(&format!(
                "stop the service on {}{holder} now: everything but its last changes is over, and they follow as soon as it has ended",
                from.told()
            ));
            asked = true;
        }
        if Instant::now() > deadline {
            return Err(MigrateError::NotStopped(from.told()));
        }
        if last.elapsed() > (took * SHARE).max(Duration::from_secs(10)) {
            took = round(carry)?.1;
            last = Instant::now();
        }
        thread::sleep(LOOK);
    }
}
