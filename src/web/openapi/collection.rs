//! Collection: every call as Postman and Bruno import it (the layout of a collection, version 2.1.0), made of the description. The
//! service's address and the token are variables of it.

use actix_web::{HttpResponse, http::header};
use serde_json::{Value, json};

use super::{OPERATIONS, Operation, document};

const LAYOUT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

pub async fn get_collection() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .json(collection(&document()))
}

fn collection(document: &Value) -> Value {
    let folders = document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| {
            let name = tag["name"].as_str().unwrap_or_default();
            let of_it = OPERATIONS.iter().filter(|operation| operation.tag == name);
            let calls: Vec<Value> = of_it.map(|operation| call(operation, document)).collect();
            json!({ "name": name, "description": tag["description"], "item": calls })
        });
    json!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": LAYOUT,
        },
        "auth": { "type": "bearer", "bearer": [{ "key": "token", "value": "{{token}}", "type": "string" }] },
        "variable": [
            { "key": "address", "value": "http://127.0.0.1:8080" },
            { "key": "token", "value": "" },
        ],
        "item": folders.collect::<Vec<_>>(),
    })
}

fn call(operation: &Operation, document: &Value) -> Value {
    let path = operation.path.replace(":.*}", "}");
    let described = &document["paths"][&path][operation.method];
    let parts: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|part| part.replace('{', ":").replace('}', ""))
        .collect();
    let of = |place: &str| -> Vec<Value> {
        let all = described["parameters"].as_array().into_iter().flatten();
        let there = all.filter(|one| one["in"] == place).map(|one| {
            json!({
                "key": one["name"], "value": "", "description": one["description"],
                "disabled": one["required"] != true,
            })
        });
        there.collect()
    };
    let mut headers = of("header");
    let mut request = json!({
        "method": operation.method.to_ascii_uppercase(),
        "description": format!("{} {}", operation.summary, described["description"].as_str().unwrap_or_default()),
        "url": {
            "raw": format!("{{{{address}}}}/{}", parts.join("/")),
            "host": ["{{address}}"],
            "path": parts,
            "query": of("query"),
            "variable": of("path"),
        },
    });
    let example = &described["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        headers.push(json!({ "key": "Content-Type", "value": "application/json" }));
        request["body"] = json!({
            "mode": "raw",
            "raw": serde_json::to_string_pretty(example).unwrap_or_default(),
            "options": { "raw": { "language": "json" } },
        });
    }
    request["header"] = json!(headers);
    json!({ "name": operation.summary, "request": request })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Protects whoever tries calls out: each is in the collection once, under the address that it has, with what it sends.
    #[test]
    fn the_collection_has_every_call() {
        let document = document();
        let collection = collection(&document);
        let folders = collection["item"].as_array().unwrap();
        let calls: Vec<&Value> = folders
            .iter()
            .flat_map(|folder| folder["item"].as_array().unwrap())
            .collect();
        let named: BTreeSet<(String, String)> = calls
            .iter()
            .map(|call| {
                let request = &call["request"];
                let raw = request["url"]["raw"].as_str().unwrap();
                let path = raw.strip_prefix("{{address}}").unwrap();
                (
                    request["method"].as_str().unwrap().to_owned(),
                    path.to_owned(),
                )
            })
            .collect();
        let wanted: BTreeSet<(String, String)> = OPERATIONS
            .iter()
            .map(|operation| {
                let path = operation
                    .path
                    .replace(":.*}", "}")
                    .replace('{', ":")
                    .replace('}', "");
                (operation.method.to_ascii_uppercase(), path)
            })
            .collect();
        assert_eq!(named, wanted);
        assert_eq!(calls.len(), OPERATIONS.len());
        for call in calls {
            let request = &call["request"];
            let path = request["url"]["path"].as_array().unwrap();
            let places = path
                .iter()
                .filter_map(|part| part.as_str()?.strip_prefix(':'));
            let variables = request["url"]["variable"].as_array().unwrap();
            let known: Vec<&str> = variables
                .iter()
                .filter_map(|one| one["key"].as_str())
                .collect();
            assert!(places.eq(known.iter().copied()), "{call}");
        }
    }

    /// Protects whoever sends a call as it stands there: its body is one that the description asks for, and what it may say in
    /// the query and in headers is what the description knows.
    #[test]
    fn each_call_is_as_it_is_described() {
        let document = document();
        let collection = collection(&document);
        let folders = collection["item"].as_array().unwrap();
        let calls: Vec<&Value> = folders
            .iter()
            .flat_map(|folder| folder["item"].as_array().unwrap())
            .collect();
        let mut bodies = 0;
        for call in calls {
            let request = &call["request"];
            let method = request["method"].as_str().unwrap().to_lowercase();
            let parts = request["url"]["path"].as_array().unwrap().iter();
            let path: String = parts
                .map(|part| match part.as_str().unwrap().strip_prefix(':') {
                    Some(name) => format!("/{{{name}}}"),
                    None => format!("/{}", part.as_str().unwrap()),
                })
                .collect();
            let described = &document["paths"][&path][&method];
            assert!(described.is_object(), "{method} {path}");
            let keys = |list: &Value| -> BTreeSet<String> {
                let all = list.as_array().unwrap().iter();
                all.map(|one| one["key"].as_str().unwrap().to_owned())
                    .collect()
            };
            let known = |place: &str| -> BTreeSet<String> {
                let all = described["parameters"].as_array().unwrap().iter();
                all.filter(|one| one["in"] == place)
                    .map(|one| one["name"].as_str().unwrap().to_owned())
                    .collect()
            };
            assert_eq!(keys(&request["url"]["query"]), known("query"), "{path}");
            let mut headers = keys(&request["header"]);
            let sends_json = headers.remove("Content-Type");
            assert_eq!(headers, known("header"), "{path}");
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(sends_json, schema.is_object(), "{path}");
            let Some(body) = request["body"]["raw"].as_str() else {
                continue;
            };
            bodies += 1;
            let body: Value = serde_json::from_str(body).unwrap();
            let whole = json!({ "$ref": schema["$ref"], "components": document["components"] });
            let validator = jsonschema::validator_for(&whole).unwrap();
            let wrong: Vec<String> = validator
                .iter_errors(&body)
                .map(|error| error.to_string())
                .collect();
            assert!(wrong.is_empty(), "{method} {path}: {wrong:?}");
        }
        assert!(bodies > 30, "{bodies}");
    }
}
