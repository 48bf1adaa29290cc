//! The actor: takes in subscribers, and wakes them in rounds when they are many.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler, Message, Recipient};

use super::{Frame, handle::Shared};
use crate::domain::{AccountId, Seq};

/// Sent after a commit when there are many listeners, or one could not be woken. No reply; one that finds the mailbox
/// full changes nothing, the actor has a round before it anyway.
#[derive(Message)]
#[rtype(result = "()")]
pub struct News;

/// Sent after a commit of many: frames that gave way to newer ones. They are taken apart here, where nothing waits for it. No reply.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Gone(pub Vec<Arc<Frame>>);

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
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Transient {
    pub account_id: AccountId,
    pub text: Arc<str>,
    /// For those who may not sign in, where that is another text.
    pub for_looking: Option<Arc<str>>,
}

impl Transient {
    /// The same for everybody who sees the account.
    #[must_use]
    pub const fn of_text(account_id: AccountId, text: Arc<str>) -> Self {
        Self {
            account_id,
            text,
            for_looking: None,
        }
    }
}

/// About what it costs to write to one listener. A thousand of them are woken fifty times a second at most and then
/// get several events in one piece; a few are woken at once, always.
const ONE_LISTENER: Duration = Duration::from_micros(20);
/// When a listener is tried again that has more letters before it than its mailbox holds.
const FULL_MAILBOX: Duration = Duration::from_millis(20);
const MAILBOX: usize = 1024;
/// Without news for so long, old frames are let go.
const QUIET: Duration = Duration::from_secs(15);

pub struct BroadcastActor {
    shared: Arc<Shared>,
    /// Before this moment the listeners are still busy with the round before.
    next_round: Instant,
    round_waits: bool,
}

impl BroadcastActor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            next_round: Instant::now(),
            round_waits: false,
        }
    }

    /// Everybody is woken, at once or with the next round.
    fn news(&mut self, ctx: &mut Context<Self>) {
        let wait = self.next_round.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            self.wake_all(ctx);
        } else {
            self.wake_later(wait, ctx);
        }
    }

    fn wake_later(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.round_waits, true) {
            return;
        }
        ctx.run_later(wait, |actor, ctx| {
            actor.round_waits = false;
            actor.wake_all(ctx);
        });
    }

    fn wake_all(&mut self, ctx: &mut Context<Self>) {
        let mut listeners = self.shared.listeners();
        let all = listeners.wake();
        let count = u32::try_from(listeners.count()).unwrap_or(u32::MAX);
        drop(listeners);
        self.next_round = Instant::now() + ONE_LISTENER * count;
        if !all {
            self.wake_later(FULL_MAILBOX, ctx);
        }
    }
}

impl Actor for BroadcastActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let mut last = Seq(0);
        ctx.run_interval(QUIET, move |actor, _| {
            actor.shared.shrink_when_quiet(&mut last)
        });
    }
}

impl Handler<News> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, _: News, ctx: &mut Self::Context) {
        self.news(ctx);
    }
}

impl Handler<Gone> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, Gone(frames): Gone, _: &mut Self::Context) {
        drop(frames);
    }
}

impl Handler<Subscribe> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, ctx: &mut Self::Context) {
        self.shared.listeners().add(subscribe);
        self.news(ctx);
    }
}

impl Handler<Transient> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, transient: Transient, _: &mut Self::Context) {
        self.shared.listeners().whisper(&transient);
    }
}

impl Handler<CloseAll> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, _: CloseAll, _: &mut Self::Context) {
        self.shared.listeners().dismiss();
    }
}
