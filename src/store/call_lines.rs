//! Call lines: the connections of calls, each with a thread and a queue of its own.

use std::{
    sync::{Arc, mpsc as threads},
    thread,
    time::Duration,
};

use diesel::QueryResult;
use tokio::{sync::oneshot, time::timeout};

use super::{Result, ServerUrl, StoreError, migrations::failed, server::Server};

/// What a statement may take.
const LIMIT: Duration = Duration::from_secs(5);
/// What somebody waits for one who asks for it: a statement, and a connection that has to be made first.
const PATIENCE: Duration = Duration::from_secs(20);
/// Statements that wait for their turn on one connection.
const QUEUE: usize = 256;
/// One for calls, one for the pieces of long ones, which come in crowds.
const LINES: usize = 2;

type Work = Box<dyn FnOnce(Result<&mut Server, String>) -> bool + Send>;

/// Cheap to clone; its threads end with the last one.
#[derive(Clone)]
pub(super) struct CallLines(Arc<[threads::SyncSender<Work>]>);

impl CallLines {
    /// # Errors
    /// When this process can't have the threads.
    pub fn open(url: &ServerUrl) -> Result<Self> {
        let line = |number: usize| {
            let (line, works) = threads::sync_channel::<Work>(QUEUE);
            let url = url.clone();
            thread::Builder::new()
                .name(format!("store-calls-{number}"))
                .spawn(move || run(&url, &works))
                .map_err(|error| StoreError::Unavailable {
                    reason: error.to_string(),
                })?;
            Ok(line)
        };
        (1..=LINES).map(line).collect::<Result<_>>().map(Self)
    }

    pub async fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        line: usize,
        work: impl FnOnce(&mut Server) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |server| {
            let (answer, good) = match server {
                Ok(server) => {
                    let answer = work(server).map_err(|error| failed(name, &error));
                    (answer, !server.is_broken())
                }
                Err(reason) => (Err(StoreError::Unavailable { reason }), false),
            };
            // Whoever gave up hears nothing.
            let _ = tell.send(answer);
            good
        });
        let Some(line) = self.0.get(line) else {
            return Err(StoreError::Closed);
        };
        line.try_send(work).map_err(|error| match error {
            threads::TrySendError::Full(_) => StoreError::Unavailable {
                reason: "too much is asked of other nodes at once".to_owned(),
            },
            threads::TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        match timeout(PATIENCE, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Closed),
            Err(_) => Err(StoreError::NoAnswer {
                call: name,
                after: PATIENCE,
            }),
        }
    }
}

/// Until nobody asks any more; a connection that broke is made anew for the next who asks.
fn run(url: &ServerUrl, works: &threads::Receiver<Work>) {
    let mut open: Option<Server> = None;
    while let Ok(work) = works.recv() {
        let server = match open.take().filter(|server| !server.is_broken()) {
            Some(server) => Ok(server),
            None => Server::connect(url, LIMIT),
        };
        match server {
            Ok(mut server) => {
                if work(Ok(&mut server)) {
                    open = Some(server);
                }
            }
            Err(error) => {
                work(Err(error.to_string()));
            }
        }
    }
}
