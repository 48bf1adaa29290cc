//! auth.*: signing in and out.

use grammers_tl_types::{enums, functions::auth as f, types};

use super::Call;
use crate::world::{
    CodeKind, LoginTokenState, Refusal, SentCode, SignedIn, World, bad, view::Detail,
};

fn check_app(api_id: i32, api_hash: &str) -> Result<(), Refusal> {
    if api_id <= 0 || api_hash.is_empty() {
        Err(bad("API_ID_INVALID"))
    } else {
        Ok(())
    }
}

pub(super) fn sent_code(world: &World, sent: &SentCode) -> enums::auth::SentCode {
    let length = sent.code.chars().count() as i32;
    let (kind, next) = match sent.kind {
        CodeKind::App => (
            types::auth::SentCodeTypeApp { length }.into(),
            Some(enums::auth::CodeType::Sms),
        ),
        CodeKind::Sms => (
            types::auth::SentCodeTypeSms { length }.into(),
            Some(enums::auth::CodeType::Call),
        ),
        CodeKind::Call => (types::auth::SentCodeTypeCall { length }.into(), None),
        CodeKind::FlashCall => {
            let pattern = "+99966*".to_owned();
            (types::auth::SentCodeTypeFlashCall { pattern }.into(), None)
        }
        CodeKind::MissedCall => {
            let prefix = "+99966".to_owned();
            let kind = types::auth::SentCodeTypeMissedCall { prefix, length };
            (kind.into(), None)
        }
        CodeKind::Fragment => {
            let url = "https://fragment.com/my/numbers".to_owned();
            (
                types::auth::SentCodeTypeFragmentSms { url, length }.into(),
                None,
            )
        }
        CodeKind::Email => (
            types::auth::SentCodeTypeEmailCode {
                apple_signin_allowed: false,
                google_signin_allowed: false,
                email_pattern: "a***l@example.com".to_owned(),
                length,
                reset_available_period: None,
                reset_pending_date: None,
            }
            .into(),
            None,
        ),
        CodeKind::SetUpEmail | CodeKind::Recaptcha => (
            types::auth::SentCodeTypeSetUpEmailRequired {
                apple_signin_allowed: false,
                google_signin_allowed: false,
            }
            .into(),
            None,
        ),
        CodeKind::Word => {
            let beginning = Some("h".to_owned());
            (types::auth::SentCodeTypeSmsWord { beginning }.into(), None)
        }
        CodeKind::Phrase => {
            let beginning = Some("green".to_owned());
            (
                types::auth::SentCodeTypeSmsPhrase { beginning }.into(),
                None,
            )
        }
        CodeKind::Payment => {
            return types::auth::SentCodePaymentRequired {
                store_product: "org.telegram.auth".to_owned(),
                phone_code_hash: sent.hash.clone(),
                support_email_address: "support@example.com".to_owned(),
                support_email_subject: "Sign-in".to_owned(),
                premium_days: 7,
                currency: "USD".to_owned(),
                amount: 99,
            }
            .into();
        }
    };
    types::auth::SentCode {
        r#type: kind,
        phone_code_hash: sent.hash.clone(),
        next_type: next,
        timeout: Some((sent.resend_at - world.now()).max(0)),
    }
    .into()
}

fn authorization(world: &World, signed_in: SignedIn) -> enums::auth::Authorization {
    types::auth::Authorization {
        setup_password_required: false,
        otherwise_relogin_days: None,
        tmp_sessions: None,
        future_auth_token: None,
        user: world.user_tl(signed_in.user, signed_in.user, Detail::Full),
    }
    .into()
}

pub fn send_code(
    world: &mut World,
    call: &Call,
    r: f::SendCode,
) -> Result<enums::auth::SentCode, Refusal> {
    check_app(r.api_id, &r.api_hash)?;
    let sent = world.send_code(call.dc(), &r.phone_number)?;
    Ok(sent_code(world, &sent))
}

pub fn resend_code(
    world: &mut World,
    _: &Call,
    r: f::ResendCode,
) -> Result<enums::auth::SentCode, Refusal> {
    let sent = world.resend_code(&r.phone_number, &r.phone_code_hash)?;
    Ok(sent_code(world, &sent))
}

pub fn cancel_code(world: &mut World, _: &Call, r: f::CancelCode) -> Result<bool, Refusal> {
    world
        .cancel_code(&r.phone_number, &r.phone_code_hash)
        .map(|()| true)
}

