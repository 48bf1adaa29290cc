//! The actor: owns one link and the three loops around it (inbound, outbox, fill), from its start to its end.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32},
    },
    time::Duration,
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult,
    ResponseFuture, WrapFuture,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    AccountExit, AccountParts, fill::Fill, inbound::Inbound, outbox::Outbox, pace::Pacer,
    prepare::prepare, scheduled,
};
use crate::{
    domain::AccountId,
    telegram::{LinkEvent, LinkHandle},
    vault::SessionEpoch,
};

/// How the supervisor hears of an account.
#[derive(Debug)]
pub struct AccountReport {
    /// Set once the account was online.
    pub was_online: Arc<AtomicBool>,
    /// Where the link is to be found when the actor does not answer.
    pub link: LinkSlot,
    /// The last word; also said when the actor panics.
    pub ended: oneshot::Sender<AccountExit>,
}

/// A link that somebody else may have to close.
#[derive(Clone, Default)]
pub struct LinkSlot(Arc<Mutex<Option<LinkHandle>>>);

impl LinkSlot {
    fn put(&self, link: LinkHandle) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }

    #[must_use]
    pub fn take(&self) -> Option<LinkHandle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Debug for LinkSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSlot")
    }
}

/// There may be more to fetch. No reply.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WakeFill;

/// Sent by the supervisor: end now. The reply comes when the link is closed, a few seconds later at most.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// Sent by the supervisor for `web`: the link, for calls of its own. `None` while it is being opened.
#[derive(Message)]
#[rtype(result = "Option<LinkHandle>")]
pub struct GetLink;

/// Says the last word even when the actor panics.
struct LastWord {
    ended: Option<oneshot::Sender<AccountExit>>,
    exit: Option<AccountExit>,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        let exit = self
            .exit
            .take()
            .unwrap_or_else(|| AccountExit::crashed("the account's actor panicked"));
        if let Some(ended) = self.ended.take() {
            // Nobody listens any more when the whole service stops.
            let _ = ended.send(exit);
        }
    }
}

pub struct AccountActor {
    account_id: AccountId,
    parts: AccountParts,
    link: Option<LinkHandle>,
    slot: LinkSlot,
    /// Ends what the start waits for.
    ending: CancellationToken,
    bell: Arc<Notify>,
    fill: Arc<Notify>,
    stopping: Vec<oneshot::Sender<()>>,
    was_online: Arc<AtomicBool>,
    last_word: LastWord,
}

impl AccountActor {
    #[must_use]
    pub fn new(account_id: AccountId, parts: AccountParts, report: AccountReport) -> Self {
        Self {
            account_id,
            link: None,
            slot: report.link,
            ending: CancellationToken::new(),
            bell: parts.bells.hang(account_id),
            parts,
            fill: Arc::new(Notify::new()),
            stopping: Vec::new(),
            was_online: report.was_online,
            last_word: LastWord {
                ended: Some(report.ended),
                exit: None,
            },
        }
    }

    fn run(
        &mut self,
        link: LinkHandle,
        session: SessionEpoch,
        events: mpsc::Receiver<LinkEvent>,
        ctx: &mut Context<Self>,
    ) {
        let (line, line_stands) = watch::channel(false);
        let (online, is_online) = watch::channel(false);
        let (limit, limits) = mpsc::channel(4);
        let outbox = Outbox {
            staging: self.parts.staging.clone(),
            uploads: Arc::clone(&self.parts.uploads),
            copies: Arc::clone(&self.parts.copies),
            account_id: self.account_id,
            store: self.parts.store.clone(),
            link: link.clone(),
            bell: Arc::clone(&self.bell),
            online: line_stands,
            limit,
            patience: self.parts.reply_patience,
            pacer: Pacer::new(self.parts.store.clone()),
        };
        let comparing = scheduled::keep_compared(
            self.parts.store.clone(),
            link.clone(),
            self.account_id,
            is_online.clone(),
        );
        let fill = Fill {
            unreadable: AtomicU32::new(0),
            refused: AtomicBool::new(true),
            refusals: Mutex::default(),
            account_id: self.account_id,
            store: self.parts.store.clone(),
            link: link.clone(),
            bell: Arc::clone(&self.fill),
            online: is_online,
        };
        let inbound = Inbound {
            account_id: self.account_id,
            store: self.parts.store.clone(),
            vault: self.parts.vault.clone(),
            session,
            typing: Arc::clone(&self.parts.typing),
            events,
            line,
            online,
            was_online: Arc::clone(&self.was_online),
            limits,
            fill: Arc::clone(&self.fill),
            last: None,
            connected_after: Duration::ZERO,
            attempt: 0,
            lost_because: None,
            limited_until: None,
            ending: self.ending.clone(),
            left: false,
        };
        ctx.spawn(outbox.run().into_actor(self));
        ctx.spawn(fill.run().into_actor(self));
        ctx.spawn(comparing.into_actor(self));
        let inbound = link.beside(inbound.run());
        ctx.spawn(inbound.into_actor(self).map(|exit, actor, ctx| {
            let crashed = |error| AccountExit::crashed(format!("taking in messages: {error}"));
            actor.end(exit.unwrap_or_else(crashed), ctx);
        }));
        self.slot.put(link.clone());
        self.link = Some(link);
    }

    fn end(&mut self, exit: AccountExit, ctx: &mut Context<Self>) {
        self.last_word.exit = Some(exit);
        for waiting in self.stopping.drain(..) {
            let _ = waiting.send(());
        }
        ctx.stop();
    }
}

impl Actor for AccountActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let preparing = prepare(self.account_id, self.parts.clone(), self.ending.clone());
        ctx.spawn(
            preparing
                .into_actor(self)
                .map(|prepared, actor, ctx| match prepared {
                    Ok((config, session)) if actor.stopping.is_empty() => {
                        let (link, events) = actor.parts.telegram.open_link(config);
                        actor.run(link, session, events, ctx);
                    }
                    Ok(_) => actor.end(AccountExit::Ordered, ctx),
                    Err(exit) => actor.end(exit, ctx),
                }),
        );
    }
}

impl Handler<WakeFill> for AccountActor {
    type Result = ();

    fn handle(&mut self, _: WakeFill, _: &mut Self::Context) {
        self.fill.notify_one();
    }
}

impl Handler<Stop> for AccountActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {
        let (done, is_done) = oneshot::channel();
        self.stopping.push(done);
        self.ending.cancel();
        // The link says `Ended` when it is closed; without a link, the end of `prepare` sees the order.
        let link = self.link.clone();
        Box::pin(async move {
            if let Some(link) = link {
                link.close().await;
            }
            // Dropped unanswered when the actor ended for another reason: it has ended all the same.
            let _ = is_done.await;
        })
    }
}

impl Handler<GetLink> for AccountActor {
    type Result = MessageResult<GetLink>;

    fn handle(&mut self, _: GetLink, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.link.clone())
    }
}
