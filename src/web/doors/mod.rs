//! Doors: who may come in, and whose accounts they see.
//!
//! Receives: a request's credentials from the guard.
//! Sends:    [`Access`] to the handlers; new tokens and owners to `store`.
//! Promises: texts of tokens and licence keys are compared and forgotten, only hashes are kept; a token made or
//!           revoked beside the running service counts within a second.
//! Does not: know what a handler does with an access.

mod credentials;
mod failures;
mod launch;
mod owners;
mod secrets;
mod tickets;
mod tokens;

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::http::StatusCode;

pub use credentials::{Credentials, Shown};
pub use launch::{COOKIE, LAUNCH_LIFETIME};
pub use owners::{Owner, OwnerKind, Owners};
pub use secrets::{new_token, random_text, sha256_hex};
pub use tokens::{DESK, KnownToken, Tokens};

use self::{failures::Failures, launch::LaunchCodes, tickets::Tickets};
use super::{Access, ApiError, Scope};
use crate::{
    domain::{AccountId, SecretText, Timestamp},
    store::{StoreError, StoreHandle},
};

/// A browser that came by a launch link stays signed in this long after its last visit.
const DESK_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    pub tokens: Tokens,
    pub owners: Owners,
    codes: Arc<LaunchCodes>,
    tickets: Arc<Tickets>,
    failures: Arc<Failures>,
}

impl Doors {
    /// # Errors
    /// When the store can't be read.
    pub async fn open(store: StoreHandle) -> Result<Self, StoreError> {
        Ok(Self {
            tokens: Tokens::new(store.clone()),
            owners: Owners::load(store).await?,
            codes: Arc::default(),
            tickets: Arc::default(),
            failures: Arc::default(),
        })
    }

    /// What a caller may do.
    ///
    /// # Errors
    /// 401 when it has to prove itself and does not; 403 when it names a licence that is not its own.
    pub async fn admit(
        &self,
        credentials: Credentials,
        caller: Caller,
    ) -> Result<Access, ApiError> {
        let known = self.tokens_for(&credentials).await?;
        let open = caller.from_here && !tokens::any(&known);
        let mut access = match credentials.shown {
            Shown::Header(text) => self.by_token(&known, &text, caller.ip)?,
            Shown::Ticket(text) => self.tickets.take(&text).ok_or_else(|| {
                self.refused(
                    caller.ip,
                    "this ticket is used up or too old: ask for a new one",
                )
            })?,
            Shown::Cookie(text) => match self.by_token(&known, &text, caller.ip) {
                Ok(access) => access,
                Err(_) if open => Access::LOCAL,
                Err(_) if caller.for_page => Access::NOTHING,
                Err(error) => return Err(error),
            },
            Shown::None if open => Access::LOCAL,
            Shown::None if caller.for_page && tokens::any(&known) => Access::NOTHING,
            Shown::None => match &credentials.licence {
                Some(key) => self.by_token(&known, key, caller.ip)?,
                None => return Err(token_required(caller.from_here)),
            },
        };
        if let Some(key) = &credentials.licence {
            access = self.for_licence(access, &Owner::licence(key))?;
        } else if let Some(owner) = access.owner.clone() {
            access.accounts = Some(self.owners.accounts_of(&owner));
        }
        Ok(access)
    }

    async fn tokens_for(&self, credentials: &Credentials) -> Result<Arc<[KnownToken]>, StoreError> {
        let known = self.tokens.valid().await?;
        let text = match &credentials.shown {
            Shown::Header(text) | Shown::Cookie(text) => Some(text),
            Shown::None => credentials.licence.as_ref(),
            Shown::Ticket(_) => None,
        };
        match text {
            Some(text) if tokens::find(&known, text).is_none() => self.tokens.valid_now().await,
            _ => Ok(known),
        }
    }

