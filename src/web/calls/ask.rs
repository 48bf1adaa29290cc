//! Ask: a call goes to the node that has the account, and its answer comes back.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode, header},
    web::Bytes,
};
use futures_util::{future::Either, stream};
use uuid::Uuid;

use super::{
    Elsewhere,
    carried::{Asked, Piece, Told, joined, read_headers, split},
    lost,
    question::{Body, Question},
    sending::send,
};
use crate::{
    domain::AccountId,
    nodes::{Calls, Waiting},
    store::{CallState, NewCall, StoreError, Way},
    vault::{PieceOf, Vault},
    web::{Access, ApiError, Service},
};

/// How long the rows of a call stay without a word of whoever asked.
pub const LASTS: Duration = Duration::from_secs(30);
/// Between two looks whether somebody still runs it; much less than that.
const LOOK: Duration = Duration::from_secs(3);
/// For another node to take up what a dead one had begun.
const ORPHANED: Duration = Duration::from_secs(20);
/// For a server that does not answer.
const AWAY: Duration = Duration::from_secs(20);

/// A call that is under way. Its rows go with it.
struct Asking {
    calls: Calls,
    vault: Vault,
    id: Uuid,
    waiting: Waiting,
    /// Parts that came before their turn.
    parts: BTreeMap<i64, String>,
    next: i64,
    looked: Instant,
    orphaned: Option<Instant>,
    /// Since when the server does not answer.
    away: Option<Instant>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let (rows, id) = (self.calls.rows.clone(), self.id);
        // Without a runtime everything ends, and the rows go after their time.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move {
                if let Err(error) = rows.remove(id).await {
                    log::debug!(target: "switchboard::nodes", "a call's rows stay until their time is over: {error}");
                }
            }));
        }
    }
}

/// `None`: nobody had the account for as long as `patience`, and nothing was begun.
pub async fn ask(
    service: &Service,
    elsewhere: &Elsewhere,
    mut question: Question,
    body: Body,
    patience: Duration,
) -> Result<Option<HttpResponse>, ApiError> {
    let calls = &elsewhere.calls;
    let (first, rest) = body.split();
    question.asked.follows = rest.is_some();
    let mut asking = give(&service.vault, calls, &question, &first).await?;
    let id = asking.id;
    let head = match rest {
        None => asking.head(patience).await?,
        Some(rest) => {
            let sending = Box::pin(send(calls, &service.vault, id, rest));
            let answering = Box::pin(asking.head(patience));
            match futures_util::future::select(sending, answering).await {
                // Whatever became of the body: what it led to is told.
                Either::Left((_, answering)) => answering.await?,
                Either::Right((head, _)) => head?,
            }
        }
    };
    let Some((told, body)) = head else {
        return Ok(None);
    };
    let head_only = question.asked.method == Method::HEAD.as_str();
    answer(told, body, asking, head_only).map(Some)
}

async fn give(
    vault: &Vault,
    calls: &Calls,
    question: &Question,
    first: &[u8],
) -> Result<Asking, ApiError> {
    let id = Uuid::new_v4();
    let plain = joined(&question.asked, first)?;
    let call = NewCall {
        id,
        account: question.account,
        sealed: vault.seal_call(id, PieceOf::Call, &plain).await?,
        again: question.again,
        lasts: LASTS,
    };
    let asking = Asking {
        calls: calls.clone(),
        vault: vault.clone(),
        id,
        waiting: calls.wait_on(id),
        parts: BTreeMap::new(),
        next: 0,
        looked: Instant::now(),
        orphaned: None,
        away: None,
    };
    calls.rows.give(call).await?;
    Ok(asking)
}

/// What this service itself fetches from another node, as it comes.
pub struct Fetched {
    pub status: u16,
    pub length: Option<u64>,
    first: Bytes,
    /// `None`: it was all in one.
    rest: Option<Asking>,
}

impl Fetched {
    /// All of it, as JSON, which is not long.
    ///
    /// # Errors
    /// When it broke off, or is something else.
    pub async fn json(mut self) -> Result<serde_json::Value, ApiError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        serde_json::from_slice(&all).map_err(ApiError::internal)
    }

    /// The next piece; `None`: that was all.
    ///
    /// # Errors
    /// When it broke off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if !self.first.is_empty() {
            return Ok(Some(std::mem::take(&mut self.first)));
        }
        let Some(asking) = &mut self.rest else {
            return Ok(None);
        };
        match asking.piece().await? {
            Piece::More(bytes) => Ok(Some(bytes)),
            Piece::End => {
                self.rest = None;
                Ok(None)
            }
            Piece::Broken => Err(lost()),
        }
    }
}

