//! Shape: errors as the callers of each system know them. Everything that can go wrong on their paths, the
//! guard's refusals included, passes through here.

use actix_web::{
    HttpResponse, ResponseError,
    http::header::{self, HeaderMap},
};
use serde_json::{Value, json};

use super::{
    language::Language,
    words::{forgotten, trouble, wait},
};
use crate::web::ApiError;

/// Which system a path belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Face {
    /// B, `/api/integrations/telegram-phone`.
    Phone,
    /// C, `/telegram/user/…` and `/message_stream`.
    User,
    /// E, the rest of `/telegram/`.
    Portal,
}

impl Face {
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        if path.starts_with("/api/integrations/telegram-phone/") {
            return Some(Self::Phone);
        }
        let rest = match path.strip_prefix("/telegram/") {
            Some(rest) => rest,
            None if path == "/message_stream" => return Some(Self::User),
            None => return None,
        };
        // `user/info` is the portal's.
        let users = rest.starts_with("user/") && !rest.starts_with("user/info");
        Some(if users { Self::User } else { Self::Portal })
    }

    #[must_use]
    pub fn language(self, headers: &HeaderMap) -> Language {
        let default = match self {
            Self::Phone => Language::Arabic,
            Self::User | Self::Portal => Language::English,
        };
        let accept = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        Language::wanted(accept, default)
    }

    fn body(self, code: &str, message: &str) -> Value {
        match self {
            Self::Phone => json!({
                "success": false,
                "code": code,
                "message": message,
                "needs_password": code == "needs_password",
            }),
            Self::User => json!({
                "status": "error",
                "success": false,
                "code": code,
                "message": message,
            }),
            Self::Portal => json!({
                "success": false,
                "error": { "code": code, "message": message },
            }),
        }
    }
}

/// The same trouble, said as the callers of this system know it.
#[must_use]
pub fn reshaped(face: Face, language: Language, error: &ApiError) -> HttpResponse {
    let mut response = error.error_response();
    let message = said(language, error);
    let mut body = face.body(error.code, &message);
    if let (Face::Portal, Some(params)) = (face, error.params()) {
        body["error"]["params"] = params.clone();
    }
    if let Some(request_id) = error.request_id() {
        body["request_id"] = json!(request_id);
    }
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response.set_body(body.to_string()).map_into_boxed_body()
}

/// Trouble in words, with what belongs to it.
pub(super) fn said(language: Language, error: &ApiError) -> String {
    let said = trouble(language, error.code).unwrap_or(&error.message);
    let params = error.params();
    let more = params.and_then(|params| forgotten(language, params));
    match (more, params.and_then(|params| wait(language, params))) {
        (Some(more), _) => format!("{said}. {more}"),
        (None, Some(wait)) => format!("{said} ({wait})"),
        (None, None) => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects callers of three systems from reading another one's errors.
    #[test]
    fn every_path_belongs_to_the_system_that_it_was_described_in() {
        for (path, face) in [
            ("/api/integrations/telegram-phone/start", Some(Face::Phone)),
            ("/telegram/user/auth/start", Some(Face::User)),
            ("/telegram/user/status/user123", Some(Face::User)),
            ("/message_stream", Some(Face::User)),
            ("/telegram/user/info/", Some(Face::Portal)),
            ("/telegram/auth/qr", Some(Face::Portal)),
            ("/accounts", None),
            ("/telegram", None),
        ] {
            assert_eq!(Face::of(path), face, "{path}");
        }
    }
}
