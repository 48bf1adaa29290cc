//! The actor: which accounts run, and what to do when one ends.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, Addr, Arbiter, AsyncContext, Context, Handler, Message, MessageResult,
    ResponseActFuture, ResponseFuture, SpawnHandle, WrapFuture,
};
use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::{
    place::{Act, Event, Place},
    policy::{RestartHistory, RestartPolicy, Verdict},
};
use crate::{
    account::{AccountActor, AccountExit, AccountParts, AccountReport, LinkSlot, Stop, journal},
    domain::{AccountId, AccountState, StateChange, StateReason, Timestamp},
};

/// Sent by the handle: run this account. No reply is needed; its state tells the rest.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartAccount(pub AccountId);

/// Sent by the handle: end this account and leave it so. The reply comes when its link is closed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopAccount(pub AccountId);

/// Sent by the handle when a person asks for it: a fresh actor with a fresh restart history. The reply comes at
/// once; the old actor ends within seconds, also when it hangs.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RestartAccount(pub AccountId);

/// Sent by the handle: the running actor of an account, if there is one.
#[derive(Message)]
#[rtype(result = "Option<Addr<AccountActor>>")]
pub struct GetAccount(pub AccountId);

/// Sent by the handle when the service stops. The reply comes when every link is closed, or after the limit.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// One account, from the supervisor's side.
#[derive(Default)]
struct Entry {
    place: Place,
    /// The actor that runs or is ending.
    child: Option<Child>,
    /// When the next one starts.
    moment: Option<SpawnHandle>,
    history: RestartHistory,
    /// Told when the present actor is gone.
    waiting: Vec<oneshot::Sender<()>>,
}

/// An actor's whole life.
struct Child {
    addr: Addr<AccountActor>,
    link: LinkSlot,
    was_online: Arc<AtomicBool>,
    /// Tells a late word of an earlier actor from a word of this one.
    generation: u64,
}

pub struct Supervisor {
    parts: AccountParts,
    policy: RestartPolicy,
    /// Accounts are spread over these threads.
    arbiters: Vec<Arbiter>,
    entries: HashMap<AccountId, Entry>,
    generation: u64,
    stopping: bool,
}

/// How long one account may take to close its link.
const STOP_LIMIT: Duration = Duration::from_secs(6);

impl Supervisor {
    #[must_use]
    pub fn new(parts: AccountParts, policy: RestartPolicy, arbiters: Vec<Arbiter>) -> Self {
        Self {
            parts,
            policy,
            arbiters,
            entries: HashMap::new(),
            generation: 0,
            stopping: false,
        }
    }

