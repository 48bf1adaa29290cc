//! The link on the store itself: where channels are is read from the file each time, however long they were quiet.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use switchboard::{
    account::StoredPeers,
    domain::{AccountId, ChatId, Event, Outcome},
    store::{EventSink, MessagesFrom, NewAccount, Store, StoreConfig, StoreHandle},
    telegram::{
        BookAway, CallError, HistoryRange, LinkConfig, LinkEvent, LinkHandle, PeerBook,
        SessionData, Timing, Urgency,
    },
};
use switchboard_simulator::{Effect, Fault, PersonSpec, Simulator};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::ground::{Ground, LIMIT, api, outgoing, timing};

struct Nobody;

impl EventSink for Nobody {
    fn committed(&self, _events: Vec<Arc<Event>>) {}
}

/// The store's answers, as long as it can be read.
struct Peers {
    stored: StoredPeers,
    away: Arc<AtomicBool>,
}

impl Peers {
    fn there(&self) -> Result<(), BookAway> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(BookAway("the database is locked".to_owned())),
            false => Ok(()),
        }
    }
}

impl PeerBook for Peers {
    fn access_hash(&self, chat: ChatId) -> BoxFuture<'_, Result<Option<i64>, BookAway>> {
        async move {
            self.there()?;
            self.stored.access_hash(chat).await
        }
        .boxed()
    }

    fn channel_pts(&self, channel_id: i64) -> BoxFuture<'_, Result<Option<i32>, BookAway>> {
        async move {
            self.there()?;
            self.stored.channel_pts(channel_id).await
        }
        .boxed()
    }
}

/// A link whose batches are stored.
struct Desk {
    store: StoreHandle,
    account: AccountId,
    session: SessionData,
    away: Arc<AtomicBool>,
    running: Option<(LinkHandle, JoinHandle<()>)>,
    _dir: TempDir,
}

impl Desk {
    async fn start(ground: &Ground) -> Self {
        let dir = TempDir::new().unwrap();
        let config = StoreConfig::at(dir.path().join("switchboard.db"));
        let store = Store::open(config, Arc::new(Nobody)).unwrap();
        let account = AccountId::random();
        store
            .create_account(NewAccount {
                id: account,
                label: "Desk".to_owned(),
                colour: 1,
                api_id: Some(1),
                phone_masked: None,
                is_active: true,
                created_at: None,
            })
            .await
            .unwrap();
        let mut desk = Self {
            store,
            account,
            session: ground.session(),
            away: Arc::default(),
            running: None,
            _dir: dir,
        };
        desk.open(ground).await;
        desk
    }

    async fn open(&mut self, ground: &Ground) {
        let peers = Peers {
            stored: StoredPeers::new(self.account, self.store.clone()),
            away: Arc::clone(&self.away),
        };
        let (handle, events) = ground.telegram.open_link(LinkConfig {
            account_id: self.account,
            session: self.session.clone(),
            api: api(),
            position: self.store.position(self.account).await.unwrap(),
            peers: Arc::new(peers),
            pace: None,
            proxies: None,
            device: None,
        });
        let (online, mut is_online) = mpsc::channel(64);
        let task = tokio::spawn(record(self.store.clone(), events, online));
        timeout(LIMIT, is_online.recv()).await.unwrap().unwrap();
        self.running = Some((handle, task));
    }

    async fn close(&mut self) {
        let (handle, task) = self.running.take().unwrap();
        handle.close().await;
        timeout(LIMIT, task).await.unwrap().unwrap();
    }

    fn handle(&self) -> &LinkHandle {
        &self.running.as_ref().unwrap().0
    }

