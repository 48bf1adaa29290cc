//! Doors: who may come in, and whose accounts they see.
//!
//! Receives: a request's credentials from the guard.
//! Sends:    [`Access`] to the handlers; new desks and owners to `store`.
//! Promises: texts of tokens and licence keys are compared and forgotten, only hashes are kept; whatever is done to the
//!           tokens, here or beside the running service, counts within a second, also for who is in already.
//!           Of several nodes each looks at the tokens' rows five times a second; what opens a socket or a desk once is a row;
//!           whose account is whose is read anew with each word of a change. How often an address guessed wrong is counted by
//!           each node for itself.
//! Does not: know what a handler does with an access.

mod codes;
mod credentials;
mod failures;
mod launch;
mod owners;
mod refusal;
mod secrets;
mod tickets;
mod tokens;

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::http::StatusCode;

pub use credentials::{Credentials, Shown};
pub use launch::{Giver, LAUNCH_LIFETIME, Launched, cookie_name};
pub use owners::{Owner, OwnerKind, Owners};
pub use refusal::{Lost, NoTokenLeft};
pub use secrets::{new_token, random_text, sha256_hex};
pub use tokens::Tokens;

use self::{failures::Failures, launch::LaunchCodes, tickets::Tickets, tokens::find};
use super::{Access, ApiError, Scope};
use crate::{
    domain::{AccountId, SecretText, Timestamp},
    store::{DESK, LICENCE, StoreError, StoreHandle, TokenTable},
};

