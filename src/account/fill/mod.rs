//! Fill: what the live stream does not bring. What came while the account was away, the list of its chats, their recent
//! history, and a second look at what may have changed meanwhile: one step after another, the most wanted first.
//!
//! In the background and resumable: a flood wait, an error or a restart goes on at the same page. Here is what comes when;
//! the list, the drafts and the archive have files of their own.

mod archive;
mod chat_list;
mod dialog_progress;
mod drafts;
mod halt;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use super::reading::{FetchError, PAGE, Reader};
use crate::{
    domain::{AccountId, ChatId, ConversationId, SyncProgress},
    store::{OwedWork, RecentJob, StaleWork, StoreHandle},
    telegram::{CallError, LinkHandle, Urgency},
};
use archive::ArchiveSpeed;
use dialog_progress::DialogProgress;
use halt::Halt;

/// So many steps for what is owed, then one page of the list: it may name chats that are wanted more.
const OWED_STEPS: u32 = 5;
/// After trouble that says nothing about when to come back: this, doubling up to the other.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// An answer that can't be read may be one that was damaged, or of a type that this version does not know. After so many in a
/// row, with their pauses about two minutes, it is the second, and nothing that waiting helps.
const UNREADABLE_MOST: u32 = 7;
/// What Telegram refused is asked for again after this, while it stays refused after twice as long each time. A chat that the
/// account has lost is not: it says so when it is back.
const AGAIN: Duration = Duration::from_secs(10);
const LAST_AGAIN: Duration = Duration::from_secs(3600);
/// The top of the list is looked at once more after a start and when the account has been away, but not more often than this,
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// and not by all accounts at once: after this, and up to ten times as long.
const LOOK_AFTER: Duration = Duration::from_secs(3);

pub struct Fill {
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub link: LinkHandle,
    /// Rung when the account came online or a hole was recorded.
    pub bell: Arc<Notify>,
    pub online: watch::Receiver<bool>,
    /// Answers in a row that could not be read.
    pub unreadable: AtomicU32,
    /// Telegram refused something, in this run or one before; it is asked for again.
    pub refused: AtomicBool,
    /// Gaps that were refused in this run, by their conversation.
    pub refusals: Mutex<HashSet<(i64, i32)>>,
}

/// What there is to do after a rest.
enum Woken {
    Work,
    Away,
    Look,
    Again,
}

impl Fill {
    /// Runs until the account ends.
    pub async fn run(mut self) {
        let mut pause = PAUSE;
        let mut speed = ArchiveSpeed::default();
        let mut again = AGAIN;
        let mut looked = Instant::now();
        let mut look = Some(soon());
        loop {
            if self.online.wait_for(|online| *online).await.is_err() {
                return;
            }
            match self.work(&mut pause, &mut speed).await {
                Ok(()) => {
                    let refused = self.refused.load(Ordering::Relaxed);
                    again = if refused { again } else { AGAIN };
                    let woken = tokio::select! {
                        () = self.bell.notified() => Woken::Work,
                        changed = self.online.wait_for(|online| !*online) => match changed {
                            Ok(_) => Woken::Away,
                            Err(_) => return,
                        },
                        () = reached(look), if look.is_some() => Woken::Look,
                        () = tokio::time::sleep(again), if refused => Woken::Again,
                    };
                    match woken {
                        Woken::Work => {}
                        Woken::Away => {
                            look = look.or_else(|| Some(soon().max(looked + LOOK_EVERY)))
                        }
                        Woken::Look => {
                            looked = Instant::now();
                            let seen = self.look_at_top().await;
                            look = seen.is_err().then(soon);
                        }
                        Woken::Again => {
                            again = (again * 2).min(LAST_AGAIN);
                            self.ask_again().await;
                        }
                    }
                }
                Err(Halt::Flood) => self.keep_pace().await,
                Err(Halt::Trouble(why)) => {
                    log::debug!(target: "switchboard::account", "account={} reading waits {pause:?}: {why}", self.account_id);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Halt::End) => return,
            }
        }
    }

    /// Step after step, until nothing is left to do. Whatever goes well makes the next pause a short one.
    async fn work(&self, pause: &mut Duration, speed: &mut ArchiveSpeed) -> Result<(), Halt> {
        let mut steps = 0;
        let mut quiet = false;
        loop {
            let progress = self.progress().await?;
            let owed = self.store.next_owed(self.account_id).await?;
            match owed {
                Some(work) if progress.finished || steps < OWED_STEPS => {
                    steps += 1;
                    self.pay(work).await?;
                }
                _ if !progress.finished => {
                    (steps, quiet) = (0, false);
                    self.next_dialogs(progress).await?;
                }
                _ => {
                    if let Some(job) = self.store.next_recent(self.account_id).await? {
                        self.fetch_recent(job).await?;
                    } else if let Some((chat, topics)) =
                        self.store.next_unknown_topics(self.account_id).await?
                    {
                        self.name_topics(chat, topics).await?;
                    } else if let Some(work) = self.store.next_stale(self.account_id).await? {
                        self.compare(work).await?;
                    } else {
                        // Once is enough: only the list of chats says something else.
                        if !std::mem::replace(&mut quiet, true) {
                            self.tell(None).await?;
                        }
                        let Some(work) = self.store.next_archive(self.account_id).await? else {
                            return self.archived(speed).await;
                        };
                        self.read_on(work, speed).await?;
                    }
                }
            }
            *pause = PAUSE;
            self.could_read();
        }
    }

    /// Telegram's definite word that there is nothing to be had.
    fn refusal(&self, error: &FetchError) -> Option<String> {
        match error {
            FetchError::Call(error) if self.is_definite(error) => Some(error.to_string()),
            _ => None,
        }
    }

