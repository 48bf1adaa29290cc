//! Refusals: why somebody is not, or no longer, let in, in words that say what to do.

use std::fmt;

use actix_web::http::StatusCode;

use super::Caller;
use crate::{
    store::{TokenRecord, TokenTable},
    web::{Access, ApiError},
};

/// A locked service to which nobody has a token.
#[derive(Clone, Copy, Debug)]
pub struct NoTokenLeft;

impl fmt::Display for NoTokenLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the service is locked and no token is left: make one where it runs with `switchboard token create --name … \
             --scope admin`; `switchboard token unlock` tells how to let everybody on that machine in without one",
        )
    }
}

/// Why somebody who was in is so no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// The token, or the one that opened this desk, was revoked or has expired.
    Ended,
    /// Being on this machine is not enough any more.
    Locked,
}

impl Lost {
    #[must_use]
    pub fn of(table: &TokenTable, access: &Access) -> Option<Self> {
        match access.token {
            Some(id) => {
                let same = |token: &TokenRecord| token.generation == access.generation;
                (!table.get(id).is_some_and(same)).then_some(Self::Ended)
            }
            None => (access.local && table.locked).then_some(Self::Locked),
        }
    }

    /// Fits into a WebSocket's close frame.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ended => "access ended: this token was revoked or has expired",
            Self::Locked => "access ended: this service is locked now and needs a token",
        }
    }
}

impl From<Lost> for ApiError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Ended => ended(),
            Lost::Locked => Self::new(StatusCode::UNAUTHORIZED, "token_required", lost.text()),
        }
    }
}

pub fn token_invalid(why: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "token_invalid", why)
}

pub fn ended() -> ApiError {
    token_invalid("this token was revoked or has expired")
}

pub fn token_required(table: &TokenTable, caller: &Caller) -> ApiError {
    let why = if table.locked && !table.any() {
        NoTokenLeft.to_string()
    } else if table.locked {
        "this service has tokens, so every call needs one: send Authorization: Bearer, or open the desk by its launch link"
            .to_owned()
    } else if let Some(sign) = &caller.passed_on {
        format!(
            "this call came through a proxy or from somebody else ({sign} shows it), so it does not count as one from this machine and needs a token: \
             make one with `switchboard token create` and send it as Authorization: Bearer"
        )
    } else {
        "callers from outside this machine need a token: make one with `switchboard token create`"
            .to_owned()
    };
    ApiError::new(StatusCode::UNAUTHORIZED, "token_required", why)
}