    /// The only way that an account's place changes.
    fn happen(&mut self, id: AccountId, event: Event, ctx: &mut Context<Self>) {
        let entry = self.entries.entry(id).or_default();
        let (place, act) = entry.place.on(event);
        if act == Act::Spawn && !self.parts.ownership.may_run(id) {
            // Another node's: whoever has it starts it.
            entry.place = Place::Rest;
            self.forget_moment(id, ctx);
            return;
        }
        entry.place = place;
        match act {
            Act::Nothing => {}
            Act::Spawn => {
                self.forget_moment(id, ctx);
                self.spawn(id, ctx);
            }
            Act::BringDown => self.bring_down(id, ctx),
            Act::SetMoment(wait) => {
                let due = ctx.run_later(wait, move |supervisor, ctx| {
                    supervisor.happen(id, Event::Due, ctx);
                });
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.moment = Some(due);
                }
            }
            Act::ForgetMoment => self.forget_moment(id, ctx),
        }
    }

    fn forget_moment(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let entry = self.entries.get_mut(&id);
        if let Some(moment) = entry.and_then(|entry| entry.moment.take()) {
            ctx.cancel_future(moment);
        }
    }

    fn spawn(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        self.generation += 1;
        let generation = self.generation;
        let was_online = Arc::new(AtomicBool::new(false));
        let link = LinkSlot::default();
        let (ended, has_ended) = oneshot::channel();
        let report = AccountReport {
            was_online: Arc::clone(&was_online),
            link: link.clone(),
            ended,
        };
        let actor = AccountActor::new(id, self.parts.clone(), report);
        let addr = match self.arbiter(generation) {
            Some(arbiter) => AccountActor::start_in_arbiter(&arbiter, move |_| actor),
            None => actor.start(),
        };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.child = Some(Child {
                addr,
                link,
                was_online,
                generation,
            });
        }
        ctx.spawn(
            has_ended
                .into_actor(self)
                .map(move |exit, supervisor, ctx| {
                    let exit = exit
                        .unwrap_or_else(|_| AccountExit::crashed("the account's thread is gone"));
                    supervisor.account_ended(id, generation, &exit, ctx);
                }),
        );
    }

    fn arbiter(&self, generation: u64) -> Option<actix::ArbiterHandle> {
        let count = u64::try_from(self.arbiters.len())
            .ok()
            .filter(|count| *count > 0)?;
        let index = usize::try_from(generation % count).ok()?;
        self.arbiters.get(index).map(Arbiter::handle)
    }

    /// An actor ended by itself.
    fn account_ended(
        &mut self,
        id: AccountId,
        generation: u64,
        exit: &AccountExit,
        ctx: &mut Context<Self>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        // Of one that was told to end, `Down` is the word that counts.
        let is_present = |child: &Child| child.generation == generation;
        if entry.place != Place::Running || !entry.child.as_ref().is_some_and(is_present) {
            return;
        }
        if let Some(child) = entry.child.take() {
            if child.was_online.load(Ordering::Acquire) {
                entry.history.was_online();
            }
            if let Some(link) = child.link.take() {
                // Of an actor that panicked it may still be there.
                ctx.spawn(link.close().into_actor(self));
            }
        }
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let history = &mut entry.history;
        let verdict = history.judge(&self.policy, exit, Instant::now(), rand::random::<f64>());
        let attempt = history.row();
        if let Some(change) = state_after(exit, verdict, attempt) {
            self.enter(id, change, ctx);
        }
        let again = match verdict {
            Verdict::RestartIn(wait) if !self.stopping => Some(wait),
            Verdict::RestartIn(_) | Verdict::GiveUp | Verdict::LetRest => None,
        };
        self.happen(id, Event::Ended(again), ctx);
    }

    fn enter(&self, id: AccountId, change: StateChange, ctx: &mut Context<Self>) {
        let store = self.parts.store.clone();
        let entering = async move {
            if let Err(error) = journal::enter(&store, id, change, None).await {
                log::error!(target: "switchboard::account", "account={id} its state is not stored yet: {error}");
            }
        };
        ctx.spawn(entering.into_actor(self));
    }

    /// The actor is told to end. One that hangs has its link cut from here.
    fn bring_down(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let entry = self.entries.get_mut(&id);
        let child = entry.and_then(|entry| entry.child.take());
        let down = async move {
            let Some(child) = child else { return };
            let ended = tokio::time::timeout(STOP_LIMIT, child.addr.send(Stop)).await;
            if !matches!(ended, Ok(Ok(())))
                && let Some(link) = child.link.take()
            {
                link.close().await;
            }
        };
        ctx.spawn(down.into_actor(self).map(move |(), supervisor, ctx| {
            if let Some(entry) = supervisor.entries.get_mut(&id) {
                for waiting in entry.waiting.drain(..) {
                    let _ = waiting.send(());
                }
            }
            supervisor.happen(id, Event::Down, ctx);
        }));
    }

    /// The answer resolves when the account has no actor any more; the next one may have started by then.
    fn stop_account(
        &mut self,
        id: AccountId,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = ()> + use<> {
        self.happen(id, Event::Stop, ctx);
        let gone = self
            .entries
            .get_mut(&id)
            .filter(|entry| matches!(entry.place, Place::Ending(_)))
            .map(|entry| {
                let (tell, gone) = oneshot::channel();
                entry.waiting.push(tell);
                gone
            });
        async move {
            if let Some(gone) = gone {
                // Dropped unanswered when the supervisor is gone, and with it every account.
                let _ = gone.await;
            }
        }
    }
}

/// What is told about an account that ended; nothing when somebody else tells it.
fn state_after(exit: &AccountExit, verdict: Verdict, attempt: u32) -> Option<StateChange> {
    // Ordered: whoever gave the order tells it.
    let reason = exit.reason()?.clone();
    match (exit, verdict) {
        (AccountExit::NeedsLogin(_), _) => {
            Some(StateChange::to(AccountState::NeedsLogin).because(reason))
        }
        (AccountExit::Banned(_), _) => Some(StateChange::to(AccountState::Banned).because(reason)),
        (_, Verdict::RestartIn(wait)) => Some(StateChange {
            state: AccountState::Reconnecting,
            reason: Some(reason),
            retry_at: Some(Timestamp::now().plus(wait)),
            attempt,
        }),
        (_, Verdict::GiveUp | Verdict::LetRest) => Some(
            StateChange::to(AccountState::Failed).because(StateReason::GaveUp {
                cause: Box::new(reason),
            }),
        ),
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;
}

impl Handler<StartAccount> for Supervisor {
    type Result = ();

    fn handle(&mut self, start: StartAccount, ctx: &mut Self::Context) {
        if !self.stopping {
            self.happen(start.0, Event::Start, ctx);
        }
    }
}

impl Handler<StopAccount> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, stop: StopAccount, ctx: &mut Self::Context) -> Self::Result {
        Box::pin(self.stop_account(stop.0, ctx))
    }
}

impl Handler<RestartAccount> for Supervisor {
    type Result = ();

    fn handle(&mut self, restart: RestartAccount, ctx: &mut Self::Context) {
        if self.stopping {
            return;
        }
        let id = restart.0;
        self.entries.entry(id).or_default().history = RestartHistory::default();
        self.happen(id, Event::Restart, ctx);
    }
}

impl Handler<GetAccount> for Supervisor {
    type Result = MessageResult<GetAccount>;

    fn handle(&mut self, get: GetAccount, _: &mut Self::Context) -> Self::Result {
        let child = self
            .entries
            .get(&get.0)
            .and_then(|entry| entry.child.as_ref());
        MessageResult(child.map(|child| child.addr.clone()))
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopAll, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let ids: Vec<_> = self.entries.keys().copied().collect();
        let all: Vec<_> = ids
            .into_iter()
            .map(|id| self.stop_account(id, ctx))
            .collect();
        Box::pin(join_all(all).into_actor(self).map(|_, _, _| ()))
    }
}
