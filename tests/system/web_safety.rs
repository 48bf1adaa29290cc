//! Web safety: loopback alone is no protection, so every route checks who calls.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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

/// Protects browsers behind a proxy that compresses, and caches that know several: a page's file that is known is not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_known_is_not_sent_again() {
    let fleet = Fleet::builder().start().await;
    let path = "/static/js/main.js";
    let (status, headers) = ask(&fleet, Method::GET, path, &[]).await;
    assert_eq!(status, StatusCode::OK);
    let tag = headers["etag"].to_str().unwrap();
    for known in [
        tag.to_owned(),
        format!("W/{tag}"),
        format!("\"another\", {tag}"),
    ] {
        let condition = [("if-none-match", known.as_str())];
        let (status, _) = ask(&fleet, Method::GET, path, &condition).await;
        assert_eq!(status, StatusCode::NOT_MODIFIED, "{known}");
    }
    let other = [("if-none-match", "\"another\"")];
    let (status, _) = ask(&fleet, Method::GET, path, &other).await;
    assert_eq!(status, StatusCode::OK);
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

/// What proxies, tunnels and the networks in front of them add; the last ones are names that nobody knows yet.
const PASSED_ON: [(&str, &str); 34] = [
    ("forwarded", "for=203.0.113.7"),
    ("x-forwarded", "203.0.113.7"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-host", "desk.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "443"),
    ("x-forwarded-server", "front"),
    ("x-original-forwarded-for", "203.0.113.7"),
    ("via", "1.1 tunnel"),
    ("x-real-ip", "203.0.113.7"),
    ("x-client-ip", "203.0.113.7"),
    ("client-ip", "203.0.113.7"),
    ("true-client-ip", "203.0.113.7"),
    ("x-cluster-client-ip", "203.0.113.7"),
    ("fastly-client-ip", "203.0.113.7"),
    ("fly-client-ip", "203.0.113.7"),
    ("fly-forwarded-proto", "https"),
    ("wl-proxy-client-ip", "203.0.113.7"),
    ("cf-connecting-ip", "203.0.113.7"),
    ("cf-connecting-ipv6", "2001:db8::7"),
    ("cf-ray", "8f0"),
    ("cdn-loop", "front"),
    ("x-envoy-external-address", "203.0.113.7"),
    ("x-proxyuser-ip", "203.0.113.7"),
    ("x-azure-clientip", "203.0.113.7"),
    ("x-original-host", "desk.example"),
    ("x-remote-addr", "203.0.113.7"),
    ("x-amzn-trace-id", "Root=1"),
    ("x-nf-client-connection-ip", "203.0.113.7"),
    ("tailscale-user-login", "somebody"),
    ("X-Whatever-IP", "203.0.113.7"),
    ("new-forwarded-by", "front"),
    ("Acme-Connecting-IP", "203.0.113.7"),
    ("acme-client-ip", "203.0.113.7"),
];

/// Protects a desk behind a tunnel: what looks local but came through a proxy needs a token, on every kind of route, and
/// is told how to get one.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_in_front_needs_a_token() {
    let fleet = Fleet::builder().start().await;
    for header in PASSED_ON {
        let (status, body) = words(&fleet, "/accounts", &[header]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header:?}");
        let told = body["error"]["message"].as_str().unwrap();
        let name = header.0.to_lowercase();
        assert!(
            told.contains(&name) && told.contains("switchboard token create"),
            "{header:?}: {told}"
        );
    }
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("x-real-ip", "203.0.113.7"),
    ];
    let (status, _) = ask(&fleet, Method::GET, "/ws", &upgrade[..4]).await;
    assert_eq!(status, StatusCode::SWITCHING_PROTOCOLS);
    let (status, _) = ask(&fleet, Method::GET, "/ws", &upgrade).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let licence = ("x-license-key", "a licence");
    for path in [
        "/",
        "/metrics",
        "/health/ready",
        "/telegram/session/status/",
        "/telegram/user/status/user123",
        "/api/integrations/telegram-phone/config",
        "/api/integrations/telegram-phone/",
    ] {
        let header = ("cf-connecting-ip", "203.0.113.7");
        let (status, _) = ask(&fleet, Method::GET, path, &[header, licence]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        let (status, _) = ask(&fleet, Method::GET, path, &[licence]).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

/// Protects programs on this machine: what they send of themselves is no sign of a proxy.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_here_is_not_taken_for_a_proxy() {
    let fleet = Fleet::builder().start().await;
    for header in [
        ("x-request-id", "7"),
        ("x-requested-with", "XMLHttpRequest"),
        ("x-skip", "1"),
        ("x-clip", "1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("idempotency-key", "7"),
        ("x-license-key", "a licence"),
    ] {
        let (status, _) = ask(&fleet, Method::GET, "/accounts", &[header]).await;
        assert_eq!(status, StatusCode::OK, "{header:?}");
    }
}

/// Protects a desk behind a proxy that adds nothing: nginx, left as it is, asks with HTTP/1.0.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_of_http_needs_a_token() {
    let fleet = Fleet::builder().start().await;
    let mut socket = TcpStream::connect(fleet.address()).await.unwrap();
    let request = format!(
        "GET /accounts HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n",
        fleet.address()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.0 401") || answer.starts_with("HTTP/1.1 401"),
        "{answer}"
    );
    assert!(
        answer.contains("HTTP/1.0") && answer.contains("switchboard token create"),
        "{answer}"
    );
}

async fn words(fleet: &Fleet, path: &str, headers: &[(&'static str, &str)]) -> (StatusCode, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.get(fleet.service().url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}
