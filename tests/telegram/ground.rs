//! The ground that the tests stand on: a simulated Telegram, the service's Telegram side, and a reader that keeps what
//! a link reports the way the store would.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddrV4,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use switchboard::{
    domain::{
        AccountId, ApiCredentials, Batch, Change, ChatId, Hole, Making, MessageRowId, NewText,
        Order, OrderId, Outcome, Peer, Place, Position, Proxy, SecretText, Tries, Work,
    },
    telegram::{
        BookAway, LinkConfig, LinkEvent, LinkExit, LinkHandle, PeerBook, SessionData, Telegram,
        TelegramConfig, Timing,
    },
};
use switchboard_simulator::{AccountSpec, Simulator};
use tokio::{sync::mpsc, time::timeout};

/// Generous: two cores, many tests at once.
pub const LIMIT: Duration = Duration::from_secs(60);

/// What all lines run on.
pub const LINES_THREADS: usize = 2;

/// Times short enough for tests, long enough for a loaded machine.
pub fn timing() -> Timing {
    Timing {
        ping_every: Duration::from_millis(1_000),
        ping_limit: Duration::from_millis(2_000),
        connect_limit: Duration::from_secs(10),
        call_limit: Duration::from_secs(5),
        difference_limit: Duration::from_secs(10),
        backoff_min: Duration::from_millis(50),
        backoff_max: Duration::from_millis(500),
        key_patience: Duration::from_millis(600),
        ..Timing::default()
    }
}

pub struct Ground {
    pub sim: Simulator,
    pub telegram: Telegram,
    pub user: i64,
    pub friend: i64,
}

impl Ground {
    /// One account with a friend.
    pub async fn start() -> Self {
        Self::with(Simulator::builder().start().await.unwrap(), timing())
    }

    pub fn with(sim: Simulator, timing: Timing) -> Self {
        Self::through(sim, timing, &[])
    }

    /// Every account goes out through these.
    pub fn through(sim: Simulator, timing: Timing, proxies: &[&str]) -> Self {
        let telegram = lines(&sim, timing, proxies);
        let user = sim.add_account(AccountSpec::new("+9996620001", "Desk"));
        let friend = sim.add_person(switchboard_simulator::PersonSpec::new("Amal"));
        Self {
            sim,
            telegram,
            user,
            friend,
        }
    }

    /// Another node's, on the same Telegram.
    pub fn another(&self) -> Telegram {
        lines(&self.sim, timing(), &[])
    }

    pub fn session(&self) -> SessionData {
        let (dc, address) = self.sim.dc_addresses()[0];
        let key = self.sim.seed_session(self.user, dc);
        let std::net::SocketAddr::V4(address) = address else {
            panic!("the simulator listens on IPv4");
        };
        SessionData::with_key(
            dc,
            SocketAddrV4::new(*address.ip(), address.port()),
            key,
            self.user,
        )
    }

    /// A link on a fresh session, up to the present.
    pub async fn link(&self) -> Reader {
        self.link_over(self.session()).await
    }

    pub async fn link_over(&self, session: SessionData) -> Reader {
        let mut reader = self.open(session, None, Book::default());
        reader
            .until("the present", |seen| {
                seen.position.is_some() && seen.caught_up > 0
            })
            .await;
        reader
    }

    pub fn open(&self, session: SessionData, position: Option<Position>, book: Book) -> Reader {
        let book = Arc::new(book);
        let account = AccountId::random();
        let (handle, events) = self.telegram.open_link(LinkConfig {
            account_id: account,
            session,
            api: api(),
            position,
            peers: Arc::<Book>::clone(&book),
            pace: None,
            proxies: None,
            device: None,
        });
        Reader {
            account,
            handle,
            events,
            book,
        }
    }
}

fn lines(sim: &Simulator, timing: Timing, proxies: &[&str]) -> Telegram {
    Telegram::start(TelegramConfig {
        custom_dcs: sim.dc_addresses(),
        dc_key_pem: Some(sim.public_key_pem()),
        threads: LINES_THREADS,
        proxies: Proxy::parse_all(proxies.iter().copied()).unwrap(),
        timing,
        ..TelegramConfig::default()
    })
    .unwrap()
}

