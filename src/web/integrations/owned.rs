//! Owned: an owner's one account: found, signed in, looked at. All through the same doors as the desk.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use crate::{
    domain::{Account, AccountId, AccountState, Login, LoginStep, SecretText, mask_phone},
    store::OwnerRecord,
    supervisor::{SignInError, Whose},
    telegram::{CallError, LoginError, SignInMethod},
    web::{
        ApiError, Service, adding::AddedBy, calls::nobody, doors::Owner,
        integrations::caller::Caller, login::check_email, under_way::UnderWay,
    },
};

/// A link that is being made is asked again this soon.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// An owner's account.
pub struct Owned {
    pub record: OwnerRecord,
    pub account: Account,
}

impl Owned {
    pub const fn id(&self) -> AccountId {
        self.account.id
    }

    /// Signed in, whether the line stands at this moment or not.
    pub const fn is_connected(&self) -> bool {
        self.account.is_active
            && matches!(
                self.account.state,
                AccountState::Connecting
                    | AccountState::Online
                    | AccountState::Reconnecting
                    | AccountState::Limited
                    | AccountState::Failed
            )
    }

    /// It has a session at Telegram, in use or switched off.
    pub fn is_signed_in(&self) -> bool {
        self.is_connected() || self.is_stopped()
    }

    /// Switched off, at the desk or in Supabase; its session is still there.
    pub fn is_stopped(&self) -> bool {
        self.account.state == AccountState::Stopped
    }

    /// It was signed in, and a person has to sign in again.
    pub const fn needs_login(&self) -> bool {
        matches!(
            self.account.state,
            AccountState::NeedsLogin | AccountState::Banned
        )
    }
}

pub async fn find(service: &Service, owner: &Owner) -> Result<Option<Owned>, ApiError> {
    let Some(record) = service.doors.owners.record(owner) else {
        return Ok(None);
    };
    let account = service.store.get_account(record.account_id).await?;
    Ok(account.map(|account| Owned { record, account }))
}

/// Starts a sign-in; an owner without an account gets one. One that is signed in keeps the account that it has: another
/// number is refused until that one is disconnected.
pub async fn begin(
    caller: &Caller,
    owner: &Owner,
    label: &str,
    method: SignInMethod,
) -> Result<(Owned, Login), ApiError> {
    let (owned, new, _turn) = loop {
        let (owned, new) = claim(caller, owner, label, &method).await?;
        let turn = caller.starting.of(owned.id()).await;
        // Whoever had the turn before may have taken the account back.
        if caller.doors.owners.owns(owner, owned.id()) {
            break (owned, new, turn);
        }
    };
    let id = owned.id();
    if !caller.ownership.may_run(id) {
        // The owner's program called another node at the same moment, which made the account.
        return Err(nobody());
    }
    let adding = match new {
        None if owned.account.user.is_none() => {
            let again = caller.adding.begin();
            let addition = caller.addition(id, &again, caller.call);
            caller.store.add_anew(addition).await?;
            Some(again)
        }
        new => new,
    };
    let begun = begin_with(caller, owner, id, method, adding.as_ref()).await;
    let is_new = adding.is_some();
    drop(adding);
    match begun {
        Ok(login) => Ok((owned, login)),
        Err(error) => {
            if is_new {
                // Nothing was signed in: an account that nobody has must not stay behind.
                caller.take_back(id).await;
            }
            Err(error)
        }
    }
}

async fn begin_with(
    service: &Service,
    owner: &Owner,
    id: AccountId,
    method: SignInMethod,
    adding: Option<&UnderWay>,
) -> Result<Login, ApiError> {
    let sign_ins = service.supervisor.sign_ins();
    let begun = sign_ins.begin(id, method, Whose::Owner(owner.tag())).await;
    if let Some(adding) = adding
        // One that was under way before goes on.
        && (begun.is_ok() || sign_ins.login_of(id).is_some())
    {
        service.is_added(id, adding).await?;
    }
    Ok(begun?)
}

