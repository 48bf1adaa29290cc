//! Token watch: who may come in, seen anew five times a second. Tokens are made and revoked beside the running service
//! too (`switchboard token`, other nodes), and nobody tells the service of that.
//!
//! A look reads one number on a connection of its own; the table is read only when that number changed or a token's
//! time has come. A thread, because what ends an access must not wait behind the reads of those who still have one.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::QueryResult;
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use super::{
    Result, StoreError, StoreHandle, TokenTable,
    connection::{self, Place},
    engine::Conn,
    tokens::{table, version},
};
use crate::domain::Timestamp;

const EVERY: Duration = Duration::from_millis(200);
/// What is older was seen before this process was stopped, or its threads hung: it is looked at anew before anybody is let in by it.
const RECENT: Duration = Duration::from_secs(1);
/// How long what was seen last holds while the file can't be read.
const STALE: Duration = Duration::from_secs(30);
/// Those who wait for a look of their own; further ones take what is there.
const ASKING: usize = 256;
const PATIENCE: Duration = Duration::from_secs(2);

/// Cheap to clone. The thread ends with the last one.
#[derive(Clone, Debug)]
pub struct TokenWatch {
    seen: watch::Receiver<Seen>,
    asks: SyncSender<oneshot::Sender<()>>,
}

#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    table: Arc<TokenTable>,
}

impl StoreHandle {
    /// Looks once, and then again and again on a thread of its own. Blocks for the first look.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn watch_tokens(&self) -> Result<TokenWatch> {
        let mut eye = Eye {
            place: self.place().clone(),
            conn: None,
            version: None,
            end: None,
        };
        let first = eye.look().map_err(unavailable)?.unwrap_or_default();
        let (tell, seen) = watch::channel(Seen {
            at: Instant::now(),
            table: Arc::new(first),
        });
        let (asks, asked) = sync_channel(ASKING);
        thread::Builder::new()
            .name("store-tokens".to_owned())
            .spawn(move || watch_on(&mut eye, &asked, &tell))
            .map_err(unavailable)?;
        Ok(TokenWatch { seen, asks })
    }
}

fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

impl TokenWatch {
    /// What was seen last.
    ///
    /// # Errors
    /// When that is too long ago.
    pub fn table(&self) -> Result<Arc<TokenTable>> {
        let seen = self.seen.borrow();
        if seen.at.elapsed() < STALE {
            return Ok(Arc::clone(&seen.table));
        }
        Err(unavailable("the tokens could not be read for a while"))
    }

    /// What was seen not long ago, by a look that begins now where nobody looked for a while.
    ///
    /// # Errors
    /// As [`Self::table`].
    pub async fn recent(&self) -> Result<Arc<TokenTable>> {
        if self.seen.borrow().at.elapsed() < RECENT {
            return self.table();
        }
        self.look().await
    }

    /// As [`Self::table`], after a look that begins now.
    ///
    /// # Errors
    /// As [`Self::table`].
    pub async fn look(&self) -> Result<Arc<TokenTable>> {
        let (tell, told) = oneshot::channel();
        if self.asks.try_send(tell).is_ok() {
            // A disk that is slow beyond this is told by what was seen last.
            let _ = timeout(PATIENCE, told).await;
        }
        self.table()
    }

    /// What holds right now, however old: to end an access, not to give one.
    #[must_use]
    pub fn latest(&self) -> Arc<TokenTable> {
        Arc::clone(&self.seen.borrow().table)
    }

    /// Waits for a table that is as wanted; also ends when nobody looks any more.
    pub async fn until(&self, mut wanted: impl FnMut(&TokenTable) -> bool) {
        let mut seen = self.seen.clone();
        let _ = seen.wait_for(|seen| wanted(&seen.table)).await;
    }
}

/// Until the last [`TokenWatch`] is gone.
fn watch_on(eye: &mut Eye, asked: &Receiver<oneshot::Sender<()>>, tell: &watch::Sender<Seen>) {
    let mut away = false;
    loop {
        let mut waiting: Vec<_> = match asked.recv_timeout(EVERY) {
            Ok(first) => vec![first],
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Whoever asks from here on may have come after the look began.
        waiting.extend(asked.try_iter());
        // What is seen held when the look began: the process may be stopped in the middle of it.
        let began = Instant::now();
        match eye.look() {
            Ok(changed) => {
                away = false;
                tell.send_if_modified(|seen| {
                    seen.at = began;
                    let Some(table) = changed else { return false };
                    seen.table = Arc::new(table);
                    true
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    log::warn!(target: "switchboard::store", "the tokens can't be read for now reason={error:?}", error = error.to_string());
                }
            }
        }
        for one in waiting {
            // Who does not wait any more has gone.
            let _ = one.send(());
        }
    }
}

struct Eye {
    place: Place,
    /// `None` after a trouble; opened anew at the next look.
    conn: Option<Conn>,
    version: Option<i64>,
    /// When the next token expires.
    end: Option<Timestamp>,
}

impl Eye {
    /// `None`: nothing changed since the last look.
    fn look(&mut self) -> QueryResult<Option<TokenTable>> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.place.watcher().map_err(connection::as_query_error)?,
        };
        let same = Some(version(&mut conn)?) == self.version;
        if same && self.end.is_none_or(|end| end > Timestamp::now()) {
            self.conn = Some(conn);
            return Ok(None);
        }
        let (version, table) = table(&mut conn)?;
        self.version = Some(version);
        self.end = table.next_end();
        self.conn = Some(conn);
        Ok(Some(table))
    }
}