/// Asks whoever answers to this address, for this service itself, what may be asked twice. `None`: nobody took it for as long as
/// `patience`.
pub async fn fetch(
    vault: &Vault,
    elsewhere: &Elsewhere,
    (method, account, target): (Method, AccountId, String),
    patience: Duration,
) -> Result<Option<Fetched>, ApiError> {
    let question = Question {
        account,
        asked: Asked {
            method: method.to_string(),
            target,
            headers: Vec::new(),
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            access: Access::SERVICE,
            follows: false,
        },
        again: true,
    };
    let mut asking = give(vault, &elsewhere.calls, &question, &[]).await?;
    let Some((told, first)) = asking.head(patience).await? else {
        return Ok(None);
    };
    let length = read_headers(&told.headers)
        .find(|(name, _)| *name == header::CONTENT_LENGTH)
        .and_then(|(_, value)| value.to_str().ok()?.parse().ok());
    Ok(Some(Fetched {
        status: told.status,
        length: length.or((!told.follows).then_some(first.len() as u64)),
        first,
        rest: told.follows.then_some(asking),
    }))
}

fn answer(
    told: Told,
    body: Bytes,
    asking: Asking,
    head_only: bool,
) -> Result<HttpResponse, ApiError> {
    let status = StatusCode::from_u16(told.status).map_err(ApiError::internal)?;
    let mut response = HttpResponse::build(status);
    let mut length = None;
    for (name, value) in read_headers(&told.headers) {
        if name == header::CONTENT_LENGTH {
            length = value.to_str().ok().and_then(|text| text.parse().ok());
            continue;
        }
        response.append_header((name, value));
    }
    if !told.follows && !head_only {
        return Ok(match body.is_empty() {
            true => response.finish(),
            false => response.body(body),
        });
    }
    if let Some(length) = length {
        response.no_chunking(length);
    }
    if !told.follows {
        return Ok(response.streaming(stream::empty::<Result<Bytes, ApiError>>()));
    }
    let rest = stream::unfold(Some(asking), |asking| async move {
        let mut asking = asking?;
        match asking.piece().await {
            Ok(Piece::More(bytes)) => Some((Ok(bytes), Some(asking))),
            Ok(Piece::End) => None,
            Ok(Piece::Broken) => Some((Err(lost()), None)),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(response.streaming(Box::pin(rest)))
}

impl Asking {
    /// The answer's beginning. `None`: nobody has the account, and the call was taken back.
    async fn head(&mut self, patience: Duration) -> Result<Option<(Told, Bytes)>, ApiError> {
        let began = Instant::now();
        loop {
            self.waiting.word().await;
            if let Some(bytes) = self.part().await? {
                return split::<Told>(&bytes).map(Some);
            }
            let waits = self.look(patience.min(LOOK)).await? == Some(CallState::Waits);
            if waits && began.elapsed() >= patience && self.calls.rows.withdraw(self.id).await? {
                return Ok(None);
            }
        }
    }

    async fn piece(&mut self) -> Result<Piece, ApiError> {
        loop {
            if let Some(bytes) = self.part().await? {
                return Piece::of(&bytes);
            }
            self.waiting.word().await;
            self.look(LOOK).await?;
        }
    }

    /// The part whose turn it is, if it has come.
    async fn part(&mut self) -> Result<Option<Bytes>, ApiError> {
        if !self.parts.contains_key(&self.next) {
            let read = self.calls.rows.read(self.id, Way::Told, LASTS).await;
            for part in self.answered(read)?.unwrap_or_default() {
                self.parts.insert(part.number, part.sealed);
            }
        }
        let Some(sealed) = self.parts.remove(&self.next) else {
            return Ok(None);
        };
        let piece = PieceOf::Told(self.next);
        let opened = self.vault.open_call(self.id, piece, &sealed).await?;
        self.next += 1;
        Ok(Some(Bytes::copy_from_slice(opened.expose())))
    }

    /// Whether it still comes to an answer, looked at now and then.
    async fn look(&mut self, every: Duration) -> Result<Option<CallState>, ApiError> {
        if self.looked.elapsed() < every {
            return Ok(None);
        }
        self.looked = Instant::now();
        let state = self.calls.rows.state(self.id, LASTS).await;
        let state = self.answered(state)?;
        match state {
            Some(CallState::Orphaned) => {
                let since = *self.orphaned.get_or_insert_with(Instant::now);
                if since.elapsed() > ORPHANED {
                    return Err(lost());
                }
            }
            Some(CallState::Gone) => return Err(lost()),
            Some(CallState::Waits | CallState::Runs) => self.orphaned = None,
            None => {}
        }
        Ok(state)
    }

    /// A server that is away for a moment is waited for: the call may be running.
    fn answered<T>(&mut self, answer: Result<T, StoreError>) -> Result<Option<T>, ApiError> {
        match answer {
            Ok(answer) => {
                self.away = None;
                Ok(Some(answer))
            }
            Err(error) if error.passes() => {
                let since = *self.away.get_or_insert_with(Instant::now);
                match since.elapsed() > AWAY {
                    true => Err(lost()),
                    false => Ok(None),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}
