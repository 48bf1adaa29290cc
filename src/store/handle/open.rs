//! Open: the first connection, the writer on its thread, and the handle to them.

use std::{sync::Arc, thread};

use actix::{Actor, Addr};
use diesel::ConnectionError;
use tokio::sync::{Semaphore, oneshot};

use super::StoreHandle;
use crate::{
    domain::KeepFor,
    store::{
        EventSink, Result, StoreConfig, StoreError, StoreMetrics,
        actor::{Parts, StoreActor},
        carried,
        connection::{self, Place},
        echoes::Holds,
        engine::Conn,
        erasure,
        event_ref::newest,
        follow::{Following, Teller},
        health::Health,
        hold::Hold,
        housekeeping::Housekeeping,
        migrations::broken,
        old_codes, pooler,
        ready::ReadyRoom,
        retention::in_force,
        retirement::Retirement,
        row_blocks,
        server::{STATEMENT, Server},
        shrink,
        stated::Stated,
    },
};

/// Opens the store.
#[derive(Debug)]
pub struct Store;

impl Store {
    /// Opens the file, brings its schema up to date and starts the writer on a thread of its own. Blocks meanwhile.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] for a file of a newer version, [`StoreError::Unavailable`] when it can't be
    /// written.
    pub fn open(config: StoreConfig, sink: Arc<dyn EventSink>) -> Result<StoreHandle> {
        Self::open_with(config, sink, true)
    }

    /// As [`Self::open`], but a file of an older version is left as it is and refused.
    ///
    /// # Errors
    /// As [`Self::open`], and [`StoreError::SchemaTooOld`].
    pub fn open_as_it_is(config: StoreConfig, sink: Arc<dyn EventSink>) -> Result<StoreHandle> {
        Self::open_with(config, sink, false)
    }

    fn open_with(
        config: StoreConfig,
        sink: Arc<dyn EventSink>,
        migrating: bool,
    ) -> Result<StoreHandle> {
        let place = Place::of(&config);
        if let Some(url) = &config.server {
            // Before anything is held: behind a pooler it would stay so.
            Server::connect(url, STATEMENT)
                .map_err(|error| StoreError::Unavailable {
                    reason: error.to_string(),
                })?
                .refuse_unfit()?;
            pooler::refuse(url)?;
        }
        let hold = match &config.server {
            Some(url) if config.serves => Some(Hold::share(url)?),
            _ => None,
        };
        let mut conn = first_connection(&place, &config.keep, migrating)?;
        let others = config.server.as_ref().filter(|_| !config.alone);
        let teller = match others {
            Some(_) => Some(Arc::new(Teller::new(
                Arc::clone(&sink),
                newest(&mut conn).map_err(|error| broken("open", &error))?,
            ))),
            None => None,
        };
        let readers = connection::readers(&config)?;
        let health = Health::new();
        let metrics = StoreMetrics::default();
        let housekeeping = Housekeeping::start(&config)?;
        let (ended, running) = oneshot::channel();
        let fence = Arc::default();
        let parts = Parts {
            place: place.clone(),
            conn,
            sink: Arc::clone(&sink),
            teller: teller.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            mailbox: config.mailbox,
            housekeeping,
            holds: Holds::new(config.hold),
            keep: config.keep,
            fence: Arc::clone(&fence),
            alone: config.alone,
            retirement: Retirement::new(config.retire_every),
            ended,
        };
        let addr = start(parts, running)?;
        let mut handle = StoreHandle {
            path: config.path.into(),
            place,
            addr,
            reading: Arc::new(Semaphore::new(config.readers.max(1) as usize)),
            readers,
            health,
            metrics,
            patience: config.patience,
            read_limit: config.read_limit,
            stated: Stated::default(),
            ready: ReadyRoom::default(),
            sink,
            hold: hold.map(Arc::new),
            fence,
            following: None,
        };
        if let (Some(url), Some(teller)) = (others, teller) {
            let following = Following::start(url, teller, handle.clone())?;
            handle.following = Some(Arc::new(following));
        }
        Ok(handle)
    }
}

/// The first connection of a start: it brings the schema up to date, or (not `migrating`) leaves one of another version as it is.
fn first_connection(place: &Place, keep: &KeepFor, migrating: bool) -> Result<Conn> {
    let unavailable = |error: ConnectionError| StoreError::Unavailable {
        reason: error.to_string(),
    };
    match place {
        Place::File(path) => {
            let mut conn = connection::create(path).map_err(unavailable)?;
            match migrating {
                true => connection::migrate(&mut conn)?,
                false => connection::make(&mut conn)?,
            }
            carried::refuse(&mut conn)?;
            connection::refuse_read_only(&mut conn)?;
            old_codes::mask(&mut conn)?;
            erasure::at_start(&mut conn);
            let mut conn = Conn::Sqlite(conn);
            let goes = in_force(&mut conn, keep).map_err(|error| broken("open", &error))?;
            if let Some(file) = conn.file().filter(|_| goes) {
                shrink::at_start(file);
            }
            Ok(conn)
        }
        Place::Server(url) => {
            let mut server = Server::connect(url, STATEMENT).map_err(unavailable)?;
            match migrating {
                true => server.migrate()?,
                false => server.make()?,
            }
            carried::refuse(&mut server)?;
            row_blocks::catch_up(&mut server).map_err(|error| broken("open", &error))?;
            Ok(Conn::Postgres(Box::new(server)))
        }
    }
}

/// The writer blocks in the database, so it has a system of its own and shares its thread with nobody.
fn start(parts: Parts, running: oneshot::Receiver<()>) -> Result<Addr<StoreActor>> {
    let (tell, started) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || {
            actix::System::new().block_on(async move {
                drop(tell.send(StoreActor::new(parts).start()));
                // Ends with the actor, which holds the other half.
                drop(running.await);
            });
        })
        .map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
    started.recv().map_err(|_| StoreError::Closed)
}
