//! Farewell: a session is signed out at Telegram on a short connection of its own. No link hangs on it, and nothing is
//! read from it.

use std::{sync::Arc, time::Duration};

use grammers_client::tl;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{
    KeyLease, SessionData, Telegram,
    error::{Failure, LinkExit},
    pool::{Brief, Kept, KeptFor, PoolSession},
    settings::Settings,
};
use crate::domain::{Device, Proxy};

/// What Telegram said to a log-out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The session is signed in no more.
    Done,
    /// It had ended before; why.
    AlreadyOver(LinkExit),
    /// Telegram does not know the key. That passes, or it never ends: a few times in a row means the second.
    KeyUnknown,
    /// Not before this time.
    Wait(Duration),
    /// It may be tried again.
    Unreachable(String),
}

/// As whom, and by which way.
#[derive(Clone, Debug, Default)]
pub struct SignOutAs {
    /// Counts where the session names none.
    pub api_id: i32,
    /// `None`: the service's own.
    pub proxies: Option<Vec<Proxy>>,
    /// What its account called itself; `None`: as the service does.
    pub device: Option<Device>,
}

impl Telegram {
    /// The right to dial with a session's key. `None`: it is still used here after `patience`, or there is none.
    pub async fn lease(&self, session: &SessionData, patience: Duration) -> Option<KeyLease> {
        let lease = self.settings().keys.lease(session.home_key()?);
        timeout(patience, lease).await.ok()
    }

    /// Signs a session out; the key is worthless afterwards. The lease, and what else is `kept`, is let go of when the connection is
    /// closed, however long somebody waits for that.
    pub async fn sign_out(
        &self,
        session: SessionData,
        by: SignOutAs,
        (lease, kept): (KeyLease, Kept),
    ) -> Parting {
        let settings = Arc::clone(self.settings());
        let runtime = self.runtime().clone();
        // Who does not wait any more has it broken off.
        let parting = AbortOnDropHandle::new(self.runtime().spawn(async move {
            let kept = Box::new((lease, kept));
            part((&session, by), &settings, &runtime, kept).await
        }));
        parting
            .await
            .unwrap_or_else(|_| Parting::Unreachable("the attempt failed inside".to_owned()))
    }
}

async fn part(
    (session, by): (&SessionData, SignOutAs),
    settings: &Settings,
    runtime: &tokio::runtime::Handle,
    kept: Kept,
) -> Parting {
    let pool_session = PoolSession::new(
        Some(session),
        settings,
        (settings.ways(by.proxies.as_deref()), by.device),
    );
    // Before the pool, which is gone first.
    let _kept = KeptFor::new(&pool_session, runtime, kept);
    let home = pool_session.home();
    if !pool_session.has_key(home) {
        return Parting::Unreachable(format!("data centre {home} is not known here"));
    }
    let api_id = match session.api_id {
        0 => by.api_id,
        own => own,
    };
    let pool = Brief::start(&pool_session, api_id, settings, runtime);
    let request = tl::functions::auth::LogOut {};
    let answer = pool
        .calls
        .home(&request, settings.timing.connect_limit)
        .await;
    pool.close(settings.timing.close_limit).await;
    pool_session.hung_up(settings.timing.close_limit).await;
    match answer {
        Ok(_) => Parting::Done,
        Err(failure) => match (meaning(&failure), pool_session.ways().trouble()) {
            (Parting::Unreachable(_), Some(trouble)) => Parting::Unreachable(trouble.to_string()),
            (meaning, _) => meaning,
        },
    }
}

fn meaning(failure: &Failure) -> Parting {
    if let Some(wait) = failure.flood() {
        return Parting::Wait(wait);
    }
    match (failure, failure.exit()) {
        (_, Some(exit)) => Parting::AlreadyOver(exit),
        (Failure::KeyUnknown, None) => Parting::KeyUnknown,
        (failure, None) => Parting::Unreachable(failure.to_string()),
    }
}
