//! Farewell: a session is signed out at Telegram on a short connection of its own. No link hangs on it, and nothing is
//! read from it.

use std::{sync::Arc, time::Duration};

use grammers_client::tl;
use tokio::time::timeout;

use super::{
    KeyLease, SessionData, Telegram,
    error::{Failure, LinkExit},
    pool::{Pool, PoolSession},
    settings::Settings,
    ways::Purpose,
};
use crate::domain::Proxy;

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

impl Telegram {
    /// The right to dial with a session's key. `None`: it is still used here after `patience`, or there is none.
    pub async fn lease(&self, session: &SessionData, patience: Duration) -> Option<KeyLease> {
        let lease = self.settings().keys.lease(session.home_key()?);
        timeout(patience, lease).await.ok()
    }

    /// Signs a session out; the key is worthless afterwards. `api_id` counts where the session names none.
    pub async fn sign_out(
        &self,
        session: SessionData,
        (api_id, proxies): (i32, Option<Vec<Proxy>>),
        lease: KeyLease,
    ) -> Parting {
        let settings = Arc::clone(self.settings());
        let runtime = self.runtime().clone();
        let parting = self.runtime().spawn(async move {
            let parting = part(&session, (api_id, proxies), &settings, &runtime).await;
            drop(lease);
            parting
        });
        parting
            .await
            .unwrap_or_else(|_| Parting::Unreachable("the attempt failed inside".to_owned()))
    }
}

async fn part(
    session: &SessionData,
    (api_id, proxies): (i32, Option<Vec<Proxy>>),
    settings: &Settings,
    runtime: &tokio::runtime::Handle,
) -> Parting {
    let pool_session = PoolSession::new(
        Some(session),
        settings,
        (settings.ways(proxies.as_deref()), None),
    );
    let home = pool_session.home();
    if !pool_session.has_key(home) {
        return Parting::Unreachable(format!("data centre {home} is not known here"));
    }
    let api_id = match session.api_id {
        0 => api_id,
        own => own,
    };
    let (pool, _updates) = Pool::start(&pool_session, api_id, (settings, Purpose::Once), runtime);
    let request = tl::functions::auth::LogOut {};
    let answer = pool
        .calls
        .home(&request, settings.timing.connect_limit)
        .await;
    pool.close(settings.timing.close_limit).await;
    match answer {
        Ok(_) => Parting::Done,
        Err(failure) => match (meaning(&failure), pool_session.ways().trouble()) {
            (Parting::Unreachable(_), Some(trouble)) => Parting::Unreachable(trouble),
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
