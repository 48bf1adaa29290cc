//! Login: the steps of a sign-in over REST. Codes and passwords go straight through.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::{Access, ApiError, Service, audit::Note, optional, ways};
use crate::{
    domain::{AccountId, Login, LoginStep, SecretText},
    remote,
    telegram::{LoginError, SignInMethod},
};

/// Which way to sign in was asked for; `None` when none was.
pub fn method_of(
    phone: Option<SecretText>,
    qr: bool,
    session: Option<SecretText>,
) -> Result<Option<SignInMethod>, ApiError> {
    match (phone, qr, session) {
        (None, false, None) => Ok(None),
        (Some(phone), false, None) => Ok(Some(SignInMethod::Phone(check_phone(&phone)?))),
        (None, true, None) => Ok(Some(SignInMethod::Qr)),
        (None, false, Some(session)) => Ok(Some(SignInMethod::SessionString(session))),
        _ => Err(ApiError::unprocessable(
            "login_method_ambiguous",
            "give one of phone, qr and session",
        )),
    }
}

/// International form: `+` and 7 to 15 digits; spaces, dashes and brackets are taken out.
pub fn check_phone(phone: &SecretText) -> Result<SecretText, ApiError> {
    let kept: String = phone
        .expose()
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')' | '\u{a0}'))
        .collect();
    let digits = kept.strip_prefix('+').unwrap_or(&kept);
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::unprocessable(
            "phone_invalid",
            "write the phone number in international form: + and 7 to 15 digits",
        ));
    }
    Ok(SecretText::new(format!("+{digits}")))
}

/// Has the shape of an address; Telegram says the rest.
pub fn check_email(email: SecretText) -> Result<SecretText, ApiError> {
    let (name, domain) = email.expose().trim().split_once('@').unwrap_or_default();
    if name.is_empty() || domain.is_empty() || email.expose().len() > 254 {
        return Err(LoginError::EmailRefused.into());
    }
    Ok(email)
}

#[derive(Deserialize)]
pub struct BeginLogin {
    phone: Option<SecretText>,
    #[serde(default)]
    qr: bool,
    session: Option<SecretText>,
    #[serde(default, deserialize_with = "optional::given")]
    proxies: optional::Given<Vec<SecretText>>,
}

pub async fn begin_login(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    body: web::Json<BeginLogin>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let body = body.into_inner();
    let method = method_of(body.phone, body.qr, body.session)?.ok_or_else(|| {
        ApiError::unprocessable("login_method_missing", "give one of phone, qr and session")
    })?;
    if let Some(proxies) = body.proxies.map(ways::read).transpose()? {
        service.set_ways(*id, proxies.as_deref()).await?;
        remote::take_other_ways(&service, *id).await?;
    }
    let login = service
        .supervisor
        .sign_ins()
        .begin(*id, method, crate::supervisor::Whose::Desk)
        .await?;
    note_end(&note, &login);
    answer(&service, &access, *id, Some(login)).await
}

#[derive(Deserialize)]
pub struct Code {
    code: SecretText,
}

pub async fn submit_code(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    body: web::Json<Code>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let code = body.into_inner().code;
    let login = service.supervisor.sign_ins().submit_code(*id, code).await?;
    note_end(&note, &login);
    answer(&service, &access, *id, Some(login)).await
}

#[derive(Deserialize)]
pub struct Email {
    email: SecretText,
}

pub async fn submit_email(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
    body: web::Json<Email>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let email = check_email(body.into_inner().email)?;
    let sign_ins = service.supervisor.sign_ins();
    let login = sign_ins.submit_email(*id, email).await?;
    answer(&service, &access, *id, Some(login)).await
}

#[derive(Deserialize)]
pub struct Password {
    password: SecretText,
}

pub async fn submit_password(
    service: web::Data<Service>,
    access: Access,
    note: Note,
    id: web::Path<AccountId>,
    body: web::Json<Password>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let password = body.into_inner().password;
    let login = service
        .supervisor
        .sign_ins()
        .submit_password(*id, password)
        .await?;
    note_end(&note, &login);
    answer(&service, &access, *id, Some(login)).await
}

pub async fn resend_code(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    let login = service.supervisor.sign_ins().resend(*id).await?;
    answer(&service, &access, *id, Some(login)).await
}

pub async fn get_login(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    let login = service.supervisor.sign_ins().login_of(*id);
    answer(&service, &access, *id, login).await
}

pub async fn cancel_login(
    service: web::Data<Service>,
    access: Access,
    id: web::Path<AccountId>,
) -> Result<HttpResponse, ApiError> {
    service.account(&access, *id).await?;
    service.supervisor.sign_ins().cancel(*id).await;
    answer(&service, &access, *id, None).await
}

/// Whoever may not sign in sees no QR address and no hint of a password.
pub fn seen_by(access: &Access, login: Option<Login>) -> Option<Login> {
    match access.may_sign_in() {
        true => login,
        false => login.map(Login::for_looking),
    }
}

/// A sign-in that came to its end is noted as such.
fn note_end(note: &Note, login: &Login) {
    if login.step == LoginStep::Done {
        note.action("signed_in");
    }
}

async fn answer(
    service: &Service,
    access: &Access,
    id: AccountId,
    login: Option<Login>,
) -> Result<HttpResponse, ApiError> {
    let account = service.account(access, id).await?;
    let ended = match &login {
        None if access.may_sign_in() => service.supervisor.sign_ins().ended(id),
        _ => None,
    };
    let ended = ended.map(|error| ApiError::from(error).told());
    let login = seen_by(access, login);
    Ok(HttpResponse::Ok().json(json!({ "login": login, "account": account, "ended": ended })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_taken_as_people_write_it() {
        for (written, kept) in [
            ("+999 66 2-1234", Some("+999662 1234".replace(' ', ""))),
            ("9996621234", Some("+9996621234".to_owned())),
            ("+99966", None),
            ("call me", None),
            ("+99966212345678901", None),
        ] {
            let checked = check_phone(&SecretText::new(written)).ok();
            assert_eq!(
                checked.map(|phone| phone.expose().to_owned()),
                kept,
                "{written}"
            );
        }
    }
}
