//! Outbox: committed replies on their way to Telegram, in order per chat, each with its own random id until
//! Telegram gives a definite answer.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{Notify, mpsc, watch};

use crate::{
    domain::{AccountId, ChatId, MessageRowId, OutgoingMessage, SendOutcome, Timestamp},
    store::{StoreError, StoreHandle},
    telegram::LinkHandle,
};

use super::inbound::Limit;

/// Chats that are written to at the same time.
const LANES: usize = 8;
/// After an answer that says nothing definite: 1, 2, 4 … seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The store is asked again after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// One account's outbox.
pub struct Outbox {
    pub account_id: AccountId,
    pub store: StoreHandle,
    pub link: LinkHandle,
    /// Rung when a reply was committed.
    pub bell: Arc<Notify>,
    pub online: watch::Receiver<bool>,
    /// Where flood waits are told.
    pub limit: mpsc::Sender<Limit>,
}

/// `None`: it was taken back a moment before.
type Attempt = BoxFuture<'static, (OutgoingMessage, Option<SendOutcome>)>;

/// What waits, per chat and in order.
#[derive(Default)]
struct Lanes {
    waiting: HashMap<ChatId, VecDeque<OutgoingMessage>>,
    /// The attempt under way in each chat; it is not waiting.
    flying: HashMap<ChatId, MessageRowId>,
    /// A flood wait holds for the whole account.
    paused_until: Option<Timestamp>,
}

impl Lanes {
    /// Takes what the store holds, without the attempts under way.
    fn refill(&mut self, pending: Vec<OutgoingMessage>) {
        self.waiting.clear();
        for message in pending {
            if self.flying.get(&message.chat) == Some(&message.id) {
                continue;
            }
            self.waiting
                .entry(message.chat)
                .or_default()
                .push_back(message);
        }
    }

    /// The next replies that may go out now.
    fn ready(&mut self, now: Timestamp) -> Vec<OutgoingMessage> {
        if self.paused_until.is_some_and(|until| until > now) {
            return Vec::new();
        }
        let room = LANES.saturating_sub(self.flying.len());
        let chats: Vec<ChatId> = self
            .waiting
            .iter()
            .filter(|(chat, lane)| {
                !self.flying.contains_key(*chat)
                    && lane
                        .front()
                        .is_some_and(|first| first.retry_at.is_none_or(|at| at <= now))
            })
            .map(|(chat, _)| *chat)
            .take(room)
            .collect();
        chats
            .into_iter()
            .filter_map(|chat| {
                let message = self.waiting.get_mut(&chat)?.pop_front()?;
                self.flying.insert(chat, message.id);
                Some(message)
            })
            .collect()
    }

    /// When something becomes ready by itself; with every lane busy, an answer comes first.
    fn next_moment(&self) -> Option<Timestamp> {
        if self.flying.len() >= LANES {
            return None;
        }
        let first = self
            .waiting
            .iter()
            .filter(|(chat, _)| !self.flying.contains_key(*chat))
            .filter_map(|(_, lane)| lane.front())
            .map(|message| message.retry_at.unwrap_or(Timestamp::from_millis(0)))
            .min()?;
        Some(self.paused_until.map_or(first, |until| first.max(until)))
    }

    /// Puts a reply that stays pending back at the head of its lane.
    fn put_back(&mut self, message: OutgoingMessage) {
        self.waiting
            .entry(message.chat)
            .or_default()
            .push_front(message);
    }
}

impl Outbox {
    /// Runs until the account ends.
    pub async fn run(mut self) {
        let mut lanes = Lanes::default();
        let mut flying: FuturesUnordered<Attempt> = FuturesUnordered::new();
        let mut stale = true;
        loop {
            if stale {
                stale = !self.top_up(&mut lanes).await;
            }
            let online = *self.online.borrow_and_update();
            if online {
                for message in lanes.ready(Timestamp::now()) {
                    flying.push(attempt(self.store.clone(), self.link.clone(), message).boxed());
                }
            }
            tokio::select! {
                Some((message, outcome)) = flying.next() => self.settle(&mut lanes, message, outcome).await,
                () = self.bell.notified() => stale = true,
                changed = self.online.changed() => if changed.is_err() { return },
                () = wait_until(if online { lanes.next_moment() } else { None }, stale) => {}
            }
        }
    }

    /// Takes over what the store holds. False when the store could not be read.
    async fn top_up(&self, lanes: &mut Lanes) -> bool {
        match self.store.pending_outgoing(self.account_id).await {
            Ok(pending) => {
                lanes.refill(pending);
                true
            }
            Err(error) => self.store_away(&error),
        }
    }

    fn store_away(&self, error: &StoreError) -> bool {
        log::warn!(target: "switchboard::account", "account={} the outbox waits for the store: {error}", self.account_id);
        false
    }

