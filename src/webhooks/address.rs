//! Address: where a webhook that somebody made over REST may lead. Whoever may make one must not reach, with the service's
//! hands, what stands beside it: this machine, the network it is in, the cloud's metadata.
//!
//! A name is resolved here and the connection goes to the very addresses that were looked at, so that a name which changes
//! its mind in between gains nothing. Redirects are followed nowhere.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::config::AllowedAddress;

/// Why an address is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a public address; the operator can allow it (SWITCHBOARD_WEBHOOK_ALLOW)")]
pub struct NotAllowed(String);

impl NotAllowed {
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0
    }
}

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    allowed: Arc<Vec<AllowedAddress>>,
}

impl AddressGuard {
    #[must_use]
    pub fn new(allowed: Vec<AllowedAddress>) -> Self {
        Self {
            allowed: Arc::new(allowed),
        }
    }

    fn allows(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.allowed.iter().any(|allowed| allowed.covers(ip))
    }

    /// An address that is written out is not resolved by anybody.
    ///
    /// # Errors
    /// When it is refused; a name may be refused later, by where it leads.
    pub fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.allows(ip) {
            return Ok(());
        }
        Err(NotAllowed(ip.to_string()))
    }

    /// Where a name leads now, if that is allowed.
    ///
    /// # Errors
    /// When every address of it is refused, or it has none.
    pub async fn resolve(&self, name: &str) -> Result<Vec<SocketAddr>, ResolveError> {
        let found = tokio::net::lookup_host((name, 0)).await;
        let found: Vec<_> = found.map_err(|_| ResolveError::Unknown)?.collect();
        let allowed: Vec<_> = found
            .iter()
            .copied()
            .filter(|address| self.allows(address.ip()))
            .collect();
        match (found.first(), allowed.is_empty()) {
            (None, _) => Err(ResolveError::Unknown),
            (Some(first), true) => Err(NotAllowed(format!("{name} ({})", first.ip())).into()),
            (Some(_), false) => Ok(allowed),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("the name is not known")]
    Unknown,
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

impl Resolve for AddressGuard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = Self::resolve(&guard, name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Reachable over the Internet, after the registries of special-purpose addresses (RFC 6890).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let special = matches!(
        ip.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let parts = ip.segments();
    match parts {
        // NAT64 leads to the IPv4 address in its end (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // 6to4 and Teredo lead to IPv4 addresses, too; 2001::/23 is for protocols, 2001:db8::/32 and 3fff::/20 for documents.
        [0x2002 | 0x3fff, ..] | [0x2001, 0..=0x1ff | 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what stands beside the service: every way to write such an address is seen through.
    #[test]
    fn nothing_private_is_public() {
        let url = |text: &str| Url::parse(text).unwrap();
        let guard = AddressGuard::default();
        for private in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0/",
            "http://10.1.2.3/",
            "http://100.100.100.200/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
            "http://172.31.0.1/",
            "http://192.168.1.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:1::1]/",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
        ] {
            assert!(guard.check(&url(private)).is_err(), "{private}");
        }
        for public in [
            "http://93.184.216.34/",
            "http://[2606:2800:220:1::1]/",
            "http://[64:ff9b::5db8:d822]/",
            "http://a.name/",
        ] {
            assert!(guard.check(&url(public)).is_ok(), "{public}");
        }
    }

    /// Protects operators with receivers of their own: what they allow is allowed, and nothing beside it.
    #[tokio::test]
    async fn what_is_allowed_is_allowed() {
        let allowed = |text: &str| AddressGuard::new(vec![text.parse().unwrap()]);
        let url = |text: &str| Url::parse(text).unwrap();
        let guard = allowed("10.1.0.0/16");
        assert!(guard.check(&url("http://10.1.255.3/")).is_ok());
        assert!(guard.check(&url("http://10.2.0.1/")).is_err());
        assert!(allowed("fd00::/8").check(&url("http://[fd12::1]/")).is_ok());
        assert!(
            allowed("127.0.0.1")
                .check(&url("http://127.0.0.2/"))
                .is_err()
        );
        assert!(matches!(
            guard.resolve("localhost").await,
            Err(ResolveError::NotAllowed(_))
        ));
        let here = allowed("127.0.0.0/8").resolve("localhost").await.unwrap();
        assert!(here.iter().all(|address| address.ip().is_loopback()));
    }
}
