//! OpenAPI: the description of every call, kept by hand beside the routes; a test holds the two together.

mod asyncapi;
mod codes;
mod collection;
mod examples;
mod groups;
mod operations;
mod schemas;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use actix_web::{HttpResponse, http::header};
use serde_json::{Map, Value, json};

pub use self::{
    asyncapi::{asyncapi_document, get_asyncapi},
    collection::get_collection,
};
use self::{
    codes::CODES,
    examples::example_of,
    groups::{COMMON, KEYED},
    operations::{OPERATIONS, Operation},
};
use super::{Need, RIGHTS, Right, repeats::takes_key};

/// Calls that files come with, and the form's schema.
const FORMS: &[(&str, &str)] = &[
    ("/conversations/{id}/reply", "ReplyForm"),
    ("/messages/{id}", "EditForm"),
    ("/telegram/user/send", "UserSendForm"),
    ("/telegram/chats/{chat_id}/messages", "ReplyForm"),
    ("/telegram/chats/{chat_id}/messages/", "ReplyForm"),
];
/// The calls whose body may be left out.
const MAY_BE_BARE: [&str; 2] = ["/accounts/{id}/proxy/test", "/proxies/test"];

pub async fn get_document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .json(document())
}

fn document() -> Value {
    let mut paths = Map::new();
    let schemas = schemas::components();
    for operation in OPERATIONS {
        let path = operation.path.replace(":.*}", "}");
        let verbs = paths.entry(path).or_insert_with(|| json!({}));
        verbs[operation.method] = described(operation, &schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Switchboard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Many real Telegram accounts, kept alive and answered from one desk. Times are RFC 3339 in UTC; \
                            chat and message ids are texts. Before the first token the service answers its own machine alone; from then on every call needs one.",
        },
        "tags": [
            { "name": "accounts", "description": "Telegram accounts and their sign-ins." },
            { "name": "conversations", "description": "Chats, messages and replies." },
            { "name": "live", "description": "Events as they are committed, over a WebSocket." },
            { "name": "licences", "description": "A licence connects one phone number. X-License-Key names the licence; messages are in Arabic, English or Russian by Accept-Language." },
            { "name": "users", "description": "Send as a user, and let an assistant write." },
            { "name": "portal", "description": "The chat portal. Each call answers with and without its last slash." },
            { "name": "service", "description": "Pages, health, figures and this document." },
        ],
        "servers": [{ "url": "/", "description": "Where this document was read." }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token of `switchboard token create`." },
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "licence": { "type": "apiKey", "in": "header", "name": "X-License-Key", "description": "A token of scope licence." },
                "desk": { "type": "apiKey", "in": "cookie", "name": "switchboard_8080", "description": "Set by the launch link; named after the port that the service listens on." },
            },
        },
        "security": [{}, { "bearer": [] }, { "key": [] }, { "licence": [] }, { "desk": [] }],
        "x-common-error-codes": COMMON,
        "x-error-codes": CODES.iter().map(|(code, _, meaning)| ((*code).to_owned(), json!(meaning))).collect::<Map<_, _>>(),
    })
}

fn described(operation: &Operation, schemas: &Value) -> Value {
    let need = need_of(operation);
    let scopes: Vec<_> = need.scopes().iter().map(|scope| scope.as_str()).collect();
    let own_codes = own_codes(operation);
    let codes = [&own_codes[..], COMMON].concat();
    let mut described = json!({
        "tags": [operation.tag],
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "description": format!("Needs: {}.", need.words()),
        "parameters": parameters(operation),
        "x-error-codes": own_codes,
        "x-scopes": scopes,
        "x-all-accounts": need.all_accounts(),
    });
    if need == Need::Nothing {
        described["security"] = json!([{}]);
    }
    let mut responses = Map::new();
    responses.insert(operation.status.to_string(), answer(operation));
    let error = match operation.tag {
        "licences" => "LicenceError",
        "users" => "UserError",
        "portal" => "PortalError",
        _ => "Error",
    };
    let content = json!({ "application/json": { "schema": schema(error) } });
    let statuses: BTreeSet<u16> = codes
        .iter()
        .flat_map(|code| statuses_of(code))
        .copied()
        .collect();
    for status in statuses {
        let with_it = codes
            .iter()
            .filter(|code| statuses_of(code).contains(&status));
        let told: Vec<String> = with_it.map(|code| meant(code)).collect();
        let described = json!({ "description": told.join("; "), "content": content });
        responses.insert(status.to_string(), described);
    }
    responses.insert(
        "default".to_owned(),
        json!({ "description": codes.join(", "), "content": content }),
    );
    if (operation.method, operation.path) == ("delete", "/messages/{id}") {
        let content = json!({ "application/json": { "schema": schema("OneMessage") } });
        let deleted = json!({ "description": "The deletion is ordered.", "content": content });
        responses.insert("202".to_owned(), deleted);
    }
    if ["/health/live", "/health/ready"].contains(&operation.path) {
        // It says what is wrong in the same words.
        responses.insert("503".to_owned(), answer(operation));
    }
    described["responses"] = Value::Object(responses);
    if !operation.body.is_empty() {
        described["requestBody"] = json!({
            "required": !MAY_BE_BARE.contains(&operation.path),
            "content": { "application/json": {
                "schema": schema(operation.body),
                "example": example_of(operation.body, schemas),
            } },
        });
        if let Some((_, form)) = FORMS.iter().find(|(path, _)| *path == operation.path) {
            described["requestBody"]["content"]["multipart/form-data"] =
                json!({ "schema": schema(form) });
        }
    }
    described
}

