//! Access: tokens, the launch link, and that nobody sees what belongs to somebody else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{api::Api, fleet::Fleet, live::Live, tokens, wait};

pub fn bearer(fleet: &Fleet, token: &str) -> Api {
    fleet
        .api
        .with_header("authorization", &format!("Bearer {token}"))
}

pub async fn status_of(api: &Api, method: Method, path: &str, body: Option<Value>) -> StatusCode {
    api.call(method, path, body).await.0
}

/// Protects the service once there are tokens: none means no, each scope reaches as far as it says, and a token
/// that was revoked beside the running service is worthless within a second.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_made_beside_the_running_service_count_at_once() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let data = fleet.data_dir();
    let read = tokens::create(&data, "reader", "read");
    let send = tokens::create(&data, "sender", "send");
    let admin = tokens::create(&data, "boss", "admin");
    let locked = wait::until(
        "tokens to be in force",
        || fleet.api.call(Method::GET, "/accounts", None),
        |(status, _)| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    assert_eq!(locked.1["error"]["code"], "token_required");
    let response = fleet
        .api
        .request(Method::GET, "/accounts")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");

    let id = fleet.accounts[0].id.clone();
    let rename = || Some(json!({ "label": "Renamed" }));
    let account = format!("/accounts/{id}");
    let write = format!("/accounts/{id}/send");
    for (token, reads, sends, changes) in [
        (&read, 200, 403, 403),
        (&send, 200, 422, 403),
        (&admin, 200, 422, 200),
        (&"swb_guessed".to_owned(), 401, 401, 401),
    ] {
        let api = bearer(&fleet, token);
        let nobody = Some(json!({ "recipient": "?", "text": "Hello" }));
        let seen = [
            status_of(&api, Method::GET, &account, None).await.as_u16(),
            status_of(&api, Method::POST, &write, nobody).await.as_u16(),
            status_of(&api, Method::PATCH, &account, rename())
                .await
                .as_u16(),
        ];
        assert_eq!(seen, [reads, sends, changes]);
    }
    let by_key = fleet.api.with_header("x-api-key", &read);
    assert_eq!(
        status_of(&by_key, Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    // A token skips the check of the origin, never that of the host.
    let foreign = bearer(&fleet, &read).with_header("host", "evil.example");
    assert_eq!(
        status_of(&foreign, Method::GET, "/accounts", None).await,
        StatusCode::MISDIRECTED_REQUEST
    );

    let list = tokens::list(&data);
    assert!(list.contains("reader") && !list.contains(&read), "{list}");
    let used = wait::until(
        "the use to be noted",
        || async { tokens::list(&data) },
        |list| {
            !list
                .lines()
                .any(|line| line.ends_with("boss") && line.contains("never"))
        },
    );
    used.await;
    tokens::revoke(&data, "reader");
    wait::until(
        "the token to be worthless",
        || {
            fleet
                .api
                .with_header("x-api-key", &read)
                .call_owned(Method::GET, "/accounts")
        },
        |(status, _)| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    fleet.stop_service();
    fleet.start_service();
    assert_eq!(
        status_of(&fleet.api, Method::GET, "/accounts", None).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        status_of(&bearer(&fleet, &admin), Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    assert!(!fleet.service().log().contains(&admin));
}

/// Protects scripts that make a token and use it: it counts with its first call, however lately the service looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_counts_with_its_first_call() {
    let fleet = Fleet::builder().start().await;
    tokens::create(&fleet.data_dir(), "first", "read");
    for number in 0..40 {
        let token = tokens::create(&fleet.data_dir(), &format!("number {number}"), "read");
        let api = bearer(&fleet, &token);
        let status = status_of(&api, Method::GET, "/accounts", None).await;
        assert_eq!(status, StatusCode::OK, "token {number}");
    }
}

/// Protects the desk in token mode: the launch link works once, and its cookie is out of reach of scripts and sites.
#[tokio::test(flavor = "multi_thread")]
async fn the_launch_link_opens_the_desk_once() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let admin = tokens::create(&fleet.data_dir(), "boss", "admin");
    let link = bearer(&fleet, &admin).post("/launch", json!({})).await;
    let path = link["url"]
        .as_str()
        .unwrap()
        .split_once("/launch")
        .unwrap()
        .1
        .to_owned();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let open = || {
        client
            .get(format!("http://{}/launch{path}", fleet.address()))
            .send()
    };
    let opened = open().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(open().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let cookie = cookie.split(';').next().unwrap();
    let desk = fleet.api.with_header("cookie", cookie);
    assert_eq!(
        status_of(&desk, Method::GET, "/accounts", None).await,
        StatusCode::OK
    );
    // A cookie is sent by browsers for anybody's page: the origin still counts.
    let foreign = desk.with_header("origin", "http://evil.example");
    let rename = Some(json!({ "label": "Stolen" }));
    let account = format!("/accounts/{}", fleet.accounts[0].id);
    assert_eq!(
        status_of(&foreign, Method::PATCH, &account, rename).await,
        StatusCode::FORBIDDEN
    );

    // A page without a cookie may be looked at; it has nothing to tell.
    assert_eq!(
        status_of(&fleet.api, Method::GET, "/", None).await,
        StatusCode::OK
    );

    let ticket = desk.post("/ws/ticket", json!({})).await["ticket"]
        .as_str()
        .unwrap()
        .to_owned();
    let opened = Live::try_open(&format!("ws://{}/ws?ticket={ticket}", fleet.address())).await;
    assert!(opened);
    let opened = Live::try_open(&format!("ws://{}/ws?ticket={ticket}", fleet.address())).await;
    assert!(!opened, "a ticket opens one socket");
    assert!(!Live::try_open(&format!("ws://{}/ws", fleet.address())).await);
}
