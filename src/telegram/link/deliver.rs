//! From packets to batches: drained in groups, converted at once, handed over with the position that holds after them.

use std::time::{Duration, Instant};

use grammers_client::session::updates::UpdatesLike;
use grammers_client::tl;
use tl::enums::Updates;
use tokio::time::sleep;

use super::{
    LinkEvent,
    boxes::Ready,
    task::{CLOSED, Flow, Stop, Task},
};
use crate::{
    domain::{Batch, Change, ChatId, Position},
    telegram::{LinkExit, convert::Converter, pool::QUEUE},
};

/// A group ends at this many changes,
const GROUP: usize = 500;
/// or after this long: nobody waits for a full one.
const GROUP_TIME: Duration = Duration::from_millis(5);
/// While the reader is stuck, more packets than this are left to Telegram: each is some 10 KB here, nothing there.
const DEEP: usize = QUEUE / 2;
/// How often a stuck reader is looked after.
const STUCK_TICK: Duration = Duration::from_millis(50);

impl Task {
    /// Takes `first` and what else is ready.
    pub(super) async fn drain(&mut self, first: Box<UpdatesLike>) -> Flow<()> {
        let started = Instant::now();
        let mut batch = self.new_batch();
        let mut next = Some(first);
        // With no place left, packets may have been thrown away, a notice that the line was closed among them.
        let full = self
            .line
            .as_ref()
            .is_some_and(|line| line.updates.len() + 1 >= QUEUE);
        let mut closed = false;
        let mut void = false;
        while let Some(packet) = next.take() {
            if matches!(*packet, UpdatesLike::ConnectionClosed) {
                closed = true;
                break;
            }
            void |= self.absorb(packet, &mut batch).await;
            let behind = self
                .boxes
                .as_ref()
                .is_some_and(super::boxes::Boxes::is_behind);
            if void || behind || batch.changes.len() >= GROUP || started.elapsed() >= GROUP_TIME {
                break;
            }
            let more = self
                .line
                .as_mut()
                .and_then(|line| line.updates.try_recv().ok());
            next = more.map(Box::new);
        }
        if let Some(boxes) = &mut self.boxes {
            boxes.watch_gaps(Instant::now());
            if full {
                boxes.line_lost();
            }
        }
        self.finish(batch).await?;
        if closed {
            return Err(Stop::Lost(CLOSED.to_owned()));
        }
        if void {
            let limit = self.shared.settings.timing.call_limit;
            return Box::pin(self.begin_at_present(limit, true)).await;
        }
        Ok(())
    }

    /// One packet into the batch. `true`: the position means nothing any more.
    async fn absorb(&mut self, packet: Box<UpdatesLike>, batch: &mut Batch) -> bool {
        self.seed_for(&packet).await;
        if !self.senders_known(&packet).await {
            // The difference brings the message again, together with its sender.
            if let Some(boxes) = &mut self.boxes {
                boxes.line_lost();
            }
            return false;
        }
        if let UpdatesLike::ShortSentMessage { request, update } = &*packet {
            batch.changes.push(Change::Sent {
                random_id: request.random_id,
                message_id: update.id,
            });
        }
        let Some(boxes) = &mut self.boxes else {
            return false;
        };
        let ready = boxes.feed(*packet);
        let void = ready.position_void;
        self.convert(ready, batch);
        void
    }

    async fn seed_for(&mut self, packet: &UpdatesLike) {
        let UpdatesLike::Updates(updates) = packet else {
            return;
        };
        let mut unseeded = Vec::new();
        if let Some(boxes) = &self.boxes {
            match updates {
                Updates::Updates(u) => boxes.unseeded(&u.updates, &mut unseeded),
                Updates::Combined(u) => boxes.unseeded(&u.updates, &mut unseeded),
                Updates::UpdateShort(u) => {
                    boxes.unseeded(std::slice::from_ref(&u.update), &mut unseeded)
                }
                _ => {}
            }
        }
        if !unseeded.is_empty() {
            self.seed(&unseeded).await;
        }
    }

    /// Short messages name people by id alone: that will do only for those whom the store knows.
    async fn senders_known(&self, packet: &UpdatesLike) -> bool {
        match packet {
            UpdatesLike::Updates(Updates::UpdateShortMessage(u)) => {
                self.knows(ChatId::user(u.user_id)).await
            }
            UpdatesLike::Updates(Updates::UpdateShortChatMessage(u)) => {
                self.knows(ChatId::group(u.chat_id)).await
                    && self.knows(ChatId::user(u.from_id)).await
            }
            _ => true,
        }
    }

