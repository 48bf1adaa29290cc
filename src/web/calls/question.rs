//! Question: a call as it came in, and what comes with it.

use std::net::IpAddr;

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::Method,
    web::Bytes,
};
use futures_util::{Stream, future::Either, stream};

use super::{
    carried::{Asked, PIECE, asked_headers},
    find::is_form,
};
use crate::{
    domain::AccountId,
    web::{
        Access, ApiError,
        repeats::{self, body_of, put_back},
    },
};

/// What comes with a call.
pub enum Body {
    Whole(Bytes),
    /// Files.
    Long(Payload),
}

impl Body {
    pub async fn of(request: &mut ServiceRequest) -> Result<Self, ApiError> {
        let keyless = request
            .match_pattern()
            .is_some_and(|path| repeats::KEYLESS.contains(&path.as_str()));
        if keyless || is_form(request) {
            return Ok(Self::Long(request.take_payload()));
        }
        let body = body_of(request).await?;
        // Where nobody takes the call, it may be run here.
        put_back(request, body.clone());
        Ok(Self::Whole(body))
    }

    /// What fits into the call's own row, and what follows it.
    pub fn split(
        self,
    ) -> (
        Bytes,
        Option<impl Stream<Item = Result<Bytes, PayloadError>> + Unpin>,
    ) {
        match self {
            Self::Whole(bytes) if bytes.len() <= PIECE => (bytes, None),
            Self::Whole(bytes) => {
                let once = Box::pin(stream::once(async move { Ok(bytes) }));
                (Bytes::new(), Some(Either::Left(once)))
            }
            Self::Long(payload) => (Bytes::new(), Some(Either::Right(payload))),
        }
    }
}

/// A call as it came in.
pub struct Question {
    pub account: AccountId,
    pub asked: Asked,
    pub again: bool,
}

impl Question {
    pub fn of(request: &ServiceRequest, access: &Access, ip: IpAddr, account: AccountId) -> Self {
        let method = request.method();
        let keyed = request.headers().contains_key("idempotency-key");
        let same = matches!(
            *method,
            Method::GET | Method::HEAD | Method::PUT | Method::DELETE
        );
        let target = request.uri().path_and_query();
        Self {
            account,
            asked: Asked {
                method: method.to_string(),
                target: target.map_or_else(|| "/".to_owned(), ToString::to_string),
                headers: asked_headers(request.headers()),
                ip,
                access: access.clone(),
                follows: false,
            },
            again: keyed || same,
        }
    }
}
