//! Accounts: look at, change, restart, sign out, remove. `adding` has how they come.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Service,
    audit::Note,
    device::{self, ChangeDevice},
    login::seen_by,
    object::Object,
    optional,
    pace::{self, ChangePace},
    retention::{self, ChangeRetention},
    ways,
};
use crate::{
    domain::{
        ACCOUNT_COLOURS, Account, AccountId, AccountState, Archive, LogOut, MediaPolicy,
        SecretText, StateChange, StateReason,
    },
    remote,
    store::AccountPatch,
};

const LONGEST_LABEL: usize = 64;

pub(super) fn check_label(label: &str) -> Result<String, ApiError> {
    let label = label.trim();
    let length = label.chars().count();
    if length == 0 || length > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(ApiError::unprocessable(
            "label_invalid",
            "a label has 1 to 64 characters on one line",
        ));
    }
    Ok(label.to_owned())
}

pub(super) fn check_colour(colour: Option<u8>) -> Result<Option<u8>, ApiError> {
    match colour {
        Some(colour) if colour >= ACCOUNT_COLOURS => Err(ApiError::unprocessable(
            "colour_invalid",
            "a colour is a number from 0 to 11",
        )),
        colour => Ok(colour),
    }
}

pub async fn list_accounts(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let mut accounts = service.store.list_accounts().await?;
    accounts.retain(|account| access.sees(account.id));
    Ok(HttpResponse::Ok().json(json!({
        "accounts": accounts,
        "server_has_api": service.api.is_some(),
        "vault": service.vault.status().seen_by(|id| access.sees(id)),
    })))
}

pub async fn get_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let login = seen_by(&access, service.supervisor.sign_ins().login_of(*id));
    Ok(HttpResponse::Ok().json(json!({ "account": account, "login": login })))
}

#[derive(Deserialize)]
pub struct ChangeAccount {
    label: Option<String>,
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "super::whole::maybe")]
    colour: Option<u8>,
    archive: Option<Archive>,
    media: Option<MediaPolicy>,
    #[serde(default, deserialize_with = "optional::given")]
    proxies: optional::Given<Vec<SecretText>>,
    #[serde(default, deserialize_with = "optional::given")]
    pace: optional::Given<Object<ChangePace>>,
    #[serde(default, deserialize_with = "optional::given")]
    device: optional::Given<Object<ChangeDevice>>,
    #[serde(default, deserialize_with = "optional::given")]
    retention: optional::Given<Object<ChangeRetention>>,
}

pub async fn change_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    body: web::Json<ChangeAccount>,
) -> Result<HttpResponse, ApiError> {
    let (id, body) = (*id, body.into_inner());
    service.account(&access, id).await?;
    // From looking whether it runs to what follows from that: two at a time would leave it otherwise than it is stored.
    let _turn = service.switching.of(id).await;
    let before = service.account(&access, id).await?;
    let label = body.label.as_deref().map(check_label).transpose()?;
    let proxies = body.proxies.map(ways::read).transpose()?;
    let pace = (body.pace.as_ref())
        .map(|change| pace::change(before.pace, change.as_ref().map(|Object(change)| change)))
        .transpose()?;
    let known = before.device.unwrap_or_else(|| service.telegram.device());
    let device = (body.device)
        .map(|change| {
            change
                .map(|Object(change)| device::change(known, change))
                .transpose()
        })
        .transpose()?;
    let called_otherwise = device.is_some();
    let kept = (body.retention.as_ref())
        .map(|change| {
            let change = change.as_ref().map(|Object(change)| change);
            retention::change(before.retention, change)
        })
        .transpose()?;
    let patch = AccountPatch {
        label: label.clone(),
        colour: check_colour(body.colour)?,
        is_active: body.is_active,
        archive: body.archive,
        media: body.media,
        pace,
        device,
        retention: kept,
        ..AccountPatch::default()
    };
    let mut account = service.store.patch_account(id, patch).await?;
    if label.is_some() || body.is_active.is_some() {
        service
            .vault
            .describe(id, label.as_deref(), body.is_active)
            .await?;
    }
    if let Some(proxies) = proxies {
        service.set_ways(id, proxies.as_deref()).await?;
        remote::take_other_ways(&service, id).await?;
        account = service.account(&access, id).await?;
    }
    if called_otherwise {
        // Telegram hears it with the next connection.
        remote::connect_anew(&service, id, StateReason::DeviceChanged).await?;
        account = service.account(&access, id).await?;
    }
    if let Some(days) = kept.and_then(|kept| kept.media(&service.keep))
        && let Err(error) = service.media.retire(id, days).await
    {
        // The next look at them tries again.
        log::warn!(target: "switchboard::media", "account={id} files that are too old could not be removed: {error}");
    }
    if pace.is_some() {
        service.supervisor.wake_outbox(id);
    }
    if body.archive == Some(Archive::All) {
        service.supervisor.wake_fill(id).await;
    }
    if let Some(is_active) = body.is_active
        && is_active != before.is_active
    {
        account = switch(&service, id, is_active).await?;
    }
    Ok(HttpResponse::Ok().json(json!({ "account": account })))
}

