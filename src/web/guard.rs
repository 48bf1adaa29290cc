//! Guard: who may call. A page on another site must not reach a desk on this machine: loopback alone is no
//! protection (DNS rebinding, cross-site posts, sockets without an origin check).
//!
//! The order of the checks matters: the address first, then the origin, then the token.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    Error, HttpMessage, HttpRequest, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use super::{
    Service,
    access::{Access, Gate},
    audit::{self, Call, Note},
    calls::{self, Passed},
    cross_site::{
        check_content_type, check_cross_site, check_host, check_websocket_origin, is_websocket,
    },
    doors::{Caller, Credentials},
    ending,
    error::{self, ApiError},
    front::OwnAddress,
    hosts::Hosts,
    integrations::{Face, reshaped},
    openapi::describes,
    passed_on::{client_of_proxy, passed_on},
    patience,
    peer::OtherEnd,
    repeats::{self, Begun, Held},
    rights::{Need, right_of},
};
use crate::domain::AccountId;

/// The middleware around every route, static files and `/ws` included.
pub async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let gate = request.app_data::<web::Data<Gate>>().cloned();
    let service = request.app_data::<web::Data<Service>>().cloned();
    let (Some(gate), Some(service)) = (gate, service) else {
        return Err(ApiError::internal("the gate is not part of the application").into());
    };
    let api = !super::assets::is_page(request.path());
    // Callers of older systems read errors in their own shape.
    let face = Face::of(request.path()).map(|face| (face, face.language(request.headers())));
    let passed = Passed::of(&request);
    let ip = match &passed {
        Some(passed) => passed.ip,
        None => client(request.request(), gate.front.behind_proxy),
    };
    let right = right_of(&request);
    let method = request.method().clone();
    let route = right.map_or_else(|| request.path().to_owned(), |right| right.path.to_owned());
    let note = Note::default();
    request.extensions_mut().insert(note.clone());
    let admitted = match &passed {
        Some(passed) => service.doors.admit_passed(&passed.access).await,
        None => check(&request, &gate, &service, ip).await,
    };
    let access = admitted.as_ref().ok().cloned();
    let allowed = admitted.and_then(|access| {
        if let Some(right) = right {
            right.need.check(&access)?;
        }
        Ok(access)
    });
    let mut response = match allowed {
        Ok(access) => {
            request.extensions_mut().insert(access.clone());
            patience::bound(&mut request, &service.doors, &access);
            let told = calls::elsewhere(&mut request, &service, &access, right, ip).await;
            let begun = match told {
                Ok(Some(answer)) => Ok(Begun::Elsewhere(answer)),
                Ok(None) => repeats::begin(&mut request, &service, &access).await,
                Err(error) => Err(error),
            };
            let response = match begun {
                Ok(Begun::Plain) => next.call(request).await?.map_into_boxed_body(),
                Ok(Begun::First(claim)) => {
                    let (held, service) = (Held::give(claim, &request), service.clone());
                    // To its end, whether or not the caller still waits: somebody has to end the claim.
                    let call = actix_web::rt::spawn(async move {
                        let response = next.call(request).await?.map_into_boxed_body();
                        Ok::<_, Error>(match held.take() {
                            Some(claim) => claim.end(response, &service).await,
                            None => response,
                        })
                    });
                    let broken = |_| ApiError::internal("a call under a key broke off");
                    call.await.map_err(broken)??
                }
                Ok(Begun::Repeat(answer) | Begun::Elsewhere(answer)) => {
                    // Done, and noted, before, or by the node that did it.
                    note.nothing();
                    request.into_response(answer)
                }
                Err(error) => refused(request, error),
            };
            // What anybody may read is nobody's to lose, not even while the service is being locked.
            match right {
                Some(right) if right.need == Need::Nothing => response,
                _ => ending::bind(response, &service, access),
            }
        }
        Err(error) => refused(request, error),
    };
    let call = Call {
        ip,
        access: access.as_ref(),
        method: method.as_str(),
        route: &route,
        action: right.and_then(|right| right.action),
        account: account_of(response.request(), &route),
    };
    let code = code_of(&response);
    if cfg!(debug_assertions)
        && let (Some(right), Some(code)) = (right, code)
        && !describes(right.method, right.path, response.status().as_u16(), code)
    {
        // The tests look for this line.
        log::error!(target: "switchboard::web", "{} {} answered {} {code}, which is not in the description", right.method, right.path, response.status().as_u16());
    }
    match code {
        Some(code) => audit::refused(&service, &call, code).await,
        None if response.status().is_client_error() || response.status().is_server_error() => {}
        None => audit::done(&service, &call, &note).await,
    }
    if let Some((face, language)) = face {
        let told = response
            .response()
            .error()
            .and_then(|error| error.as_error::<ApiError>())
            .map(|error| reshaped(face, language, error));
        let refused = response
            .response_mut()
            .extensions_mut()
            .remove::<ApiError>()
            .map(|error| reshaped(face, language, &error));
        if let Some(told) = told.or(refused) {
            response = response.into_response(told);
        }
    }
    if face.is_none() && error::wants_problem(response.request().headers()) {
        response = problem(response);
    }
    if passed.is_some() {
        return Ok(response);
    }
    let own = response.request().conn_data::<OwnAddress>().copied();
    add_headers(response.headers_mut(), &gate.hosts, own, api);
    Ok(response)
}

