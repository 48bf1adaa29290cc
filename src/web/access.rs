//! Access: what a caller may do, and whose accounts it sees.
//!
//! Before the first token the service answers this machine alone and trusts it. From then on every call needs one: a
//! header for programs, a cookie (set by the launch link) for the desk.

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use serde::{Deserialize, Serialize};
use std::future::{Ready, ready};

use super::{
    doors::{Owner, OwnerKind},
    error::ApiError,
    front::Front,
    hosts::Hosts,
};
use crate::domain::AccountId;

/// What a caller may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scope {
    Read,
    Send,
    Admin,
    /// One customer's own account and nothing else.
    Licence,
}

impl Scope {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Admin => "admin",
            Self::Licence => "licence",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Read, Self::Send, Self::Admin, Self::Licence]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// Who calls; put into each request by the guard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Access {
    pub scope: Scope,
    /// The accounts that alone exist for this caller; `None` sees all.
    pub accounts: Option<Vec<AccountId>>,
    /// For whom it calls, when that is known from the way it came in.
    pub owner: Option<Owner>,
    /// Of the token that it showed.
    pub token: Option<i64>,
    /// Of that token's text.
    pub generation: i64,
    /// A browser that came by the launch link.
    pub desk: bool,
    /// Let in for being on this machine, while that is enough.
    pub local: bool,
}

impl Access {
    /// A caller on this machine, as long as the service is not locked.
    pub const LOCAL: Self = Self {
        scope: Scope::Admin,
        accounts: None,
        owner: None,
        token: None,
        generation: 0,
        desk: false,
        local: true,
    };

    /// The service itself, at another node.
    pub const SERVICE: Self = Self {
        local: false,
        ..Self::LOCAL
    };

    /// Somebody who looks at a page and has proved nothing.
    pub const NOTHING: Self = Self {
        scope: Scope::Read,
        accounts: Some(Vec::new()),
        owner: None,
        token: None,
        generation: 0,
        desk: false,
        local: false,
    };

    /// # Errors
    /// When the guard did not run.
    pub fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let access = request.extensions().get::<Self>().cloned();
        access.ok_or_else(|| ApiError::internal("the guard did not run"))
    }

    #[must_use]
    pub fn sees(&self, id: AccountId) -> bool {
        self.accounts
            .as_ref()
            .is_none_or(|accounts| accounts.contains(&id))
    }

    /// May it sign accounts that it sees in and out? Whoever may not is not shown how, either.
    #[must_use]
    pub const fn may_sign_in(&self) -> bool {
        matches!(self.scope, Scope::Admin | Scope::Licence)
    }

    /// Whose account the portal shows to this caller.
    #[must_use]
    pub fn portal_owner(&self) -> Owner {
        if let Some(owner) = &self.owner
            && owner.kind == OwnerKind::Licence
        {
            return owner.clone();
        }
        match self.token {
            Some(id) if !self.desk => Owner::portal(&format!("token:{id}")),
            _ => Owner::portal("desk"),
        }
    }
}

pub fn scope_too_small() -> ApiError {
    ApiError::forbidden(
        "scope_too_small",
        "this token may not do that; make one with a wider scope",
    )
}

/// Decides under which names the service answers.
#[derive(Debug)]
pub struct Gate {
    pub hosts: Hosts,
    pub front: Front,
}

impl FromRequest for Access {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
