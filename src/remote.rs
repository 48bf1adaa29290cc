//! Remote: what people do to the accounts in Supabase is done here too.
//!
//! The vault commits a change of theirs to its own rows first. At start, and when announcements were missed, the
//! service's rows are made to agree with the vault's; in between each announcement is carried out by itself. Of several nodes any may
//! see a change first: it is a row then, and the node that has the account carries it out; an account that begins at a node begins with
//! what the vault's rows say.

use std::{collections::BTreeSet, time::Duration};

use actix_web::web::Data;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    account::journal,
    domain::{Account, AccountId, AccountState, Proxy, StateChange, StateReason, default_colour},
    store::{AccountPatch, Changed, NewAccount, StoreError, StoreHandle, VaultNews},
    supervisor::SupervisorError,
    vault::{AccountSummary, RemoteChange, VaultError},
    web::Service,
};

#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
}

/// Until an account that could not be followed is tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// Carries out what is announced, until the service stops. `later`: accounts that the start could not bring up; nobody
/// waits for them, and they are tried again.
pub async fn follow(
    service: Data<Service>,
    mut changes: Receiver<RemoteChange>,
    mut later: BTreeSet<AccountId>,
) {
    if service.store.is_shared() {
        // Dropped: what it would say is in the rows.
        drop(changes);
        return follow_rows(&service, later).await;
    }
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = tokio::time::sleep(PAUSE), if !later.is_empty() => {
                try_again(&service, &mut later).await;
                continue;
            }
        };
        let (id, done) = match change {
            Ok(change) => (Some(id_of(&change)), carry_out(&service, &change).await),
            Err(RecvError::Lagged(_)) => (None, catch_up(&service, &mut later).await),
            Err(RecvError::Closed) => return,
        };
        if let Err(error) = done {
            log::error!(target: "switchboard::vault", "a change made in Supabase waits: {error}");
            later.extend(id);
        }
    }
}

/// As above, of the accounts that this node has.
async fn follow_rows(service: &Service, mut later: BTreeSet<AccountId>) {
    let mut changes = service.store.changes(Changed::Vault);
    let mut told = BTreeSet::new();
    loop {
        changes.borrow_and_update();
        if let Err(error) = carry_out_rows(service, &mut told).await {
            log::debug!(target: "switchboard::vault", "what was done in Supabase can't be read for now: {error}");
        }
        if !later.is_empty() {
            try_again(service, &mut later).await;
        }
        // It is told every few seconds, also without a change.
        let _ = tokio::time::timeout(PAUSE, changes.changed()).await;
    }
}

/// What could not be done stays, and is tried again. `told`: of which that was said.
async fn carry_out_rows(service: &Service, told: &mut BTreeSet<i64>) -> Result<(), FollowError> {
    let news = service.store.vault_news().await?;
    if news.is_empty() {
        return Ok(());
    }
    let known = service.vault.accounts().await?;
    let mut waits = BTreeSet::new();
    for VaultNews { id, account, kind } in news {
        let listed = service.store.listed_account(account).await?.is_some();
        // One that is not listed is nobody's yet: whoever makes it has it.
        let ours = !listed || service.ownership.may_run(account);
        if !ours || waits.contains(&account) {
            continue;
        }
        let done = match kind.as_str() {
            "api" => carry_out(service, &RemoteChange::ApiChanged { id: account }).await,
            "proxies" => carry_out(service, &RemoteChange::ProxiesChanged { id: account }).await,
            "session" => carry_out(service, &RemoteChange::SessionReplaced { id: account }).await,
            "removed" => carry_out(service, &RemoteChange::Removed { id: account }).await,
            _ => match known.iter().find(|summary| summary.id == account) {
                Some(summary) => follow_one(service, summary).await,
                None => Ok(()),
            },
        };
        match done {
            // Another node was quicker to make it, or it is not there any more.
            Ok(())
            | Err(FollowError::Store(StoreError::Exists(_) | StoreError::AccountNotFound)) => {
                service.store.drop_vault_news(id).await?;
                told.remove(&id);
            }
            Err(error) => {
                if told.insert(id) {
                    log::error!(target: "switchboard::vault", "account={account} a change made in Supabase waits: {error}");
                }
                waits.insert(account);
            }
        }
    }
    Ok(())
}

/// Brings up what could not be before; what still can't stays for later.
async fn try_again(service: &Service, later: &mut BTreeSet<AccountId>) {
    let Ok(known) = service.vault.accounts().await else {
        return;
    };
    for id in std::mem::take(later) {
        let Some(summary) = known.iter().find(|summary| summary.id == id) else {
            continue;
        };
        if let Err(error) = bring_up(service, summary).await {
            log::debug!(target: "switchboard::vault", "account={id} waits: {error}");
            later.insert(id);
        }
    }
}

