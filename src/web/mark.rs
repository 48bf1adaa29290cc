//! Mark: does Telegram warn others that an account uses an unofficial app? Only somebody else sees it: another of the accounts
//! looks.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Access, ApiError, Service};
use crate::{
    domain::{Account, AccountId, ChatId, HealthFact, SelfUser},
    telegram::{CallError, LinkHandle, Recipient},
};

/// Accounts that are asked before it is given up.
const MOST_ASKED: usize = 5;

pub async fn look_at_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let marked = seen_by_another(&service, &access, &account).await?;
    let fact = HealthFact::Mark { marked };
    service.store.learn_health(account.id, fact).await?;
    let account = service.account(&access, *id).await?;
    Ok(HttpResponse::Ok().json(json!({ "account": account })))
}

async fn seen_by_another(
    service: &Service,
    access: &Access,
    account: &Account,
) -> Result<bool, ApiError> {
    let nobody = || {
        ApiError::conflict(
            "nobody_can_look",
            "no other account that is connected can see this one: it needs a @username, or to be known to one of them",
        )
    };
    let user = account.user.as_ref().ok_or_else(nobody)?;
    let mut others = service.store.list_accounts().await?;
    others.retain(|other| {
        let is_other = other.user.as_ref().is_some_and(|one| one.id != user.id);
        access.sees(other.id) && is_other
    });
    let mut asked = 0;
    for other in others {
        let Some(link) = service.supervisor.link(other.id).await else {
            continue;
        };
        if asked == MOST_ASKED {
            break;
        }
        asked += 1;
        if let Ok(marked) = look(&link, user).await {
            return Ok(marked);
        }
    }
    Err(nobody())
}

/// By what is known of it already, else by its name.
async fn look(link: &LinkHandle, user: &SelfUser) -> Result<bool, CallError> {
    let known = Recipient::Id(ChatId::user(user.id));
    match (link.is_marked(&known).await, &user.username) {
        (Err(CallError::Unresolvable), Some(name)) => {
            link.is_marked(&Recipient::Username(name.clone())).await
        }
        (answer, _) => answer,
    }
}