    fn by_token(
        &self,
        known: &[KnownToken],
        text: &SecretText,
        ip: IpAddr,
    ) -> Result<Access, ApiError> {
        let Some(token) = tokens::find(known, text) else {
            return Err(self.refused(ip, "this token is not known here, or was revoked"));
        };
        self.tokens.used(token);
        let owner = (token.scope == Scope::Licence).then(|| Owner::licence(text));
        Ok(Access {
            scope: token.scope,
            accounts: None,
            owner,
            token: Some(token.id),
            desk: token.desk,
        })
    }

    /// Whoever names a licence acts for it and sees nothing else.
    fn for_licence(&self, access: Access, licence: &Owner) -> Result<Access, ApiError> {
        if access.owner.as_ref().is_some_and(|own| own != licence) {
            return Err(ApiError::forbidden(
                "licence_not_yours",
                "this token belongs to another licence",
            ));
        }
        let scope = match access.scope {
            Scope::Admin => Scope::Licence,
            scope => scope,
        };
        Ok(Access {
            scope,
            accounts: Some(self.owners.accounts_of(licence)),
            owner: Some(licence.clone()),
            ..access
        })
    }

    fn refused(&self, ip: IpAddr, why: &'static str) -> ApiError {
        if let Some(wait) = self.failures.count(ip) {
            return ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_failures",
                "too many wrong tokens from this address: wait a minute",
            )
            .retry_after(wait);
        }
        ApiError::new(StatusCode::UNAUTHORIZED, "token_invalid", why)
    }

    /// Does this caller see the account now? Also for accounts that came after the caller.
    #[must_use]
    pub fn sees(&self, access: &Access, id: AccountId) -> bool {
        match &access.owner {
            Some(owner) => self.owners.owns(owner, id),
            None => access.sees(id),
        }
    }

    /// Is the token of a caller who stays (a WebSocket) still good?
    pub async fn still_good(&self, access: &Access) -> bool {
        let Some(id) = access.token else {
            return true;
        };
        match self.tokens.valid().await {
            Ok(known) => known.iter().any(|token| token.id == id),
            // Nothing is known for the moment: that is no reason to cut anybody.
            Err(_) => true,
        }
    }

    /// Who a caller is, for the log: the name of its token.
    pub async fn name_of(&self, access: &Access) -> String {
        let Some(id) = access.token else {
            return "local desk".to_owned();
        };
        let known = self.tokens.valid().await.unwrap_or_default();
        let token = known.iter().find(|token| token.id == id);
        token.map_or_else(|| format!("token {id}"), |token| token.name.clone())
    }

    /// A ticket for one WebSocket, for clients that can't set a header.
    #[must_use]
    pub fn ticket(&self, access: Access) -> (SecretText, Timestamp) {
        self.tickets.give(access)
    }

    /// A code that opens the desk once, within ten minutes. It is no token.
    #[must_use]
    pub fn launch_code(&self) -> SecretText {
        self.codes.give()
    }

    /// Turns a launch code into the text of a desk's token; `None` when the code is not (any more) good.
    ///
    /// # Errors
    /// When the token can't be stored.
    pub async fn launch(&self, code: &SecretText) -> Result<Option<SecretText>, StoreError> {
        if !self.codes.take(code) {
            return Ok(None);
        }
        let expires_at = Timestamp::now().plus(DESK_LIFETIME);
        self.tokens
            .make("desk", DESK, Some(expires_at))
            .await
            .map(Some)
    }
}

/// What is known of a caller besides its credentials.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub ip: IpAddr,
    /// From this machine, with no proxy in between.
    pub from_here: bool,
    /// Asks for a page or its files, which hold no data.
    pub for_page: bool,
}

fn token_required(from_here: bool) -> ApiError {
    let why = if from_here {
        "this service has tokens, so every call needs one: send Authorization: Bearer, or open the desk by its launch link"
    } else {
        "callers from outside this machine need a token: make one with `switchboard token create`"
    };
    ApiError::new(StatusCode::UNAUTHORIZED, "token_required", why)
}
