//! Worker: one address's way through the event log. Each account has a lane of its own, in order; a lane that waits
//! holds up no other.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::{
    Now, OwnerOf,
    delivery::Receiver,
    held::Held,
    lanes::Lanes,
    place::{place_of, work_of},
};
use crate::{
    broadcast::{BroadcastHandle, Frame, Since},
    domain::{AccountId, Seq},
    nodes::since_boot,
    store::{Changed, RENEW_EVERY, StoreError, StoreHandle, WebhookPlace},
};

/// Events read at once.
const PORTION: u32 = 64;
/// Posts under way at the same time.
const POSTS: usize = 8;
/// How often a node looks whether nobody posts it; it is told, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often whoever posts it says how it goes, when that changed.
const SAY_EVERY: Duration = Duration::from_secs(1);
const SAID_AGAIN: Duration = Duration::from_secs(10);
/// The store is asked again after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Cheap to clone: each lane has one.
#[derive(Clone)]
pub struct Worker {
    receiver: Arc<Receiver>,
    store: StoreHandle,
    broadcast: BroadcastHandle,
    owner_of: OwnerOf,
    lanes: Arc<Mutex<Lanes>>,
    posts: Arc<Semaphore>,
    /// A lane went on.
    progress: Arc<Notify>,
    held: Held,
    /// What was said of how it goes, and when.
    said: Arc<Mutex<Option<(Instant, String)>>>,
}

impl Worker {
    pub fn new(
        receiver: Receiver,
        store: StoreHandle,
        broadcast: BroadcastHandle,
        owner_of: OwnerOf,
    ) -> Self {
        Self {
            receiver: Arc::new(receiver),
            held: Held::new({
                let store = store.clone();
                move || store.lives()
            }),
            store,
            broadcast,
            owner_of,
            lanes: Arc::new(Mutex::new(Lanes::new(WebhookPlace::default()))),
            posts: Arc::new(Semaphore::new(POSTS)),
            progress: Arc::default(),
            said: Arc::default(),
        }
    }

    /// For as long as this node has it, again and again: where there is one node, for good.
    pub async fn serve_held(self) {
        if !self.store.is_shared() {
            self.held.for_good();
            return self.run().await;
        }
        let mut changes = self.store.changes(Changed::Work);
        loop {
            let asked = since_boot();
            match self.claim().await {
                Ok(Some(epoch)) => {
                    self.held.took(epoch, asked);
                    tokio::select! {
                        () = self.clone().run() => {}
                        () = self.until_lost(&mut changes) => {}
                    }
                    self.held.ended();
                    // Nothing of it waits here any more.
                    *self.lock() = Lanes::new(WebhookPlace::default());
                }
                Ok(None) => changed(&mut changes, LOOK_EVERY).await,
                Err(error) => self.store_away(&error).await,
            }
        }
    }

    async fn claim(&self) -> Result<Option<i64>, StoreError> {
        let hook = &self.receiver.hook;
        let made = hook.row.is_some();
        self.store.claim_webhook(hook.id.clone(), made).await
    }

    /// Ends in time before another node may take it.
    async fn until_lost(&self, changes: &mut watch::Receiver<u64>) {
        loop {
            changed(changes, RENEW_EVERY.min(self.held.left())).await;
            let asked = since_boot();
            match timeout(self.held.left(), self.claim()).await {
                Ok(Ok(Some(epoch))) if epoch == self.held.epoch() => {
                    self.held.took(epoch, asked);
                }
                Ok(Ok(_)) | Err(_) => return,
                // Asked again, until its time is over.
                Ok(Err(_)) => tokio::time::sleep(STORE_PAUSE.min(self.held.left())).await,
            }
        }
    }

    /// It posts nothing from now on: what another node may have at once. `None`: there are none, or it does not have it.
    pub fn ends(&self) -> Option<(String, i64)> {
        let has_it = self.store.is_shared() && self.held.is_so();
        let held = has_it.then(|| (self.work(), self.held.epoch()));
        self.held.ended();
        held
    }

    fn work(&self) -> String {
        work_of(&self.receiver.hook.id)
    }

    /// How it goes, as far as it is posted here.
    pub fn now(&self) -> Option<Now> {
        self.held
            .is_so()
            .then(|| self.receiver.standing().now(self.waiting()))
    }