/// Switched off it stays stopped through restarts; switched on it runs, if it is signed in.
async fn switch(service: &Service, id: AccountId, is_active: bool) -> Result<Account, ApiError> {
    if !is_active {
        service.supervisor.stop_account(id).await?;
        let stopped = StateChange::to(AccountState::Stopped).because(StateReason::SwitchedOff);
        return Ok(crate::account::journal::enter(&service.store, id, stopped, None).await?);
    }
    if service.vault.credentials(id).await?.session.is_none() {
        let signed_out = StateChange::to(AccountState::SignedOut);
        return Ok(crate::account::journal::enter(&service.store, id, signed_out, None).await?);
    }
    let connecting = StateChange::to(AccountState::Connecting);
    let account = crate::account::journal::enter(&service.store, id, connecting, None).await?;
    service.supervisor.start_account(id).await?;
    Ok(account)
}

pub async fn restart_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let id = *id;
    let account = service.account(&access, id).await?;
    if !account.is_active {
        return Err(ApiError::conflict(
            "account_unavailable",
            "this account is switched off: switch it on instead",
        ));
    }
    if service.vault.credentials(id).await?.session.is_none() {
        return Err(ApiError::conflict(
            "account_unavailable",
            "this account is not signed in: sign it in instead",
        ));
    }
    let connecting =
        StateChange::to(AccountState::Connecting).because(StateReason::RestartedByPerson);
    let account = crate::account::journal::enter(&service.store, id, connecting, None).await?;
    service.supervisor.restart_account(id).await?;
    Ok(HttpResponse::Accepted().json(json!({ "account": account })))
}

pub async fn log_out_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let (account, log_out) = service.supervisor.partings().sign_out(*id).await?;
    Ok(HttpResponse::Ok().json(json!({ "account": account, "logout": log_out })))
}

#[derive(Deserialize)]
pub struct RemoveAccount {
    #[serde(default)]
    history: History,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
enum History {
    #[default]
    Keep,
    Delete,
}

pub async fn remove_account(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    query: web::Query<RemoveAccount>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    note.label(&account.label);
    note.fact(
        "history",
        if query.history == History::Keep {
            "keep"
        } else {
            "delete"
        },
    );
    if service.store.listed_account(*id).await?.is_none() {
        // Removed before, with its history kept; refused when it is to be kept again.
        let keep = query.history == History::Keep;
        service.store.remove_account(*id, keep).await?;
        service.staging.forget(*id);
        log::info!(target: "switchboard::account", "account={id} label={label:?} its history is deleted", label = account.label);
        let log_out = match service.vault.farewells().await? {
            open if open.iter().any(|one| one.account_id == *id) => LogOut::Ordered,
            _ => LogOut::Done,
        };
        return Ok(HttpResponse::Ok().json(json!({ "account": account, "logout": log_out })));
    }
    // Before its rows go: the order to end its session stands without them.
    let (_, log_out) = service.supervisor.partings().sign_out(*id).await?;
    service.vault.remove(*id).await?;
    service.doors.owners.forget(*id).await?;
    service
        .store
        .remove_account(*id, query.history == History::Keep)
        .await?;
    if query.history == History::Delete {
        service.staging.forget(*id);
    }
    if let Err(error) = service.media.forget(*id).await {
        // The next start removes what belongs to no account.
        log::warn!(target: "switchboard::media", "account={id} its files could not be removed: {error}");
    }
    log::info!(target: "switchboard::account", "account={id} label={label:?} removed", label = account.label);
    Ok(HttpResponse::Ok().json(json!({ "account": account, "logout": log_out })))
}