/// The owner's account, or a new one. Another number than before is another Telegram user, and so another account.
async fn claim(
    caller: &Caller,
    owner: &Owner,
    label: &str,
    method: &SignInMethod,
) -> Result<(Owned, Option<UnderWay>), ApiError> {
    let _turn = caller.doors.owners.turn(owner).await?;
    if let Some(owned) = find(caller, owner).await? {
        if owned.is_signed_in() && owned.account.user.is_some() && is_another(&owned, method) {
            return Err(already_connected());
        }
        if owned.is_signed_in() || owned.account.user.is_none() || same_number(&owned, method) {
            return Ok((owned, None));
        }
    }
    let api = caller.api.clone().ok_or_else(|| {
        ApiError::unavailable(
            "api_credentials_missing",
            "this server has no api_id and api_hash: set TELEGRAM_API_ID and TELEGRAM_API_HASH",
        )
    })?;
    let added = caller.add_account(AddedBy {
        label: label.to_owned(),
        colour: None,
        api,
        archive: None,
        device: None,
        proxies: None,
        owner: Some(owner.clone()),
        call: caller.call,
    });
    let (added, under_way) = added.await?;
    let record = added
        .owner
        .ok_or_else(|| ApiError::internal("an account was added without its owner"))?;
    let owned = Owned {
        record,
        account: added.account,
    };
    Ok((owned, Some(under_way)))
}

fn already_connected() -> ApiError {
    ApiError::conflict(
        "already_connected",
        "another number is connected: disconnect it first",
    )
}

/// Certainly another number than the account's.
fn is_another(owned: &Owned, method: &SignInMethod) -> bool {
    owned.account.phone.is_some()
        && matches!(method, SignInMethod::Phone(_))
        && !same_number(owned, method)
}

fn same_number(owned: &Owned, method: &SignInMethod) -> bool {
    match method {
        SignInMethod::Phone(phone) => {
            owned.account.phone.as_deref() == Some(mask_phone(phone.expose()).as_str())
        }
        SignInMethod::Qr | SignInMethod::SessionString(_) => owned.needs_login(),
    }
}

/// What came of a code or a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verified {
    Done,
    PasswordNeeded,
    /// The code was the e-mail address's; the number's own follows.
    NextCode(Box<Login>),
}

/// The account has two-step verification: with what Telegram says of its password.
pub fn password_needed(service: &Service, id: AccountId, code: &'static str) -> ApiError {
    let told = ApiError::conflict(
        code,
        "this account has two-step verification: send the password as well",
    );
    let login = service.supervisor.sign_ins().login_of(id);
    match login.filter(|login| login.step == LoginStep::Password) {
        Some(login) => told.with(json!({
            "hint": login.password_hint,
            "recovery": login.password_recovery,
            "reset_at": login.password_reset_at,
        })),
        None => told,
    }
}

/// The e-mail address that Telegram wants the account to have; a code goes there.
pub async fn set_email(
    service: &Service,
    id: AccountId,
    email: SecretText,
) -> Result<Login, ApiError> {
    let email = check_email(email)?;
    Ok(service
        .supervisor
        .sign_ins()
        .submit_email(id, email)
        .await?)
}

/// The code once more, by the next way.
pub async fn resend(service: &Service, id: AccountId) -> Result<Login, ApiError> {
    Ok(service.supervisor.sign_ins().resend(id).await?)
}

/// Goes on with a sign-in as far as what is given reaches.
pub async fn verify(
    service: &Service,
    owner: &Owner,
    id: AccountId,
    code: Option<SecretText>,
    password: Option<SecretText>,
) -> Result<Verified, ApiError> {
    let result = answer_steps(service, id, code, password).await;
    if let Err(SignInError::Login(LoginError::AlreadyAnotherUser)) = &result
        && find(service, owner)
            .await?
            .is_none_or(|owned| !owned.is_signed_in())
    {
        leave(service, owner, id).await?;
    }
    Ok(result?)
}

