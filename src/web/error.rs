//! Errors: the one place that turns what went wrong into an HTTP answer.
//!
//! A 5xx body never carries a cause: it carries a request id, and the log has both.

use std::{fmt, io, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    error::PayloadError,
    http::{StatusCode, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

const PROBLEM: &str = "application/problem+json";

/// Does it ask for errors in the shape of RFC 9457?
pub fn wants_problem(headers: &header::HeaderMap) -> bool {
    let mut accepts = headers.get_all(header::ACCEPT);
    accepts.any(|value| value.to_str().is_ok_and(|value| value.contains(PROBLEM)))
}

/// What a caller is told.
#[derive(Debug)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub retry_after: Option<Duration>,
    /// What the words are made of, for other languages.
    params: Option<Box<Value>>,
    /// What a header says beside the words.
    header: Option<Box<(header::HeaderName, String)>>,
    /// Of what went wrong on our side, or beyond it; the log has it, too.
    request_id: Option<Uuid>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            params: None,
            header: None,
            request_id: status.is_server_error().then(Uuid::new_v4),
        }
    }

    /// One whose cause is for the log alone.
    pub fn because(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        cause: impl fmt::Display,
    ) -> Self {
        let error = Self::new(status, code, message);
        let id = error
            .request_id
            .map_or_else(String::new, |id| id.to_string());
        log::warn!(target: "switchboard::web", "request_id={id} code={code} cause={cause:?}", cause = cause.to_string());
        error
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn not_found(code: &'static str, what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code,
            format!("there is no such {what}"),
        )
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub fn method_not_allowed(allow: String) -> Self {
        let message = format!("this address knows {allow}");
        Self {
            header: Some(Box::new((header::ALLOW, allow))),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                message,
            )
        }
    }

    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    /// Something broke on our side: the cause goes to the log, its request id to the caller.
    pub fn internal(cause: impl fmt::Display) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let mut error = Self::new(status, "internal", String::new());
        let id = error.request_id.unwrap_or_default();
        log::error!(target: "switchboard::web", "request_id={id} cause={cause:?}", cause = cause.to_string());
        error.message =
            format!("something went wrong here; the log tells more under request_id {id}");
        error
    }

    /// Of a file that has no such part. RFC 9110, 15.5.17: who goes on with a download learns whether it has all of it.
    #[must_use]
    pub fn of_size(mut self, size: u64) -> Self {
        self.header = Some(Box::new((header::CONTENT_RANGE, format!("bytes */{size}"))));
        self
    }

    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// As RFC 9457 has it, with our own member beside its own.
    pub fn as_problem(&self) -> HttpResponse {
        let mut response = self.error_response();
        let body = json!({
            "type": format!("urn:switchboard:error:{}", self.code),
            "title": self.code.replace('_', " "),
            "status": self.status.as_u16(),
            "detail": self.message,
            "error": self.told(),
        });
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(PROBLEM),
        );
        response.set_body(body.to_string()).map_into_boxed_body()
    }

    #[must_use]
    pub fn with(mut self, params: Value) -> Self {
        self.params = Some(Box::new(params));
        self
    }

    /// What its words are made of.
    #[must_use]
    pub fn params(&self) -> Option<&Value> {
        self.params.as_deref()
    }

    /// The member `error`.
    pub fn told(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(params) = &self.params {
            error["params"] = (**params).clone();
        }
        if let Some(request_id) = self.request_id() {
            error["request_id"] = json!(request_id);
        }
        error
    }

    #[must_use]
    pub fn request_id(&self) -> Option<String> {
        self.request_id.map(|id| id.to_string())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Travels in a body's reader to whoever reads it.
impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(wait) = self.retry_after {
            response.insert_header(("Retry-After", wait.as_secs().max(1).to_string()));
        }
        if let Some((name, value)) = self.header.as_deref() {
            response.insert_header((name, value.as_str()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        response.json(json!({ "error": self.told() }))
    }
}

/// What JSON and path extractors answer when they can't read a request.
pub fn json_error(error: actix_web::error::JsonPayloadError) -> ApiError {
    use actix_web::error::JsonPayloadError as E;
    match error {
        E::ContentType => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send JSON with Content-Type: application/json",
        ),
        E::Overflow { .. } | E::OverflowKnownLength { .. } => too_large(),
        E::Payload(error) => payload_error(error),
        error => ApiError::bad_request(
            "malformed_json",
            format!("the body can't be read as JSON for this call: {error}"),
        ),
    }
}

pub fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "the body is larger than 1 MiB",
    )
}

/// Of a body that could not be read to its end.
pub fn payload_error(error: PayloadError) -> ApiError {
    match error {
        PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body did not come in time",
        ),
        PayloadError::Io(error) => error
            .downcast::<ApiError>()
            .unwrap_or_else(|error| broke_off(&error)),
        PayloadError::Overflow => too_large(),
        error => broke_off(&error),
    }
}

fn broke_off(error: &dyn fmt::Display) -> ApiError {
    ApiError::bad_request("malformed_json", format!("the body broke off: {error}"))
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    fn body(response: HttpResponse) -> Value {
        let bytes = response.into_body().try_into_bytes();
        serde_json::from_slice(&bytes.unwrap_or_default()).unwrap()
    }

    /// Protects what is inside from who is outside: whatever went wrong on our side, or beyond it, has a number and no cause.
    #[test]
    fn what_went_wrong_here_is_told_by_its_number() {
        let cause = "disk 7 of the cellar";
        let away = StatusCode::SERVICE_UNAVAILABLE;
        for error in [
            ApiError::internal(cause),
            ApiError::because(away, "store_unavailable", "later", cause),
            ApiError::because(
                StatusCode::GATEWAY_TIMEOUT,
                "telegram_unreachable",
                "later",
                cause,
            ),
        ] {
            for told in [body(error.error_response()), body(error.as_problem())] {
                assert!(told["error"]["request_id"].is_string(), "{told}");
                assert!(!told.to_string().contains(cause), "{told}");
            }
        }
        let theirs = body(ApiError::not_found("message_not_found", "message").error_response());
        assert!(theirs["error"].get("request_id").is_none());
    }
}