/// Brings one account to where it should be: in the lists, running or not.
///
/// # Errors
/// When that can't be done for now.
pub async fn bring_up(service: &Service, summary: &AccountSummary) -> Result<(), FollowError> {
    follow_one(service, summary).await?;
    if !service.ownership.may_run(summary.id) {
        return Ok(());
    }
    if let Some(account) = service.store.listed_account(summary.id).await? {
        let own = account.proxies.as_deref();
        service.expect_way(summary.id, own).await?;
    }
    if summary.removed_remotely || !summary.is_active {
        return Ok(());
    }
    let sign_ins = service.supervisor.sign_ins();
    if sign_ins.login_of(summary.id).is_none()
        && let Err(error) = sign_ins.resume(summary.id).await
    {
        log::warn!(target: "switchboard::account", "account={} its sign-in could not go on: {error}", summary.id);
    }
    if !summary.has_session {
        return rest(service, summary.id).await;
    }
    if may_run(&service.store, summary.id).await? {
        service.supervisor.start_account(summary.id).await?;
    }
    Ok(())
}

/// Accounts that only a person can bring back stay as they are; the rest starts anew.
async fn may_run(store: &StoreHandle, id: AccountId) -> Result<bool, StoreError> {
    let Some(account) = store.listed_account(id).await? else {
        return Ok(false);
    };
    Ok(!matches!(
        account.state,
        AccountState::NeedsLogin | AccountState::Banned | AccountState::Stopped
    ))
}

/// An account that was signed out the moment before a kill must not look as if it ran.
async fn rest(service: &Service, id: AccountId) -> Result<(), FollowError> {
    let Some(account) = service.store.listed_account(id).await? else {
        return Ok(());
    };
    let signs_in = service.supervisor.sign_ins().login_of(id).is_some();
    let at_rest = match account.state {
        AccountState::SignedOut | AccountState::Stopped | AccountState::Banned => true,
        AccountState::SigningIn => signs_in,
        _ => false,
    };
    if !at_rest {
        let signed_out = StateChange::to(AccountState::SignedOut);
        journal::enter(&service.store, id, signed_out, None).await?;
    }
    Ok(())
}

const fn id_of(change: &RemoteChange) -> AccountId {
    match change {
        RemoteChange::Added(summary) => summary.id,
        RemoteChange::Switched { id, .. }
        | RemoteChange::Renamed { id, .. }
        | RemoteChange::ApiChanged { id }
        | RemoteChange::ProxiesChanged { id }
        | RemoteChange::SessionReplaced { id }
        | RemoteChange::Conflict { id, .. }
        | RemoteChange::Removed { id } => *id,
    }
}

async fn carry_out(service: &Service, change: &RemoteChange) -> Result<(), FollowError> {
    match change {
        RemoteChange::Added(summary) => follow_one(service, summary).await,
        RemoteChange::Switched { id, .. } | RemoteChange::Renamed { id, .. } => {
            let known = service.vault.accounts().await?;
            match known.iter().find(|summary| summary.id == *id) {
                Some(summary) => follow_one(service, summary).await,
                None => Ok(()),
            }
        }
        RemoteChange::ApiChanged { id } => {
            let api_id = service.vault.credentials(*id).await?.api.api_id;
            let patch = AccountPatch {
                api_id: Some(api_id),
                ..AccountPatch::default()
            };
            service.store.patch_account(*id, patch).await?;
            Ok(())
        }
        RemoteChange::ProxiesChanged { id } => {
            let proxies = service.vault.credentials(*id).await?.proxies;
            let proxies = proxies.as_ref().map(Proxy::parse_lines).transpose();
            // What can't be read keeps the account waiting, and it says so.
            if let Ok(proxies) = proxies {
                service.name_ways(*id, proxies.as_deref()).await?;
            }
            take_other_ways(service, *id).await
        }
        RemoteChange::SessionReplaced { id } => {
            let account = service.store.get_account(*id).await?;
            if account.is_some_and(|account| account.is_active) {
                let connecting =
                    StateChange::to(AccountState::Connecting).because(StateReason::SessionReplaced);
                journal::enter(&service.store, *id, connecting, None).await?;
                service.supervisor.restart_account(*id).await?;
            }
            Ok(())
        }
        RemoteChange::Removed { id } => {
            service.supervisor.stop_account(*id).await?;
            let stopped = StateChange::to(AccountState::Stopped).because(StateReason::RowDeleted);
            journal::enter(&service.store, *id, stopped, None).await?;
            Ok(())
        }
        // The vault has logged it; a person decides.
        RemoteChange::Conflict { .. } => Ok(()),
    }
}

