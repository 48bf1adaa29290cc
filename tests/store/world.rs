//! A store on a file of its own, and the small words that tests are written in.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use switchboard::{
    domain::{
        Account, AccountId, Batch, Change, ChatId, Conversation, Event, IncomingMessage, Made,
        Making, MessageError, MessageRowId, NewText, Order, OrderId, Outcome, Peer, PeerFlags,
        Place, Position, StoredMessage, Timestamp, Tries, Work,
    },
    store::{EventSink, MessagesFrom, NewAccount, Recorded, Store, StoreConfig, StoreHandle},
};
use tempfile::TempDir;

use crate::{engine, rows};

/// One generous limit for every wait.
pub const LIMIT: Duration = Duration::from_secs(40);

/// Remembers what was announced, and who was said to have new orders.
#[derive(Default)]
pub struct Ear(
    Mutex<Vec<Arc<Event>>>,
    Mutex<Vec<i64>>,
    Mutex<BTreeSet<AccountId>>,
);

impl EventSink for Ear {
    fn committed(&self, events: Vec<Arc<Event>>) {
        let numbers = events.iter().map(|event| event.seq.0);
        self.1.lock().unwrap().extend(numbers);
        self.0.lock().unwrap().extend(events);
    }

    fn heard(&self, events: Vec<Arc<Event>>) {
        let numbers = events.iter().map(|event| event.seq.0);
        self.1.lock().unwrap().extend(numbers);
    }

    fn ordered(&self, accounts: BTreeSet<AccountId>) {
        self.2.lock().unwrap().extend(accounts);
    }
}

impl Ear {
    pub fn has_orders(&self, account: AccountId) -> bool {
        self.2.lock().unwrap().contains(&account)
    }

    pub fn heard(&self) -> Vec<Arc<Event>> {
        self.0.lock().unwrap().clone()
    }

    /// The numbers of all that was told, of other nodes' events as well.
    #[allow(dead_code, reason = "asked where several stores write")]
    pub fn numbers(&self) -> Vec<i64> {
        self.1.lock().unwrap().clone()
    }

    /// Names of what was announced since the last call.
    pub fn names(&self) -> Vec<&'static str> {
        self.0
            .lock()
            .unwrap()
            .drain(..)
            .map(|event| event.body.name())
            .collect()
    }
}

/// What the worker of an order remembers of it: its number and its random id.
type Remembered = HashMap<MessageRowId, (OrderId, i64)>;

pub struct World {
    pub store: StoreHandle,
    pub ear: Arc<Ear>,
    pub path: PathBuf,
    orders: Mutex<Remembered>,
    _dir: Option<TempDir>,
}

/// A writer lives for as long as its process: what a test leaves open would keep its connections from those that come after.
impl Drop for World {
    fn drop(&mut self) {
        let store = self.store.clone();
        let closing = std::thread::spawn(move || actix::System::new().block_on(store.close()));
        closing.join().unwrap();
    }
}

