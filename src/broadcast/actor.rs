//! The actor: keeps the list of subscribers and wakes them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};

use super::handle::Shared;
use crate::domain::{AccountId, Event};

/// Sent by the store's sink after a commit. No reply; a lost one shows as a gap in the numbers and sends
/// listeners to the event log.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Publish(pub Vec<Arc<Event>>);

/// Sent by a WebSocket session that starts. The reply says that every later commit wakes it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe {
    pub recipient: Recipient<Wake>,
    pub transient: Recipient<Transient>,
    /// Set while a wake is on its way, so that a busy listener is woken once and not a thousand times.
    pub woken: Arc<AtomicBool>,
}

/// Sent to a subscriber. No reply.
#[derive(Message, Clone, Copy, PartialEq, Eq, Debug)]
#[rtype(result = "()")]
pub enum Wake {
    /// There is something after what you have.
    News,
    /// The service stops: say goodbye.
    Closing,
}

/// Sent by the handle when the service stops. The reply says that everybody was told.
#[derive(Message)]
#[rtype(result = "()")]
pub struct CloseAll;

/// Sent to subscribers: news without a number, worthless a moment later (typing). May be lost. No reply.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Transient {
    pub account_id: AccountId,
    pub text: Arc<str>,
}

/// About what it costs to write to one listener. A thousand of them are woken fifty times a second at most and then
/// get several events in one piece; a few are woken at once, always.
const ONE_LISTENER: Duration = Duration::from_micros(20);

pub struct BroadcastActor {
    shared: Arc<Shared>,
    subscribers: Vec<Subscribe>,
    /// Before this moment the listeners are still busy with the round before.
    next_round: Instant,
    round_waits: bool,
}

impl BroadcastActor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            subscribers: Vec::new(),
            next_round: Instant::now(),
            round_waits: false,
        }
    }

    /// Everybody is woken, at once or with the next round.
    fn news(&mut self, ctx: &mut Context<Self>) {
        if self.round_waits {
            return;
        }
        let wait = self.next_round.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            self.wake_all();
            return;
        }
        self.round_waits = true;
        ctx.run_later(wait, |actor, _| {
            actor.round_waits = false;
            actor.wake_all();
        });
    }

    fn wake_all(&mut self) {
        self.subscribers.retain(|subscriber| {
            if !subscriber.recipient.connected() {
                return false;
            }
            if !subscriber.woken.swap(true, Ordering::AcqRel)
                && subscriber.recipient.try_send(Wake::News).is_err()
            {
                subscriber.woken.store(false, Ordering::Release);
            }
            true
        });
        self.shared.set_subscribers(self.subscribers.len());
        let listeners = u32::try_from(self.subscribers.len()).unwrap_or(u32::MAX);
        self.next_round = Instant::now() + ONE_LISTENER * listeners;
    }
}

impl Actor for BroadcastActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

/// A full mailbox loses nothing: see [`Publish`].
pub const MAILBOX: usize = 1024;

impl Handler<Publish> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, publish: Publish, ctx: &mut Self::Context) {
        self.shared.append(publish.0);
        self.news(ctx);
    }
}

impl Handler<Subscribe> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, ctx: &mut Self::Context) {
        self.subscribers.push(subscribe);
        self.news(ctx);
    }
}

impl Handler<Transient> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, transient: Transient, _: &mut Self::Context) {
        for subscriber in &self.subscribers {
            // A listener whose mailbox is full has more important things to read.
            let _ = subscriber.transient.try_send(transient.clone());
        }
    }
}

impl Handler<CloseAll> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, _: CloseAll, _: &mut Self::Context) {
        for subscriber in self.subscribers.drain(..) {
            // One that can't be told is cut when the server ends.
            let _ = subscriber.recipient.try_send(Wake::Closing);
        }
    }
}