    /// Commits what became of an attempt; until that works, the reply counts as not yet answered.
    async fn settle(
        &self,
        lanes: &mut Lanes,
        mut message: OutgoingMessage,
        outcome: Option<SendOutcome>,
    ) {
        lanes.flying.remove(&message.chat);
        let Some(outcome) = outcome else {
            return;
        };
        while let Err(error) = self
            .store
            .settle_outgoing(message.id, outcome.clone())
            .await
        {
            if !matches!(
                error,
                StoreError::Unavailable { .. } | StoreError::NoAnswer { .. }
            ) {
                log::error!(target: "switchboard::account", "account={} a reply could not be settled: {error}", self.account_id);
                return;
            }
            self.store_away(&error);
            tokio::time::sleep(STORE_PAUSE).await;
        }
        match outcome {
            SendOutcome::Sent { .. } | SendOutcome::Refused(_) => {}
            SendOutcome::Flood { wait } => {
                let until = Timestamp::now().plus(wait);
                lanes.paused_until = Some(until);
                message.retry_at = Some(until);
                lanes.put_back(message);
                let what = "before this account sends again".to_owned();
                // With the queue full, the limit is being told already.
                let _ = self.limit.try_send(Limit { wait, what });
            }
            SendOutcome::SlowMode { wait } => {
                message.retry_at = Some(Timestamp::now().plus(wait));
                lanes.put_back(message);
            }
            SendOutcome::Unknown { .. } | SendOutcome::NotSent { .. } => {
                message.retry_at = Some(Timestamp::now().plus(pause(message.attempts)));
                message.attempts += 1;
                lanes.put_back(message);
            }
        }
    }
}

/// One attempt. From the mark on the reply can't be taken back: it may be on its way.
async fn attempt(
    store: StoreHandle,
    link: LinkHandle,
    message: OutgoingMessage,
) -> (OutgoingMessage, Option<SendOutcome>) {
    let outcome = match store.mark_outgoing_in_flight(message.id).await {
        Ok(true) => Some(link.send(&message).await),
        Ok(false) | Err(StoreError::MessageNotFound) => None,
        Err(error) => Some(SendOutcome::Unknown {
            reason: error.to_string(),
        }),
    };
    (message, outcome)
}

fn pause(attempts: u32) -> Duration {
    Duration::from_secs(1_u64 << attempts.min(5)).min(LONGEST_PAUSE)
}

async fn wait_until(moment: Option<Timestamp>, stale: bool) {
    match moment {
        _ if stale => tokio::time::sleep(STORE_PAUSE).await,
        Some(at) => {
            tokio::time::sleep(at.until(Timestamp::now()).max(Duration::from_millis(5))).await
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(id: i64, chat: i64) -> OutgoingMessage {
        OutgoingMessage {
            id: MessageRowId(id),
            account_id: AccountId::random(),
            chat: ChatId::user(chat),
            random_id: id,
            text: "text".into(),
            reply_to: None,
            attempts: 0,
            retry_at: None,
        }
    }

    fn ids(messages: &[OutgoingMessage]) -> Vec<i64> {
        let mut ids: Vec<_> = messages.iter().map(|message| message.id.0).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn one_reply_per_chat_is_under_way_and_chats_do_not_wait_for_each_other() {
        let mut lanes = Lanes::default();
        lanes.refill(vec![reply(1, 10), reply(2, 10), reply(3, 20)]);
        let now = Timestamp::now();
        assert_eq!(ids(&lanes.ready(now)), [1, 3]);
        assert_eq!(ids(&lanes.ready(now)), [] as [i64; 0]);
        lanes.flying.remove(&ChatId::user(10));
        assert_eq!(ids(&lanes.ready(now)), [2]);
    }

    #[test]
    fn a_reply_that_has_to_wait_holds_back_only_its_own_chat() {
        let mut lanes = Lanes::default();
        let now = Timestamp::now();
        let mut late = reply(1, 10);
        late.retry_at = Some(now.plus(Duration::from_secs(60)));
        lanes.refill(vec![late, reply(2, 10), reply(3, 20)]);
        assert_eq!(ids(&lanes.ready(now)), [3]);
        assert_eq!(lanes.next_moment(), Some(now.plus(Duration::from_secs(60))));
    }

    #[test]
    fn a_flood_wait_holds_back_the_whole_account() {
        let mut lanes = Lanes::default();
        let now = Timestamp::now();
        lanes.paused_until = Some(now.plus(Duration::from_secs(9)));
        lanes.refill(vec![reply(1, 10), reply(3, 20)]);
        assert!(lanes.ready(now).is_empty());
        assert_eq!(lanes.next_moment(), lanes.paused_until);
        assert_eq!(ids(&lanes.ready(now.plus(Duration::from_secs(9)))), [1, 3]);
    }
}
