//! The handle: what others may ask of the supervisor.

use actix::{Actor, Addr, Arbiter};

use super::{
    Partings, RestartPolicy, SignIns, Supervisor,
    actor::{GetAccount, RestartAccount, StartAccount, StopAccount, StopAll},
};
use crate::{
    account::{AccountParts, Bells, GetLink, WakeFill},
    domain::AccountId,
    telegram::LinkHandle,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct SupervisorHandle {
    addr: Addr<Supervisor>,
    bells: Bells,
    sign_ins: SignIns,
    partings: Partings,
}

/// The supervisor is gone: the service is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the service is stopping")]
pub struct SupervisorError;

impl SupervisorHandle {
    /// Starts the supervisor; accounts are spread over `arbiters`.
    #[must_use]
    pub fn start(parts: AccountParts, policy: RestartPolicy, arbiters: Vec<Arbiter>) -> Self {
        let bells = parts.bells.clone();
        let addr = Supervisor::new(parts.clone(), policy, arbiters).start();
        let sign_ins = SignIns::new(parts.clone(), addr.clone());
        let partings = Partings::start(parts, addr.clone(), sign_ins.clone());
        Self {
            addr,
            bells,
            sign_ins,
            partings,
        }
    }

    #[must_use]
    pub const fn sign_ins(&self) -> &SignIns {
        &self.sign_ins
    }

    #[must_use]
    pub const fn partings(&self) -> &Partings {
        &self.partings
    }

    /// # Errors
    /// When the service is stopping.
    pub async fn start_account(&self, id: AccountId) -> Result<(), SupervisorError> {
        self.addr
            .send(StartAccount(id))
            .await
            .map_err(|_| SupervisorError)
    }

    /// Returns when the account's link is closed.
    ///
    /// # Errors
    /// When the service is stopping.
    pub async fn stop_account(&self, id: AccountId) -> Result<(), SupervisorError> {
        self.addr
            .send(StopAccount(id))
            .await
            .map_err(|_| SupervisorError)
    }

    /// Returns when nothing here uses the account's session any more; what is stored of it stays as it is.
    ///
    /// # Errors
    /// When the service is stopping.
    pub async fn let_go(&self, id: AccountId) -> Result<(), SupervisorError> {
        self.sign_ins.let_go(id);
        self.stop_account(id).await
    }

    /// # Errors
    /// When the service is stopping.
    pub async fn restart_account(&self, id: AccountId) -> Result<(), SupervisorError> {
        self.addr
            .send(RestartAccount(id))
            .await
            .map_err(|_| SupervisorError)
    }

    /// The account's link, when it runs.
    pub async fn link(&self, id: AccountId) -> Option<LinkHandle> {
        let account = self.addr.send(GetAccount(id)).await.ok()??;
        account.send(GetLink).await.ok()?
    }

    /// Tells the account that its outbox changed, where no new order says so. An account that does not run sees it when it starts.
    pub fn wake_outbox(&self, id: AccountId) {
        self.bells.ring(id);
    }

    /// Tells the account that more is wanted of its history. An account that does not run sees it when it starts.
    pub async fn wake_fill(&self, id: AccountId) {
        if let Ok(Some(account)) = self.addr.send(GetAccount(id)).await {
            let _ = account.send(WakeFill).await;
        }
    }

    /// Closes every link; a few seconds at most.
    pub async fn stop_all(&self) {
        self.partings.close();
        self.sign_ins.close().await;
        // A supervisor that is gone has no accounts.
        let _ = self.addr.send(StopAll).await;
    }
}
