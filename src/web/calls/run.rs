//! Run: calls of other nodes for accounts of this one go through this node's own handlers, as if they had come in here.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{Message, Request, RequestHead, header::HeaderMap};
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::{AppConfig, Payload, Service as _, ServiceResponse},
    error::PayloadError,
    http::{Method, StatusCode, Uri},
    rt,
    web::{Bytes, Data},
};
use futures_util::{FutureExt, Stream, StreamExt, future::poll_fn, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{
    Elsewhere, Passed,
    ask::LASTS,
    carried::{Asked, PIECE, Piece, Told, joined, read_headers, split, told_headers},
    lost,
    sending::Sending,
};
use crate::{
    nodes::{Calls, Told as ToldOf, Waiting},
    store::{TakenCall, Way},
    vault::{PieceOf, Vault},
    web::{ApiError, Gate, Service, guarded},
};

/// Calls of other nodes that are run at once.
const AT_ONCE: usize = 64;
/// Taken with one look.
const MOST: usize = 16;
/// A call that was answered is known until its row has certainly gone.
const KNOWN: Duration = Duration::from_secs(120);
const SWEEP: Duration = Duration::from_secs(30);
/// For the next part of a body.
const PART: Duration = Duration::from_secs(60);

/// Calls that this node has taken; `None`: it is at it.
type Known = Rc<RefCell<HashMap<Uuid, Option<Instant>>>>;

/// For as long as the service runs.
pub async fn run(gate: Data<Gate>, service: Data<Service>, elsewhere: Elsewhere) {
    let factory = guarded(gate, service.clone()).into_factory();
    let Ok(handlers) = factory.new_service(AppConfig::default()).await else {
        log::error!(target: "switchboard::nodes", "calls of other nodes can't be run here");
        return;
    };
    let handlers = Rc::new(handlers);
    let calls = &elsewhere.calls;
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let known = Known::default();
    let mut swept = Instant::now();
    // Something may have been taken by a statement that nobody heard the end of.
    let mut unsure = false;
    loop {
        let told = calls.asked().await;
        let looked = async {
            if std::mem::take(&mut unsure) {
                let ids: Vec<Uuid> = known.borrow().keys().copied().collect();
                calls
                    .rows
                    .give_back(&ids)
                    .await
                    .inspect_err(|_| unsure = true)?;
            }
            let mut accounts = match told {
                ToldOf::These(accounts) => accounts,
                ToldOf::All => calls.rows.waiting().await?,
            };
            accounts.retain(|account| elsewhere.has(*account));
            while !accounts.is_empty() {
                let Ok(first) = Arc::clone(&room).acquire_owned().await else {
                    break;
                };
                let most = MOST.min(room.available_permits() + 1);
                let taken = calls.rows.take(&accounts, most).await;
                let taken = taken.inspect_err(|_| unsure = true)?;
                let all = taken.len() < most;
                let mut places = vec![first];
                for call in taken {
                    if !elsewhere.has(call.account) {
                        // It went to another node meanwhile.
                        unsure = true;
                        continue;
                    }
                    let place = match places.pop() {
                        Some(place) => place,
                        None => match Arc::clone(&room).acquire_owned().await {
                            Ok(place) => place,
                            Err(_) => break,
                        },
                    };
                    known.borrow_mut().insert(call.id, None);
                    let one = One {
                        calls: calls.clone(),
                        vault: service.vault.clone(),
                        _place: place,
                    };
                    let handlers = Rc::clone(&handlers);
                    let (calls, id) = (calls.clone(), call.id);
                    let running = rt::spawn(async move {
                        let run = |request| handlers.call(request);
                        one.run(call, run).await;
                    });
                    let known = Rc::clone(&known);
                    rt::spawn(async move {
                        let broke = running.await.is_err();
                        known.borrow_mut().insert(id, Some(Instant::now()));
                        // Nobody answers any more, and whoever asked is told so.
                        if broke && calls.rows.remove(id).await.is_err() {
                            log::warn!(target: "switchboard::nodes", "a call of another node broke off, and its caller can't be told");
                        }
                    });
                }
                if all {
                    break;
                }
            }
            if swept.elapsed() > SWEEP {
                swept = Instant::now();
                let old = |ended: &Option<Instant>| ended.is_some_and(|at| at.elapsed() > KNOWN);
                known.borrow_mut().retain(|_, ended| !old(ended));
                calls.rows.sweep().await?;
            }
            Ok::<_, crate::store::StoreError>(())
        };
        if let Err(error) = looked.await {
            log::debug!(target: "switchboard::nodes", "calls of other nodes can't be looked for now: {error}");
        }
    }
}

/// One call at work.
struct One {
    calls: Calls,
    vault: Vault,
    _place: OwnedSemaphorePermit,
}

impl One {
    async fn run<B, R>(self, call: TakenCall, handlers: impl FnOnce(Request) -> R)
    where
        B: MessageBody + 'static,
        R: Future<Output = Result<ServiceResponse<B>, Error>>,
    {
        if let Err(error) = self.answer(call, handlers).await {
            log::warn!(target: "switchboard::nodes", "a call of another node was not answered to its end: {error}");
        }
    }

    async fn answer<B, R>(
        &self,
        call: TakenCall,
        handlers: impl FnOnce(Request) -> R,
    ) -> Result<(), ApiError>
    where
        B: MessageBody + 'static,
        R: Future<Output = Result<ServiceResponse<B>, Error>>,
    {
        if call.begun_before && !call.again {
            return self.tell(call.id, lost().error_response()).await;
        }
        let opened = self
            .vault
            .open_call(call.id, PieceOf::Call, &call.sealed)
            .await?;
        let (asked, body) = split::<Asked>(opened.expose())?;
        let request = self.request(call.id, asked, body)?;
        let response = match handlers(request).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        self.tell(call.id, response).await
    }

    fn request(&self, id: Uuid, asked: Asked, body: Bytes) -> Result<Request, ApiError> {
        let mut head = Message::<RequestHead>::new();
        head.method = Method::from_bytes(asked.method.as_bytes()).map_err(ApiError::internal)?;
        head.uri = asked.target.parse::<Uri>().map_err(ApiError::internal)?;
        let mut headers = HeaderMap::new();
        for (name, value) in read_headers(&asked.headers) {
            headers.append(name, value);
        }
        head.headers = headers;
        let body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = match asked.follows {
            // Whoever reads forms asks once more after the end.
            true => Box::pin(self.body(id).fuse()),
            false => Box::pin(stream::once(async move { Ok(body) }).fuse()),
        };
        let payload = Payload::Stream { payload: body };
        let (request, _) = Request::from(head).replace_payload(payload);
        request.extensions_mut().insert(Passed {
            access: asked.access,
            ip: asked.ip,
        });
        Ok(request)
    }

    /// What comes in parts, as it is wanted.
    fn body(&self, id: Uuid) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
        let reading = Reading {
            calls: self.calls.clone(),
            vault: self.vault.clone(),
            waiting: self.calls.wait_on(id),
            id,
            parts: BTreeMap::new(),
            next: 0,
        };
        stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            match reading.piece().await {
                Ok(Piece::More(bytes)) => Some((Ok(bytes), Some(reading))),
                Ok(Piece::End) => None,
                Ok(Piece::Broken) => Some((Err(PayloadError::Incomplete(None)), None)),
                Err(error) => {
                    let error = std::io::Error::other(error);
                    Some((Err(PayloadError::Io(error)), None))
                }
            }
        })
    }

    async fn tell(&self, id: Uuid, response: HttpResponse<BoxBody>) -> Result<(), ApiError> {
        let status = response.status().as_u16();
        let headers = told_headers(response.headers());
        let body = match response.into_body().try_into_bytes() {
            Ok(whole) if whole.len() <= PIECE => Ok(whole),
            Ok(whole) => Err(BoxBody::new(whole)),
            Err(body) => Err(body),
        };
        let follows = match &body {
            Ok(_) => false,
            Err(body) => !matches!(body.size(), BodySize::None | BodySize::Sized(0)),
        };
        let told = Told {
            status,
            headers,
            follows,
        };
        let first = body.as_ref().cloned().unwrap_or_default();
        let waiting = self.calls.wait_on(id);
        let mut sending = Sending::new(&self.calls, &self.vault, id, Way::Told, waiting);
        if !sending.put(&joined(&told, &first)?).await? {
            return Ok(());
        }
        let Err(mut body) = body else {
            return Ok(());
        };
        if !follows {
            return Ok(());
        }
        loop {
            let mut next = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).boxed_local();
            // What is not followed at once by more goes out as it is.
            let part = match (&mut next).now_or_never() {
                Some(part) => part,
                None => {
                    if !sending.flush().await? {
                        return Ok(());
                    }
                    next.await
                }
            };
            match part {
                Some(Ok(bytes)) => {
                    if !sending.more(bytes).await? {
                        return Ok(());
                    }
                }
                Some(Err(_)) => return sending.end(Piece::Broken).await,
                None => return sending.end(Piece::End).await,
            }
        }
    }
}

/// A body that comes in parts.
struct Reading {
    calls: Calls,
    vault: Vault,
    waiting: Waiting,
    id: Uuid,
    parts: BTreeMap<i64, String>,
    next: i64,
}

impl Reading {
    async fn piece(&mut self) -> Result<Piece, ApiError> {
        let began = Instant::now();
        loop {
            if let Some(sealed) = self.parts.remove(&self.next) {
                let piece = PieceOf::Asked(self.next);
                let opened = self.vault.open_call(self.id, piece, &sealed).await?;
                self.next += 1;
                return Piece::of(opened.expose());
            }
            let read = self.calls.rows.read(self.id, Way::Asked, LASTS).await?;
            if read.is_empty() {
                if began.elapsed() > PART {
                    return Err(ApiError::new(
                        StatusCode::REQUEST_TIMEOUT,
                        "body_too_slow",
                        "the body did not come in time",
                    ));
                }
                self.waiting.word().await;
            }
            for part in read {
                self.parts.insert(part.number, part.sealed);
            }
        }
    }
}