    fn is_definite(&self, error: &CallError) -> bool {
        match error {
            CallError::Unreadable => {
                let definite =
                    self.unreadable.fetch_add(1, Ordering::Relaxed) + 1 >= UNREADABLE_MOST;
                if definite {
                    self.could_read();
                }
                definite
            }
            CallError::Rejected { .. } | CallError::Unresolvable => true,
            _ => false,
        }
    }

    fn could_read(&self) {
        self.unreadable.store(0, Ordering::Relaxed);
    }

    fn reader(&self, urgency: Urgency) -> Reader<'_> {
        Reader {
            account: self.account_id,
            store: &self.store,
            link: &self.link,
            urgency,
        }
    }

    /// One step for what came while the account was away.
    async fn pay(&self, work: OwedWork) -> Result<(), Halt> {
        let (conversation, chat, gap, above, before) = match work {
            OwedWork::Tell { conversation, gap } => {
                self.store.tell_owed(conversation, gap).await?;
                return Ok(());
            }
            OwedWork::Fetch {
                conversation,
                chat,
                gap,
                above,
                before,
            } => (conversation, chat, gap, above, before),
        };
        let read = self
            .reader(Urgency::Owed)
            .stretch(chat, above, before, PAGE)
            .await;
        match read {
            Ok(_) => Ok(()),
            Err(error) => match self.refusal(&error) {
                Some(reason) => self.refused(conversation, chat, gap, reason).await,
                None => Err(error.into()),
            },
        }
    }

    /// Left, deleted or forbidden since: asked for again when the chat is listed anew.
    async fn refused(
        &self,
        conversation: ConversationId,
        chat: ChatId,
        gap: i32,
        reason: String,
    ) -> Result<(), Halt> {
        log::warn!(
            target: "switchboard::account",
            "account={} chat={chat} what came while away is not to be had reason={reason:?}",
            self.account_id
        );
        // What is here of it waits once more for the rest: what was missed is told in its order.
        let first = self
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((conversation.0, gap));
        self.store
            .refuse_owed(conversation, gap, reason, first)
            .await?;
        self.refused.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// A wrong word of Telegram's, or one that has ceased to be true, keeps nothing back for good.
    async fn ask_again(&self) {
        self.refused.store(false, Ordering::Relaxed);
        let asked = async {
            let forgiven = self.store.forgive_refused(self.account_id).await?;
            let progress = self.progress().await?;
            if progress.finished && progress.cut {
                let asked = self.store.holes(self.account_id).await?;
                self.save(&DialogProgress::default(), asked).await?;
            }
            Ok::<_, Halt>(forgiven)
        };
        match asked.await {
            Ok(0) | Err(Halt::End) => {}
            Ok(forgiven) => {
                log::debug!(target: "switchboard::account", "account={} asks again for {forgiven} refused stretches", self.account_id);
            }
            Err(_) => self.refused.store(true, Ordering::Relaxed),
        }
    }

    async fn fetch_recent(&self, job: RecentJob) -> Result<(), Halt> {
        let missing = self.store.recent_missing(job.conversation).await?;
        let Some((wanted, before)) = missing else {
            return Ok(self.store.finish_recent(job.id).await?);
        };
        let limit = i32::try_from(wanted).unwrap_or(PAGE);
        let read = self
            .reader(Urgency::Sync)
            .stretch(job.chat, 0, before, limit)
            .await;
        match read {
            // As many as were asked for, or all there are: either way the next look finds nothing missing, unless
            // Telegram leaves messages out.
            Ok(read) if !read.complete && read.messages > 0 => Ok(()),
            Ok(_) => Ok(self.store.finish_recent(job.id).await?),
            Err(error) if self.refusal(&error).is_some() => {
                Ok(self.store.finish_recent(job.id).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What topics are called of which something is here.
    async fn name_topics(&self, chat: ChatId, topics: Vec<i32>) -> Result<(), Halt> {
        match self.link.topics(chat, topics.clone()).await {
            Ok(batch) => {
                self.store.record_batch(batch).await?;
                Ok(())
            }
            Err(error) if self.is_definite(&error) => {
                let given_up = self.store.give_up_topics(self.account_id, chat, topics);
                Ok(given_up.await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is stored already, beside what Telegram has: edits and deletions of the time away.
    async fn compare(&self, work: StaleWork) -> Result<(), Halt> {
        let read = self
            .reader(Urgency::Compare)
            .stretch(work.chat, work.low - 1, work.high + 1, PAGE)
            .await;
        match read {
            Ok(_) => Ok(()),
            Err(error) if self.refusal(&error).is_some() => {
                self.refused.store(true, Ordering::Relaxed);
                Ok(self.store.give_up_stale(self.account_id, work.chat).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A pace that was learned outlives a restart.
    async fn keep_pace(&self) {
        let Some(pace) = self.link.learned_pace() else {
            return;
        };
        if let Err(error) = self.store.set_pace(self.account_id, pace).await {
            log::warn!(target: "switchboard::account", "account={} the reading pace was not kept: {error}", self.account_id);
        }
    }

    async fn tell(&self, progress: Option<(&str, i64, i64)>) -> Result<(), Halt> {
        let sync = progress.map(|(phase, done, total)| SyncProgress {
            phase: phase.to_owned(),
            done,
            total,
        });
        self.store.set_sync(self.account_id, sync).await?;
        Ok(())
    }
}

fn soon() -> Instant {
    Instant::now() + LOOK_AFTER.mul_f64(rand::random_range(1.0..10.0))
}

async fn reached(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}
