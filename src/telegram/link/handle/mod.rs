//! The way to one account's link: cheap to clone, every call has a time limit of its own.

mod asked;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use super::{LinkConfig, LinkEvent, Urgency, shared::Shared, task::Task};
use crate::{
    aside,
    domain::ChatId,
    telegram::{
        CallError, KeyLease, LinkExit,
        pool::{PoolSession, panic_text},
        settings::Common,
    },
};

/// Events that may wait for the reader; the link waits with the next one. What Telegram sends meanwhile becomes one
/// batch: the longer a commit takes, the more go into the next.
const EVENTS: usize = 1;
/// How long a reader that does not read may keep the last event from being said.
const LAST_WORD: Duration = Duration::from_secs(60);

/// Orders to one link. Dropping all handles does not end it; [`close`](Self::close) does, and so does dropping the
/// receiver of its events.
#[derive(Clone)]
pub struct LinkHandle {
    pub(super) shared: Arc<Shared>,
    /// Ends the link at once, wherever it is.
    cut: AbortHandle,
    /// Its sender goes with the link.
    over: watch::Receiver<()>,
}

impl LinkHandle {
    pub(in crate::telegram) fn open(
        common: Common,
        config: LinkConfig,
    ) -> (Self, mpsc::Receiver<LinkEvent>) {
        let session = PoolSession::new(
            Some(&config.session),
            &common.settings,
            (
                common.settings.ways(config.proxies.as_deref()),
                config.device.clone(),
            ),
        );
        let usable = session.has_key(session.home());
        let api_id = match config.session.api_id {
            0 => config.api.api_id,
            own => own,
        };
        let ids = (config.session.self_id, config.session.self_hash, api_id);
        let shared = Arc::new(Shared::new(
            config.account_id,
            ids,
            common,
            session,
            (config.peers, config.pace),
        ));
        let (events, receiver) = mpsc::channel(EVENTS);
        let task = Task::new(Arc::clone(&shared), events.clone(), config.position);
        let key = config.session.home_key().copied().map(Zeroizing::new);
        let using = Arc::clone(&shared);
        let (alive, over) = watch::channel(());
        let work = shared.runtime.spawn(async move {
            let _alive = alive;
            match key.filter(|_| usable) {
                Some(key) => match lease(&using, &key).await {
                    Some(lease) => {
                        let _dials = Dials {
                            lease: Some(lease),
                            shared: Arc::clone(&using),
                        };
                        let exit = guarded(task).await;
                        // They dial with the leased key, too.
                        hang_up(&using).await;
                        exit
                    }
                    None => LinkExit::Closed,
                },
                None => keyless(),
            }
        });
        let cut = work.abort_handle();
        // Apart from the link: also of one that was cut the end is said, and nobody who closes waits for its reader.
        shared.runtime.spawn(async move {
            let exit = work.await.unwrap_or(LinkExit::Closed);
            let _ = timeout(LAST_WORD, events.send(LinkEvent::Ended(exit))).await;
        });
        (Self { shared, cut, over }, receiver)
    }

    /// Somebody looks at this chat, or answers in it: what it lacks comes before what others lack.
    pub fn hurry(&self, chat: ChatId) {
        self.shared.hurry(chat);
    }

    /// The numbers that a call took, from an answer of the kind of `messages.affectedHistory`: the layer below hands on
    /// only `messages.affectedMessages` by itself, and without them the next update looks as if one were missing.
    /// `channel`: the one whose messages the call concerned.
    pub fn moved(&self, channel: Option<ChatId>, pts: i32, pts_count: i32) {
        let channel = channel.and_then(ChatId::channel_id);
        self.shared.moved(channel, (pts, pts_count));
    }

    /// Drops the line and dials again at once.
    pub fn reconnect(&self) {
        self.shared.reconnect();
    }

    /// Ends the link: politely at first, by force after three seconds. `Ended(Closed)` is said either way, however far
    /// the events' reader is.
    pub async fn close(self) {
        let mut over = self.over;
        self.shared.stop.cancel();
        let limit = self.shared.settings.timing.close_limit;
        if timeout(limit, over.changed()).await.is_err() {
            self.shared.files.close();
            self.cut.abort();
            let _ = timeout(limit, over.changed()).await;
            self.shared.session.hung_up(limit).await;
        }
    }

