//! Web safety: loopback alone is no protection, so every route checks who calls.

use reqwest::{Method, StatusCode, header::HeaderMap};

use crate::support::fleet::Fleet;

/// One of each kind of route.
const ROUTES: [&str; 6] = [
    "/",
    "/static/js/main.js",
    "/accounts",
    "/conversations",
    "/ws",
    "/health/ready",
];

async fn ask(
    fleet: &Fleet,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
) -> (StatusCode, HeaderMap) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, fleet.service().url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone())
}

/// Protects against DNS rebinding: another name in `Host` is refused everywhere, whatever a proxy header claims.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_is_refused_on_every_route() {
    let fleet = Fleet::builder().start().await;
    for path in ROUTES {
        let (status, _) = ask(&fleet, Method::GET, path, &[("host", "evil.test")]).await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        let own = fleet.address().to_owned();
        let forged = [("host", "evil.test"), ("x-forwarded-host", own.as_str())];
        let (status, _) = ask(&fleet, Method::GET, path, &forged).await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
}

/// Protects against other sites' pages: no cross-site write, read or socket, and no form post.
#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_can_neither_write_nor_read_nor_listen() {
    let fleet = Fleet::builder().start().await;
    let evil = ("origin", "http://evil.test");
    let post = Method::POST;
    let json = ("content-type", "application/json");
    for headers in [
        vec![evil, json],
        vec![("sec-fetch-site", "cross-site"), json],
        vec![("origin", "null"), json],
    ] {
        let (status, _) = ask(&fleet, post.clone(), "/accounts/add", &headers).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let (status, _) = ask(
        &fleet,
        post,
        "/accounts/add",
        &[("content-type", "text/plain")],
    )
    .await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, _) = ask(
        &fleet,
        Method::GET,
        "/accounts",
        &[("sec-fetch-site", "cross-site")],
    )
    .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        evil,
    ];
    let (status, _) = ask(&fleet, Method::GET, "/ws", &upgrade).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

/// Protects programs: without a browser's headers they may call, and nothing is opened to other origins.
#[tokio::test(flavor = "multi_thread")]
async fn programs_may_call_and_no_cors_header_is_ever_sent() {
    let fleet = Fleet::builder().start().await;
    for path in ["/", "/accounts", "/health/live"] {
        let (status, headers) = ask(&fleet, Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!headers.contains_key("access-control-allow-origin"));
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("require-trusted-types-for 'script'"),
            "{policy}"
        );
        assert_eq!(headers["x-frame-options"], "DENY");
    }
    let (_, headers) = ask(
        &fleet,
        Method::OPTIONS,
        "/accounts",
        &[("origin", "http://evil.test")],
    )
    .await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

/// Protects a desk behind a tunnel: what looks local but came through a proxy needs a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_front_needs_a_token() {
    let fleet = Fleet::builder().start().await;
    for header in [
        ("x-forwarded-for", "203.0.113.7"),
        ("forwarded", "for=203.0.113.7"),
        ("via", "1.1 tunnel"),
    ] {
        let (status, _) = ask(&fleet, Method::GET, "/accounts", &[header]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header:?}");
    }
}
