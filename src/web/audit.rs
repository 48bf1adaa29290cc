//! Audit: who signed in and out, deleted, revealed a code, made or ended a token, and who was refused. A row and a line of
//! the log each; what is noted of a call stands beside its route.
//!
//! The line (target `switchboard::audit`) begins with the address, made for fail2ban (`docs/fail2ban/`):
//! `ip=203.0.113.7 action=refused by="nobody" reason=token_invalid call="GET /accounts"`.

use std::{
    cell::RefCell,
    fmt::{Display, Write},
    future::{Ready, ready},
    net::IpAddr,
    rc::Rc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};

use super::{Access, ApiError, Service};
use crate::{domain::AccountId, store::NewAudit};

/// Refusals that are worth a row and a line; a page of another site that tries is none.
const REFUSALS: [&str; 5] = [
    "token_invalid",
    "too_many_failures",
    "launch_code_invalid",
    "scope_too_small",
    "licence_not_yours",
];
/// What a handler adds to what is noted of its call.
#[derive(Clone, Default)]
pub struct Note(Rc<RefCell<Noted>>);

#[derive(Clone, Default)]
struct Noted {
    nothing: bool,
    action: Option<&'static str>,
    account: Option<AccountId>,
    /// For the log alone: a row would keep the name of an account whose history was deleted.
    label: Option<String>,
    detail: String,
}

impl Note {
    /// Of the request that is being answered.
    pub fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<Self>().cloned();
        known.unwrap_or_default()
    }

    pub fn account(&self, id: AccountId) {
        self.0.borrow_mut().account = Some(id);
    }

    pub fn label(&self, label: &str) {
        self.0.borrow_mut().label = Some(label.to_owned());
    }

    /// Nothing was done, whatever the route says.
    pub fn nothing(&self) {
        self.0.borrow_mut().nothing = true;
    }

    /// Something else was done than what the route says.
    pub fn action(&self, action: &'static str) {
        self.0.borrow_mut().action = Some(action);
    }

    /// `value` is no text of people's.
    pub fn fact(&self, name: &str, value: impl Display) {
        let detail = &mut self.0.borrow_mut().detail;
        if !detail.is_empty() {
            detail.push(' ');
        }
        // Writing into a text has no way to fail.
        let _ = write!(detail, "{name}={value}");
    }
}

impl FromRequest for Note {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// A call and what came of it.
pub struct Call<'a> {
    pub ip: IpAddr,
    /// `None`: not let in.
    pub access: Option<&'a Access>,
    pub method: &'a str,
    /// The route, or the path where there is none; a route has no ids in it.
    pub route: &'a str,
    pub action: Option<&'static str>,
    /// Named by the path.
    pub account: Option<AccountId>,
}

/// Notes a call that was answered well, if it is worth it.
pub async fn done(service: &Service, call: &Call<'_>, note: &Note) {
    let noted = note.0.borrow().clone();
    let action = noted.action.or(call.action);
    let Some(action) = action.filter(|_| !noted.nothing) else {
        return;
    };
    let entry = entry(service, call, action, noted.account, noted.detail);
    log::info!(target: "switchboard::audit", "{}", line(&entry, noted.label.as_deref()));
    store(service, entry).await;
}

/// Notes a call that was refused for who made it.
pub async fn refused(service: &Service, call: &Call<'_>, code: &'static str) {
    if !REFUSALS.contains(&code) {
        return;
    }
    let detail = format!(
        "reason={code} call={:?}",
        format!("{} {}", call.method, call.route)
    );
    let entry = entry(service, call, "refused", None, detail);
    log::warn!(target: "switchboard::audit", "{}", line(&entry, None));
    if service.audit.may_write() {
        store(service, entry).await;
    }
}

fn entry(
    service: &Service,
    call: &Call<'_>,
    action: &str,
    account: Option<AccountId>,
    detail: String,
) -> NewAudit {
    NewAudit {
        action: action.to_owned(),
        caller: match call.access {
            Some(access) => service.doors.name_of(access),
            None => "nobody".to_owned(),
        },
        token_id: call.access.and_then(|access| access.token),
        ip: Some(call.ip.to_string()),
        account_id: account.or(call.account),
        detail,
    }
}

fn line(entry: &NewAudit, label: Option<&str>) -> String {
    let mut line = format!(
        "ip={} action={} by={:?}",
        entry.ip.as_deref().unwrap_or("-"),
        entry.action,
        entry.caller
    );
    if let Some(account) = entry.account_id {
        let _ = write!(line, " account={account}");
    }
    if let Some(label) = label {
        let _ = write!(line, " label={label:?}");
    }
    if !entry.detail.is_empty() {
        line.push(' ');
        line.push_str(&entry.detail);
    }
    line
}

async fn store(service: &Service, entry: NewAudit) {
    // The call was answered, and the line stands.
    if let Err(error) = service.store.audit(entry).await {
        log::warn!(target: "switchboard::web", "an entry of the audit could not be stored: {error}");
    }
}
