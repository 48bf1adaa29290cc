//! Feeder: what keeps the search index of PostgreSQL up, beside the writer and on a connection of its own: cutting texts into words
//! would hold the writer up as long as writing them does.

use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use diesel::QueryResult;

use super::{
    Result, ServerUrl, StoreError,
    connection::as_query_error,
    engine::Conn,
    row_blocks::Feeds,
    search_index::feed_block,
    server::{STATEMENT, Server},
    transaction,
};

/// Messages of one step.
const FEED: usize = 500;
/// Between two looks while the index keeps up: each costs a commit of its own.
const LOOK_EVERY: Duration = Duration::from_millis(800);
/// Between two steps while it does not: a wave comes in first.
const BREATH: Duration = Duration::from_millis(50);
/// After a trouble.
const PAUSE: Duration = Duration::from_secs(1);

/// Ends with this value.
pub(super) struct Feeder(#[allow(dead_code, reason = "held, not read")] SyncSender<()>);

impl Feeder {
    pub fn start(url: &ServerUrl, whose: Feeds) -> Result<Self> {
        let (end, ended) = sync_channel::<()>(0);
        let url = url.clone();
        thread::Builder::new()
            .name("store-words".to_owned())
            .spawn(move || {
                let (mut conn, mut pause, mut troubled) = (None, LOOK_EVERY, false);
                while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                    pause = match step(&mut conn, &url, &whose) {
                        Ok(count) => {
                            troubled = false;
                            if count < FEED { LOOK_EVERY } else { BREATH }
                        }
                        Err(error) => {
                            if !std::mem::replace(&mut troubled, true) {
                                log::warn!(target: "switchboard::store", "search index is behind cause=\"{error}\"");
                            }
                            PAUSE
                        }
                    };
                }
            })
            .map_err(|error| StoreError::Unavailable {
                reason: error.to_string(),
            })?;
        Ok(Self(end))
    }
}

/// One transaction. After an error the connection is dropped, and that takes back what was written.
fn step(conn: &mut Option<Conn>, url: &ServerUrl, whose: &Feeds) -> QueryResult<usize> {
    let mut open = match conn.take() {
        Some(open) => open,
        None => {
            let server = Server::connect(url, STATEMENT).map_err(as_query_error)?;
            Conn::Postgres(Box::new(server))
        }
    };
    transaction::begin(&mut open)?;
    let count = feed_block(&mut open, whose, FEED)?;
    transaction::commit(&mut open)?;
    *conn = Some(open);
    Ok(count)
}
