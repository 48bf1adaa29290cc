//! Api: the REST interface as a program outside would call it.

use reqwest::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::promise::Exchange;

/// A client of one service.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    headers: HeaderMap,
}

impl Api {
    pub fn new(address: &str) -> Self {
        // A second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            base: format!("http://{address}"),
            headers: HeaderMap::new(),
        }
    }

    /// The same client with one more header on every call.
    pub fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut api = self.clone();
        let name = HeaderName::from_static(name);
        api.headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        api
    }

    /// A request with this client's address and headers.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .headers(self.headers.clone())
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method.clone(), path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let is_json = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let text = response.text().await.unwrap();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let exchange = Exchange {
            method: &method,
            path,
            body: body.as_ref(),
            status,
            answer: is_json.then_some(&value),
        };
        // HEAD says what kind of answer there would be, and gives none.
        if method != Method::HEAD {
            exchange.check(self).await;
        }
        (status, value)
    }

    /// A JSON file that is not held against the document.
    pub async fn plain_get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.base));
        response.send().await.unwrap().json().await.unwrap()
    }

    /// A call without a body, by a client made for it.
    pub async fn call_owned(self, method: Method, path: &str) -> (StatusCode, Value) {
        self.call(method, path, None).await
    }

    /// A read that has to succeed.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    /// A write that has to succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    pub async fn account(&self, id: &str) -> Value {
        self.get(&format!("/accounts/{id}")).await["account"].clone()
    }

    pub async fn conversations(&self) -> Vec<Value> {
        let page = self.get("/conversations?limit=200").await;
        page["conversations"].as_array().unwrap().clone()
    }

    /// All stored messages of a conversation, oldest first.
    pub async fn messages(&self, conversation: i64) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/conversations/{conversation}/messages?limit=200{cursor}");
            let page = self.get(&path).await;
            all.extend(page["messages"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        all.reverse();
        all
    }

    pub async fn reply_with_key(
        &self,
        conversation: i64,
        text: &str,
        key: &str,
    ) -> (StatusCode, Value) {
        let response = self
            .http
            .post(format!("{}/conversations/{conversation}/reply", self.base))
            .header("Idempotency-Key", key)
            .json(&json!({ "text": text }))
            .send()
            .await
            .unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub async fn reply(&self, conversation: i64, text: &str) -> Value {
        let path = format!("/conversations/{conversation}/reply");
        self.post(&path, json!({ "text": text })).await["message"].clone()
    }
}
