//! Keeper: the vault's task. It brings changes home at once, looks at everything there every minute, and takes a
//! change of the master key one step further at a time.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{home::Home, local::Local, rekey::KeyChange, shared::Shared};

/// How often the key file is looked at.
const KEY_LOOK: Duration = Duration::from_secs(2);
/// Before the home that refused is looked at again; twice as long each time, up to the interval.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

pub(super) struct Keeper<H> {
    home: H,
    key_change: KeyChange,
    shared: Arc<Shared>,
    /// Between two looks at the home.
    interval: Duration,
    /// Before the next look.
    pause: Duration,
}

impl<H: Home> Keeper<H> {
    pub fn new(local: Local, home: H, shared: Arc<Shared>, interval: Duration) -> Self {
        Self {
            home,
            key_change: KeyChange::new(local, interval),
            shared,
            interval,
            pause: interval,
        }
    }

    /// Runs until the vault is closed. A pass that is cut off by that is like one cut off by a kill: the next
    /// start goes on from the rows.
    ///
    /// `looked` is let go of after the first look at the home, however that ends.
    pub async fn run(mut self, looked: oneshot::Sender<()>) {
        let shared = Arc::clone(&self.shared);
        shared.closing.run_until_cancelled(self.turns(looked)).await;
        shared.closed.cancel();
    }

    /// A panic in here must not end the keeping of every account without a word.
    async fn turns(&mut self, looked: oneshot::Sender<()>) {
        let mut looked = Some(looked);
        loop {
            let turn = AssertUnwindSafe(self.turn(looked.take()));
            if turn.catch_unwind().await.is_err() {
                log::error!(target: "switchboard::vault", "the vault's task failed by a bug and begins anew");
                tokio::time::sleep(self.interval).await;
            }
        }
    }

    async fn turn(&mut self, looked: Option<oneshot::Sender<()>>) {
        let mut pull_at = self.pull().await;
        drop(looked);
        let mut look = interval(KEY_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = Arc::clone(&self.shared);
        loop {
            tokio::select! {
                () = shared.wake.notified() => {
                    self.home.push().await;
                    if self.home.is_refused() {
                        self.pause = self.interval.min(AFTER_REFUSAL);
                        pull_at = pull_at.min(Instant::now() + self.pause);
                    }
                }
                () = sleep_until(pull_at) => pull_at = self.pull().await,
                _ = look.tick() => self.key_change.step(&mut self.home).await,
            }
        }
    }

    /// When to look again.
    async fn pull(&mut self) -> Instant {
        let was_refused = self.home.is_refused();
        self.home.pull().await;
        let pause = match self.home.is_refused() {
            false => self.interval,
            true if was_refused => self.pause * 2,
            true => AFTER_REFUSAL,
        };
        self.pause = self.interval.min(pause);
        Instant::now() + self.pause
    }
}
