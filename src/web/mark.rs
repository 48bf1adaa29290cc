//! Mark: does Telegram warn others that an account uses an unofficial app? Only somebody else sees it: another of the accounts
//! looks.

use std::time::Duration;

use actix_web::{HttpResponse, http::Method, web};
use serde::Deserialize;
use serde_json::json;

use super::{Access, ApiError, Elsewhere, Service, fetch};
use crate::{
    domain::{Account, AccountId, AccountState, ChatId, HealthFact, SelfUser},
    telegram::{CallError, LinkHandle, Recipient},
};

/// For another node to take a call.
const THERE: Duration = Duration::from_millis(1500);
/// Accounts that are asked before it is given up.
const MOST_ASKED: usize = 5;

#[derive(Deserialize)]
pub struct By {
    /// This account alone looks. So nodes ask each other.
    by: Option<AccountId>,
}

pub async fn look_at_account(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    query: web::Query<By>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(&access, *id).await?;
    let marked = seen_by_another(&service, &access, &account, query.by).await?;
    if !service.ownership.may_run(account.id) {
        // The node that has it keeps what was seen.
        return Ok(HttpResponse::Ok().json(json!({ "account": account, "marked": marked })));
    }
    let fact = HealthFact::Mark { marked };
    service.store.learn_health(account.id, fact).await?;
    let account = service.account(&access, *id).await?;
    Ok(HttpResponse::Ok().json(json!({ "account": account })))
}

async fn seen_by_another(
    service: &Service,
    access: &Access,
    account: &Account,
    by: Option<AccountId>,
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
        access.sees(other.id) && is_other && by.is_none_or(|by| by == other.id)
    });
    // Those of this node first: they can be asked at once.
    others.sort_by_key(|other| !service.ownership.may_run(other.id));
    let mut asked = 0;
    for other in others {
        if asked == MOST_ASKED {
            break;
        }
        let there = service
            .elsewhere
            .as_ref()
            .filter(|there| !there.has(other.id));
        if let Some(there) = there {
            let here = service.ownership.may_run(account.id);
            if !here || other.state != AccountState::Online {
                continue;
            }
            asked += 1;
            if let Some(marked) = look_there(service, there, account.id, other.id).await {
                return Ok(marked);
            }
            continue;
        }
        let Some(link) = service.supervisor.link(other.id).await else {
            continue;
        };
        asked += 1;
        if let Ok(marked) = look(&link, user).await {
            return Ok(marked);
        }
    }
    Err(nobody())
}

/// By an account of another node.
async fn look_there(
    service: &Service,
    there: &Elsewhere,
    account: AccountId,
    by: AccountId,
) -> Option<bool> {
    let question = (
        Method::POST,
        by,
        format!("/accounts/{account}/mark?by={by}"),
    );
    let fetched = fetch(&service.vault, there, question, THERE).await.ok()??;
    let told = (fetched.status == 200)
        .then(|| fetched.json())?
        .await
        .ok()?;
    told["marked"].as_bool()
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