/// Of the call itself, without those of every call.
fn own_codes(operation: &Operation) -> Vec<&'static str> {
    let keys = match takes_key(operation.method, operation.path) {
        true => KEYED,
        false => &[],
    };
    let mut codes = operation.errors();
    let new = keys.iter().filter(|key| !codes.contains(*key)).copied();
    codes.extend(new.collect::<Vec<_>>());
    codes
}

fn statuses_of(code: &str) -> &'static [u16] {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    known.map_or(&[], |(_, statuses, _)| statuses)
}

/// A code and what it means.
fn meant(code: &str) -> String {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    format!("{code}: {}", known.map_or("", |(.., meaning)| meaning))
}

/// Does the document say that a call may be answered so? The guard of a service that is tested asks it of every refusal.
pub fn describes(method: &str, path: &str, status: u16, code: &str) -> bool {
    let this = |operation: &&Operation| (operation.method, operation.path) == (method, path);
    OPERATIONS.iter().find(this).is_some_and(|operation| {
        let known = COMMON.contains(&code) || own_codes(operation).contains(&code);
        known && statuses_of(code).contains(&status)
    })
}

fn need_of(operation: &Operation) -> Need {
    let this = |right: &&Right| (right.method, right.path) == (operation.method, operation.path);
    // The tests hold both lists to be the same.
    RIGHTS
        .iter()
        .find(this)
        .map_or(Need::Service, |right| right.need)
}

fn schema(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn answer(operation: &Operation) -> Value {
    let content = match operation.answer {
        "" => return json!({ "description": "No content." }),
        "text/html"
        | "text/event-stream"
        | "text/plain"
        | "application/json"
        | "*/*"
        | "application/openmetrics-text" => {
            json!({ operation.answer: { "schema": {} } })
        }
        "export" => json!({
            "application/json": { "schema": schema("DesktopExport") },
            "text/html": { "schema": { "type": "string" } },
        }),
        name => json!({ "application/json": { "schema": schema(name) } }),
    };
    json!({ "description": operation.summary, "content": content })
}

fn operation_id(operation: &Operation) -> String {
    let path: String = operation
        .path
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    format!("{}{}", operation.method, path)
}

/// Those in the path, then those in the query, then headers.
fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let name = name.split(':').next()?;
        let schema = path_schema(operation.path, name);
        Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
    });
    let in_query = operation.query.iter().map(|(name, what)| {
        let required = matches!(
            (operation.path, *name),
            ("/launch", "code") | ("/search", "q")
        );
        json!({
            "name": name, "in": "query", "required": required, "description": what,
            "schema": query_schema(operation.path, name),
        })
    });
    let mut all: Vec<Value> = in_path.chain(in_query).collect();
    if takes_key(operation.method, operation.path) {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A call that is sent again under the same key is answered as the first one was, and not done again; kept for 7 days. Another call under the same key is refused (409 idempotency_conflict). A call that was refused may be tried again under its key.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        }));
    }
    all
}

fn path_schema(path: &str, name: &str) -> Value {
    match name {
        "id" if path.contains("/accounts/") => json!({ "type": "string", "format": "uuid" }),
        "id" if path.starts_with("/webhooks/") => {
            json!({ "type": "string", "pattern": "^[0-9a-f-]{16,36}$" })
        }
        "id" => json!({ "type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_i64 }),
        "chat_id" => json!({ "type": "string", "pattern": "^-?[1-9][0-9]{0,18}$" }),
        "user_id" => json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

fn query_schema(path: &str, name: &str) -> Value {
    match (path, name) {
        (_, "limit") => json!({ "type": "integer", "minimum": 1, "maximum": 200 }),
        (_, "wait") => json!({ "type": "integer", "minimum": 0, "maximum": 60 }),
        (_, "after" | "around" | "around_message_id") => {
            json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
        }
        (_, "cursor") => json!({ "type": "string", "minLength": 1 }),
        (_, "messages_days" | "media_days") => schemas::typed("days kept"),
        ("/retention", "account_id") | ("/accounts/{id}/mark", "by") => {
            json!({ "type": "string", "format": "uuid" })
        }
        (_, "account_id") => json!({
            "type": "string",
            "pattern": "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(,[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})*)?$",
        }),
        (_, "unread" | "force" | "newest" | "files") => json!({ "type": "boolean" }),
        (_, "for") => json!({ "type": "string", "enum": ["everyone", "me"] }),
        (_, "format") => json!({ "type": "string", "enum": ["json", "html"] }),
        (_, "history") => json!({ "type": "string", "enum": ["keep", "delete"] }),
        (_, "kind") => json!({
            "type": "string", "enum": ["private", "bot", "group", "supergroup", "channel"],
        }),
        ("/search", "q") => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "string" }),
    }
}
