//! Credentials: what a request shows to be let in.

use actix_web::{
    dev::ServiceRequest,
    http::header::{self, HeaderMap},
};

use super::cookie_name;
use crate::{domain::SecretText, web::front::OwnAddress};

/// How a caller proves itself.
#[derive(Debug)]
pub enum Shown {
    None,
    Header(SecretText),
    Cookie(SecretText),
    /// For one WebSocket.
    Ticket(SecretText),
}

#[derive(Debug)]
pub struct Credentials {
    pub shown: Shown,
    /// `X-License-Key`: for whom the call is. With tokens in force it is a token itself.
    pub licence: Option<SecretText>,
}

impl Credentials {
    #[must_use]
    pub fn of(request: &ServiceRequest) -> Self {
        let headers = request.headers();
        Self {
            shown: shown(request, headers),
            licence: text(headers, "x-license-key").map(SecretText::new),
        }
    }

    /// A header can't be sent by a page of another site without its script having the token.
    #[must_use]
    pub const fn is_token_header(&self) -> bool {
        matches!(self.shown, Shown::Header(_))
    }
}

fn shown(request: &ServiceRequest, headers: &HeaderMap) -> Shown {
    let bearer = text(headers, header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    if let Some(token) = bearer.or_else(|| text(headers, "x-api-key")) {
        return Shown::Header(SecretText::new(token));
    }
    if request.path() == "/ws"
        && let Some(ticket) = parameter(request.query_string(), "ticket")
    {
        return Shown::Ticket(SecretText::new(ticket));
    }
    let name = cookie_name(request.conn_data::<OwnAddress>().copied());
    match cookie(headers, &name) {
        Some(token) => Shown::Cookie(SecretText::new(token)),
        None => Shown::None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then_some(value)
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
