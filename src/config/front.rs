//! Where the service listens, under which names, and what encrypts it.

use std::{net::SocketAddr, path::PathBuf};

use super::{Config, checker::Checker};
use crate::cli::Settings;

/// What HTTPS is served with, in PEM form.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Checker {
    pub(super) fn listen(&mut self, text: &str) -> SocketAddr {
        text.replace("localhost:", "127.0.0.1:")
            .parse()
            .unwrap_or_else(|_| {
                self.report(
                    "SWITCHBOARD_LISTEN",
                    format!("{text:?} is not an address with a port, such as 127.0.0.1:8080"),
                );
                SocketAddr::from(([127, 0, 0, 1], 0))
            })
    }

    pub(super) fn allowed_hosts(&mut self, hosts: &[String]) -> Vec<String> {
        let mut allowed = Vec::new();
        for host in hosts
            .iter()
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty())
        {
            if host.contains(['/', '*', ' ']) {
                self.report(
                    "SWITCHBOARD_ALLOWED_HOSTS",
                    format!("{host:?} is not a Host value, such as desk.example:8080"),
                );
            } else {
                allowed.push(host);
            }
        }
        allowed
    }

    pub(super) fn tls(&mut self, settings: &Settings) -> Option<TlsFiles> {
        let given =
            |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
        match (given(&settings.tls_cert), given(&settings.tls_key)) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (Some(_), None) => {
                self.report(
                    "SWITCHBOARD_TLS_KEY",
                    "is missing, though SWITCHBOARD_TLS_CERT is set",
                );
                None
            }
            (None, Some(_)) => {
                self.report(
                    "SWITCHBOARD_TLS_CERT",
                    "is missing, though SWITCHBOARD_TLS_KEY is set",
                );
                None
            }
        }
    }

    /// Tokens and messages must not cross a network that anybody can listen to.
    pub(super) fn open_to_others(&mut self, config: &Config) {
        if !config.listen.ip().is_loopback() && config.tls.is_none() && !config.behind_proxy {
            self.report(
                "SWITCHBOARD_LISTEN",
                format!(
                    "{} can be reached from outside this machine, and nothing would be encrypted: give SWITCHBOARD_TLS_CERT and \
                     SWITCHBOARD_TLS_KEY, or say with SWITCHBOARD_BEHIND_PROXY=true that a proxy in front does it",
                    config.listen
                ),
            );
        }
    }
}