    /// As a reader of the file sees it.
    async fn texts(&self, chat: ChatId) -> Vec<String> {
        let conversation = self.store.conversation_of(self.account, chat).await;
        let Some(conversation) = conversation.unwrap() else {
            return Vec::new();
        };
        let page = self
            .store
            .list_messages(conversation.id, MessagesFrom::Newest, 200)
            .await
            .unwrap();
        let mut messages = page.messages;
        messages.sort_by_key(|message| message.message_id.clone().map(|id| id.parse::<i32>().ok()));
        let texts = messages.into_iter().map(|message| message.text);
        texts.filter(|text| !text.is_empty()).collect()
    }

    async fn until_texts(&self, chat: ChatId, expected: &[&str]) {
        let wait = async {
            while self.texts(chat).await != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let done = timeout(LIMIT, wait).await;
        assert!(done.is_ok(), "{chat:?} reads {:?}", self.texts(chat).await);
    }
}

async fn record(
    store: StoreHandle,
    mut events: mpsc::Receiver<LinkEvent>,
    online: mpsc::Sender<()>,
) {
    while let Some(event) = events.recv().await {
        match event {
            LinkEvent::Batch(batch, charge) => {
                store.record_batch(*batch).await.unwrap();
                drop(charge);
            }
            LinkEvent::CaughtUp { .. } => {
                let _ = online.try_send(());
            }
            _ => {}
        }
    }
}

/// Safety differences so often that a test sees hundreds of them.
async fn ground() -> Ground {
    let often = Timing {
        safety_every: Duration::from_millis(20),
        ..timing()
    };
    Ground::with(Simulator::builder().start().await.unwrap(), often)
}

fn asked(ground: &Ground, method: &str) -> u64 {
    let methods = ground.sim.ledger().methods;
    methods.get(method).copied().unwrap_or(0)
}

/// Many quiet looks at Telegram; the channel is not asked about in any of them.
async fn quiet_for_long(ground: &Ground) {
    // What happened in the last second is announced once more.
    ground.sim.advance(Duration::from_secs(60));
    let before = asked(ground, "updates.getDifference");
    let settled = before + 10;
    let until = |count: u64| async move {
        while asked(ground, "updates.getDifference") < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, until(settled)).await.unwrap();
    let channels = asked(ground, "updates.getChannelDifference");
    timeout(LIMIT, until(settled + 100)).await.unwrap();
    assert_eq!(asked(ground, "updates.getChannelDifference"), channels);
}

fn lose_a_push(ground: &Ground, channel: ChatId, text: &str) {
    let fault = Fault::new(Effect::DropPush).channel(channel.channel_id().unwrap());
    let fault = ground.sim.set_fault(fault);
    ground.sim.say(ground.friend, channel.marked(), text);
    ground.sim.clear_fault(fault);
    assert_eq!(ground.sim.fault_hits(fault), 1);
}

/// Protects a channel that was quiet for long: its next post is one message and not a replay, and a push that was lost
/// before it is noticed; also after a restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_was_quiet_for_long_is_not_forgotten() {
    let ground = ground().await;
    let mut desk = Desk::start(&ground).await;
    let marked = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let channel = ChatId::from_marked(marked);
    ground.sim.say(ground.friend, marked, "one");
    desk.until_texts(channel, &["one"]).await;
    quiet_for_long(&ground).await;
    let before = asked(&ground, "updates.getChannelDifference");
    ground.sim.say(ground.friend, marked, "two");
    desk.until_texts(channel, &["one", "two"]).await;
    assert_eq!(asked(&ground, "updates.getChannelDifference"), before);

    quiet_for_long(&ground).await;
    desk.close().await;
    desk.open(&ground).await;
    quiet_for_long(&ground).await;
    lose_a_push(&ground, channel, "lost");
    ground.sim.say(ground.friend, marked, "three");
    desk.until_texts(channel, &["one", "two", "lost", "three"])
        .await;
}

