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

use super::policy::{RestartHistory, RestartPolicy, Verdict};
use crate::{
    account::{AccountActor, AccountExit, AccountParts, AccountReport, Stop, journal},
    domain::{AccountId, AccountState, StateChange, Timestamp},
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

/// An actor's whole life, from the supervisor's side.
struct Child {
    addr: Addr<AccountActor>,
    was_online: Arc<AtomicBool>,
    /// Tells a late word of an earlier actor from a word of this one.
    generation: u64,
}

pub struct Supervisor {
    parts: AccountParts,
    policy: RestartPolicy,
    /// Accounts are spread over these threads.
    arbiters: Vec<Arbiter>,
    children: HashMap<AccountId, Child>,
    histories: HashMap<AccountId, RestartHistory>,
    /// Restarts that wait for their moment.
    planned: HashMap<AccountId, SpawnHandle>,
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
            children: HashMap::new(),
            histories: HashMap::new(),
            planned: HashMap::new(),
            generation: 0,
            stopping: false,
        }
    }

    fn start_account(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        self.unplan(id, ctx);
        if self.stopping || self.children.contains_key(&id) {
            return;
        }
        self.generation += 1;
        let generation = self.generation;
        let was_online = Arc::new(AtomicBool::new(false));
        let (ended, has_ended) = oneshot::channel();
        let report = AccountReport {
            was_online: Arc::clone(&was_online),
            ended,
        };
        let actor = AccountActor::new(id, self.parts.clone(), report);
        let addr = match self.arbiter(generation) {
            Some(arbiter) => AccountActor::start_in_arbiter(&arbiter, move |_| actor),
            None => actor.start(),
        };
        self.children.insert(
            id,
            Child {
                addr,
                was_online,
                generation,
            },
        );
        ctx.spawn(
            has_ended
                .into_actor(self)
                .map(move |exit, supervisor, ctx| {
                    let exit = exit.unwrap_or_else(|_| {
                        AccountExit::Crashed("the account's thread is gone".into())
                    });
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

    fn account_ended(
        &mut self,
        id: AccountId,
        generation: u64,
        exit: &AccountExit,
        ctx: &mut Context<Self>,
    ) {
        if self
            .children
            .get(&id)
            .is_none_or(|child| child.generation != generation)
        {
            return;
        }
        let Some(child) = self.children.remove(&id) else {
            return;
        };
        let history = self.histories.entry(id).or_default();
        if child.was_online.load(Ordering::Acquire) {
            history.was_online();
        }
        let verdict = history.judge(&self.policy, exit, Instant::now(), rand::random::<f64>());
        let attempt = history.row();
        if let Some(change) = state_after(exit, verdict, attempt) {
            self.enter(id, change, ctx);
        }
        if let Verdict::RestartIn(wait) = verdict
            && !self.stopping
        {
            let handle = ctx.run_later(wait, move |supervisor, ctx| {
                supervisor.start_account(id, ctx)
            });
            self.planned.insert(id, handle);
        }
    }

    fn enter(&self, id: AccountId, change: StateChange, ctx: &mut Context<Self>) {
        let store = self.parts.store.clone();
        let entering = async move {
            if let Err(error) = journal::enter(&store, id, change, None).await {
                log::error!(target: "switchboard::account", "account={id} its state could not be stored: {error}");
            }
        };
        ctx.spawn(entering.into_actor(self));
    }

    fn unplan(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        if let Some(handle) = self.planned.remove(&id) {
            ctx.cancel_future(handle);
        }
    }

    /// Takes the actor out at once; the answer resolves when it has ended.
    fn take_down(
        &mut self,
        id: AccountId,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = ()> + use<> {
        self.unplan(id, ctx);
        let child = self.children.remove(&id);
        async move {
            if let Some(child) = child {
                // An actor that can't answer is gone or hangs; its link is cut when it is dropped.
                let _ = tokio::time::timeout(STOP_LIMIT, child.addr.send(Stop)).await;
            }
        }
    }
}

/// What is told about an account that ended; nothing when somebody else tells it.
fn state_after(exit: &AccountExit, verdict: Verdict, attempt: u32) -> Option<StateChange> {
    let reason = exit.to_string();
    match (exit, verdict) {
        (AccountExit::Ordered, _) => None,
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
            StateChange::to(AccountState::Failed)
                .because(format!("restarted too often; the last time: {reason}")),
        ),
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;
}

impl Handler<StartAccount> for Supervisor {
    type Result = ();

    fn handle(&mut self, start: StartAccount, ctx: &mut Self::Context) {
        self.start_account(start.0, ctx);
    }
}

impl Handler<StopAccount> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, stop: StopAccount, ctx: &mut Self::Context) -> Self::Result {
        Box::pin(self.take_down(stop.0, ctx))
    }
}

impl Handler<RestartAccount> for Supervisor {
    type Result = ();

    fn handle(&mut self, restart: RestartAccount, ctx: &mut Self::Context) {
        let id = restart.0;
        self.histories.remove(&id);
        let down = self.take_down(id, ctx);
        // A session must not be used by two actors at once: the new one starts when the old one has closed.
        let handle = ctx.spawn(down.into_actor(self).map(move |(), supervisor, ctx| {
            supervisor.planned.remove(&id);
            supervisor.start_account(id, ctx);
        }));
        self.planned.insert(id, handle);
    }
}

impl Handler<GetAccount> for Supervisor {
    type Result = MessageResult<GetAccount>;

    fn handle(&mut self, get: GetAccount, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.children.get(&get.0).map(|child| child.addr.clone()))
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopAll, ctx: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let ids: Vec<_> = self.children.keys().copied().collect();
        let all: Vec<_> = ids.into_iter().map(|id| self.take_down(id, ctx)).collect();
        Box::pin(join_all(all).into_actor(self).map(|_, _, _| ()))
    }
}