/// The same error in the shape of RFC 9457, for whoever asked for that.
fn problem(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let told = response.response().error();
    let told = told.and_then(|error| error.as_error::<ApiError>());
    let shaped = match told {
        Some(error) => error.as_problem(),
        None => {
            let kept = response
                .response_mut()
                .extensions_mut()
                .remove::<ApiError>();
            let Some(error) = kept else { return response };
            error.as_problem()
        }
    };
    response.into_response(shaped)
}

/// Answered before any handler sees it.
fn refused(request: ServiceRequest, error: ApiError) -> ServiceResponse<BoxBody> {
    let response = error.error_response();
    let mut response = request.into_response(response);
    response.response_mut().extensions_mut().insert(error);
    response
}

/// The account that the path names.
fn account_of(request: &HttpRequest, route: &str) -> Option<AccountId> {
    let id = request.match_info().get("id")?;
    route.starts_with("/accounts/").then(|| id.parse().ok())?
}

/// Of our own errors.
fn code_of(response: &ServiceResponse<BoxBody>) -> Option<&'static str> {
    let told = response.response().error();
    if let Some(error) = told.and_then(|error| error.as_error::<ApiError>()) {
        return Some(error.code);
    }
    let kept = response.response().extensions();
    kept.get::<ApiError>().map(|error| error.code)
}

/// Where a request comes from: the other end of the line, or whom a proxy that is trusted asks for.
pub fn client(request: &HttpRequest, behind_proxy: bool) -> IpAddr {
    let named = behind_proxy
        .then(|| client_of_proxy(request.headers()))
        .flatten();
    named.unwrap_or_else(|| {
        request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
                peer.ip().to_canonical()
            })
    })
}

async fn check(
    request: &ServiceRequest,
    gate: &Gate,
    service: &Service,
    ip: IpAddr,
) -> Result<Access, ApiError> {
    check_host(request, &gate.hosts)?;
    let credentials = Credentials::of(request);
    if is_websocket(request) {
        check_websocket_origin(request, &gate.hosts)?;
    }
    if !credentials.is_token_header() {
        check_cross_site(request, &gate.hosts)?;
    }
    check_content_type(request)?;
    let sign = passed_on(request.version(), request.headers());
    let said = || "SWITCHBOARD_BEHIND_PROXY".to_owned();
    let passed_on = sign
        .or_else(|| gate.front.behind_proxy.then(said))
        .or_else(|| somebody_elses(request, service));
    let caller = Caller {
        ip,
        passed_on,
        for_page: matches!(*request.method(), Method::GET | Method::HEAD)
            && super::assets::is_open(request.path()),
    };
    service.doors.admit(credentials, caller).await
}

/// A proxy that adds nothing has a user of its own. Looked at only while being here is enough.
fn somebody_elses(request: &ServiceRequest, service: &Service) -> Option<String> {
    let open = !service.doors.is_locked();
    let end = request.conn_data::<OtherEnd>().filter(|_| open)?;
    end.is_somebody_elses()
        .then(|| "another user of this machine".to_owned())
}

fn add_headers(headers: &mut HeaderMap, hosts: &Hosts, own: Option<OwnAddress>, api: bool) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; media-src 'self'; \
         connect-src 'self' {}; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
        hosts.websocket_sources(own)
    );
    let fixed = [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), microphone=(self), geolocation=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    // A file has a stricter one of its own.
    if let Ok(policy) = HeaderValue::from_str(&policy)
        && !headers.contains_key(header::CONTENT_SECURITY_POLICY)
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