pub fn api() -> ApiCredentials {
    ApiCredentials {
        api_id: 12_345,
        api_hash: SecretText::new("0123456789abcdef0123456789abcdef"),
    }
}

pub fn outgoing(chat: ChatId, random_id: i64, text: &str) -> Order {
    let text = NewText {
        making: Making {
            row: MessageRowId(1),
            random_id,
        },
        text: text.to_owned(),
        place: Place::default(),
        wording: switchboard::domain::Wording::default(),
        schedule: None,
    };
    Order {
        id: OrderId(1),
        account_id: AccountId::random(),
        chat,
        work: Work::Text(text),
        tries: Tries::default(),
    }
}

/// Which message the order made.
pub fn made(outcome: &Outcome) -> Option<i32> {
    match outcome {
        Outcome::Done { made } => made.first().map(|made| made.message_id),
        _ => None,
    }
}

/// What the store would hold after all batches so far.
#[derive(Default)]
pub struct Seen {
    pub position: Option<Position>,
    pub peers: HashMap<ChatId, Peer>,
    pub channel_pts: HashMap<i64, i32>,
    /// By chat and id, as they read now.
    pub messages: BTreeMap<(ChatId, i32), String>,
    pub services: Vec<String>,
    pub sent: Vec<(i64, i32)>,
    pub read_inbox: HashMap<ChatId, i32>,
    pub read_outbox: HashMap<ChatId, i32>,
    pub holes: Vec<Hole>,
    pub lost: Vec<ChatId>,
    pub typing: Vec<ChatId>,
    pub connected: u32,
    pub disconnected: Vec<String>,
    pub caught_up: u32,
    pub floods: Vec<u32>,
    pub behind: Vec<String>,
    pub ended: Option<LinkExit>,
    /// As they were told, one after the other.
    pub ways: Vec<Option<String>>,
    /// Messages that were reported more than once.
    pub repeats: usize,
}

impl Seen {
    pub fn texts(&self, chat: ChatId) -> Vec<String> {
        let of_chat =
            |((at, _), text): (&(ChatId, i32), &String)| (*at == chat).then(|| text.clone());
        self.messages
            .iter()
            .filter_map(of_chat)
            .filter(|text| !text.is_empty())
            .collect()
    }

    fn take(&mut self, batch: Batch) {
        for peer in batch.peers {
            let known = self.peers.entry(peer.id).or_insert_with(|| peer.clone());
            let access_hash = peer.access_hash.or(known.access_hash);
            if !peer.flags.min {
                *known = peer;
            }
            known.access_hash = access_hash;
        }
        for change in batch.changes {
            self.apply(change);
        }
        // Where a line begins is none, unless the store knows more.
        let is_hole = |hole: &Hole| !matches!(hole, Hole::ChannelBegins { .. });
        self.holes.extend(batch.holes.into_iter().filter(is_hole));
        if let Some(position) = batch.position {
            self.channel_pts.extend(position.channels.iter().copied());
            self.position = Some(position);
        }
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Message(message) => {
                if let Some(what) = message.service {
                    self.services.push(what);
                    return;
                }
                let at = (message.chat, message.message_id);
                self.repeats += usize::from(self.messages.insert(at, message.text).is_some());
            }
            Change::Edited(message) => {
                self.messages
                    .insert((message.chat, message.message_id), message.text);
            }
            Change::Deleted {
                channel,
                message_ids,
            } => {
                self.messages.retain(|(chat, id), _| {
                    chat.channel_id() != channel || !message_ids.contains(id)
                });
            }
            Change::Sent {
                random_id,
                message_id,
            } => self.sent.push((random_id, message_id)),
            Change::ReadInbox { chat, max_id, .. } => {
                self.read_inbox.insert(chat, max_id);
            }
            Change::ReadOutbox { chat, max_id } => {
                self.read_outbox.insert(chat, max_id);
            }
            Change::LostChat { chat } => self.lost.push(chat),
            Change::Typing { chat, .. } => self.typing.push(chat),
            Change::Muted { .. }
            | Change::ContactsReset
            | Change::Marked { .. }
            | Change::Dialog(_)
            | Change::ClearedBelow { .. }
            | Change::Scheduled(_)
            | Change::Unscheduled { .. }
            | Change::Drafted { .. }
            | Change::Topics { .. }
            | Change::Noted { .. } => {}
        }
    }
}

