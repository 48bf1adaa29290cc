//! account.*: the password, other sessions, presence and settings.

use grammers_tl_types::{enums, functions::account as f, types};

use super::Call;
use crate::{
    port::KeyId,
    world::{GENERATOR, Refusal, World, bad, padded, prime, view::blank_notify},
};

pub fn get_password(
    world: &mut World,
    call: &Call,
    _: f::GetPassword,
) -> Result<enums::account::Password, Refusal> {
    let owner = world.password_owner(call.key())?;
    let (recovery, reset_at) = {
        let account = world.account(owner)?;
        (account.recovery, account.reset_at)
    };
    let challenge = world.password_challenge(call.key(), call.dc())?;
    let algo = |salt1: Vec<u8>, salt2: Vec<u8>| -> enums::PasswordKdfAlgo {
        types::PasswordKdfAlgoSha256Sha256Pbkdf2Hmacsha512iter100000Sha256ModPow {
            salt1,
            salt2,
            g: GENERATOR,
            p: padded(&prime()),
        }
        .into()
    };
    let new_algo = algo(
        world.random_bytes::<8>().to_vec(),
        world.random_bytes::<16>().to_vec(),
    );
    let secure_salt = world.random_bytes::<8>().to_vec();
    let new_secure_algo =
        types::SecurePasswordKdfAlgoPbkdf2Hmacsha512iter100000 { salt: secure_salt }.into();
    let secure_random = world.random_bytes::<256>().to_vec();
    let (password, challenge) = challenge.unzip();
    Ok(types::account::Password {
        has_recovery: recovery,
        has_secure_values: false,
        has_password: password.is_some(),
        hint: password.as_ref().and_then(|password| password.hint.clone()),
        current_algo: password.map(|password| algo(password.salt1, password.salt2)),
        srp_id: challenge.as_ref().map(|challenge| challenge.srp_id),
        srp_b: challenge.map(|challenge| challenge.b_public),
        email_unconfirmed_pattern: None,
        new_algo,
        new_secure_algo,
        secure_random,
        pending_reset_date: reset_at,
        login_email_pattern: None,
    }
    .into())
}

pub fn authorization_of(world: &World, key: KeyId, current: bool) -> enums::Authorization {
    let state = world.keys.get(&key);
    let client = state
        .and_then(|state| state.client.clone())
        .unwrap_or_default();
    types::Authorization {
        current,
        official_app: false,
        password_pending: false,
        encrypted_requests_disabled: false,
        call_requests_disabled: false,
        unconfirmed: false,
        hash: if current {
            0
        } else {
            state.map_or(0, |state| state.hash)
        },
        device_model: client.device_model.clone(),
        platform: String::new(),
        system_version: client.system_version.clone(),
        api_id: client.api_id,
        app_name: "client".to_owned(),
        app_version: client.app_version.clone(),
        date_created: state.map_or(0, |state| state.created),
        date_active: state.map_or(0, |state| state.active),
        ip: "127.0.0.1".to_owned(),
        country: String::new(),
        region: String::new(),
    }
    .into()
}

/// Who signs in: the only purpose that is known here.
fn signing_in(purpose: enums::EmailVerifyPurpose) -> Result<(String, String), Refusal> {
    match purpose {
        enums::EmailVerifyPurpose::LoginSetup(setup) => {
            Ok((setup.phone_number, setup.phone_code_hash))
        }
        _ => Err(bad("EMAIL_NOT_SETUP")),
    }
}

pub fn send_verify_email_code(
    world: &mut World,
    _: &Call,
    r: f::SendVerifyEmailCode,
) -> Result<enums::account::SentEmailCode, Refusal> {
    let (phone, hash) = signing_in(r.purpose)?;
    let sent = world.send_email_code((&phone, &hash), &r.email)?;
    let (name, domain) = r.email.split_once('@').unwrap_or_default();
    let first: String = name.chars().take(1).collect();
    Ok(types::account::SentEmailCode {
        email_pattern: format!("{first}***@{domain}"),
        length: sent.code.chars().count() as i32,
    }
    .into())
}

pub fn verify_email(
    world: &mut World,
    _: &Call,
    r: f::VerifyEmail,
) -> Result<enums::account::EmailVerified, Refusal> {
    let (phone, hash) = signing_in(r.purpose)?;
    let enums::EmailVerification::Code(proof) = r.verification else {
        return Err(bad("EMAIL_TOKEN_INVALID"));
    };
    let sent = world.verify_email(&phone, &hash, &proof.code)?;
    Ok(types::account::EmailVerifiedLogin {
        email: "an address".to_owned(),
        sent_code: super::auth::sent_code(world, &sent),
    }
    .into())
}

pub fn get_authorizations(
    world: &mut World,
    call: &Call,
    _: f::GetAuthorizations,
) -> Result<enums::account::Authorizations, Refusal> {
    let keys = &world.account(call.user)?.keys;
    let authorizations = keys
        .iter()
        .map(|key| authorization_of(world, *key, *key == call.key()))
        .collect();
    Ok(types::account::Authorizations {
        authorization_ttl_days: 180,
        authorizations,
    }
    .into())
}

pub fn reset_authorization(
    world: &mut World,
    call: &Call,
    r: f::ResetAuthorization,
) -> Result<bool, Refusal> {
    world
        .end_session_by_hash(call.key(), call.user, r.hash)
        .map(|_| true)
}

pub fn update_status(world: &mut World, call: &Call, r: f::UpdateStatus) -> Result<bool, Refusal> {
    world.set_online(call.user, !r.offline);
    Ok(true)
}

pub fn get_notify_settings(
    _: &mut World,
    _: &Call,
    _: f::GetNotifySettings,
) -> Result<enums::PeerNotifySettings, Refusal> {
    Ok(blank_notify().into())
}

pub fn update_notify_settings(
    world: &mut World,
    call: &Call,
    r: f::UpdateNotifySettings,
) -> Result<bool, Refusal> {
    let enums::InputNotifyPeer::Peer(peer) = &r.peer else {
        return Err(bad("PEER_ID_INVALID"));
    };
    let chat = world.resolve_peer(call.user, &peer.peer)?;
    let enums::InputPeerNotifySettings::Settings(settings) = &r.settings;
    if let Some(until) = settings.mute_until {
        world.mute(call.user, chat, until, Some(call.key()))?;
    }
    Ok(true)
}

pub fn register_device(_: &mut World, _: &Call, _: f::RegisterDevice) -> Result<bool, Refusal> {
    Ok(true)
}
