//! Adding: an account that was not there before.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Access, ApiError, Service,
    accounts::{check_colour, check_label},
    audit::Note,
    calls::nobody,
    device::{self, ChangeDevice},
    doors::Owner,
    login::method_of,
    object::Object,
    repeats::{Held, boot},
    under_way::UnderWay,
    ways,
};
use crate::{
    config::is_api_hash,
    domain::{
        Account, AccountId, ApiCredentials, Archive, Device, Login, Proxy, ProxyName, SecretText,
        Timestamp, default_colour,
    },
    store::{AccountPatch, AddedAccount, Addition, NewAccount, OwnerRecord, StoreError},
    supervisor::Whose,
    telegram::SignInMethod,
    vault::VaultAccount,
};

#[derive(Deserialize)]
pub struct AddAccount {
    label: String,
    #[serde(default, deserialize_with = "super::whole::maybe")]
    api_id: Option<i32>,
    api_hash: Option<SecretText>,
    phone: Option<SecretText>,
    #[serde(default)]
    qr: bool,
    session: Option<SecretText>,
    #[serde(default, deserialize_with = "super::whole::maybe")]
    colour: Option<u8>,
    archive: Option<Archive>,
    proxies: Option<Vec<SecretText>>,
    device: Option<Object<ChangeDevice>>,
}

pub async fn add_account(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    request: HttpRequest,
    body: web::Json<AddAccount>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let label = check_label(&body.label)?;
    let api = credentials(&service, body.api_id, body.api_hash)?;
    let method = method_of(body.phone, body.qr, body.session)?;
    let proxies = ways::read(body.proxies)?;
    let first = service.telegram.device();
    let device = (body.device)
        .map(|Object(change)| device::change(first, change))
        .transpose()?;
    let added = service.add_account(AddedBy {
        label: label.clone(),
        colour: body.colour,
        api,
        archive: body.archive,
        device,
        proxies,
        owner: None,
        call: Held::call_of(&request),
    });
    let (added, under_way) = added.await?;
    let id = added.account.id;
    let begun = service.begin_with(id, method, &under_way).await;
    drop(under_way);
    let login = match begun {
        Ok(login) => login,
        Err(error) => {
            // An account that nobody has must not stay behind.
            service.take_back(id).await;
            return Err(error);
        }
    };
    note.account(id);
    note.label(&label);
    // It is done, also where it can't be read for now.
    let account = service.account(&access, id).await.unwrap_or(added.account);
    Ok(HttpResponse::Created().json(json!({ "account": account, "login": login })))
}

/// A new account, as whoever adds it wants it.
pub struct AddedBy {
    pub label: String,
    pub colour: Option<u8>,
    pub api: ApiCredentials,
    pub archive: Option<Archive>,
    pub device: Option<Device>,
    /// `None`: none of its own.
    pub proxies: Option<Vec<Proxy>>,
    /// `None`: the desk's.
    pub owner: Option<Owner>,
    /// The row of the call's key.
    pub call: Option<Uuid>,
}

pub struct Added {
    pub account: Account,
    pub owner: Option<OwnerRecord>,
}

impl Service {
    /// A new account; it waits signed out. Until [`Self::is_added`] it is taken back once what comes with it is dropped.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn add_account(&self, one: AddedBy) -> Result<(Added, UnderWay), ApiError> {
        let id = AccountId::random();
        let created_at = Timestamp::now();
        let new = NewAccount {
            id,
            label: one.label.clone(),
            colour: check_colour(one.colour)?.unwrap_or_else(|| default_colour(id)),
            api_id: Some(one.api.api_id),
            phone_masked: None,
            is_active: true,
            created_at: Some(created_at),
        };
        let kept = VaultAccount {
            id,
            label: one.label,
            api: one.api,
            is_active: true,
            created_at,
        };
        let own: Option<Vec<ProxyName>> =
            (one.proxies.as_deref()).map(|own| own.iter().map(Proxy::name).collect());
        let ways = own.clone().unwrap_or_else(|| self.ways());
        let patch = AccountPatch {
            archive: one.archive,
            device: one.device.map(Some),
            proxies: Some(own),
            ..AccountPatch::default()
        };
        let under_way = self.adding.begin();
        let addition = self.addition(id, &under_way, one.call);
        let lines = one.proxies.as_deref().map(Proxy::lines);
        let written = self.vault.seal_new(&kept, lines.as_ref(), |sealed| {
            self.store.add_account(AddedAccount {
                new,
                patch,
                way: ways.first().cloned(),
                sealed,
                owner: one.owner.as_ref().map(Owner::key),
                addition,
            })
        });
        let (account, record) = written.await??;
        if let (Some(owner), Some(record)) = (&one.owner, &record) {
            self.doors.owners.given(owner, record.clone());
        }
        let owner = record;
        Ok((Added { account, owner }, under_way))
    }

    async fn begin_with(
        &self,
        id: AccountId,
        method: Option<SignInMethod>,
        by: &UnderWay,
    ) -> Result<Option<Login>, ApiError> {
        let sign_ins = self.supervisor.sign_ins();
        let login = match method {
            Some(method) => Some(sign_ins.begin(id, method, Whose::Desk).await?),
            None => None,
        };
        self.is_added(id, by).await?;
        Ok(login)
    }

    /// One of the demonstration's.
    ///
    /// # Errors
    /// When it can't be written, or Telegram does not take its session.
    #[cfg(feature = "demo")]
    pub async fn add_signed_in(
        &self,
        label: &str,
        colour: u8,
        api: ApiCredentials,
        method: SignInMethod,
    ) -> Result<(), ApiError> {
        let added = self.add_account(AddedBy {
            label: label.to_owned(),
            colour: Some(colour),
            api,
            archive: None,
            device: None,
            proxies: None,
            owner: None,
            call: None,
        });
        let (added, under_way) = added.await?;
        let begun = self.begin_with(added.account.id, Some(method), &under_way);
        begun.await.map(drop)
    }

    /// The account stays, and its caller may be told.
    ///
    /// # Errors
    /// When that can't be written, or it was taken back: others took this process for dead.
    pub async fn is_added(&self, id: AccountId, by: &UnderWay) -> Result<(), ApiError> {
        match self.store.added(id, by.mark).await {
            Err(StoreError::AccountNotFound) => Err(nobody()),
            added => Ok(added?),
        }
    }

    /// The row that says who is at it.
    pub fn addition(&self, account: AccountId, by: &UnderWay, call: Option<Uuid>) -> Addition {
        Addition {
            account,
            mark: by.mark,
            call,
            boot: boot(self),
        }
    }
}

fn credentials(
    service: &Service,
    api_id: Option<i32>,
    api_hash: Option<SecretText>,
) -> Result<ApiCredentials, ApiError> {
    match (api_id, api_hash) {
        (Some(api_id), Some(api_hash)) if api_id > 0 && is_api_hash(api_hash.expose()) => {
            Ok(ApiCredentials { api_id, api_hash })
        }
        (None, None) => service.api.clone().ok_or_else(|| {
            ApiError::unprocessable(
                "api_credentials_missing",
                "give api_id and api_hash (from my.telegram.org), or set TELEGRAM_API_ID and TELEGRAM_API_HASH",
            )
        }),
        _ => Err(ApiError::unprocessable(
            "api_credentials_invalid",
            "api_id is a positive number and api_hash 32 hexadecimal digits; both come from my.telegram.org",
        )),
    }
}
