//! Repeats: `Idempotency-Key` on every call that changes something. A caller who does not know whether its call arrived sends it
//! again under the same key; what was done is then answered, and not done again.
//!
//! What becomes an order has keys of its own, which the outbox keeps with it (`OF_THE_OUTBOX`). Here are all the others: the answer
//! is kept, sealed, before it is given. A call that was refused is forgotten and may be tried again under its key. One that a
//! crash cut off is made again where that comes to the same (PUT and DELETE: RFC 9110, 9.2.2); of any other nobody knows
//! what it did, and that is what a repeat is told.

use std::{cell::RefCell, rc::Rc, sync::LazyLock, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    web::{Bytes, BytesMut, Data},
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Access, ApiError, Service,
    error::{payload_error, too_large},
    outgoing::idempotency_key,
    settling::{End, Settling},
};
use crate::{
    domain::hex,
    store::{CallKey, KeptAnswer, StoreError, StoreHandle},
};

/// Calls whose keys the outbox keeps.
const OF_THE_OUTBOX: [(Method, &str); 16] = [
    (Method::POST, "/conversations/{id}/reply"),
    (Method::POST, "/conversations/{id}/clear"),
    (Method::PATCH, "/conversations/{id}"),
    (Method::POST, "/conversations/{id}/report"),
    (Method::POST, "/accounts/{id}/send"),
    (Method::PATCH, "/messages/{id}"),
    (Method::PATCH, "/messages/{id}/schedule"),
    (Method::POST, "/messages/{id}/schedule/send"),
    (Method::DELETE, "/messages/{id}/schedule"),
    (Method::PUT, "/messages/{id}/reaction"),
    (Method::PUT, "/messages/{id}/pin"),
    (Method::POST, "/messages/delete"),
    (Method::POST, "/messages/forward"),
    (Method::POST, "/telegram/user/send"),
    (Method::POST, "/telegram/chats/{chat_id}/messages"),
    (Method::POST, "/telegram/chats/{chat_id}/messages/"),
];
/// Takes none: a file that comes again changes nothing.
pub const KEYLESS: [&str; 1] = ["/accounts/{id}/import"];
const LARGEST_BODY: usize = 1 << 20;
/// Larger answers than this are not kept.
const LARGEST_ANSWER: usize = 512 << 10;
const REPLAYED: &str = "Idempotency-Replayed";

/// Names this process where there are no other nodes: what another one was at was cut off.
static BOOT: LazyLock<String> = LazyLock::new(|| Uuid::new_v4().to_string());

/// This process, as the rows of what it is at call it.
pub fn boot(service: &Service) -> String {
    let node = service.ownership.node();
    node.map_or_else(|| BOOT.clone(), |node| node.to_string())
}

/// Is the process still there that was at something?
pub async fn is_at_it(service: &Service, process: &str) -> Result<bool, StoreError> {
    if process == boot(service) {
        return Ok(true);
    }
    match &service.elsewhere {
        Some(elsewhere) => elsewhere.calls.rows.lives(process).await,
        None => Ok(false),
    }
}

/// Does such a call take a key?
pub fn takes_key(method: &str, path: &str) -> bool {
    let writes = !["get", "head"].contains(&method);
    writes && !KEYLESS.contains(&path)
}

/// What a call under a key is.
pub enum Begun {
    /// It carries no key, or one that is kept elsewhere.
    Plain,
    First(Claim),
    /// It was answered before.
    Repeat(HttpResponse),
    /// Another node has answered.
    Elsewhere(HttpResponse),
}

/// A key that was taken for a call under way. However that ends, the key's row says so afterwards.
pub struct Claim {
    id: Uuid,
    fingerprint: String,
    store: StoreHandle,
    settling: Settling,
    /// What is written when nobody says how it ended; `None`: somebody did.
    unsaid: Option<End>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(end) = self.unsaid.take() {
            self.settling.later(&self.store, self.id, end);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Of what was asked.
    fingerprint: String,
    #[serde(default)]
    answer: Option<Answer>,
}

#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    body: String,
    /// `None`: JSON.
    #[serde(default)]
    kind: Option<String>,
}

