//! One call: as it is repeated, and what a try of it ended with.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::{door::Door, placed::Known, support::forms::content_type};

/// What a single try ended with.
pub(super) enum Tried {
    Known(Known),
    /// Nobody knows; it is asked again.
    Again,
}

/// A call as it is repeated.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Body,
    pub(super) key: String,
}

#[derive(Clone)]
pub(super) enum Body {
    None,
    Json(Value),
    Form(Vec<u8>),
}

impl Call {
    pub(super) fn new(method: Method, path: String, body: Body) -> Self {
        let key = String::new();
        Self {
            method,
            path,
            body,
            key,
        }
    }

    pub(super) fn request(&self, client: &Client, door: &Door) -> RequestBuilder {
        let request = client
            .request(self.method.clone(), door.url(&self.path))
            .header("Idempotency-Key", &self.key);
        match &self.body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Form(bytes) => request
                .header("Content-Type", content_type())
                .body(bytes.clone()),
        }
    }
}