/// A running account dials anew, with the session that it has.
pub async fn take_other_ways(service: &Service, id: AccountId) -> Result<(), FollowError> {
    connect_anew(service, id, StateReason::WaysChanged).await
}

/// An account that runs hangs up and dials again.
///
/// # Errors
/// As [`take_other_ways`].
pub async fn connect_anew(
    service: &Service,
    id: AccountId,
    because: StateReason,
) -> Result<(), FollowError> {
    let account = service.store.get_account(id).await?;
    let runs = account.is_some_and(|account| {
        account.is_active
            && !matches!(
                account.state,
                AccountState::SignedOut
                    | AccountState::SigningIn
                    | AccountState::NeedsLogin
                    | AccountState::Banned
                    | AccountState::Stopped
            )
    });
    if runs {
        let connecting = StateChange::to(AccountState::Connecting).because(because);
        journal::enter(&service.store, id, connecting, None).await?;
        service.supervisor.restart_account(id).await?;
    }
    Ok(())
}

async fn catch_up(service: &Service, later: &mut BTreeSet<AccountId>) -> Result<(), FollowError> {
    for summary in service.vault.accounts().await? {
        if let Err(error) = follow_one(service, &summary).await {
            log::error!(target: "switchboard::vault", "account={} what was changed in Supabase waits: {error}", summary.id);
            later.insert(summary.id);
        }
    }
    Ok(())
}

async fn follow_one(service: &Service, summary: &AccountSummary) -> Result<(), FollowError> {
    let known = service.store.listed_account(summary.id).await?;
    if known.is_some() && !service.ownership.may_run(summary.id) {
        // Whoever has it agrees with the vault when it begins there.
        return Ok(());
    }
    match agree(&service.store, summary).await? {
        Agreed::Start => service.supervisor.start_account(summary.id).await?,
        Agreed::Stop => service.supervisor.stop_account(summary.id).await?,
        Agreed::AsItWas => {}
    }
    Ok(())
}

/// What the account's actor has to do after the rows agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreed {
    AsItWas,
    Start,
    Stop,
}

/// Makes the service's row of an account say what the vault's says: there at all, its label, on or off.
async fn agree(store: &StoreHandle, summary: &AccountSummary) -> Result<Agreed, StoreError> {
    // One that was removed here and comes back is made anew, over what was kept of it.
    let Some(account) = store.listed_account(summary.id).await? else {
        if summary.removed_remotely {
            return Ok(Agreed::AsItWas);
        }
        create(store, summary).await?;
        if !summary.is_active {
            switch_off(store, summary.id).await?;
        }
        return Ok(match summary.is_active && summary.has_session {
            true => Agreed::Start,
            false => Agreed::AsItWas,
        });
    };
    if summary.removed_remotely {
        return Ok(Agreed::AsItWas);
    }
    let switched = account.is_active != summary.is_active;
    let patch = AccountPatch {
        label: (account.label != summary.label).then(|| summary.label.clone()),
        is_active: switched.then_some(summary.is_active),
        ..AccountPatch::default()
    };
    if patch.label.is_some() || switched {
        store.patch_account(summary.id, patch).await?;
    }
    match (switched, summary.is_active) {
        (false, _) => Ok(Agreed::AsItWas),
        (true, false) => {
            switch_off(store, summary.id).await?;
            Ok(Agreed::Stop)
        }
        (true, true) if summary.has_session => {
            let connecting = StateChange::to(AccountState::Connecting);
            journal::enter(store, summary.id, connecting, None).await?;
            Ok(Agreed::Start)
        }
        (true, true) => {
            let signed_out = StateChange::to(AccountState::SignedOut);
            journal::enter(store, summary.id, signed_out, None).await?;
            Ok(Agreed::AsItWas)
        }
    }
}

async fn create(store: &StoreHandle, summary: &AccountSummary) -> Result<Account, StoreError> {
    let new = NewAccount {
        id: summary.id,
        label: summary.label.clone(),
        colour: default_colour(summary.id),
        api_id: Some(summary.api_id),
        phone_masked: None,
        is_active: summary.is_active,
        created_at: Some(summary.created_at),
    };
    store.create_account(new).await
}

async fn switch_off(store: &StoreHandle, id: AccountId) -> Result<Account, StoreError> {
    let stopped = StateChange::to(AccountState::Stopped).because(StateReason::SwitchedOff);
    journal::enter(store, id, stopped, None).await
}