/// A claim on its way through a handler. One that answers with a stream takes it, and ends it itself.
#[derive(Clone)]
pub struct Held(Rc<RefCell<Option<Claim>>>);

impl Held {
    /// For the handler of this request.
    pub fn give(claim: Claim, request: &ServiceRequest) -> Self {
        let held = Self(Rc::new(RefCell::new(Some(claim))));
        request.extensions_mut().insert(held.clone());
        held
    }

    /// `None`: the call has no key.
    pub fn claim_of(request: &HttpRequest) -> Option<Claim> {
        let held = request.extensions().get::<Self>().cloned();
        held?.take()
    }

    /// The id of the call's row, where it has a key.
    pub fn call_of(request: &HttpRequest) -> Option<Uuid> {
        let held = request.extensions().get::<Self>().cloned()?;
        held.0.borrow().as_ref().map(|claim| claim.id)
    }

    pub fn take(&self) -> Option<Claim> {
        self.0.borrow_mut().take()
    }
}

/// Before the call: looks whether it was made already.
pub async fn begin(
    request: &mut ServiceRequest,
    service: &Service,
    access: &Access,
) -> Result<Begun, ApiError> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let elsewhere = request.match_pattern().is_none_or(|path| {
        OF_THE_OUTBOX
            .iter()
            .any(|(method, known)| method == request.method() && *known == path)
            || KEYLESS.contains(&path.as_str())
    });
    if reads || elsewhere {
        return Ok(Begun::Plain);
    }
    let Some(key) = idempotency_key(request.request())? else {
        return Ok(Begun::Plain);
    };
    let body = body_of(request).await?;
    let fingerprint = fingerprint(request, &body);
    put_back(request, body);
    let key = CallKey {
        caller: caller_of(access),
        call: format!("{} {}", request.method(), request.path()),
        key,
    };
    let may_be_made_again = matches!(*request.method(), Method::PUT | Method::DELETE);
    for first_look in [true, false] {
        let (mut claim, begun) = Claim::of(service, fingerprint.clone()).await?;
        // Where this fails or is given up, the row may be there all the same.
        let Some(before) = service.store.claim_answer(key.clone(), begun).await? else {
            claim.unsaid = Some(End::CutOff);
            return Ok(Begun::First(claim));
        };
        claim.unsaid = None;
        let opened = service.vault.open_answer(&before).await?;
        let kept: Kept = serde_json::from_slice(opened.expose()).map_err(ApiError::internal)?;
        if kept.fingerprint != fingerprint {
            return Err(ApiError::conflict(
                "idempotency_conflict",
                "this key was used for another call",
            ));
        }
        if let Some(answer) = kept.answer {
            return Ok(Begun::Repeat(repeated(answer)?));
        }
        // An account that it made is taken back first; then its key is free.
        if is_at_it(service, &before.boot).await? || service.store.is_adding(before.id).await? {
            break;
        }
        if !may_be_made_again {
            return Err(ApiError::conflict(
                "outcome_unknown",
                "the first call under this key was cut off when the service stopped: look what it did, then use another key",
            ));
        }
        if first_look {
            service.store.drop_answer(before.id).await?;
        }
    }
    let why = "the first call under this key is still under way";
    Err(ApiError::conflict("idempotency_in_progress", why).retry_after(Duration::from_secs(1)))
}

