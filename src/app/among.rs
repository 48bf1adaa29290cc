//! Among: this process among others that serve the same database. With a file there are none.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::Arbiter;
use actix_web::web::Data;
use uuid::Uuid;

use super::error::StartError;
use crate::{
    config::Config,
    data_dir::DataDir,
    handover::Handover,
    nodes::{Calls, Keeper, Ownership, Terms},
    store::{Fence, NodeRow, StoreHandle},
    web::{Elsewhere, Gate, Service, run_calls},
};

/// Between two looks for accounts that nobody has.
const MISSING: Duration = Duration::from_secs(3);
/// Of these, one looks at files that others have sent, too.
const TIDY_EVERY: u64 = 100;

/// Takes part among those who serve the same database; `None`: there is a file, which one process has to itself.
pub(super) fn join(
    config: &Config,
    data_dir: &DataDir,
    store: &StoreHandle,
) -> Result<Option<(Keeper, Handover)>, StartError> {
    let Some(url) = &config.database else {
        return Ok(None);
    };
    let uname = rustix::system::uname();
    let node = NodeRow {
        id: Uuid::new_v4(),
        name: uname.nodename().to_string_lossy().into_owned(),
        address: None,
        home: data_dir.home(),
    };
    let (lines, handover) = Handover::new();
    let keeper =
        Keeper::start(url.clone(), node, Terms::default(), lines).map_err(StartError::Nodes)?;
    store.fence(Arc::new(keeper.owned()) as Arc<dyn Fence>);
    Ok(Some((keeper, handover)))
}

/// The other nodes; `None`: there are none.
pub(super) fn elsewhere(
    config: &Config,
    ownership: &Ownership,
    staging: Option<Uuid>,
) -> Result<Option<Elsewhere>, StartError> {
    let (Some(url), Some(node)) = (&config.database, ownership.node()) else {
        return Ok(None);
    };
    let ownership = ownership.clone();
    let calls = Calls::open(url, node)?;
    // What is asked of this node itself is addressed to it, or to its folder of files that wait.
    Ok(Some(Elsewhere::new(calls, move |account| {
        ownership.may_run(account) || account.0 == node || Some(account.0) == staging
    })))
}

/// Calls of other nodes, on a thread of their own.
pub(super) fn run_calls_of_others(gate: Data<Gate>, service: &Data<Service>) -> Option<Arbiter> {
    let elsewhere = service.elsewhere.clone()?;
    let service = service.clone();
    let arbiter = Arbiter::new();
    // It is gone only when the process ends.
    let _ = arbiter.spawn_fn(move || {
        if let Some(mut changes) = service.ownership.changes() {
            let calls = elsewhere.calls.clone();
            actix::spawn(async move {
                while changes.changed().await.is_ok() {
                    calls.look();
                }
            });
        }
        actix::spawn(run_calls(gate, service, elsewhere));
    });
    Some(arbiter)
}

/// The others are told how the vault stands here. A node that went away tells nobody; the others see it by its leases. And what lies
/// here for accounts that went elsewhere goes once it is sent there.
pub(super) async fn look_after_others(service: Data<Service>) {
    let mut told = HashMap::new();
    for round in 1_u64.. {
        let vault = service.vault.status().of_a_node().to_string();
        service.ownership.knows_of_its_vault(vault);
        tokio::time::sleep(MISSING).await;
        if let Err(error) = service.store.tell_of_unattended(&mut told).await {
            log::debug!(target: "switchboard::nodes", "who has which account can't be read for now: {error}");
        }
        if round % TIDY_EVERY == 0 {
            let own = |id| service.ownership.may_run(id);
            let held = service.staging.held_of_others(own);
            if !held.is_empty()
                && let Ok(named) = service.store.staged_files(None).await
            {
                let gone = held.into_iter().filter(|name| !named.contains(name));
                service.staging.let_go(gone);
            }
        }
    }
}
