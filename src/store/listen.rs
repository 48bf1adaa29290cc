//! Listener: what other processes on the same PostgreSQL say (NOTIFY), on a connection of its own.
//!
//! What is said reaches nobody who is not connected at that moment. So a word only wakes: whoever hears looks at the rows, also
//! after each new connection, and now and then without a word.

use std::{future::poll_fn, time::Duration};

use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::{Result, ServerUrl, StoreError, cover, trouble::words_of, wire::sockets};

/// How long the server may take to let it in, and to answer that it listens.
const CONNECT: Duration = Duration::from_secs(15);
/// Between two tries to come in.
const AGAIN: Duration = Duration::from_millis(500);
/// A line that says nothing is asked whether it still stands: a machine that went away says nothing either.
const SILENCE: Duration = Duration::from_secs(10);

/// Words that wait to be heard; with more it connects anew, and whoever hears looks at the rows.
const MOST_WORDS: usize = 1_024;
/// Words that wait to be said; with more of them the newest are not.
const UNSAID: usize = 16;
/// PostgreSQL takes no longer ones (8,000 bytes with the end of the text).
pub const LONGEST_WORD: usize = 7_999;

/// What it hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard<'a> {
    /// It listens from now on. Words of before may be missed.
    Listening,
    Said {
        channel: &'a str,
        payload: &'a str,
    },
}

/// What is said to all processes that listen, this one among them. It may be lost.
pub struct Word {
    pub channel: &'static str,
    /// At most [`LONGEST_WORD`] bytes.
    pub payload: String,
}

/// Ends when it is dropped.
pub struct Listener {
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens until it is dropped, and connects anew when it has to. `heard` runs on the thread of all connections' sockets: it
    /// wakes somebody and comes back.
    ///
    /// # Errors
    /// When this process can't have the thread.
    pub fn start(
        url: &ServerUrl,
        channels: &[&'static str],
        heard: impl FnMut(Heard<'_>) + Send + 'static,
    ) -> Result<Self> {
        let (_, nothing) = mpsc::channel(1);
        Self::run(url, channels, heard, nothing)
    }

    /// As [`Self::start`], and speaks on the same connection. What waits to be said while there is none is forgotten.
    ///
    /// # Errors
    /// When this process can't have the thread.
    pub fn start_speaking(
        url: &ServerUrl,
        channels: &[&'static str],
        heard: impl FnMut(Heard<'_>) + Send + 'static,
    ) -> Result<(Self, mpsc::Sender<Word>)> {
        let (words, to_say) = mpsc::channel(UNSAID);
        Ok((Self::run(url, channels, heard, to_say)?, words))
    }

    fn run(
        url: &ServerUrl,
        channels: &[&'static str],
        mut heard: impl FnMut(Heard<'_>) + Send + 'static,
        mut to_say: mpsc::Receiver<Word>,
    ) -> Result<Self> {
        let (url, channels) = (url.clone(), channels.to_vec());
        let runtime = sockets().map_err(|error| StoreError::Unavailable {
            reason: error.to_string(),
        })?;
        let task = runtime.spawn(async move {
            let mut was_away = false;
            loop {
                let talk = (&mut heard, &mut to_say);
                let Err(reason) = listen(&url, &channels, talk, &mut was_away).await;
                if !was_away {
                    log::warn!(target: "switchboard::store", "words of other nodes are not heard for now cause=\"{reason}\"");
                }
                was_away = true;
                tokio::time::sleep(AGAIN).await;
            }
        });
        Ok(Self { task })
    }
}

async fn listen(
    url: &ServerUrl,
    channels: &[&'static str],
    (heard, to_say): (
        &mut (impl FnMut(Heard<'_>) + Send),
        &mut mpsc::Receiver<Word>,
    ),
    was_away: &mut bool,
) -> std::result::Result<std::convert::Infallible, String> {
    let tls = cover::connector(url).map_err(|error| error.to_string())?;
    let connected = timeout(CONNECT, url.config().connect(tls)).await;
    let (client, mut connection) = connected
        .map_err(|_| "no answer in time".to_owned())?
        .map_err(|error| words_of(&error))?;
    // The connection answers only while it is polled, so that is done beside the question.
    let (tell, mut told) = mpsc::channel(MOST_WORDS);
    let reading = async move {
        loop {
            match poll_fn(|cx| connection.poll_message(cx)).await {
                Some(Ok(AsyncMessage::Notification(said))) => {
                    if tell.try_send(said).is_err() {
                        return "words come faster than they are heard".to_owned();
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return words_of(&error),
                None => return "the connection was closed".to_owned(),
            }
        }
    };
    let hearing = async {
        let names: Vec<String> = channels
            .iter()
            .map(|name| format!("LISTEN {name};"))
            .collect();
        asked(&client, &names.concat()).await?;
        if std::mem::take(was_away) {
            log::info!(target: "switchboard::store", "words of other nodes are heard again");
        }
        heard(Heard::Listening);
        // News of before are none any more.
        while to_say.try_recv().is_ok() {}
        loop {
            tokio::select! {
                said = timeout(SILENCE, told.recv()) => match said {
                    Ok(Some(said)) => heard(Heard::Said {
                        channel: said.channel(),
                        payload: said.payload(),
                    }),
                    Ok(None) => std::future::pending().await,
                    Err(_) => asked(&client, "SELECT 1").await?,
                },
                Some(word) = to_say.recv() => say(&client, &word).await?,
            }
        }
    };
    tokio::select! {
        ended = reading => Err(ended),
        ended = hearing => ended,
    }
}

async fn say(client: &Client, word: &Word) -> std::result::Result<(), String> {
    let text = "SELECT pg_notify($1, $2)";
    match timeout(
        CONNECT,
        client.execute(text, &[&word.channel, &word.payload]),
    )
    .await
    {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(words_of(&error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

async fn asked(client: &Client, text: &str) -> std::result::Result<(), String> {
    match timeout(CONNECT, client.batch_execute(text)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(words_of(&error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
