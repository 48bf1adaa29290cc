//! Worker: one address's way through the event log, portion by portion. Accounts go side by side, each in order;
//! the place in the log moves when a whole portion was taken.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use super::delivery::Receiver;
use crate::{
    broadcast::{BroadcastHandle, Frame, Since},
    domain::{EventBody, Seq},
    store::{StoreError, StoreHandle},
};

/// Events read at once, and repeated at most after a crash.
const PORTION: u32 = 64;
/// Accounts that are told about at the same time.
const LANES: usize = 8;
/// The store is asked again after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(2);

pub struct Worker {
    pub receiver: Receiver,
    pub store: StoreHandle,
    pub broadcast: BroadcastHandle,
}

impl Worker {
    pub async fn run(self) {
        let mut newest = self.broadcast.newest();
        let mut cursor = loop {
            match self.begin().await {
                Ok(cursor) => break cursor,
                Err(error) => self.store_away(&error).await,
            }
        };
        loop {
            newest.borrow_and_update();
            let (frames, end) = match self.portion(cursor).await {
                Ok(portion) => portion,
                Err(error) => {
                    self.store_away(&error).await;
                    continue;
                }
            };
            if end > cursor {
                self.deliver(frames).await;
                cursor = self.advance(end).await;
            } else if newest.changed().await.is_err() {
                return;
            }
        }
    }

    /// Where it was; a new address begins at the present.
    async fn begin(&self) -> Result<Seq, StoreError> {
        let id = self.receiver.id.clone();
        if let Some(cursor) = self.store.webhook_cursor(id.clone()).await? {
            let oldest = self.store.oldest_seq().await?;
            if cursor.0 + 1 < oldest.0 {
                log::warn!(target: "switchboard::webhooks", "webhook={id} events {} to {} are no longer in the log and were not delivered", cursor.0 + 1, oldest.0 - 1);
            }
            return Ok(cursor);
        }
        let now = self.store.last_seq().await?;
        self.store.set_webhook_cursor(id, now).await?;
        Ok(now)
    }

    /// What follows, and up to where; the ring first, for it has events as they were told.
    async fn portion(&self, after: Seq) -> Result<(Vec<Arc<Frame>>, Seq), StoreError> {
        let frames = match self.broadcast.after(after, PORTION as usize) {
            Since::Frames(frames) => frames,
            Since::Behind => {
                let newest = self.store.last_seq().await?;
                let events = self.store.events_after(after, PORTION).await?;
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

    async fn deliver(&self, frames: Vec<Arc<Frame>>) {
        let mut lanes: BTreeMap<_, Vec<Arc<Frame>>> = BTreeMap::new();
        for frame in frames {
            // What a sign-in shows (QR codes, hints) is for the person who signs in.
            if !matches!(frame.event().body, EventBody::LoginUpdated { .. }) {
                lanes.entry(frame.account_id()).or_default().push(frame);
            }
        }
        let receiver = &self.receiver;
        stream::iter(lanes.into_values())
            .for_each_concurrent(LANES, |lane| async move {
                for frame in lane {
                    receiver.deliver(&frame).await;
                }
            })
            .await;
    }

    async fn advance(&self, end: Seq) -> Seq {
        loop {
            let id = self.receiver.id.clone();
            match self.store.set_webhook_cursor(id, end).await {
                Ok(()) => return end,
                Err(error) => self.store_away(&error).await,
            }
        }
    }

    async fn store_away(&self, error: &StoreError) {
        log::warn!(target: "switchboard::webhooks", "webhook={} waits for the store: {error}", self.receiver.id);
        tokio::time::sleep(STORE_PAUSE).await;
    }
}
