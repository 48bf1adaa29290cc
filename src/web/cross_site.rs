//! Cross-site: what another site's page could send here, told by a request's headers.

use actix_web::{
    dev::ServiceRequest,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
};

use super::{error::ApiError, form::is_form_type, front::OwnAddress, hosts::Hosts};

/// Calls that files come with.
pub const TAKE_FORMS: [&str; 5] = [
    "/conversations/{id}/reply",
    "/messages/{id}",
    "/telegram/user/send",
    "/telegram/chats/{chat_id}/messages",
    "/telegram/chats/{chat_id}/messages/",
];

/// The raw header: `connection_info()` prefers `X-Forwarded-Host`, which a hostile page can set.
pub fn check_host(request: &ServiceRequest, hosts: &Hosts) -> Result<(), ApiError> {
    let mut values = request.headers().get_all(header::HOST);
    let host = match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().unwrap_or_default().to_owned(),
        _ => request
            .uri()
            .authority()
            .map_or_else(String::new, ToString::to_string),
    };
    if hosts.allows(&host, own_address(request)) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host_not_allowed",
        "this Host is not served here; open the desk by its loopback address, or add the name to SWITCHBOARD_ALLOWED_HOSTS",
    ))
}

fn own_address(request: &ServiceRequest) -> Option<OwnAddress> {
    request.conn_data::<OwnAddress>().copied()
}

pub fn is_websocket(request: &ServiceRequest) -> bool {
    header_is(request.headers(), &header::UPGRADE, "websocket")
}

pub fn check_websocket_origin(request: &ServiceRequest, hosts: &Hosts) -> Result<(), ApiError> {
    let own = own_address(request);
    match request.headers().get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if hosts.allows_origin(origin.to_str().unwrap_or_default(), own) => Ok(()),
        Some(_) => Err(cross_site()),
    }
}

pub fn check_cross_site(request: &ServiceRequest, hosts: &Hosts) -> Result<(), ApiError> {
    let headers = request.headers();
    let fetch_site = headers
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let navigation = header_is(
            headers,
            &HeaderName::from_static("sec-fetch-mode"),
            "navigate",
        );
        if matches!(fetch_site, Some("cross-site" | "same-site")) && !navigation {
            return Err(cross_site());
        }
        return Ok(());
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        return if hosts.allows_origin(origin, own_address(request)) {
            Ok(())
        } else {
            Err(cross_site())
        };
    }
    match fetch_site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(cross_site()),
    }
}

/// Other sites' forms and `no-cors` posts can't send JSON, so little else is read: files, where they are taken. Where
/// a form comes from was looked at before.
pub fn check_content_type(request: &ServiceRequest) -> Result<(), ApiError> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(());
    }
    let headers = request.headers();
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers
            .get(header::CONTENT_LENGTH)
            .is_some_and(|length| length != "0");
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let json = content_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    if json || (!has_body && content_type.is_none()) {
        return Ok(());
    }
    let takes_forms = || {
        let path = request.request().match_pattern();
        path.is_some_and(|path| TAKE_FORMS.contains(&path.as_str()))
    };
    if content_type.is_some_and(is_form_type) && takes_forms() {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "send JSON with Content-Type: application/json",
    ))
}

fn cross_site() -> ApiError {
    ApiError::forbidden(
        "cross_site",
        "this request comes from another site's page; only the desk itself and programs may call",
    )
}

fn header_is(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get(name)
        .and_then(|text| text.to_str().ok())
        .is_some_and(|text| text.eq_ignore_ascii_case(value))
}
