//! System E: the chat portal's calls, with their trailing slashes and without.

mod chats;
mod session;
mod sign_in;

use std::{
    future::{Ready, ready},
    ops::Deref,
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde_json::{Value, json};

use super::{
    caller::Caller,
    owned::{self, Owned, Person},
};
use crate::{
    supervisor::SignInError,
    web::{ApiError, doors::Owner},
};

pub use chats::{list_chats, list_messages, send_message};
pub use session::{session_info, session_reset, session_status, user_info};
pub use sign_in::{auth_email, auth_phone, auth_qr, auth_resend, auth_verify, qr_status};

/// A page waits this long for Telegram to tell who is signed in.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose portal it is. Every call begins with one, and so is logged.
pub struct Visitor {
    caller: Caller,
    owner: Owner,
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Caller::of(request).map(|caller| {
            let owner = caller.access.portal_owner();
            log::info!(
                target: "switchboard::portal",
                "operation={} owner={}", operation(request), owner.short()
            );
            Self { caller, owner }
        }))
    }
}

/// `/telegram/session/reset/` → `session_reset`.
fn operation(request: &HttpRequest) -> String {
    let path = request.match_pattern().unwrap_or_default();
    path.split('/')
        .skip(2)
        .filter(|part| !part.is_empty() && !part.starts_with('{'))
        .collect::<Vec<_>>()
        .join("_")
}

impl Visitor {
    async fn owned(&self) -> Result<Option<Owned>, ApiError> {
        owned::find(self, &self.owner).await
    }

    /// The account that a sign-in is under way for.
    async fn signing_in(&self) -> Result<Owned, ApiError> {
        let owned = self.owned().await?.ok_or(SignInError::NotStarted)?;
        self.note.account(owned.id());
        Ok(owned)
    }

    async fn signed_in(&self) -> Result<Owned, ApiError> {
        match self.owned().await? {
            Some(owned) if owned.is_connected() => Ok(owned),
            Some(owned) if owned.needs_login() => Err(owned::login_required()),
            _ => Err(ApiError::conflict(
                "not_authorized",
                "nobody is signed in: sign in by phone number or QR code first",
            )),
        }
    }
}

impl Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

fn described_user(person: &Person) -> Value {
    json!({
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "phone": person.phone,
    })
}
