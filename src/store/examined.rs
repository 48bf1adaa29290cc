//! Examined: what `switchboard check` asks of a PostgreSQL. Nothing is changed.

use std::time::{Duration, Instant};

use diesel::QueryableByName;

use super::{
    Result, ServerUrl, StoreError, hold,
    migrations::broken,
    pooler,
    server::{STATEMENT, Server},
    server_url::Cover,
    sql::{Flag, sql},
};
use crate::domain::Timestamp;

/// Questions of which the middle one is told.
const ASKED: usize = 9;

/// What a server is like.
#[derive(Clone, Debug)]
pub struct ServerReport {
    pub version: i64,
    /// The middle one of several questions that need nothing of the disk.
    pub latency: Duration,
    pub encrypted: bool,
    /// Whom the encryption ends at was verified.
    pub verified: bool,
    /// How far its clock is ahead of ours.
    pub ahead_millis: i64,
    /// Another switchboard that serves it now.
    pub holder: Option<String>,
}

#[derive(QueryableByName)]
struct Way {
    #[diesel(sql_type = Flag)]
    ssl: bool,
}

/// # Errors
/// [`StoreError::Unavailable`] when it is not reached, [`StoreError::Unfit`] for one that can't hold the store.
pub fn examine_server(url: &ServerUrl) -> Result<ServerReport> {
    let mut server = Server::connect(url, STATEMENT).map_err(|error| StoreError::Unavailable {
        reason: error.to_string(),
    })?;
    server.refuse_unfit()?;
    pooler::refuse(url)?;
    let failed = |error| broken("examine", &error);
    let mut times = Vec::with_capacity(ASKED);
    let mut ahead_millis = 0;
    let mut version = 0;
    for _ in 0..ASKED {
        let began = Instant::now();
        let standing = server.look_at().map_err(failed)?;
        times.push(began.elapsed());
        ahead_millis = standing.clock - Timestamp::now().millis();
        version = standing.version;
    }
    times.sort_unstable();
    let way = sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        .get_result::<Way>(&mut server)
        .map_err(failed)?;
    let cover = url.cover();
    Ok(ServerReport {
        version,
        latency: times.get(ASKED / 2).copied().unwrap_or_default(),
        // A pooler in between has a way of its own to the server.
        encrypted: match cover {
            Cover::Nothing => false,
            Cover::IfOffered => way.ssl,
            Cover::Unverified | Cover::Authority | Cover::Verified => true,
        },
        verified: matches!(cover, Cover::Authority | Cover::Verified),
        ahead_millis,
        holder: hold::holder(&mut server).map_err(failed)?,
    })
}
