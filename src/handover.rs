//! Handover: accounts that become this node's are brought up, those that cease to be are put to rest.
//!
//! Receives: what the keeper of leases says, from its threads.
//! Sends:    starts and stops to `supervisor`, and back to the keeper that a line is closed.
//! Promises: nobody waits for another's account; what could not be brought up for now is tried again.
//! Does not: decide who has what.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix_web::web::Data;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    domain::AccountId,
    nodes::{Ending, Lines},
    remote,
    store::Lease,
    web::Service,
};

/// Until accounts that could not be brought up are tried again.
const PAUSE: Duration = Duration::from_secs(5);
/// Lines that are open for longer than this, after they were told to end, are told of.
const LONG: Duration = Duration::from_secs(10);

enum Order {
    Begin(Vec<Lease>),
    End(Ending),
}

/// Hands on what the keeper says. An account is told to begin only after its end was carried out: there are two orders at most for each.
struct Orders(UnboundedSender<Order>);

impl Lines for Orders {
    fn begin(&self, leases: &[Lease]) {
        // Nobody listens any more when the service ends.
        let _ = self.0.send(Order::Begin(leases.to_vec()));
    }

    fn end(&self, ending: Ending) {
        if let Err(unheard) = self.0.send(Order::End(ending))
            && let Order::End(ending) = unheard.0
        {
            // Who carries it out is gone, and every account with it.
            ending.done();
        }
    }
}

/// What the keeper said, to be carried out once there is a service.
pub struct Handover(UnboundedReceiver<Order>);

impl Handover {
    #[must_use]
    pub fn new() -> (Arc<dyn Lines>, Self) {
        let (orders, heard) = unbounded_channel();
        (Arc::new(Orders(orders)), Self(heard))
    }

    /// What has been said so far: a start waits for it.
    pub async fn carry_out_so_far(&mut self, service: &Data<Service>) {
        while let Ok(order) = self.0.try_recv() {
            match order {
                Order::Begin(leases) => begin(service.clone(), accounts_of(&leases)).await,
                Order::End(ending) => end(service, ending),
            }
        }
    }

    /// Until the service stops.
    pub async fn carry_out(mut self, service: Data<Service>) {
        while let Some(order) = self.0.recv().await {
            match order {
                // An end must not wait for it.
                Order::Begin(leases) => {
                    actix::spawn(begin(service.clone(), accounts_of(&leases)));
                }
                Order::End(ending) => end(&service, ending),
            }
        }
    }
}

fn accounts_of(leases: &[Lease]) -> BTreeSet<AccountId> {
    leases.iter().map(|lease| lease.account).collect()
}

/// Brings them up; what can't be for now is tried again beside everything else.
async fn begin(service: Data<Service>, accounts: BTreeSet<AccountId>) {
    let left = bring_up(&service, accounts).await;
    if left.is_empty() {
        return;
    }
    actix::spawn(async move {
        let mut left = left;
        while !left.is_empty() {
            tokio::time::sleep(PAUSE).await;
            left.retain(|id| service.ownership.may_run(*id));
            left = bring_up(&service, left).await;
        }
    });
}

/// Those that could not be, for now.
async fn bring_up(service: &Service, accounts: BTreeSet<AccountId>) -> BTreeSet<AccountId> {
    let listed: Vec<AccountId> = accounts.iter().copied().collect();
    // Another node has written their rows meanwhile.
    let fresh = match service.store.forget_accounts(listed.clone()).await {
        Ok(()) => service.store.nothing_runs(Some(listed)).await,
        Err(error) => Err(error),
    };
    let known = match fresh {
        Ok(()) => service
            .vault
            .accounts()
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let known = match known {
        Ok(known) => known,
        Err(error) => {
            log::error!(target: "switchboard::nodes", "accounts={} can't be brought up and wait: {error}", accounts.len());
            return accounts;
        }
    };
    // Files that came in at other nodes are sent here now.
    match service.store.staged_files(None).await {
        Ok(named) => {
            for id in &accounts {
                service.staging.adopt(*id, &named);
            }
        }
        // They are sent all the same, and go with a later start.
        Err(error) => {
            log::warn!(target: "switchboard::nodes", "files that wait to be sent can't be looked for: {error}");
        }
    }
    let mut later = BTreeSet::new();
    for summary in known.iter().filter(|known| accounts.contains(&known.id)) {
        if let Err(error) = remote::bring_up(service, summary).await {
            log::error!(target: "switchboard::account", "account={} label={:?} can't be brought up and waits: {error}", summary.id, summary.label);
            later.insert(summary.id);
        }
    }
    later
}

/// Each by itself: one that hangs keeps no other from going to another node.
fn end(service: &Data<Service>, ending: Ending) {
    for ending in ending.apart() {
        let service = service.clone();
        actix::spawn(async move {
            for lease in &ending.leases {
                // A supervisor that is gone has no accounts.
                let _ = service.supervisor.let_go(lease.account).await;
                rest(&service, lease.account).await;
                service.store.forget_stated(lease.account);
                service.staging.part_with(lease.account);
            }
            ending.done();
        });
    }
}

/// Ends when no line of the account is open any more, however long that takes: until then its lease is renewed, or the kernel ends this
/// process before another node may take it.
async fn rest(service: &Service, account: AccountId) {
    let rest = service.telegram.rest(account);
    tokio::pin!(rest);
    if tokio::time::timeout(LONG, &mut rest).await.is_err() {
        log::warn!(target: "switchboard::nodes", "account={account} a line of it is still open, and no other node may have it before that is closed");
        rest.await;
    }
}
