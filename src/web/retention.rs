//! Retention: for how long an account's messages and files are kept, as somebody set it, and what that would free.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{Access, ApiError, Service, optional::Given, whole};
use crate::domain::{Account, AccountId, Retention};

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
    Ok(HttpResponse::Ok().json(json!({ "for_all": service.keep, "accounts": counted })))
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
