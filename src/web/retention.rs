//! Retention: for how long an account's messages and files are kept, as somebody set it, and what that would free.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, http::Method, web};
use futures_util::future::join_all;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{Access, ApiError, Elsewhere, Passed, Service, fetch, optional::Given, whole};
use crate::domain::{Account, AccountId, Retention};

/// For another node to take a call.
const THERE: Duration = Duration::from_millis(1500);

/// What is left out stays; `null` is as for all, 0 for ever.
#[derive(Deserialize)]
pub struct ChangeRetention {
    #[serde(default, deserialize_with = "days")]
    messages_days: Given<u32>,
    #[serde(default, deserialize_with = "days")]
    media_days: Given<u32>,
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Given<u32>, D::Error> {
    whole::maybe(deserializer).map(Some)
}

/// `None`: as for all.
pub fn change(known: Retention, change: Option<&ChangeRetention>) -> Result<Retention, ApiError> {
    let Some(change) = change else {
        return Ok(Retention::default());
    };
    Ok(Retention {
        messages_days: checked(change.messages_days.unwrap_or(known.messages_days))?,
        media_days: checked(change.media_days.unwrap_or(known.media_days))?,
    })
}

fn checked(days: Option<u32>) -> Result<Option<u32>, ApiError> {
    match days {
        Some(days) if days > 0 && !Retention::fits(days) => Err(ApiError::unprocessable(
            "retention_invalid",
            "a number of days is 0 (for ever) or from 7 to 36500; null is as for all accounts",
        )),
        days => Ok(days),
    }
}

#[derive(Deserialize)]
pub struct WouldFree {
    account_id: Option<AccountId>,
    messages_days: Option<u32>,
    media_days: Option<u32>,
}

/// What is in force for an account, or was asked for, and what it would free. `None`: for ever.
#[derive(Serialize)]
struct AccountWouldFree {
    account_id: AccountId,
    messages_days: Option<u32>,
    media_days: Option<u32>,
    messages: i64,
    bytes: i64,
    files: usize,
    file_bytes: u64,
}

/// What would go, of the accounts that the caller sees. Nothing goes by asking.
pub async fn would_free(
    request: HttpRequest,
    service: web::Data<Service>,
    access: Access,
    query: web::Query<WouldFree>,
) -> Result<HttpResponse, ApiError> {
    let asked = Retention {
        messages_days: checked(query.messages_days)?,
        media_days: checked(query.media_days)?,
    };
    let accounts = match query.account_id {
        Some(id) => vec![service.account(&access, id).await?],
        None => {
            let mut all = service.store.list_accounts().await?;
            all.retain(|account| access.sees(account.id));
            all
        }
    };
    let mut counted = Vec::new();
    for account in &accounts {
        counted.push(of_account(&service, account, asked).await?);
    }
    // Each node has files of its own.
    let passed = request.extensions().get::<Passed>().is_some();
    if let Some(elsewhere) = service.elsewhere.as_ref().filter(|_| !passed) {
        let query = request.query_string();
        for (id, files) in files_of_others(&service, elsewhere, query).await? {
            if let Some(one) = counted.iter_mut().find(|one| one.account_id == id) {
                one.files += files.files;
                one.file_bytes += files.file_bytes;
            }
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "for_all": service.keep, "accounts": counted })))
}

#[derive(Deserialize)]
struct FilesThere {
    account_id: AccountId,
    files: usize,
    file_bytes: u64,
}

#[derive(Deserialize)]
struct ToldThere {
    accounts: Vec<FilesThere>,
}

/// A node that does not answer in time has nothing to say.
async fn files_of_others(
    service: &Service,
    elsewhere: &Elsewhere,
    query: &str,
) -> Result<Vec<(AccountId, FilesThere)>, ApiError> {
    let own = service.ownership.node();
    let nodes = service.store.nodes().await?.nodes;
    let others = nodes
        .iter()
        .filter(|node| node.alive)
        .filter_map(|node| node.id.parse().ok())
        .filter(|id| Some(*id) != own);
    let asked = others.map(|id| async move {
        let target = format!("/retention?{query}");
        let question = (Method::GET, AccountId(id), target);
        let fetched = fetch(&service.vault, elsewhere, question, THERE)
            .await
            .ok()??;
        let told = (fetched.status == 200)
            .then(|| fetched.json())?
            .await
            .ok()?;
        serde_json::from_value::<ToldThere>(told).ok()
    });
    let told = join_all(asked).await;
    let all = told.into_iter().flatten().flat_map(|told| told.accounts);
    Ok(all.map(|one| (one.account_id, one)).collect())
}

async fn of_account(
    service: &Service,
    account: &Account,
    asked: Retention,
) -> Result<AccountWouldFree, ApiError> {
    let wanted = Retention {
        messages_days: asked.messages_days.or(account.retention.messages_days),
        media_days: asked.media_days.or(account.retention.media_days),
    };
    let (messages_days, media_days) = (wanted.messages(&service.keep), wanted.media(&service.keep));
    let messages = match messages_days {
        Some(days) => service.store.would_go(account.id, days).await?,
        None => Default::default(),
    };
    let files = match media_days {
        Some(days) => service.media.would_go(account.id, days).await,
        None => Ok(Default::default()),
    };
    // A folder that can't be read now frees nothing.
    let files = files.unwrap_or_default();
    Ok(AccountWouldFree {
        account_id: account.id,
        messages_days,
        media_days,
        messages: messages.messages,
        bytes: messages.bytes,
        files: files.count(),
        file_bytes: files.bytes,
    })
}