impl World {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut world = Self::at(StoreConfig::at(dir.path().join("switchboard.db")));
        world._dir = Some(dir);
        world
    }

    pub fn at(config: StoreConfig) -> Self {
        let ear = Arc::new(Ear::default());
        let path = config.path.clone();
        let store = Store::open(engine::placed(config), Arc::clone(&ear) as _).unwrap();
        Self {
            store,
            ear,
            path,
            orders: Mutex::default(),
            _dir: None,
        }
    }

    /// The same file, opened by the next run of the service.
    pub async fn reopened(mut self) -> Self {
        self.store.close().await;
        let mut next = Self::at(StoreConfig::at(&self.path));
        next._dir = self._dir.take();
        next.orders = std::mem::take(&mut self.orders);
        next
    }

    pub async fn account(&self) -> Account {
        self.store.create_account(new_account()).await.unwrap()
    }

    pub async fn record(&self, account: AccountId, changes: Vec<Change>) -> Recorded {
        self.store
            .record_batch(batch(account, changes))
            .await
            .unwrap()
    }

    pub async fn conversation(&self, account: AccountId, chat: ChatId) -> Conversation {
        self.store
            .conversation_of(account, chat)
            .await
            .unwrap()
            .expect("the conversation exists")
    }

    /// The order that sends this reply, as its worker knows it also after it was settled.
    pub fn order(&self, reply: MessageRowId) -> Order {
        let asked = |column: &str| {
            let query = format!(
                "SELECT coalesce(max({column}), 0) AS n FROM order_messages WHERE message_row = {}",
                reply.0
            );
            rows::number(&self.path, &query)
        };
        let mut orders = self.orders.lock().unwrap();
        let (id, random_id) = *orders
            .entry(reply)
            .or_insert_with(|| (OrderId(asked("order_id")), asked("random_id")));
        let text = NewText {
            making: Making {
                row: reply,
                random_id,
            },
            text: String::new(),
            place: Place::default(),
            wording: switchboard::domain::Wording::default(),
            schedule: None,
        };
        Order {
            id,
            account_id: AccountId::random(),
            chat: ChatId::user(0),
            work: Work::Text(text),
            tries: Tries::default(),
        }
    }

    /// Right before the call.
    pub async fn mark(&self, reply: MessageRowId) -> bool {
        let order = self.order(reply);
        let marked = self
            .store
            .mark_order_in_flight(&order, Duration::ZERO)
            .await;
        marked.unwrap()
    }

    /// What one attempt to send a reply ended with; then the reply as it is. `None`: there is no such message.
    pub async fn settle(&self, reply: MessageRowId, mut outcome: Outcome) -> Option<StoredMessage> {
        let order = self.order(reply);
        if let Outcome::Done { made } = &mut outcome {
            made[0].random_id = order.work.makes()[0].random_id;
        }
        self.store.settle_order(&order, outcome).await.unwrap();
        self.store.get_message(reply).await.unwrap()
    }

    pub async fn give_up(&self, reply: MessageRowId, error: MessageError) -> StoredMessage {
        let id = self.order(reply).id;
        self.store.give_up_order(id, error).await.unwrap();
        self.store.get_message(reply).await.unwrap().unwrap()
    }

    /// Texts of a chat, newest first.
    pub async fn texts(&self, account: AccountId, chat: ChatId) -> Vec<String> {
        let conversation = self.conversation(account, chat).await;
        self.store
            .list_messages(conversation.id, MessagesFrom::Newest, 200)
            .await
            .unwrap()
            .messages
            .into_iter()
            .map(|message| message.text)
            .collect()
    }
}

/// Telegram made this message; which order asked for it, [`World::settle`] knows.
pub fn new_account() -> NewAccount {
    NewAccount {
        id: AccountId::random(),
        label: "Support".to_owned(),
        colour: 1,
        api_id: Some(1),
        phone_masked: Some("+999***678".to_owned()),
        is_active: true,
        created_at: None,
    }
}

pub fn sent(message_id: i32) -> Outcome {
    sent_at(
        message_id,
        Timestamp::from_seconds(1_700_000_000 + i64::from(message_id)),
    )
}

pub fn sent_at(message_id: i32, date: Timestamp) -> Outcome {
    let made = Made {
        random_id: 0,
        message_id,
        date,
        album_id: None,
    };
    Outcome::Done { made: vec![made] }
}

pub fn batch(account: AccountId, changes: Vec<Change>) -> Batch {
    let mut batch = Batch::empty(account);
    batch.changes = changes;
    batch.position = Some(Position::default());
    batch
}

pub fn message(chat: ChatId, id: i32, text: &str) -> IncomingMessage {
    let date = Timestamp::from_seconds(1_700_000_000 + i64::from(id));
    IncomingMessage::plain(chat, id, text.to_owned(), date)
}

pub fn own(chat: ChatId, id: i32, text: &str) -> IncomingMessage {
    IncomingMessage {
        outgoing: true,
        ..message(chat, id, text)
    }
}

pub fn new(message: IncomingMessage) -> Change {
    Change::Message(message)
}

pub fn person(id: i64, name: &str) -> Peer {
    Peer {
        id: ChatId::user(id),
        access_hash: Some(id * 7),
        name: name.to_owned(),
        username: Some(format!("user{id}")),
        flags: PeerFlags {
            can_send: true,
            ..PeerFlags::default()
        },
    }
}

/// What stored messages lack has been taken from their kept objects.
pub async fn until_reread(file: &Path) {
    let left = "SELECT count(*) AS n FROM meta WHERE key = 'reread_to'";
    until("the rows to be read anew", async || {
        match rows::number(file, left) {
            0 => Ok(()),
            left => Err(left.to_string()),
        }
    })
    .await;
}

/// Asks again until the answer is good; tells the last one when it never was.
pub async fn until<T: std::fmt::Debug, F, Fut>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + LIMIT;
    loop {
        match ask().await {
            Ok(value) => return value,
            Err(last) if Instant::now() > deadline => panic!("{what}: last seen {last}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
