//! Hosts: the names under which the service answers.

use std::net::SocketAddr;

use actix_web::http::Uri;

use super::front::OwnAddress;

/// Which `Host` values are ours.
#[derive(Clone, Debug)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The loopback names with the port that was bound, and what the configuration adds.
    #[must_use]
    pub fn new(port: u16, allowed: &[String]) -> Self {
        let mut hosts = Vec::new();
        for name in ["127.0.0.1", "localhost", "[::1]"] {
            hosts.push(format!("{name}:{port}"));
            if port == 80 {
                hosts.push(name.to_owned());
            }
        }
        hosts.extend(allowed.iter().cloned());
        Self(hosts)
    }

    pub(super) fn allows(&self, host: &str, own: Option<OwnAddress>) -> bool {
        // The address itself is no name that somebody else could point here.
        own.is_some_and(|own| is_address(host, own.0))
            || self.0.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    pub(super) fn allows_origin(&self, origin: &str, own: Option<OwnAddress>) -> bool {
        let Ok(uri) = origin.parse::<Uri>() else {
            return false;
        };
        let Some(authority) = uri.authority() else {
            return false;
        };
        matches!(uri.scheme_str(), Some("http" | "https")) && self.allows(authority.as_str(), own)
    }

    /// For `connect-src`: not every browser counts WebSockets as 'self'. The policy has no word for IPv6 addresses;
    /// there 'self' has to do.
    pub(super) fn websocket_sources(&self, own: Option<OwnAddress>) -> String {
        let own = own.map(|own| own.0.to_string());
        self.0
            .iter()
            .chain(own.iter().filter(|own| !self.0.contains(own)))
            .filter(|host| !host.starts_with('['))
            .flat_map(|host| [format!("ws://{host}"), format!("wss://{host}")])
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// `host` is this address, with its port or without a usual one.
fn is_address(host: &str, address: SocketAddr) -> bool {
    if host.parse() == Ok(address) {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    matches!(address.port(), 80 | 443) && bare.parse() == Ok(address.ip())
}