    /// Runs `work` beside the link: what the link reports reaches it without another thread having to wake. Dropping the
    /// answer ends it.
    pub fn beside<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(self.shared.runtime.spawn(work))
    }

    /// Runs `work` with files' bytes, which gives way to everything else. Dropping the answer ends it.
    pub fn aside<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> AbortOnDropHandle<T> {
        AbortOnDropHandle::new(aside::handle().spawn(work))
    }

    /// Channels and how far their dialogs are: where the store is behind, the difference is due.
    pub fn compare(&self, channels: Vec<(i64, i32)>) {
        if !channels.is_empty() {
            self.shared.compare(channels);
        }
    }

    /// The reading pace that Telegram's flood waits have taught, to be kept over a restart.
    #[must_use]
    pub fn learned_pace(&self) -> Option<u32> {
        self.shared.pace.learned()
    }

    /// One call of the reading budget, in its turn.
    pub(super) async fn reading<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl Future<Output = Result<T, CallError>> + Send + 'static,
    ) -> Result<T, CallError> {
        self.shared.pace.turn(urgency).await;
        let answer = self.on_runtime(work).await;
        if let Err(CallError::FloodWait(wait)) = &answer {
            self.shared.pace.flooded(*wait);
        }
        answer
    }

    /// Parsing a large answer must not hold up the caller's thread, which may be an actor's.
    async fn on_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, CallError>> + Send + 'static,
    ) -> Result<T, CallError> {
        match self.shared.runtime.spawn(work).await {
            Ok(done) => done,
            Err(_) => Err(CallError::Network("the service is stopping".to_owned())),
        }
    }
}

async fn guarded(task: Task) -> LinkExit {
    match AssertUnwindSafe(task.run()).catch_unwind().await {
        Ok(exit) => exit,
        Err(panic) => LinkExit::Panicked(panic_text(&*panic)),
    }
}

/// An earlier user of the key hangs up first. `None`: closing was asked for.
async fn lease(shared: &Shared, key: &[u8; 256]) -> Option<KeyLease> {
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => None,
        lease = shared.settings.keys.lease_for(key, shared.account_id) => Some(lease),
    }
}

/// A link that dials with a key. However it ends, the key is nobody else's before every connection is closed that was dialled with it:
/// one may outlast every limit for which somebody waits.
struct Dials {
    lease: Option<KeyLease>,
    shared: Arc<Shared>,
}

impl Drop for Dials {
    fn drop(&mut self) {
        self.shared.files.close();
        if self.shared.session.is_silent() {
            return;
        }
        let (lease, shared) = (self.lease.take(), Arc::clone(&self.shared));
        self.shared.runtime.spawn(async move {
            let limit = shared.settings.timing.close_limit / 2;
            shared.session.hung_up(limit).await;
            shared.files.cut();
            shared.session.silent().await;
            drop(lease);
        });
    }
}

/// Files' lines go by the same key: whoever has it next, here or at another node, must not meet them.
async fn hang_up(shared: &Shared) {
    shared.files.close();
    let limit = shared.settings.timing.close_limit / 4;
    shared.session.hung_up(limit).await;
}

fn keyless() -> LinkExit {
    LinkExit::SessionBroken("it has no key for its data centre".to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use futures_util::future::BoxFuture;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        domain::AccountId,
        telegram::{
            BookAway, PeerBook, SessionData, TelegramConfig, budget::Budget, settings::Settings,
        },
    };

    struct Nobody;

    impl PeerBook for Nobody {
        fn access_hash(&self, _chat: ChatId) -> BoxFuture<'_, Result<Option<i64>, BookAway>> {
            Box::pin(async { Ok(None) })
        }

        fn channel_pts(&self, _channel_id: i64) -> BoxFuture<'_, Result<Option<i32>, BookAway>> {
            Box::pin(async { Ok(None) })
        }
    }

    /// Protects the memory of 2,000 idle accounts: what a link's task holds while nothing happens stays small.
    #[test]
    fn an_idle_links_task_stays_small() {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let session = SessionData::with_key(2, address, [1; 256], 1);
        let runtime = Runtime::new().unwrap();
        let settings =
            Arc::new(Settings::check(TelegramConfig::default(), runtime.handle()).unwrap());
        let common = Common {
            budget: Budget::new(1, runtime.handle().clone()),
            settings: Arc::clone(&settings),
            runtime: runtime.handle().clone(),
        };
        let shared = Arc::new(Shared::new(
            AccountId::random(),
            (1, 0, 1),
            common,
            PoolSession::new(Some(&session), &settings, (settings.ways(None), None)),
            (Arc::new(Nobody), None),
        ));
        let task = Task::new(shared, mpsc::channel(1).0, None);
        let size = size_of_val(&guarded(task));
        assert!(size < 16 * 1024, "{size} bytes");
    }
}
