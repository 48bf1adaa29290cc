//! Hold: whoever puts another store in the place of this one has a database of PostgreSQL to itself; services share it (which account
//! is whose is told by leases), and none of them serves meanwhile.
//!
//! A lock that lasts as long as a session of its own. When that session is lost (the server restarts), the lock is taken again;
//! where somebody was quicker who wants it alone, this process has to end.

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{QueryResult, QueryableByName, sql_types::Text};
use tokio::sync::watch;

use super::{
    Result, ServerUrl, StoreError,
    migrations::broken,
    server::Server,
    sql::{Flag, sql},
};

/// "switchbo" as a number; one beside that of the migrations.
const LOCK: i64 = 0x7377_6974_6368_626f;

/// A service that is being stopped, or was killed a moment ago, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(5);

/// Cheap to ask. The lock is let go of with it.
pub(super) struct Hold {
    taken: watch::Receiver<bool>,
    /// Closed: let go.
    stop: Mutex<Option<SyncSender<()>>>,
}

#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = Flag)]
    got: bool,
}

#[derive(QueryableByName)]
struct Holder {
    #[diesel(sql_type = Text)]
    t: String,
}

impl Hold {
    /// Alone.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process keeps it.
    pub fn take(url: &ServerUrl) -> Result<Self> {
        Self::of(url, "pg_try_advisory_lock")
    }

    /// With all others who share it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when somebody has it alone.
    pub fn share(url: &ServerUrl) -> Result<Self> {
        Self::of(url, "pg_try_advisory_lock_shared")
    }

    fn of(url: &ServerUrl, how: &'static str) -> Result<Self> {
        let unavailable = |reason: String| StoreError::Unavailable { reason };
        let mut server =
            Server::connect(url, LIMIT).map_err(|error| unavailable(error.to_string()))?;
        let began = Instant::now();
        while !tried(&mut server, how).map_err(|error| broken("open", &error))? {
            if began.elapsed() > PATIENCE {
                let holder = holder(&mut server).map_err(|error| broken("open", &error))?;
                return Err(StoreError::InUse {
                    holder: holder.unwrap_or_default(),
                });
            }
            thread::sleep(BETWEEN);
        }
        let (tell, taken) = watch::channel(false);
        let (stop, stopped) = sync_channel(0);
        let url = url.clone();
        thread::Builder::new()
            .name("store-hold".to_owned())
            .spawn(move || {
                let mut held = Some(server);
                loop {
                    match stopped.recv_timeout(BETWEEN) {
                        Err(RecvTimeoutError::Timeout) => {}
                        _ => return,
                    }
                    if is_lost(&mut held, &url, how) {
                        // Nobody may be left to hear it.
                        let _ = tell.send(true);
                        return;
                    }
                }
            })
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(Self {
            taken,
            stop: Mutex::new(Some(stop)),
        })
    }

    pub fn let_go(&self) {
        let stop = self.stop.lock();
        drop(stop.unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Ends when somebody else has it.
    pub async fn taken(&self) {
        let mut taken = self.taken.clone();
        if taken.wait_for(|taken| *taken).await.is_err() {
            // Let go of by ourselves.
            std::future::pending::<()>().await;
        }
    }
}

/// Does another process have it now? Where nothing answers, nobody can take it either.
fn is_lost(held: &mut Option<Server>, url: &ServerUrl, how: &str) -> bool {
    if let Some(server) = held {
        if !server.is_broken() && sql("SELECT 1 AS n").run(server).is_ok() {
            return false;
        }
        *held = None;
    }
    let Ok(mut server) = Server::connect(url, LIMIT) else {
        return false;
    };
    match tried(&mut server, how) {
        Ok(true) => {
            log::info!(target: "switchboard::store", "the database is held again");
            *held = Some(server);
            false
        }
        Ok(false) => {
            let by = holder(&mut server).ok().flatten().unwrap_or_default();
            // The server may not have noticed yet that the session of before has gone.
            let ours = by.starts_with(&format!("{}, since", own_name()));
            if !ours {
                log::error!(target: "switchboard::store", "another process has taken the database holder={by:?}");
            }
            !ours
        }
        Err(_) => false,
    }
}

fn tried(server: &mut Server, how: &str) -> QueryResult<bool> {
    sql("SELECT set_config('application_name', ?, FALSE) AS t")
        .text(own_name())
        .get_result::<Holder>(server)?;
    let text = format!("SELECT {how}({LOCK}) AS got");
    Ok(sql(&text).get_result::<Got>(server)?.got)
}

/// By which the holder is known to the next one: process, machine and start.
fn own_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let uname = rustix::system::uname();
        let mut machine = uname.nodename().to_string_lossy().into_owned();
        // PostgreSQL cuts what is longer than 63.
        machine.retain(|c| c.is_ascii_graphic());
        machine.truncate(32);
        let start = uuid::Uuid::new_v4().as_fields().0;
        format!("switchboard {}@{machine} {start:08x}", std::process::id())
    })
}

/// Who has it now.
pub(super) fn holder(server: &mut Server) -> QueryResult<Option<String>> {
    let found = sql("SELECT coalesce(a.application_name, '') || ', since ' || to_char(a.backend_start, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS t \
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (CAST(l.classid AS BIGINT) << 32 | CAST(l.objid AS BIGINT)) = ? LIMIT 1")
    .number(LOCK)
    .load::<Holder>(server)?
    .pop();
    Ok(found.map(|one| one.t))
}
