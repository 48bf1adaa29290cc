//! Proxy: one way to Telegram that is not the direct one. Plain data: how it is written stands in `address`, how it is
//! dialled in `telegram/ways`.

mod address;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SecretText;
pub use address::ProxyError;
pub use secret::{MtproxyLook, MtproxySecret};

/// What an account may have of them.
pub const MOST_PROXIES: usize = 16;

/// A proxy with all that it takes to use it. `Debug` and `Display` show no credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    pub speaks: ProxyProtocol,
}

/// How it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    Socks5(Option<ProxyLogin>),
    Http {
        /// Inside TLS.
        tls: bool,
        login: Option<ProxyLogin>,
    },
    Mtproxy(MtproxySecret),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyLogin {
    pub user: SecretText,
    pub password: SecretText,
}

/// What everybody may see of one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ProxyName {
    /// `socks5`, `http`, `https` or `mtproxy`.
    pub kind: String,
    /// With its port.
    pub host: String,
}

impl Proxy {
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.speaks {
            ProxyProtocol::Socks5(_) => "socks5",
            ProxyProtocol::Http { tls: false, .. } => "http",
            ProxyProtocol::Http { tls: true, .. } => "https",
            ProxyProtocol::Mtproxy(_) => "mtproxy",
        }
    }

    /// Host and port as they stand in an address.
    #[must_use]
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    #[must_use]
    pub fn name(&self) -> ProxyName {
        ProxyName {
            kind: self.kind().to_owned(),
            host: self.place(),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind(), self.place())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl fmt::Display for ProxyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind, self.host)
    }
}
