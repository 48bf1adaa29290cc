//! The actor: keeps the list of subscribers and wakes them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix::{Actor, Context, Handler, Message, Recipient};

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

pub struct BroadcastActor {
    shared: Arc<Shared>,
    subscribers: Vec<Subscribe>,
}

impl BroadcastActor {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            subscribers: Vec::new(),
        }
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

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) {
        self.shared.append(publish.0);
        self.wake_all();
    }
}

impl Handler<Subscribe> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Self::Context) {
        self.subscribers.push(subscribe);
        self.wake_all();
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