pub fn sign_in(
    world: &mut World,
    call: &Call,
    r: f::SignIn,
) -> Result<enums::auth::Authorization, Refusal> {
    let by_email = r.email_verification.map(|proof| match proof {
        enums::EmailVerification::Code(proof) => proof.code,
        enums::EmailVerification::Google(proof) => proof.token,
        enums::EmailVerification::Apple(proof) => proof.token,
    });
    let code = r.phone_code.or(by_email).unwrap_or_default();
    match world.sign_in(
        call.key(),
        call.dc(),
        &r.phone_number,
        &r.phone_code_hash,
        &code,
    )? {
        Some(signed_in) => Ok(authorization(world, signed_in)),
        None => Ok(types::auth::AuthorizationSignUpRequired {
            terms_of_service: None,
        }
        .into()),
    }
}

pub fn sign_up(
    world: &mut World,
    call: &Call,
    r: f::SignUp,
) -> Result<enums::auth::Authorization, Refusal> {
    let name = (r.first_name.as_str(), r.last_name.as_str());
    let signed_in = world.sign_up(
        call.key(),
        call.dc(),
        &r.phone_number,
        &r.phone_code_hash,
        name,
    )?;
    Ok(authorization(world, signed_in))
}

pub fn check_password(
    world: &mut World,
    call: &Call,
    r: f::CheckPassword,
) -> Result<enums::auth::Authorization, Refusal> {
    let answer = match &r.password {
        enums::InputCheckPasswordSrp::Srp(answer) => Some(answer),
        enums::InputCheckPasswordSrp::InputCheckPasswordEmpty => None,
    };
    let signed_in = world.check_password(call.key(), call.dc(), answer)?;
    Ok(authorization(world, signed_in))
}

fn login_token(world: &World, state: LoginTokenState) -> enums::auth::LoginToken {
    match state {
        LoginTokenState::Shown { token, expires } => {
            types::auth::LoginToken { expires, token }.into()
        }
        LoginTokenState::ElsewhereAt { dc_id, token } => {
            types::auth::LoginTokenMigrateTo { dc_id, token }.into()
        }
        LoginTokenState::Done(signed_in) => types::auth::LoginTokenSuccess {
            authorization: authorization(world, signed_in),
        }
        .into(),
    }
}

pub fn export_login_token(
    world: &mut World,
    call: &Call,
    r: f::ExportLoginToken,
) -> Result<enums::auth::LoginToken, Refusal> {
    check_app(r.api_id, &r.api_hash)?;
    let state = world.export_login_token(call.key(), call.dc())?;
    Ok(login_token(world, state))
}

pub fn import_login_token(
    world: &mut World,
    call: &Call,
    r: f::ImportLoginToken,
) -> Result<enums::auth::LoginToken, Refusal> {
    let state = world.import_login_token(call.key(), call.dc(), &r.token)?;
    Ok(login_token(world, state))
}

pub fn accept_login_token(
    world: &mut World,
    call: &Call,
    r: f::AcceptLoginToken,
) -> Result<enums::Authorization, Refusal> {
    let key = world.accept_login_token(&r.token, call.user)?;
    Ok(super::account::authorization_of(world, key, false))
}

pub fn log_out(
    world: &mut World,
    call: &Call,
    _: f::LogOut,
) -> Result<enums::auth::LoggedOut, Refusal> {
    world.log_out(call.key());
    Ok(types::auth::LoggedOut {
        future_auth_token: None,
    }
    .into())
}

pub fn reset_authorizations(
    world: &mut World,
    call: &Call,
    _: f::ResetAuthorizations,
) -> Result<bool, Refusal> {
    world.end_sessions(call.user, Some(call.key()), "SESSION_REVOKED");
    Ok(true)
}

pub fn export_authorization(
    world: &mut World,
    call: &Call,
    r: f::ExportAuthorization,
) -> Result<enums::auth::ExportedAuthorization, Refusal> {
    if r.dc_id == call.dc() || !call.dcs.iter().any(|(id, _)| *id == r.dc_id) {
        return Err(bad("DC_ID_INVALID"));
    }
    let (id, bytes) = world.export_authorization(call.user);
    Ok(types::auth::ExportedAuthorization { id, bytes }.into())
}

pub fn import_authorization(
    world: &mut World,
    call: &Call,
    r: f::ImportAuthorization,
) -> Result<enums::auth::Authorization, Refusal> {
    let signed_in = world.import_authorization(call.key(), call.dc(), r.id, &r.bytes)?;
    Ok(authorization(world, signed_in))
}
