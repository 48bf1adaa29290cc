//! Ways: how an account reaches Telegram; changed and tried over REST.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{Access, ApiError, Service, optional::MaybeJson};
use crate::{
    domain::{AccountId, Proxy, ProxyError, ProxyName, SecretText},
    store::{AccountPatch, StoreError},
    telegram::SessionData,
};

/// Addresses as a caller gave them; `None`: none of its own.
pub fn read(texts: Option<Vec<SecretText>>) -> Result<Option<Vec<Proxy>>, ApiError> {
    let read = texts.map(|texts| Proxy::parse_all(texts.iter().map(SecretText::expose)));
    read.transpose().map_err(ApiError::from)
}

impl From<ProxyError> for ApiError {
    fn from(error: ProxyError) -> Self {
        Self::unprocessable("proxy_invalid", error.to_string())
            .with(json!({ "reason": error.code() }))
    }
}

impl Service {
    /// The account's ways from its next connection on. Sealed first: what is shown is what holds.
    pub async fn set_ways(&self, id: AccountId, proxies: Option<&[Proxy]>) -> Result<(), ApiError> {
        let lines = proxies.map(Proxy::lines);
        self.vault.set_proxies(id, lines.as_ref()).await?;
        Ok(self.name_ways(id, proxies).await?)
    }

    /// Shows which ways an account has, and the one that it will try first.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn name_ways(
        &self,
        id: AccountId,
        proxies: Option<&[Proxy]>,
    ) -> Result<(), StoreError> {
        let names = |proxies: &[Proxy]| proxies.iter().map(Proxy::name).collect::<Vec<_>>();
        let patch = AccountPatch {
            proxies: Some(proxies.map(names)),
            ..AccountPatch::default()
        };
        let account = self.store.patch_account(id, patch).await?;
        self.expect_way(id, account.proxies.as_deref()).await
    }

    /// The service's own, in order.
    pub fn ways(&self) -> Vec<ProxyName> {
        let proxies = &self.telegram.config().proxies;
        proxies.iter().map(Proxy::name).collect()
    }

    /// A way that the account no longer has is not shown any more, whatever was in use when the service stopped.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn expect_way(
        &self,
        id: AccountId,
        own: Option<&[ProxyName]>,
    ) -> Result<(), StoreError> {
        let service = self.ways();
        let names = own.unwrap_or(&service);
        let Some(account) = self.store.get_account(id).await? else {
            return Ok(());
        };
        let holds = match &account.proxy {
            Some(way) => names.contains(way),
            None => names.is_empty(),
        };
        if !holds {
            self.store.set_way(id, names.first().cloned()).await?;
        }
        Ok(())
    }
}

#[derive(Deserialize, Default)]
pub struct TestWays {
    /// Instead of those that the account has.
    proxies: Option<Vec<SecretText>>,
}

/// Which data centres each way reaches, and how fast.
pub async fn test_ways(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    MaybeJson(body): MaybeJson<TestWays>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let credentials = service.vault.credentials(*id).await?;
    let asked = read(body.and_then(|body| body.proxies))?;
    let own = match (asked, &credentials.proxies) {
        (Some(asked), _) => Some(asked),
        (None, Some(stored)) => Some(Proxy::parse_lines(stored)?),
        (None, None) => None,
    };
    let session = credentials.session.as_ref();
    let session = session.and_then(|bytes| SessionData::from_bytes(bytes.expose()).ok());
    let ways = service
        .telegram
        .test_ways(own.as_deref(), session.as_ref())
        .await;
    Ok(HttpResponse::Ok().json(json!({ "ways": ways })))
}

/// The service's own: what accounts take that name none.
pub async fn list_ways(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "proxies": service.ways() }))
}

/// The same as [`test_ways`], of no account.
pub async fn try_ways(
    service: web::Data<Service>,
    MaybeJson(body): MaybeJson<TestWays>,
) -> Result<HttpResponse, ApiError> {
    let asked = read(body.and_then(|body| body.proxies))?;
    let ways = service.telegram.test_ways(asked.as_deref(), None).await;
    Ok(HttpResponse::Ok().json(json!({ "ways": ways })))
}
