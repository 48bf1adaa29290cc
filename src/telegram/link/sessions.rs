//! Sessions: where else the account is signed in, and how one of these sign-ins is ended.

use grammers_client::tl;
use tl::enums::{Authorization, account::Authorizations};

use super::shared::Shared;
use crate::{
    domain::{DeviceSession, Timestamp},
    telegram::CallError,
};

pub(super) async fn list(shared: &Shared) -> Result<Vec<DeviceSession>, CallError> {
    let request = tl::functions::account::GetAuthorizations {};
    let Authorizations::Authorizations(answer) = shared.call(request).await?;
    let mut sessions: Vec<DeviceSession> = answer.authorizations.into_iter().map(shown).collect();
    sessions.sort_by_key(|session| (!session.current, std::cmp::Reverse(session.active_at)));
    Ok(sessions)
}

pub(super) async fn end(shared: &Shared, hash: i64) -> Result<bool, CallError> {
    let request = tl::functions::account::ResetAuthorization { hash };
    match shared.call(request).await {
        Ok(done) => Ok(done),
        Err(CallError::Rejected { code, .. }) if code == "HASH_INVALID" => Ok(false),
        Err(error) => Err(error),
    }
}

fn shown(session: Authorization) -> DeviceSession {
    let Authorization::Authorization(session) = session;
    let time = |seconds: i32| Timestamp::from_seconds(i64::from(seconds));
    DeviceSession {
        hash: session.hash.to_string(),
        current: session.current,
        official_app: session.official_app,
        unconfirmed: session.unconfirmed,
        device: session.device_model,
        system: [session.platform, session.system_version]
            .join(" ")
            .trim()
            .to_owned(),
        app: [session.app_name, session.app_version]
            .join(" ")
            .trim()
            .to_owned(),
        ip: session.ip,
        country: session.country,
        created_at: time(session.date_created),
        active_at: time(session.date_active),
    }
}