/// The next start gets an account of its own; what was read as the other user stays with the desk.
pub async fn leave(service: &Service, owner: &Owner, id: AccountId) -> Result<(), ApiError> {
    service.doors.owners.forget(id).await?;
    log::info!(target: "switchboard::account", "account={id} was left by its owner {}", owner.short());
    Ok(())
}

async fn answer_steps(
    service: &Service,
    id: AccountId,
    code: Option<SecretText>,
    password: Option<SecretText>,
) -> Result<Verified, SignInError> {
    let sign_ins = service.supervisor.sign_ins();
    let step = sign_ins.login_of(id).map(|login| login.step);
    let step = match (step, code) {
        (Some(LoginStep::Code), Some(code)) => match sign_ins.submit_code(id, code).await {
            Ok(login) if login.step == LoginStep::Code => {
                return Ok(Verified::NextCode(Box::new(login)));
            }
            Ok(login) => login.step,
            Err(SignInError::Login(LoginError::PasswordNeeded)) => LoginStep::Password,
            Err(error) => return Err(error),
        },
        (Some(LoginStep::Password), _) => LoginStep::Password,
        (Some(LoginStep::Email), _) => return Err(LoginError::EmailRequired.into()),
        (Some(LoginStep::Code | LoginStep::Scan), _) => return Err(LoginError::WrongStep.into()),
        (Some(LoginStep::Done) | None, _) => return Err(SignInError::NotStarted),
    };
    match (step, password) {
        (LoginStep::Done, _) => Ok(Verified::Done),
        (LoginStep::Password, Some(password)) => {
            let login = sign_ins.submit_password(id, password).await?;
            match login.step {
                LoginStep::Done => Ok(Verified::Done),
                _ => Err(LoginError::WrongStep.into()),
            }
        }
        (LoginStep::Password, None) => Ok(Verified::PasswordNeeded),
        (LoginStep::Code | LoginStep::Email | LoginStep::Scan, _) => {
            Err(LoginError::WrongStep.into())
        }
    }
}

/// The Telegram user behind an account, as its owner may see it.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    pub id: i64,
    pub first_name: String,
    pub last_name: Option<String>,
    pub username: Option<String>,
    /// Whole when Telegram says it now, else masked: it is stored nowhere.
    #[serde(skip)]
    pub phone: Option<String>,
}

/// Asks Telegram, for as long as a person would wait; then tells what is stored.
pub async fn person(
    service: &Service,
    account: &Account,
    patience: Duration,
) -> Result<Person, ApiError> {
    let deadline = Instant::now() + patience;
    loop {
        match ask(service, account.id, deadline).await {
            Ok(person) => return Ok(person),
            Err(error @ CallError::SignedOut(_)) => return Err(error.into()),
            Err(error) if Instant::now() >= deadline => {
                return stored(account).ok_or_else(|| error.into());
            }
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

async fn ask(service: &Service, id: AccountId, deadline: Instant) -> Result<Person, CallError> {
    let away = || CallError::Network("the account is not connected".to_owned());
    let link = service.supervisor.link(id).await.ok_or_else(away)?;
    let asked = tokio::time::timeout_at(deadline.into(), link.me_with_phone()).await;
    let (user, phone) = asked.map_err(|_| CallError::TimedOut)??;
    Ok(Person {
        id: user.id,
        first_name: user.first_name,
        last_name: user.last_name,
        username: user.username,
        phone: phone.map(|phone| phone.expose().to_owned()),
    })
}

/// From the rows: with the masked number.
pub fn stored(account: &Account) -> Option<Person> {
    let user = account.user.clone()?;
    Some(Person {
        id: user.id,
        first_name: user.first_name,
        last_name: user.last_name,
        username: user.username,
        phone: account.phone.clone(),
    })
}

/// An account that was signed in but can't be used: what its owner is told.
pub fn login_required() -> ApiError {
    ApiError::conflict(
        "login_required",
        "the session at Telegram has ended: sign in again",
    )
}