    /// For whoever asks another node.
    async fn say(&self) {
        if !self.store.is_shared() {
            return;
        }
        let Some(now) = self.now() else { return };
        // A wait that grows is no news for a while.
        let news = Now {
            waiting_seconds: 0,
            ..now.clone()
        };
        let (Ok(text), Ok(news)) = (serde_json::to_string(&now), serde_json::to_string(&news))
        else {
            return;
        };
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, before)) = &*said {
                let least = if *before == news {
                    SAID_AGAIN
                } else {
                    SAY_EVERY
                };
                if at.elapsed() < least {
                    return;
                }
            }
            *said = Some((Instant::now(), news));
        }
        // What is not said now is said with the next change.
        let said = self
            .store
            .tell_of_work(self.work(), self.held.epoch(), text);
        let _ = said.await;
    }

    pub fn name(&self) -> String {
        self.receiver.name()
    }

    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Accounts that wait, and how long the one that waits longest has not gone on.
    pub fn waiting(&self) -> (usize, Duration) {
        self.lock().waiting()
    }

    pub fn lanes(&self) -> Arc<Mutex<Lanes>> {
        Arc::clone(&self.lanes)
    }

    pub async fn run(self) {
        let mut newest = self.broadcast.newest();
        let place = loop {
            match place_of(&self.store, &self.receiver.hook.id).await {
                Ok(place) => break place,
                Err(error) => self.store_away(&error).await,
            }
        };
        *self.lock() = Lanes::new(place);
        let mut at_work = JoinSet::new();
        for account in self.lock().accounts() {
            at_work.spawn(self.clone().serve(account));
        }
        loop {
            newest.borrow_and_update();
            let read = self.lock().read();
            match self.portion(read).await {
                Ok((frames, end)) if end > read => {
                    for account in self.hand_out(&frames, end) {
                        at_work.spawn(self.clone().serve(account));
                    }
                }
                Ok(_) => {
                    tokio::select! {
                        changed = newest.changed() => if changed.is_err() { return },
                        () = self.progress.notified() => {}
                        // What failed meanwhile went nowhere, and is to be told.
                        () = tokio::time::sleep(SAY_EVERY), if self.store.is_shared() => {}
                    }
                }
                Err(error) => self.store_away(&error).await,
            }
            while at_work.try_join_next().is_some() {}
            if !self.save().await {
                return;
            }
            self.say().await;
        }
    }

    /// What follows, of all accounts, and up to where.
    async fn portion(&self, after: Seq) -> Result<(Vec<Arc<Frame>>, Seq), StoreError> {
        let frames = match self.broadcast.after(after, PORTION as usize) {
            Since::Frames(frames) => frames,
            Since::Behind => {
                let newest = self.store.last_seq().await?;
                let events = self.store.events_after(after, PORTION).await?;
                self.tell_loss(after).await?;
                if events.is_empty() {
                    return Ok((Vec::new(), newest.max(after)));
                }
                events
                    .into_iter()
                    .map(|event| Arc::new(Frame::new(event)))
                    .collect()
            }
        };
        let end = frames.last().map_or(after, |frame| frame.seq());
        Ok((frames, end))
    }

    /// Accounts that nobody is at work on yet.
    fn hand_out(&self, frames: &[Arc<Frame>], end: Seq) -> Vec<AccountId> {
        let mut lanes = self.lock();
        let mut idle = Vec::new();
        for frame in frames {
            let account = frame.account_id();
            let owner = (self.owner_of)(account);
            if self.wants(frame, owner.as_deref()) && lanes.add(account, frame.seq()) {
                idle.push(account);
            }
        }
        lanes.read_to(end);
        idle
    }

    /// Delivers what one account has, until there is nothing more.
    async fn serve(self, account: AccountId) {
        loop {
            let Some((after, newest)) = self.lock().stretch(account) else {
                return;
            };
            let frames = match self.events_of(account, after, newest).await {
                Ok(frames) => frames,
                Err(error) => {
                    self.store_away(&error).await;
                    continue;
                }
            };
            let last = frames.len() < PORTION as usize;
            for frame in frames {
                let owner = (self.owner_of)(account);
                if self.wants(&frame, owner.as_deref()) {
                    self.receiver
                        .deliver(&frame, owner.as_deref(), &self.posts, &self.held)
                        .await;
                }
                self.went_on(account, frame.seq());
            }
            if last {
                self.went_on(account, newest);
            }
        }
    }

    /// The ring first, for it has events as they were told.
    async fn events_of(
        &self,
        account: AccountId,
        after: Seq,
        end: Seq,
    ) -> Result<Vec<Arc<Frame>>, StoreError> {
        let frames = self.broadcast.of(account, after, end, PORTION as usize);
        if let Since::Frames(frames) = frames {
            return Ok(frames);
        }
        let events = self.store.events_of(account, after, end, PORTION).await?;
        self.tell_loss(after).await?;
        Ok(events
            .into_iter()
            .map(|event| Arc::new(Frame::new(event)))
            .collect())
    }

    fn wants(&self, frame: &Frame, owner: Option<&str>) -> bool {
        let event = frame.event().body.name();
        is_told(frame) && self.receiver.hook.wants(frame.account_id(), owner, event)
    }

    async fn tell_loss(&self, after: Seq) -> Result<(), StoreError> {
        let oldest = self.store.oldest_seq().await?;
        if after.0 + 1 < oldest.0 {
            log::error!(
                target: "switchboard::webhooks",
                "webhook={} events {} to {} are no longer in the log; what was not delivered of them is lost to this webhook",
                self.receiver.name(), after.0 + 1, oldest.0 - 1
            );
        }
        Ok(())
    }

    fn went_on(&self, account: AccountId, seq: Seq) {
        self.lock().done(account, seq);
        self.progress.notify_one();
    }

    /// Writes down how far it is. `false`: it is another node's by now.
    pub async fn save(&self) -> bool {
        let Some((seq, changed)) = self.lock().take_change() else {
            return true;
        };
        let id = self.receiver.hook.id.clone();
        loop {
            let moved = (self.store)
                .move_webhook(id.clone(), self.held.epoch(), seq, changed.clone())
                .await;
            match moved {
                Ok(moved) => return moved,
                Err(error) => self.store_away(&error).await,
            }
        }
    }

    async fn store_away(&self, error: &StoreError) {
        log::warn!(target: "switchboard::webhooks", "webhook={} waits for the store: {error}", self.receiver.name());
        tokio::time::sleep(STORE_PAUSE).await;
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        // Single calls only: a panic elsewhere can't leave the lanes half-changed.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until something is heard, or for so long.
async fn changed(changes: &mut watch::Receiver<u64>, most: Duration) {
    let heard = async {
        if changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let _ = timeout(most, heard).await;
}

/// Whichever node posts it, and whether it has the event from memory or from the log.
fn is_told(frame: &Frame) -> bool {
    !frame.event().of_sign_in
}