/// Protects a fresh account: where its channels are comes with the list of its chats, later than the link's start, and
/// is known all the same when the first push of a channel is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_push_is_noticed_on_a_fresh_account() {
    let slow = Timing {
        safety_every: Duration::from_secs(3_600),
        ..timing()
    };
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), slow);
    let marked = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let channel = ChatId::from_marked(marked);
    ground.sim.say(ground.friend, marked, "before our time");
    ground.sim.advance(Duration::from_secs(60));
    let desk = Desk::start(&ground).await;
    let page = desk
        .handle()
        .dialogs_page(None, 100, Urgency::Person)
        .await
        .unwrap();
    desk.store.record_batch(page.batch).await.unwrap();
    desk.until_texts(channel, &["before our time"]).await;
    lose_a_push(&ground, channel, "lost");
    ground.sim.say(ground.friend, marked, "live");
    desk.until_texts(channel, &["before our time", "lost", "live"])
        .await;
}

/// Protects a channel that fell silent because its last push was lost: the daily look finds it in the real store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daily_look_finds_a_lost_push() {
    let daily = Timing {
        safety_every: Duration::from_secs(3_600),
        sweep_every: Duration::from_millis(700),
        ..timing()
    };
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), daily);
    let mut desk = Desk::start(&ground).await;
    let marked = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let channel = ChatId::from_marked(marked);
    ground.sim.say(ground.friend, marked, "one");
    desk.until_texts(channel, &["one"]).await;
    lose_a_push(&ground, channel, "lost");
    desk.until_texts(channel, &["one", "lost"]).await;
    desk.close().await;
    desk.open(&ground).await;
    lose_a_push(&ground, channel, "lost again");
    desk.until_texts(channel, &["one", "lost", "lost again"])
        .await;
}

/// Protects replies, history and channels from a store that can't be read for a moment: nothing is refused, nothing is
/// lost, and it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_refuses_nothing() {
    let ground = ground().await;
    let mut desk = Desk::start(&ground).await;
    let marked = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let (channel, friend) = (ChatId::from_marked(marked), ChatId::user(ground.friend));
    let guest = ground.sim.add_person(PersonSpec::new("Nadia"));
    let guest_chat = ChatId::user(guest);
    ground.sim.say(ground.friend, marked, "one");
    ground.sim.say(ground.friend, ground.user, "one");
    ground.sim.say(guest, ground.user, "one");
    desk.until_texts(guest_chat, &["one"]).await;
    desk.until_texts(channel, &["one"]).await;
    desk.until_texts(friend, &["one"]).await;
    desk.close().await;
    lose_a_push(&ground, channel, "two");
    // A new link knows nobody by heart.
    desk.open(&ground).await;
    desk.away.store(true, Ordering::Relaxed);
    let reply = outgoing(guest_chat, 1, "answer");
    let sent = desk.handle().carry_out(&reply).await;
    assert!(matches!(sent, Outcome::NotSent { .. }), "{sent:?}");
    let page = desk
        .handle()
        .history(guest_chat, HistoryRange::default(), Urgency::Person)
        .await;
    assert!(matches!(page, Err(CallError::StoreAway(_))), "{page:?}");
    ground.sim.say(guest, ground.user, "two");
    ground.sim.say(ground.friend, ground.user, "two");
    ground.sim.say(ground.friend, marked, "three");
    desk.away.store(false, Ordering::Relaxed);
    desk.until_texts(friend, &["one", "two"]).await;
    desk.until_texts(channel, &["one", "two", "three"]).await;
    let sent = desk.handle().carry_out(&reply).await;
    assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
}

/// Protects the outbox from taking a reply for perhaps sent: without a line nothing leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_line_a_reply_is_surely_not_sent() {
    let ground = ground().await;
    let mut desk = Desk::start(&ground).await;
    ground.sim.say(ground.friend, ground.user, "one");
    let friend = ChatId::user(ground.friend);
    desk.until_texts(friend, &["one"]).await;
    let handle = desk.handle().clone();
    desk.close().await;
    let reply = handle.carry_out(&outgoing(friend, 1, "answer")).await;
    assert!(matches!(reply, Outcome::NotSent { .. }), "{reply:?}");
}
