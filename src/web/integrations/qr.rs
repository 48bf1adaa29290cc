//! QR: a sign-in by QR code, as the callers of all three systems know it.

use serde_json::{Value, json};

use super::{
    caller::Caller,
    owned::{self, Owned},
};
use crate::{
    domain::{Login, LoginStep},
    telegram::{LoginError, SignInMethod},
    web::{ApiError, doors::Owner},
};

/// Starts one; one that waits to be scanned is shown again instead, and then it is not new.
pub async fn start(caller: &Caller, owner: &Owner, label: &str) -> Result<(Login, bool), ApiError> {
    let sign_ins = caller.supervisor.sign_ins();
    let owned = owned::find(caller, owner).await?;
    if let Some(owned) = owned.as_ref().filter(|owned| !owned.is_signed_in())
        && sign_ins.ended(owned.id()) == Some(LoginError::AlreadyAnotherUser)
    {
        // Who scanned it gets an account of their own; what was read as the other user stays with the desk.
        owned::leave(caller, owner, owned.id()).await?;
    }
    let running = owned
        .and_then(|owned| sign_ins.login_of(owned.id()))
        .filter(|login| login.step == LoginStep::Scan);
    if let Some(login) = running {
        return Ok((login, false));
    }
    let (begun, login) = owned::begin(caller, owner, label, SignInMethod::Qr).await?;
    caller.note.account(begun.id());
    Ok((login, true))
}

/// How far it is, and what ended it.
pub fn status(caller: &Caller, owned: Option<&Owned>) -> Value {
    let sign_ins = caller.supervisor.sign_ins();
    let connected = owned.is_some_and(Owned::is_connected);
    let login = owned
        .and_then(|owned| sign_ins.login_of(owned.id()))
        // One that is done may have ended since.
        .filter(|login| login.step != LoginStep::Done || !owned.is_some_and(Owned::needs_login));
    let mut answer = described(login.as_ref());
    if login.is_none() && connected {
        answer["status"] = json!("authorized");
    }
    let ended = owned.and_then(|owned| sign_ins.ended(owned.id()));
    if let Some(error) = ended.filter(|_| answer["status"] == "expired") {
        let error = ApiError::from(error);
        answer["error"] = json!({ "code": error.code, "message": caller.say_trouble(&error) });
        if let Some(params) = error.params() {
            answer["error"]["params"] = params.clone();
        }
    }
    answer
}

pub fn described(login: Option<&Login>) -> Value {
    let qr = login.and_then(|login| login.qr.as_ref());
    let status = match login.map(|login| login.step) {
        Some(LoginStep::Scan) if qr.is_some_and(|qr| qr.scanned) => "scanned",
        Some(LoginStep::Scan) => "pending",
        Some(LoginStep::Password) => "password_needed",
        Some(LoginStep::Done) => "authorized",
        Some(LoginStep::Code | LoginStep::Email) | None => "expired",
    };
    json!({
        "success": true,
        "status": status,
        "url": qr.map(|qr| &qr.url),
        "svg": qr.map(|qr| &qr.svg),
        "expires_at": qr.map(|qr| qr.expires_at),
    })
}
