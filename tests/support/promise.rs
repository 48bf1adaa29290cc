//! Promise: every answer that a test gets is held against the OpenAPI document of the service that gave it: its keys,
//! their types and the error's code; and every body that was taken against what the document asks for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use jsonschema::Validator;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::api::Api;

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();
static VALIDATORS: Mutex<Option<HashMap<String, Arc<Validator>>>> = Mutex::new(None);

/// One call and what came of it.
pub struct Exchange<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    pub status: StatusCode,
    /// `None`: it was no JSON.
    pub answer: Option<&'a Value>,
}

impl Exchange<'_> {
    pub async fn check(&self, api: &Api) {
        let document = DOCUMENT
            .get_or_init(|| async { api.plain_get("/openapi.json").await })
            .await;
        let Some(operation) = self.operation(document) else {
            assert_eq!(
                self.status,
                StatusCode::NOT_FOUND,
                "{} is not described",
                self.told()
            );
            return;
        };
        let responses = &operation["responses"];
        let promised = match &responses[self.status.as_str()] {
            Value::Null => &responses["default"],
            exact => exact,
        };
        let Some(answer) = self.answer else {
            let json = &promised["content"]["application/json"];
            assert!(json.is_null(), "{}: JSON was promised", self.told());
            return;
        };
        self.hold(document, &promised["content"], answer);
        if self.status.is_success() {
            if let (Some(body), Value::Object(_)) = (self.body, &operation["requestBody"]) {
                self.hold(document, &operation["requestBody"]["content"], body);
            }
        } else if let Some(code) = code_of(answer) {
            let known = |codes: &Value| codes.as_array().unwrap().iter().any(|one| one == code);
            assert!(
                known(&operation["x-error-codes"]) || known(&document["x-common-error-codes"]),
                "{}: the code {code} is not described",
                self.told()
            );
        }
    }

    fn operation<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        let path = self.path.split('?').next().unwrap();
        let verb = self.method.as_str().to_lowercase();
        let fits = |template: &str| {
            let (mut left, mut right) = (template.split('/'), path.split('/'));
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some("{file}"), Some(_)) => return true,
                    (Some(one), Some(other)) if one == other => {}
                    (Some(one), Some(other)) if one.starts_with('{') && !other.is_empty() => {}
                    _ => return false,
                }
            }
        };
        let paths = document["paths"].as_object().unwrap();
        // A path that is written out comes before one with a parameter.
        let mut fitting: Vec<_> = paths.iter().filter(|(path, _)| fits(path)).collect();
        fitting.sort_by_key(|(path, _)| path.matches('{').count());
        fitting
            .into_iter()
            .map(|(_, verbs)| &verbs[&verb])
            .find(|operation| operation.is_object())
    }

    fn hold(&self, document: &Value, content: &Value, value: &Value) {
        let schema = &content["application/json"]["schema"];
        let Some(reference) = schema["$ref"].as_str() else {
            assert!(
                schema.is_object(),
                "{}: no JSON was promised: {value}",
                self.told()
            );
            return;
        };
        let wrong: Vec<String> = validator(document, reference)
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}\n{value:#}", self.told());
    }

    fn told(&self) -> String {
        format!("{} {} ({})", self.method, self.path, self.status)
    }
}

/// Where each system's error has its code.
fn code_of(answer: &Value) -> Option<&Value> {
    [&answer["error"]["code"], &answer["code"]]
        .into_iter()
        .find(|code| code.is_string())
}

fn validator(document: &Value, reference: &str) -> Arc<Validator> {
    let mut all = VALIDATORS
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = all.get_or_insert_default().entry(reference.to_owned());
    let made = known.or_insert_with(|| {
        let schema = json!({ "$ref": reference, "components": document["components"] });
        let options = jsonschema::options().should_validate_formats(true);
        Arc::new(
            options
                .build(&schema)
                .expect("the document's schemas are sound"),
        )
    });
    Arc::clone(made)
}