/// The store's side of a link: what was taken is known from then on.
#[derive(Default)]
pub struct Book(pub Mutex<Seen>);

impl PeerBook for Book {
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Result<Option<i64>, BookAway>> {
        let hash = self
            .0
            .lock()
            .unwrap()
            .peers
            .get(&chat)
            .and_then(|peer| peer.access_hash);
        Box::pin(async move { Ok(hash) })
    }

    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Result<Option<i32>, BookAway>> {
        let pts = self.0.lock().unwrap().channel_pts.get(&channel_id).copied();
        Box::pin(async move { Ok(pts) })
    }
}

/// Reads a link's events into a [`Book`].
pub struct Reader {
    pub account: AccountId,
    pub handle: LinkHandle,
    pub events: mpsc::Receiver<LinkEvent>,
    pub book: Arc<Book>,
}

impl Reader {
    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.book.0.lock().unwrap())
    }

    /// Reads on until the state holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let read = async {
            while !holds(&self.book.0.lock().unwrap()) {
                match self.events.recv().await {
                    Some(event) => self.take(event),
                    None => panic!("the link's events ended before {what}: {}", self.state()),
                }
            }
        };
        // The borrow of `self` ends with the block.
        let read = timeout(LIMIT, read).await;
        assert!(read.is_ok(), "waited in vain for {what}: {}", self.state());
    }

    /// Reads on until a chat reads as it does at Telegram.
    pub async fn until_same(&mut self, ground: &Ground, chat: ChatId) {
        let read = async {
            loop {
                let theirs = ground.sim.texts(ground.user, chat.marked());
                let ours = self.seen(|seen| seen.texts(chat));
                if ours == theirs && !theirs.is_empty() {
                    return;
                }
                match self.events.recv().await {
                    Some(event) => self.take(event),
                    None => panic!("the link's events ended: {}", self.state()),
                }
            }
        };
        let read = timeout(LIMIT, read).await;
        let theirs = ground.sim.texts(ground.user, chat.marked());
        let ours = self.seen(|seen| seen.texts(chat));
        assert!(
            read.is_ok(),
            "{chat:?} never became {theirs:?}; it is {ours:?}; {}",
            self.state()
        );
    }

    pub async fn until_ended(&mut self) -> LinkExit {
        self.until("the end", |seen| seen.ended.is_some()).await;
        self.seen(|seen| seen.ended.clone().unwrap())
    }

    fn take(&self, event: LinkEvent) {
        let mut seen = self.book.0.lock().unwrap();
        match event {
            LinkEvent::Connecting { .. } | LinkEvent::SessionChanged(_) | LinkEvent::Health(_) => {}
            LinkEvent::Way(way) => seen.ways.push(way.map(|way| way.to_string())),
            LinkEvent::Connected { .. } => seen.connected += 1,
            LinkEvent::Disconnected { reason } => seen.disconnected.push(reason.to_string()),
            LinkEvent::Batch(batch, _) => seen.take(*batch),
            LinkEvent::CaughtUp { .. } => seen.caught_up += 1,
            LinkEvent::Behind { reason } => seen.behind.push(reason.to_string()),
            LinkEvent::FloodWait { seconds, .. } => seen.floods.push(seconds),
            LinkEvent::Ended(exit) => seen.ended = Some(exit),
        }
    }

    fn state(&self) -> String {
        self.seen(|seen| {
            format!(
                "position {:?}, {} messages, holes {:?}, connected {}, disconnected {:?}, ended {:?}",
                seen.position,
                seen.messages.len(),
                seen.holes,
                seen.connected,
                seen.disconnected,
                seen.ended
            )
        })
    }
}
