//! Passed on: whether a request came through a proxy. A proxy on this machine asks from this machine, so the address alone
//! says nothing; what it adds does.
//!
//! One that adds nothing and speaks HTTP/1.1 is told by its user, see `peer.rs`; where that is the service's own, only `Host`
//! stops what browsers ask it for.

use std::net::IpAddr;

use actix_web::http::{Version, header::HeaderMap};

/// Names that fit none of the shapes in [`is_a_sign`].
const NAMES: [&str; 35] = [
    "via",
    "client-ip",
    "cf-connecting-ipv6",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "cf-worker",
    "cdn-loop",
    "fly-region",
    "front-end-https",
    "proxy-connection",
    "remote-addr",
    "tailscale-user-login",
    "tailscale-user-name",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-appengine-country",
    "x-arr-log-id",
    "x-arr-ssl",
    "x-azure-clientip",
    "x-azure-ref",
    "x-azure-socketip",
    "x-bluecoat-via",
    "x-client-ssl",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-nginx-proxy",
    "x-original-host",
    "x-original-url",
    "x-proxy-id",
    "x-remote-addr",
    "x-rewrite-url",
    "x-sucuri-clientip",
    "x-url-scheme",
    "x-varnish",
];

/// What shows that somebody stood in between; `None`: nothing does.
pub fn passed_on(version: Version, headers: &HeaderMap) -> Option<String> {
    // nginx, unless told otherwise before 1.29.7, and no browser and hardly a program any more.
    if version < Version::HTTP_11 {
        return Some(format!("{version:?}"));
    }
    headers
        .keys()
        .find(|name| is_a_sign(name.as_str()))
        .map(ToString::to_string)
}

/// Whom a trusted proxy asks for: it puts its own client at the end of the list, behind whatever that client claims.
pub fn client_of_proxy(headers: &HeaderMap) -> Option<IpAddr> {
    let line = headers.get_all("x-forwarded-for").last()?;
    let (_, last) = line
        .to_str()
        .ok()?
        .rsplit_once(',')
        .unwrap_or(("", line.to_str().ok()?));
    let ip: IpAddr = last.trim().parse().ok()?;
    Some(ip.to_canonical())
}

/// `name` is in lower case, as header names are kept.
fn is_a_sign(name: &str) -> bool {
    let ip_of_somebody =
        name.starts_with("x-") && (name.ends_with("-ip") || name.ends_with("-ipv6"));
    let of_a_client = ["-client-ip", "-connecting-ip", "-real-ip"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let forwarded = name.split('-').any(|part| part == "forwarded");
    ip_of_somebody || of_a_client || forwarded || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn sign(name: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_static("203.0.113.7"));
        passed_on(Version::HTTP_11, &headers)
    }

    /// Protects a service without tokens: known proxies, and whatever is named as proxies name it, don't count as this
    /// machine.
    #[test]
    fn known_and_unknown_proxies_are_told_by_what_they_add() {
        for name in NAMES {
            assert_eq!(sign(name).as_deref(), Some(name));
        }
        for name in [
            "Forwarded",
            "X-Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Anything",
            "Acme-Forwarded",
            "Acme-Forwarded-Country",
            "X-Original-Forwarded-For",
            "X-Real-IP",
            "X-Acme-Edge-IP",
            "X-ACME-IPv6",
            "True-Client-IP",
            "Fastly-Client-IP",
            "Fly-Client-IP",
            "CF-Connecting-IP",
            "Acme-Connecting-IP",
            "Ali-Cdn-Real-IP",
            "WL-Proxy-Client-IP",
        ] {
            assert_eq!(sign(name), Some(name.to_lowercase()));
        }
        assert_eq!(
            passed_on(Version::HTTP_10, &HeaderMap::new()).as_deref(),
            Some("HTTP/1.0")
        );
    }

    /// Protects programs on this machine: what they send of themselves is no sign.
    #[test]
    fn what_programs_send_is_no_sign() {
        for name in [
            "host",
            "user-agent",
            "accept",
            "authorization",
            "cookie",
            "origin",
            "sec-fetch-site",
            "traceparent",
            "x-request-id",
            "x-requested-with",
            "x-api-key",
            "x-license-key",
            "idempotency-key",
            "x-clip",
            "x-zip",
            "x-forwardedness",
        ] {
            assert_eq!(sign(name), None, "{name}");
        }
        assert_eq!(passed_on(Version::HTTP_11, &HeaderMap::new()), None);
    }
}