    async fn knows(&self, chat: ChatId) -> bool {
        chat == ChatId::user(self.shared.self_id) || self.shared.access_hash(chat).await.is_some()
    }

    fn convert(&mut self, ready: Ready, batch: &mut Batch) {
        let before = batch.peers.len();
        batch.holes.extend(ready.holes);
        if let Some(caught_up) = &mut self.catching_up {
            *caught_up += ready.updates.len() as u64;
        }
        let mut converter = Converter::new(self.shared.self_id, batch);
        converter.peers(ready.users, ready.chats);
        for update in ready.updates {
            converter.update(update);
        }
        self.shared
            .meet(batch.peers.get(before..).unwrap_or_default());
    }

    pub(super) fn new_batch(&self) -> Batch {
        Batch::empty(self.shared.account_id)
    }

    /// A whole answer as one batch.
    pub(super) async fn deliver(&mut self, ready: Ready) -> Flow<()> {
        let void = ready.position_void;
        let mut batch = self.new_batch();
        self.convert(ready, &mut batch);
        self.finish(batch).await?;
        if void {
            let limit = self.shared.settings.timing.call_limit;
            return Box::pin(self.begin_at_present(limit, true)).await;
        }
        Ok(())
    }

    /// A batch whose position is set by hand.
    pub(super) async fn deliver_at(&mut self, ready: Ready, position: Position) -> Flow<()> {
        let mut batch = self.new_batch();
        self.convert(ready, &mut batch);
        batch.position = Some(position);
        self.emit(LinkEvent::Batch(Box::new(batch))).await
    }

    /// Adds the position and hands the batch over, unless it says nothing.
    async fn finish(&mut self, batch: Batch) -> Flow<()> {
        let moved = self.boxes.as_mut().and_then(super::boxes::Boxes::moved);
        let empty = batch.changes.is_empty() && batch.peers.is_empty() && batch.holes.is_empty();
        if moved.is_none() && empty {
            return Ok(());
        }
        self.emit_with(batch, moved).await
    }

    pub(super) async fn emit_batch(&mut self, batch: Batch) -> Flow<()> {
        let moved = self.boxes.as_mut().and_then(super::boxes::Boxes::moved);
        self.emit_with(batch, moved).await
    }

    async fn emit_with(&mut self, mut batch: Batch, moved: Option<Position>) -> Flow<()> {
        batch.position = moved.or_else(|| self.boxes.as_ref().map(super::boxes::Boxes::position));
        self.emit(LinkEvent::Batch(Box::new(batch))).await?;
        if self.shared.session.take_changed() {
            let shared = &self.shared;
            let session = shared
                .session
                .export(shared.self_id, shared.self_hash, shared.api_id);
            self.emit(LinkEvent::SessionChanged(session)).await?;
        }
        Ok(())
    }

    /// Hands an event over. While the reader is stuck, the line goes on, and what comes is bounded.
    pub(super) async fn emit(&mut self, event: LinkEvent) -> Flow<()> {
        loop {
            let stuck = tokio::select! {
                biased;
                permit = self.events.reserve() => match permit {
                    Ok(permit) => {
                        permit.send(event);
                        return Ok(());
                    }
                    Err(_) => return Err(Stop::End(LinkExit::Closed)),
                },
                () = self.shared.stop.cancelled() => return Err(Stop::End(LinkExit::Closed)),
                () = sleep(STUCK_TICK) => true,
            };
            if stuck {
                self.shed_if_deep();
            }
        }
    }

    /// Leaves what is queued to Telegram, and asks for the difference later: it has all of it, in order.
    pub(super) fn shed_if_deep(&mut self) {
        let Some(line) = &mut self.line else {
            return;
        };
        if line.updates.len() < DEEP {
            return;
        }
        let mut closed = false;
        while let Ok(packet) = line.updates.try_recv() {
            closed |= matches!(packet, UpdatesLike::ConnectionClosed);
        }
        if closed {
            self.shared.cut(CLOSED);
        }
        if let Some(boxes) = &mut self.boxes {
            boxes.line_lost();
        }
    }

    /// Waits out a pause that Telegram asked for.
    pub(super) async fn wait_quietly(&mut self, wait: Duration) -> Flow<()> {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return Err(Stop::End(LinkExit::Closed)),
                () = self.shared.dial_now() => return Ok(()),
                () = sleep(STUCK_TICK.max(until - Instant::now()).min(Duration::from_secs(1))) => {}
            }
            self.shed_if_deep();
        }
        Ok(())
    }
}