/// A browser that came by a launch link stays signed in this long after its last visit.
const DESK_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// Cheap to clone.
#[derive(Clone)]
pub struct Doors {
    store: StoreHandle,
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
            tokens: Tokens::open(store.clone())?,
            owners: Owners::load(store.clone()).await?,
            store,
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
        let table = self.table_for(&credentials).await?;
        let open = caller.is_here() && !table.locked;
        let mut access = match credentials.shown {
            Shown::Header(text) => self.by_token(&table, &text, caller.ip).await?,
            Shown::Ticket(text) => self.by_ticket(&table, &text, caller.ip).await?,
            Shown::Cookie(text) => match self.known(&table, &text) {
                Some(access) => access,
                None if open => Access::LOCAL,
                None if caller.for_page => Access::NOTHING,
                None => return Err(self.unknown(&text, caller.ip).await),
            },
            Shown::None if open => Access::LOCAL,
            Shown::None if caller.for_page && table.locked => Access::NOTHING,
            Shown::None => match &credentials.licence {
                Some(key) => self.by_token(&table, key, caller.ip).await?,
                None => return Err(refusal::token_required(&table, &caller)),
            },
        };
        if let Some(key) = &credentials.licence {
            access = self.for_licence(access, &licence_of(&table, key))?;
        } else if let Some(owner) = access.owner.clone() {
            access.accounts = Some(self.owners.accounts_of(&owner));
        }
        Ok(access)
    }

    /// Looked at anew for a token that is not known: perhaps it was made this moment.
    async fn table_for(&self, credentials: &Credentials) -> Result<Arc<TokenTable>, StoreError> {
        let watch = self.tokens.watch();
        let table = watch.recent().await?;
        let text = match &credentials.shown {
            Shown::Header(text) | Shown::Cookie(text) => Some(text),
            Shown::None => credentials.licence.as_ref(),
            Shown::Ticket(_) => None,
        };
        match text {
            Some(text) if find(&table, text).is_none() => watch.look().await,
            _ => Ok(table),
        }
    }

    async fn by_token(
        &self,
        table: &TokenTable,
        text: &SecretText,
        ip: IpAddr,
    ) -> Result<Access, ApiError> {
        match self.known(table, text) {
            Some(access) => Ok(access),
            None => Err(self.unknown(text, ip).await),
        }
    }

    fn known(&self, table: &TokenTable, text: &SecretText) -> Option<Access> {
        let token = find(table, text)?;
        let desk = token.scope == DESK;
        let scope = if desk {
            Scope::Admin
        } else {
            Scope::parse(&token.scope)?
        };
        self.tokens.used(token);
        Some(Access {
            scope,
            accounts: token.accounts.clone(),
            owner: (scope == Scope::Licence).then(|| match &token.owner {
                Some(id) => Owner::of_licence(id),
                None => Owner::licence(text),
            }),
            token: Some(token.id),
            generation: token.generation,
            desk,
            local: false,
        })
    }

    async fn by_ticket(
        &self,
        table: &TokenTable,
        text: &SecretText,
        ip: IpAddr,
    ) -> Result<Access, ApiError> {
        let Some(access) = tickets::take(&self.store, &self.tickets, text).await? else {
            return Err(self.refused(ip, "this ticket is used up or too old: ask for a new one"));
        };
        if Lost::of(table, &access).is_none() {
            return Ok(access);
        }
        // It may have been given out at another node, for a token that was made this moment.
        let table = self.tokens.watch().look().await?;
        match Lost::of(&table, &access) {
            None => Ok(access),
            Some(_) => Err(refusal::ended()),
        }
    }

    /// Whoever names a licence acts for it and sees nothing else.
    fn for_licence(&self, access: Access, licence: &Owner) -> Result<Access, ApiError> {
        // A token for some accounts has no part in a licence's.
        let some = access.token.is_some() && access.owner.is_none() && access.accounts.is_some();
        if some || access.owner.as_ref().is_some_and(|own| own != licence) {
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

    /// A token that was one is no guess, however often it is shown.
    async fn unknown(&self, text: &SecretText, ip: IpAddr) -> ApiError {
        if !self.failures.too_many(ip) && self.tokens.ended(text).await {
            return refusal::ended();
        }
        self.refused(ip, "this token is not known here")
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
        refusal::token_invalid(why)
    }

    /// Does this caller see the account now? Also for accounts that came after the caller.
    #[must_use]
    pub fn sees(&self, access: &Access, id: AccountId) -> bool {
        match &access.owner {
            Some(owner) => self.owners.owns(owner, id),
            None => access.sees(id),
        }
    }

    /// Did a caller who was let in lose the right since? How old what is known may be does not matter here: while
    /// nothing new is known, nobody is cut.
    #[must_use]
    /// Being on this machine is not enough.
    pub fn is_locked(&self) -> bool {
        self.tokens.watch().latest().locked
    }

    pub fn lost(&self, access: &Access) -> Option<Lost> {
        Lost::of(&self.tokens.watch().latest(), access)
    }

    /// A caller that another node let in. It may have been let in by a token that was made this moment.
    ///
    /// # Errors
    /// 401 when it lost the right meanwhile.
    pub async fn admit_passed(&self, access: &Access) -> Result<Access, ApiError> {
        if self.lost(access).is_some() {
            let table = self.tokens.watch().look().await?;
            if let Some(lost) = Lost::of(&table, access) {
                return Err(lost.into());
            }
        }
        Ok(access.clone())
    }

    /// After something that takes long, and before what follows from it.
    ///
    /// # Errors
    /// 401 when the caller lost the right meanwhile.
    pub fn still(&self, access: &Access) -> Result<(), ApiError> {
        self.lost(access).map_or(Ok(()), |lost| Err(lost.into()))
    }

    /// Ends when the caller loses the right.
    pub async fn until_lost(&self, access: &Access) -> Lost {
        let mut lost = None;
        let seen = self.tokens.watch().until(|table| {
            lost = Lost::of(table, access);
            lost.is_some()
        });
        seen.await;
        lost.unwrap_or(Lost::Ended)
    }

    /// Works for a caller for as long as it has the right.
    ///
    /// # Errors
    /// 401 once it has lost that.
    pub async fn meanwhile<T>(
        &self,
        access: &Access,
        work: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        tokio::select! {
            done = work => Ok(done),
            lost = self.until_lost(access) => Err(lost.into()),
        }
    }

    /// Who a caller is, for the log: the name of its token.
    #[must_use]
    pub fn name_of(&self, access: &Access) -> String {
        let Some(id) = access.token else {
            let name = if access.local { "local desk" } else { "nobody" };
            return name.to_owned();
        };
        let known = self.tokens.watch().latest();
        let token = known.tokens.iter().find(|token| token.id == id);
        token.map_or_else(|| format!("token {id}"), |token| token.name.clone())
    }

    /// A ticket for one WebSocket, for clients that can't set a header.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn ticket(&self, access: Access) -> Result<(SecretText, Timestamp), StoreError> {
        tickets::give(&self.store, &self.tickets, access).await
    }

    /// A code that opens the desk once, within ten minutes. It is no token.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn launch_code(&self, giver: Giver) -> Result<SecretText, StoreError> {
        launch::give(&self.store, &self.codes, giver).await
    }

    /// A code for whoever sits at the console; worth something as long as a token of now counts.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn console_code(&self) -> Result<SecretText, StoreError> {
        let table = self.tokens.watch().latest();
        let tokens = table.tokens.iter().map(|token| token.id).collect();
        self.launch_code(Giver::Console(tokens)).await
    }

    /// Turns a launch code into the text of a desk's token.
    ///
    /// # Errors
    /// When the token can't be stored.
    pub async fn launch(&self, code: &SecretText) -> Result<Launched, StoreError> {
        let Some(giver) = launch::take(&self.store, &self.codes, code).await? else {
            return Ok(Launched::Refused);
        };
        let table = self.tokens.watch().look().await?;
        let launched_by = match giver {
            Giver::Caller(access) if Lost::of(&table, &access).is_none() => access.token,
            Giver::Console(tokens) if tokens.iter().any(|id| table.get(*id).is_some()) => None,
            Giver::Caller(_) | Giver::Console(_) => return Ok(Launched::Refused),
        };
        if !table.locked {
            return Ok(Launched::Open);
        }
        let text = self.tokens.make_desk(launched_by).await?;
        Ok(Launched::Desk { text, launched_by })
    }
}

/// Whose a key is: a licence's that has it now, or one that is known by nothing else.
fn licence_of(table: &TokenTable, key: &SecretText) -> Owner {
    let token = find(table, key).filter(|token| token.scope == LICENCE);
    match token.and_then(|token| token.owner.as_deref()) {
        Some(id) => Owner::of_licence(id),
        None => Owner::licence(key),
    }
}

/// What is known of a caller besides its credentials.
#[derive(Clone, Debug)]
pub struct Caller {
    pub ip: IpAddr,
    /// What shows that a proxy stood in between.
    pub passed_on: Option<String>,
    /// Asks for a page or its files, which hold no data.
    pub for_page: bool,
}

impl Caller {
    /// From this machine, with nobody in between.
    const fn is_here(&self) -> bool {
        self.ip.is_loopback() && self.passed_on.is_none()
    }
}