pub async fn body_of(request: &mut ServiceRequest) -> Result<Bytes, ApiError> {
    let mut parts = request.take_payload();
    let mut body = BytesMut::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(payload_error)?;
        if body.len() + part.len() > LARGEST_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

pub fn put_back(request: &mut ServiceRequest, body: Bytes) {
    let parts = stream::once(async move { Ok(body) });
    request.set_payload(actix_web::dev::Payload::Stream {
        payload: Box::pin(parts),
    });
}

fn fingerprint(request: &ServiceRequest, body: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(request.query_string())
        .chain_update([0])
        .chain_update(body)
        .finalize();
    hex(&digest)
}

fn caller_of(access: &Access) -> String {
    let mut caller = access
        .token
        .map_or_else(|| "local".to_owned(), |id| format!("token {id}"));
    if let Some(owner) = &access.owner {
        caller.push(' ');
        caller.push_str(&owner.tag());
    }
    caller
}

async fn seal(
    service: &Service,
    id: Uuid,
    fingerprint: &str,
    answer: Option<Answer>,
) -> Result<String, ApiError> {
    let kept = Kept {
        fingerprint: fingerprint.to_owned(),
        answer,
    };
    let kept = serde_json::to_vec(&kept).map(Zeroizing::new);
    let kept = kept.map_err(ApiError::internal)?;
    Ok(service.vault.seal_answer(id, &kept).await?)
}

fn repeated(answer: Answer) -> Result<HttpResponse, ApiError> {
    let status = StatusCode::from_u16(answer.status).map_err(ApiError::internal)?;
    let mut response = HttpResponse::build(status);
    response
        .insert_header((REPLAYED, "true"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if answer.body.is_empty() {
        return Ok(response.finish());
    }
    let kind = answer.kind.as_deref().unwrap_or("application/json");
    response.insert_header((header::CONTENT_TYPE, kind));
    Ok(response.body(answer.body))
}

impl Claim {
    async fn of(service: &Service, fingerprint: String) -> Result<(Self, KeptAnswer), ApiError> {
        let id = Uuid::new_v4();
        let begun = KeptAnswer {
            id,
            sealed: seal(service, id, &fingerprint, None).await?,
            done: false,
            boot: boot(service),
        };
        let claim = Self {
            id,
            fingerprint,
            store: service.store.clone(),
            settling: service.settling.clone(),
            unsaid: Some(End::Nothing),
        };
        Ok((claim, begun))
    }

    async fn settle(mut self, end: End) {
        // Whoever stops waiting for it leaves it to be written later.
        self.unsaid = Some(end.clone());
        self.settling.settle(&self.store, self.id, end).await;
        self.unsaid = None;
    }

    /// After the call. What was done is kept before anybody is told; where that is not possible now, the key stays taken until it is,
    /// for the call must not be made again.
    pub async fn end(
        self,
        response: ServiceResponse<BoxBody>,
        service: &Data<Service>,
    ) -> ServiceResponse<BoxBody> {
        if !response.status().is_success() {
            self.release().await;
            return response;
        }
        let status = response.status().as_u16();
        let mut whole = None;
        let response = response.map_body(|_, body| match body.try_into_bytes() {
            Ok(bytes) => {
                whole = Some(bytes.clone());
                BoxBody::new(bytes)
            }
            Err(body) => body,
        });
        let body = whole.filter(|bytes| bytes.len() <= LARGEST_ANSWER);
        let body = body.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let Some(body) = body else {
            log::warn!(target: "switchboard::web", "an answer under an idempotency key can't be kept");
            return response;
        };
        let answer = Answer {
            status,
            body,
            kind: None,
        };
        self.keep(service, answer).await;
        response
    }

    /// What was streamed, once it has ended; one that is too long is told by its end alone.
    pub async fn end_stream(self, service: &Service, kind: &str, whole: String, end: &str) {
        let fits = whole.len() <= LARGEST_ANSWER;
        let answer = Answer {
            status: StatusCode::OK.as_u16(),
            body: if fits { whole } else { end.to_owned() },
            kind: Some(kind.to_owned()),
        };
        self.keep(service, answer).await;
    }

    async fn keep(self, service: &Service, answer: Answer) {
        // What can't be sealed is told in the log, and the key's row says that nobody knows.
        if let Ok(sealed) = seal(service, self.id, &self.fingerprint, Some(answer)).await {
            self.settle(End::Answered(sealed)).await;
        }
    }

    /// Nothing was done: the key may be used again.
    pub async fn release(self) {
        self.settle(End::Nothing).await;
    }
}
