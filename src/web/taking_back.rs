//! Taking back: an account whose adding was refused, or ended with its process, does not stay behind. The rows of `additions` say which
//! ones these are; each is taken back by the process that has the account, never while somebody is at it or signed in with it.

use std::time::Duration;

use actix_web::web::Data;
use tokio::time::timeout;

use super::{
    Service,
    repeats::{boot, is_at_it},
};
use crate::{
    domain::AccountId,
    store::{Addition, StoreError, TakenBack},
};

/// How long whoever was refused waits for it.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Between two looks, where there is something to take back, or where another process may have left it.
const AGAIN: Duration = Duration::from_secs(5);

impl Service {
    /// At once if that is possible, else as soon as it is.
    pub async fn take_back(&self, id: AccountId) {
        let at_once = timeout(AT_ONCE, async {
            for addition in self.store.additions().await? {
                if addition.account == id {
                    look_at(self, addition).await?;
                }
            }
            Ok::<_, StoreError>(())
        });
        if !matches!(at_once.await, Ok(Ok(()))) {
            log::warn!(target: "switchboard::account", "account={id} was refused to whoever added it, and is removed once that can be written");
        }
    }
}

/// Until the service stops.
pub async fn tend(service: &Data<Service>) {
    loop {
        let left = match look(service).await {
            Ok(left) => left,
            Err(error) => {
                log::debug!(target: "switchboard::account", "what is to be taken back can't be looked at for now: {error}");
                true
            }
        };
        let ended = service.adding.ended();
        if left || service.store.is_shared() {
            let _ = timeout(AGAIN, ended).await;
        } else {
            ended.await;
        }
    }
}

/// `true`: something is left.
async fn look(service: &Service) -> Result<bool, StoreError> {
    let mut left = false;
    for addition in service.store.additions().await? {
        let id = addition.account;
        if let Err(error) = look_at(service, addition).await {
            left = true;
            log::debug!(target: "switchboard::account", "account={id} is taken back later: {error}");
        }
    }
    Ok(left)
}

async fn look_at(service: &Service, addition: Addition) -> Result<(), StoreError> {
    let (id, mark) = (addition.account, addition.mark);
    if service.adding.is_under_way(mark) {
        return Ok(());
    }
    let ours = addition.boot == boot(service);
    if !ours && is_at_it(service, &addition.boot).await? {
        return Ok(());
    }
    if !service.ownership.may_run(id) && service.store.listed_account(id).await?.is_some() {
        // It went to another node meanwhile, or is about to.
        if ours {
            service.store.leave_addition(mark).await?;
        }
        return Ok(());
    }
    match service.store.take_back(addition).await? {
        TakenBack::Gone => {
            service.doors.owners.forgotten(id);
            // A step of its sign-in that came after all.
            let _ = service.supervisor.let_go(id).await;
            log::info!(target: "switchboard::account", "account={id} was not added in the end, and is removed");
        }
        TakenBack::SignedIn => {
            log::warn!(target: "switchboard::account", "account={id} stays, although whoever added it was refused: it is signed in");
        }
        TakenBack::Nothing => {}
    }
    Ok(())
}
