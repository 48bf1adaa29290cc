//! Launch: how a browser gets its cookie, and how a page gets its ticket for a WebSocket.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Access, ApiError, Gate, Service,
    audit::Note,
    doors::{Giver, LAUNCH_LIFETIME, Launched, cookie_name},
    front::OwnAddress,
};
use crate::domain::{SecretText, Timestamp};

/// 400 days, the longest that browsers keep one; the token behind it ends sooner when it is not used.
const COOKIE_SECONDS: u32 = 400 * 24 * 3600;

#[derive(Deserialize)]
pub struct Code {
    code: SecretText,
}

/// The launch link: trades its code for a cookie that scripts can't read and other sites can't send.
pub async fn open_desk(
    request: HttpRequest,
    service: web::Data<Service>,
    gate: web::Data<Gate>,
    note: Note,
    query: web::Query<Code>,
) -> Result<HttpResponse, ApiError> {
    let mut answer = HttpResponse::SeeOther();
    answer
        .insert_header((header::LOCATION, "/"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    match service.doors.launch(&query.code).await? {
        Launched::Desk { text, launched_by } => {
            match launched_by {
                Some(token) => note.fact("launched_by", token),
                None => note.fact("launched_by", "console"),
            }
            let secure = if gate.front.secure() { "; Secure" } else { "" };
            let name = cookie_name(request.conn_data::<OwnAddress>().copied());
            let cookie = format!(
                "{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}{secure}",
                text.expose()
            );
            Ok(answer.insert_header((header::SET_COOKIE, cookie)).finish())
        }
        Launched::Open => Ok(answer.finish()),
        Launched::Refused => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "launch_code_invalid",
            "this launch link was used already, is too old, or ended with the token that it came from: restart the service, or POST /launch with an admin token for a new one; if no token is left, `switchboard token create` makes one",
        )),
    }
}

/// A new launch link, for somebody who has an admin token.
pub async fn make_link(
    request: HttpRequest,
    service: web::Data<Service>,
    gate: web::Data<Gate>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    let scheme = if gate.front.secure() { "https" } else { "http" };
    let code = service.doors.launch_code(Giver::Caller(access)).await?;
    Ok(HttpResponse::Created().json(json!({
        "url": format!("{scheme}://{host}/launch?code={}", code.expose()),
        "expires_at": Timestamp::now().plus(LAUNCH_LIFETIME),
    })))
}

/// A ticket that opens one WebSocket with this caller's rights, within thirty seconds.
pub async fn make_ticket(
    service: web::Data<Service>,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let (ticket, expires_at) = service.doors.ticket(access).await?;
    Ok(HttpResponse::Created().json(json!({
        "ticket": ticket.expose(),
        "expires_at": expires_at,
    })))
}
