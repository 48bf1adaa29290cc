//! The document, held against the routes and the code.

use std::{fs, path::Path};

use super::*;
use crate::web::{ROUTES, cross_site::TAKE_FORMS, repeats::KEYLESS};

/// Protects readers of the document: every route is described, and nothing is described that is not served.
#[test]
fn the_document_describes_exactly_what_is_served() {
    let served: BTreeSet<_> = ROUTES.iter().copied().collect();
    let described: BTreeSet<_> = OPERATIONS
        .iter()
        .map(|operation| (operation.method, operation.path))
        .collect();
    assert_eq!(served, described);
    assert_eq!(
        described.len(),
        OPERATIONS.len(),
        "one of them is there twice"
    );
}

/// Protects programs that send files: a form is described where the guard lets one through, and nowhere else.
#[test]
fn forms_are_described_where_they_are_taken() {
    let described: Vec<&str> = FORMS.iter().map(|(path, _)| *path).collect();
    assert_eq!(described, TAKE_FORMS);
}

/// Protects callers who branch on codes and statuses: the description knows which come with which call.
#[test]
fn a_refusal_is_described_by_call_code_and_status() {
    let reply = "/conversations/{id}/reply";
    assert!(describes("post", reply, 413, "file_too_large"));
    assert!(describes("post", reply, 401, "token_invalid"));
    assert!(!describes("post", reply, 422, "file_too_large"));
    assert!(!describes("post", reply, 404, "webhook_not_found"));
    assert!(!describes("get", reply, 413, "file_too_large"));
    let responses = &document()["paths"][reply]["post"]["responses"];
    let told = responses["413"]["description"].as_str().unwrap();
    assert!(told.contains("file_too_large") && told.contains("body_too_large"));
}

/// Protects readers of the document: what it refers to is there.
#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    let text = document.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.get(name).is_some(), "{name} is missing");
    }
    for operation in OPERATIONS {
        for code in own_codes(operation).iter().chain(COMMON) {
            assert!(CODES.iter().any(|(known, ..)| known == code), "{code}");
        }
    }
}

/// Protects callers who don't know whether a call arrived: every call that changes something takes a key, and says so.
#[test]
fn every_write_takes_a_key() {
    for operation in OPERATIONS {
        let parameters = parameters(operation);
        let keyed = parameters
            .iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key");
        let writes = operation.method != "get" && !KEYLESS.contains(&operation.path);
        assert_eq!(keyed, writes, "{} {}", operation.method, operation.path);
    }
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            texts.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
        }
    }
}

/// Protects callers who branch on codes: each code that the source answers with is listed.
#[test]
fn every_error_code_is_listed() {
    let mut texts = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"),
        &mut texts,
    );
    let makers = [
        ("bad_request(", 400),
        ("not_found(", 404),
        ("conflict(", 409),
        ("unprocessable(", 422),
        ("forbidden(", 403),
        ("unavailable(", 503),
    ];
    let mut found = BTreeSet::new();
    for text in &texts {
        for (maker, status) in makers {
            for (at, _) in text.match_indices(maker) {
                let rest = text[at + maker.len()..].trim_start();
                if let Some(code) = rest
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
                {
                    let known = statuses_of(code).contains(&status);
                    assert!(known, "{code} comes with {status}, too");
                    found.insert(code.to_owned());
                }
            }
        }
    }
    assert!(found.len() > 40, "{found:?}");
    let listed: BTreeSet<_> = CODES.iter().map(|(code, ..)| (*code).to_owned()).collect();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
