//! Whispers: what is told beside the event log, here and at the other nodes: who types, how far a file is, what a sign-in asks for.
//!
//! Receives: news of this node's accounts; words of the other nodes.
//! Sends:    news to `broadcast`, and in sealed portions to the other nodes.
//! Promises: what is said to other nodes can be read by nobody who does not have the vault's keys; never more than so many bytes a second.
//! Does not: promise that anything arrives: it is worthless a moment later.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    broadcast::{BroadcastHandle, Transient},
    domain::{AccountId, EventBody, Login, Timestamp},
    store::{Heard, LONGEST_WORD, Listener, Result, ServerUrl, Word},
    supervisor::draw_qr,
    vault::{PieceOf, Vault},
};

const CHANNEL: &str = "switchboard_news";
/// News that wait to be said; with more of them the newest are not.
const UNSAID: usize = 256;
/// Between two portions; what comes meanwhile goes together.
const GATHER: Duration = Duration::from_millis(50);
/// Bytes of a portion before it is sealed: sealed and with its names it is within [`LONGEST_WORD`].
const PORTION: usize = 5_300;
/// Portions of other nodes that wait to be opened.
const UNREAD: usize = 64;

/// One of several, as it goes to the others.
#[derive(Clone, Serialize, Deserialize)]
enum News {
    Frame(AccountId, Arc<str>),
    /// Without the picture of its code: that alone would be too long, and is drawn from the address.
    Login(AccountId, Option<Login>),
}

impl News {
    fn bytes(&self) -> usize {
        // Escaped once more, and its id.
        64 + match self {
            Self::Frame(_, text) => text.len() * 5 / 4,
            Self::Login(_, login) => serde_json::to_vec(login).map_or(0, |text| text.len()),
        }
    }

    fn transient(self) -> Transient {
        let (account_id, login) = match self {
            Self::Frame(account_id, text) => return Transient::of_text(account_id, text),
            Self::Login(account_id, login) => (account_id, login),
        };
        let mut login = login;
        if let Some(qr) = login.as_mut().and_then(|login| login.qr.as_mut()) {
            qr.svg = draw_qr(&qr.url).unwrap_or_default();
        }
        let frame = |login| {
            let body = EventBody::LoginUpdated { account_id, login };
            timed(&body).to_string().into()
        };
        Transient {
            for_looking: Some(frame(login.clone().map(Login::for_looking))),
            ..Transient::of_text(account_id, frame(login))
        }
    }
}

/// A frame without a number.
#[must_use]
pub fn timed(body: &EventBody) -> Value {
    let mut frame = json!(body);
    frame["at"] = json!(Timestamp::now());
    frame
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Whispers {
    broadcast: BroadcastHandle,
    /// `None`: there are no other nodes.
    others: Option<Others>,
}

#[derive(Clone)]
struct Others {
    unsaid: mpsc::Sender<News>,
    _tasks: Arc<(Listener, AbortOnDropHandle<()>, AbortOnDropHandle<()>)>,
}

impl Whispers {
    /// To those who listen here, alone.
    #[must_use]
    pub const fn here(broadcast: BroadcastHandle) -> Self {
        Self {
            broadcast,
            others: None,
        }
    }

    /// To those who listen at any node of the database.
    ///
    /// # Errors
    /// When this process can't have the thread.
    pub fn everywhere(
        broadcast: BroadcastHandle,
        (url, node): (&ServerUrl, Uuid),
        vault: Vault,
    ) -> Result<Self> {
        let (heard, unread) = mpsc::channel(UNREAD);
        let (listener, words) = Listener::start_speaking(url, &[CHANNEL], move |word| {
            if let Heard::Said { payload, .. } = word {
                // One too many: nobody misses it.
                let _ = heard.try_send(payload.to_owned());
            }
        })?;
        let (unsaid, to_say) = mpsc::channel(UNSAID);
        let saying = tokio::spawn(say(to_say, words, node, vault.clone()));
        let hearing = tokio::spawn(hear(unread, broadcast.clone(), node, vault));
        let tasks = (
            listener,
            AbortOnDropHandle::new(saying),
            AbortOnDropHandle::new(hearing),
        );
        Ok(Self {
            broadcast,
            others: Some(Others {
                unsaid,
                _tasks: Arc::new(tasks),
            }),
        })
    }

    /// Waits for nobody.
    pub fn tell(&self, account_id: AccountId, frame: &Value) {
        let text: Arc<str> = frame.to_string().into();
        if let Some(others) = &self.others {
            let news = News::Frame(account_id, Arc::clone(&text));
            let _ = others.unsaid.try_send(news);
        }
        self.broadcast
            .announce(Transient::of_text(account_id, text));
    }

    /// How far a sign-in is. Here that is told with a number; the log keeps nothing of it.
    pub fn tell_others_of(&self, account_id: AccountId, login: Option<&Login>) {
        let Some(others) = &self.others else {
            return;
        };
        let mut login = login.cloned();
        if let Some(qr) = login.as_mut().and_then(|login| login.qr.as_mut()) {
            qr.svg = String::new();
        }
        let _ = others.unsaid.try_send(News::Login(account_id, login));
    }
}

async fn say(
    mut to_say: mpsc::Receiver<News>,
    words: mpsc::Sender<Word>,
    node: Uuid,
    vault: Vault,
) {
    while let Some(first) = to_say.recv().await {
        sleep(GATHER).await;
        let mut portion: Vec<News> = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(news) = next {
            // The rest of what waited is old by the next turn.
            if bytes + news.bytes() <= PORTION {
                bytes += news.bytes();
                portion.push(news);
            }
            next = to_say.try_recv().ok();
        }
        if portion.is_empty() {
            continue;
        }
        let id = Uuid::new_v4();
        let plain = serde_json::to_vec(&portion).unwrap_or_default();
        let sealed = match vault.seal_call(id, PieceOf::News, &plain).await {
            Ok(sealed) => sealed,
            Err(error) => {
                log::debug!(target: "switchboard::nodes", "news for other nodes can't be sealed: {error}");
                continue;
            }
        };
        let payload = format!("{node} {id} {sealed}");
        if payload.len() <= LONGEST_WORD {
            let _ = words.try_send(Word {
                channel: CHANNEL,
                payload,
            });
        }
    }
}

async fn hear(
    mut unread: mpsc::Receiver<String>,
    broadcast: BroadcastHandle,
    node: Uuid,
    vault: Vault,
) {
    while let Some(word) = unread.recv().await {
        let mut parts = word.splitn(3, ' ');
        let ids = (parts.next(), parts.next());
        let (Some(from), Some(id), Some(sealed)) = (
            ids.0.and_then(|id| id.parse::<Uuid>().ok()),
            ids.1.and_then(|id| id.parse::<Uuid>().ok()),
            parts.next(),
        ) else {
            continue;
        };
        if from == node {
            continue;
        }
        let opened = vault.open_call(id, PieceOf::News, sealed).await;
        let portion = opened
            .ok()
            .and_then(|plain| serde_json::from_slice::<Vec<News>>(plain.expose()).ok());
        let Some(portion) = portion else {
            // With another master key it can open nothing else either, and says so.
            log::debug!(target: "switchboard::nodes", "news of another node can't be opened");
            continue;
        };
        for news in portion {
            broadcast.announce(news.transient());
        }
    }
}
