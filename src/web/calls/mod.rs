//! Calls: what is asked of an account here and done at another node, and the other way round.
//!
//! One process on a file, and one that is alone on a PostgreSQL, has every account: then nothing of this runs. Otherwise a call of
//! an account that another node has goes there as a row ([`GOES`] says which ones do), sealed; there it is run as if it had come in
//! there, with the rights of whoever asked, and the answer comes back the same way.
//!
//! Receives: requests that the guard let in; rows for accounts of this node.
//! Sends:    rows to the node that has the account; requests to this node's own handlers.
//! Promises: a call is run once; where that is not certain (the node that ran it is gone), its caller is told. Nothing of a call stays.
//! Does not: know what any call does.

mod apart;
mod ask;
mod carried;
mod find;
mod goes;
mod question;
mod run;
mod sending;

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpResponse, dev::ServiceRequest, http::StatusCode, web::Data};

pub use ask::{Fetched, fetch};
pub use goes::{By, GOES, Goes};
pub use run::run;

use self::{
    goes::goes,
    question::{Body, Question},
};
use super::{Access, ApiError, Right, Service};
use crate::{
    domain::{AccountId, MessageRowId},
    nodes::Calls,
};

/// For how long a call waits for somebody to have its account. A node that ends hands its accounts over within seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same, where the rows alone are an answer, too.
const SHORT: Duration = Duration::from_millis(1500);

/// The other nodes, and which accounts this one has. Cheap to clone.
#[derive(Clone)]
pub struct Elsewhere {
    pub calls: Calls,
    has: Arc<dyn Fn(AccountId) -> bool + Send + Sync>,
}

impl Elsewhere {
    pub fn new(calls: Calls, has: impl Fn(AccountId) -> bool + Send + Sync + 'static) -> Self {
        Self {
            calls,
            has: Arc::new(has),
        }
    }

    #[must_use]
    pub fn has(&self, account: AccountId) -> bool {
        (self.has)(account)
    }
}

/// A call that came in at another node: who asks there, and from where. It goes nowhere else.
#[derive(Clone)]
pub struct Passed {
    pub access: Access,
    pub ip: IpAddr,
}

impl Passed {
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }
}

/// What another node answers. `None`: it is this one's to answer.
pub async fn elsewhere(
    request: &mut ServiceRequest,
    service: &Data<Service>,
    access: &Access,
    right: Option<&Right>,
    ip: IpAddr,
) -> Result<Option<HttpResponse>, ApiError> {
    let (Some(elsewhere), Some(right)) = (&service.elsewhere, right) else {
        return Ok(None);
    };
    let passed = Passed::of(request).is_some();
    let (by, patience) = match goes(right.method, right.path) {
        Goes::Here => return Ok(None),
        Goes::There(by) => (by, PATIENCE),
        Goes::Better(by) => (by, SHORT),
        Goes::Apart if passed => return Ok(None),
        Goes::Apart => return apart::forward(request, service, elsewhere, access, ip).await,
    };
    // What an owner has may have been given at another node: the handlers find it in memory then.
    let account = find::account(request, service, access, by).await?;
    if let Some(owner) = &access.owner {
        let accounts = Some(service.doors.owners.accounts_of(owner));
        let access = Access {
            accounts,
            ..access.clone()
        };
        request.extensions_mut().insert(access);
    }
    let account = match account {
        Some(account) if !passed && !elsewhere.has(account) => account,
        _ => return Ok(None),
    };
    if is_here(request, service, right, account).await {
        return Ok(None);
    }
    let body = Body::of(request).await?;
    let question = Question::of(request, access, ip, account);
    match ask::ask(service, elsewhere, question, body, patience).await? {
        Some(answer) => Ok(Some(answer)),
        None if patience == SHORT => Ok(None),
        None => Err(nobody()),
    }
}

/// A file that all nodes see is handed out by the one that is asked.
async fn is_here(
    request: &ServiceRequest,
    service: &Service,
    right: &Right,
    account: AccountId,
) -> bool {
    let thumb = match right.path {
        "/messages/{id}/media" => false,
        "/messages/{id}/media/thumb" => true,
        _ => return false,
    };
    let Some(row) = find::id(request) else {
        return false;
    };
    let row = MessageRowId(row);
    service.media.is_for_all(account, row, thumb).await
}

/// Nothing was begun.
pub fn nobody() -> ApiError {
    ApiError::unavailable(
        "account_moving",
        "this account is between two nodes at this moment, and nothing was done: try again in a few seconds",
    )
    .retry_after(Duration::from_secs(5))
}

/// It was begun, and nobody knows what came of it.
fn lost() -> ApiError {
    ApiError::new(
        StatusCode::GATEWAY_TIMEOUT,
        "answer_lost",
        "the node that has this account went away before it answered: look what it did before you ask again",
    )
}
