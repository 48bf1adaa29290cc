//! Refusal: why a call was turned down, in Telegram's words.

/// Becomes `rpc_error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {message}")]
pub struct Refusal {
    pub code: i32,
    pub message: String,
}

impl Refusal {
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// 400: the call is wrong.
pub fn bad(message: &str) -> Refusal {
    Refusal::new(400, message)
}

/// 401: the caller is not, or no longer, signed in.
pub fn unauthorised(message: &str) -> Refusal {
    Refusal::new(401, message)
}

/// 403: signed in, but not allowed.
pub fn forbidden(message: &str) -> Refusal {
    Refusal::new(403, message)
}

/// 303: ask another data centre.
pub fn migrate(kind: &str, dc_id: i32) -> Refusal {
    Refusal::new(303, format!("{kind}_MIGRATE_{dc_id}"))
}
