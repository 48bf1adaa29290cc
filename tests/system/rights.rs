//! Rights: every route, with every kind of token, held against the one table.

use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard::{
    domain::Timestamp,
    store::{NewToken, StorePlace, TokenFile},
    web::{Need, RIGHTS, Right, new_token, sha256_hex},
};

use crate::support::{api::Api, fleet::Fleet, tokens, wait};

fn bearer(fleet: &Fleet, token: &str) -> Api {
    let value = format!("Bearer {token}");
    fleet.api.with_header("authorization", &value)
}

/// A token that ended a moment ago.
fn expired(fleet: &Fleet, scope: &str) -> String {
    let path = fleet.data_dir().join("switchboard.db");
    let text = new_token();
    let token = NewToken {
        name: format!("expired {scope}"),
        scope: scope.to_owned(),
        hash: sha256_hex(text.expose()),
        expires_at: Some(Timestamp::from_millis(Timestamp::now().millis() - 1)),
        launched_by: None,
        accounts: None,
    };
    TokenFile::open(&StorePlace::File(path))
        .unwrap()
        .unwrap()
        .add(&token)
        .unwrap();
    text.expose().to_owned()
}

/// Status and code of a call that can do nothing: what it names does not exist.
async fn tried(api: &Api, right: &Right) -> (StatusCode, String) {
    let path = right
        .path
        .replace("{file:.*}", "js/main.js")
        .replace(
            "/accounts/{id}",
            "/accounts/00000000-0000-4000-8000-000000000000",
        )
        .replace("{id}", "987654321")
        .replace("{user_id}", "nobody")
        .replace("{chat_id}", "987654321");
    let method = Method::from_bytes(right.method.to_ascii_uppercase().as_bytes()).unwrap();
    let mut request = api.request(method.clone(), &path);
    if method != Method::GET && method != Method::DELETE {
        request = request.json(&json!({}));
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let code = body["error"]["code"].as_str().or(body["code"].as_str());
    (status, code.unwrap_or_default().to_owned())
}

/// Protects every call: a token reaches exactly as far as the table says, on each face, and one that ended reaches nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_the_table_names() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let scopes = ["read", "send", "admin", "licence"];
    let made = scopes.map(|scope| (scope, tokens::create(&data, scope, scope)));
    let mut ended = Vec::new();
    for scope in scopes {
        let name = format!("revoked {scope}");
        ended.push((name.clone(), tokens::create(&data, &name, scope)));
        tokens::revoke(&data, &name);
        ended.push((format!("expired {scope}"), expired(&fleet, scope)));
    }
    let ends = ended.iter().map(|(_, token)| bearer(&fleet, token));
    for api in [fleet.api.clone()].into_iter().chain(ends) {
        wait::until(
            "the service to be locked and the token to have ended",
            || api.call(Method::GET, "/accounts", None),
            |(status, _)| *status == StatusCode::UNAUTHORIZED,
        )
        .await;
    }
    let mut wrong = Vec::new();
    for right in RIGHTS {
        let call = format!("{} {}", right.method, right.path);
        for (scope, token) in &made {
            let (status, code) = tried(&bearer(&fleet, token), right).await;
            let named = right.need.scopes().iter().any(|one| one.as_str() == *scope);
            let wanted = named && !(right.need.all_accounts() && *scope == "licence");
            let refused = code == "scope_too_small";
            if refused == wanted || (wanted && status == 401 && code == "token_invalid") {
                wrong.push(format!("{call} with {scope}: {status} {code}"));
            }
        }
        let open = right.need == Need::Nothing;
        for (kind, token) in &ended {
            let (status, code) = tried(&bearer(&fleet, token), right).await;
            if status != 401 || code != "token_invalid" {
                wrong.push(format!("{call} with {kind}: {status} {code}"));
            }
        }
        let (status, code) = tried(&fleet.api, right).await;
        if !open && (status != 401 || code != "token_required") {
            wrong.push(format!("{call} without a token: {status} {code}"));
        }
        if open && code == "token_required" {
            wrong.push(format!("{call} is a page that asks for a token"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Protects programs that ask with the wrong method: they are told which there are, and `HEAD` is one where `GET` is.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_not_known_is_answered_with_those_that_are() {
    let fleet = Fleet::builder().start().await;
    for (method, path, allow) in [
        (Method::GET, "/accounts/add", "POST"),
        (Method::DELETE, "/accounts", "GET, HEAD"),
        (Method::PUT, "/messages/1", "GET, HEAD, PATCH, DELETE"),
        (Method::POST, "/health/live", "GET, HEAD"),
        (Method::HEAD, "/launch", "GET, POST"),
        (Method::PATCH, "/telegram/user/send", "POST"),
        (Method::OPTIONS, "/conversations", "GET, HEAD"),
    ] {
        let answer = fleet
            .api
            .request(method.clone(), path)
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        assert_eq!(answer.headers()["allow"], allow, "{method} {path}");
    }
    for right in RIGHTS.iter().filter(|right| right.method == "get") {
        if right.path.contains('{') {
            continue;
        }
        let head = fleet
            .api
            .request(Method::HEAD, right.path)
            .send()
            .await
            .unwrap();
        if head.status() == StatusCode::METHOD_NOT_ALLOWED {
            let doing = ["/ws", "/launch", "/telegram/auth/qr", "/telegram/auth/qr/"];
            assert!(doing.contains(&right.path), "{}", right.path);
            continue;
        }
        let get = fleet
            .api
            .request(Method::GET, right.path)
            .send()
            .await
            .unwrap();
        assert_eq!(head.status(), get.status(), "{}", right.path);
        assert_eq!(
            head.headers().get("content-type"),
            get.headers().get("content-type"),
            "{}",
            right.path
        );
        assert_eq!(head.text().await.unwrap(), "");
    }
}

/// Protects a sign-in from whoever may only look: no QR address, no hint of the password, neither asked nor told live.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sign_in_is_not_shown_how() {
    let fleet = Fleet::builder().start().await;
    let data = fleet.data_dir();
    let boss = bearer(&fleet, &tokens::create(&data, "boss", "admin"));
    let body = json!({ "label": "By QR", "qr": true });
    let added = boss.post("/accounts/add", body).await;
    let address = added["login"]["qr"]["url"].as_str().unwrap().to_owned();
    let id = added["account"]["id"].as_str().unwrap();
    for scope in ["read", "send"] {
        let token = tokens::create(&data, scope, scope);
        let api = bearer(&fleet, &token);
        let headers = format!("Bearer {token}");
        let mut live = crate::support::live::Live::open_with(
            fleet.address(),
            Some(0),
            &[("authorization", &headers)],
        )
        .await;
        for path in [format!("/accounts/{id}"), format!("/accounts/{id}/login")] {
            let seen = api.get(&path).await;
            assert_eq!(seen["login"]["step"], "scan", "{seen}");
            assert_eq!(seen["login"]["qr"], json!(null), "{seen}");
        }
        let told = live.waiting().await;
        assert!(
            told.iter().any(|frame| frame["event"] == "login_updated"),
            "{told:?}"
        );
        assert!(!format!("{told:?}").contains(&address), "{told:?}");
    }
    let seen = boss.get(&format!("/accounts/{id}/login")).await;
    assert!(seen["login"]["qr"]["url"].is_string(), "{seen}");
}
