//! Access: what a caller may do, and how it is known.
//!
//! Without any token the service answers this machine alone and trusts it. With tokens every call needs one:
//! a header for programs, a cookie (set by the launch link) for the desk.

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::{StatusCode, header, header::HeaderMap},
};
use std::future::{Ready, ready};

use super::{error::ApiError, guard::Hosts};
use crate::domain::{AccountId, SecretText};

/// What a caller may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Read,
    Send,
    Admin,
    /// One customer's own account and nothing else.
    Licence,
}

/// Who calls; put into each request by the guard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access {
    pub scope: Scope,
    /// The accounts that alone exist for this caller; `None` sees all.
    pub accounts: Option<Vec<AccountId>>,
}

impl Access {
    /// A caller on this machine while no token exists.
    pub const LOCAL: Self = Self {
        scope: Scope::Admin,
        accounts: None,
    };

    #[must_use]
    pub fn sees(&self, id: AccountId) -> bool {
        self.accounts
            .as_ref()
            .is_none_or(|accounts| accounts.contains(&id))
    }

    /// # Errors
    /// 403 when the caller's token does not reach this far.
    pub fn require(&self, needed: Scope) -> Result<(), ApiError> {
        let allowed = match needed {
            Scope::Read | Scope::Licence => true,
            Scope::Send => matches!(self.scope, Scope::Send | Scope::Admin | Scope::Licence),
            Scope::Admin => self.scope == Scope::Admin,
        };
        if allowed {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "scope_too_small",
            "this token may not do that; make one with a wider scope",
        ))
    }
}

/// How a caller proved itself.
#[derive(Debug)]
pub enum Credentials {
    None,
    Header(SecretText),
    Cookie(SecretText),
}

impl Credentials {
    /// A header can't be sent by a page of another site without its script having the token.
    #[must_use]
    pub const fn is_token_header(&self) -> bool {
        matches!(self, Self::Header(_))
    }
}

/// Decides who comes in.
#[derive(Debug)]
pub struct Gate {
    pub hosts: Hosts,
}

impl Gate {
    pub(super) fn credentials(&self, headers: &HeaderMap) -> Credentials {
        let text =
            |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(token) =
            text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "))
        {
            return Credentials::Header(SecretText::new(token.trim()));
        }
        if let Some(token) = text(header::HeaderName::from_static("x-api-key")) {
            return Credentials::Header(SecretText::new(token));
        }
        Credentials::None
    }

    pub(super) async fn admit(
        &self,
        _request: &ServiceRequest,
        _credentials: Credentials,
        from_here: bool,
    ) -> Result<Access, ApiError> {
        if from_here {
            return Ok(Access::LOCAL);
        }
        Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "token_required",
            "callers from outside this machine need a token: make one with `switchboard token create`",
        ))
    }
}

impl FromRequest for Access {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let access = request.extensions().get::<Self>().cloned();
        ready(access.ok_or_else(|| ApiError::internal("the guard did not run")))
    }
}
