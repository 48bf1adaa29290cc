//! Telegram: credentials of the application, data centres and the ways there.

use std::{fs, net::SocketAddr, time::Duration};

use super::checker::Checker;
use crate::{
    cli::Settings,
    domain::{ApiCredentials, Proxy, ProxyError},
};

/// Which MTProto servers accounts talk to.
#[derive(Clone, Debug, Default)]
pub struct DataCentres {
    /// Empty: Telegram's own. Sign-ins start at the first.
    pub addresses: Vec<(i32, SocketAddr)>,
    pub public_key_pem: Option<String>,
}

impl Checker {
    pub(super) fn api(&mut self, settings: &Settings) -> Option<ApiCredentials> {
        let hash = self.secret(
            "TELEGRAM_API_HASH",
            settings.api_hash.as_deref(),
            settings.api_hash_file.as_deref(),
        );
        let id = settings.api_id.as_deref().filter(|text| !text.is_empty());
        let api_id = id.and_then(|text| match text.parse::<i32>() {
            Ok(number) if number > 0 => Some(number),
            _ => {
                self.report(
                    "TELEGRAM_API_ID",
                    "is not a positive number; my.telegram.org shows yours",
                );
                None
            }
        });
        if let Some(hash) = &hash
            && !is_api_hash(hash.expose())
        {
            self.report(
                "TELEGRAM_API_HASH",
                "is not 32 hexadecimal digits; my.telegram.org shows yours",
            );
            return None;
        }
        match (id, api_id, hash) {
            (Some(_), Some(api_id), Some(api_hash)) => Some(ApiCredentials { api_id, api_hash }),
            (Some(_), _, None) => {
                self.report(
                    "TELEGRAM_API_HASH",
                    "is missing, though TELEGRAM_API_ID is set",
                );
                None
            }
            (None, _, Some(_)) => {
                self.report(
                    "TELEGRAM_API_ID",
                    "is missing, though TELEGRAM_API_HASH is set",
                );
                None
            }
            _ => None,
        }
    }

    pub(super) fn data_centres(&mut self, settings: &Settings) -> DataCentres {
        let mut addresses: Vec<(i32, SocketAddr)> = Vec::new();
        for text in settings.telegram_dc.iter().filter(|text| !text.is_empty()) {
            let parsed = text
                .split_once('@')
                .and_then(|(id, address)| Some((id.parse::<i32>().ok()?, address.parse().ok()?)));
            match parsed {
                Some((id, _)) if id <= 0 || addresses.iter().any(|(known, _)| *known == id) => {
                    self.report(
                        "TELEGRAM_DC",
                        format!("{text:?}: the id must be positive and named once"),
                    );
                }
                Some(dc) => addresses.push(dc),
                None => self.report(
                    "TELEGRAM_DC",
                    format!("{text:?} is not ID@IP:PORT, such as 2@127.0.0.1:4430"),
                ),
            }
        }
        let public_key_pem = settings.telegram_dc_key.as_deref().and_then(|path| {
            fs::read_to_string(path)
                .map_err(|error| {
                    self.report("TELEGRAM_DC_KEY", format!("{}: {error}", path.display()))
                })
                .ok()
        });
        if public_key_pem
            .as_deref()
            .is_some_and(|pem| !pem.contains("PUBLIC KEY-----"))
        {
            self.report("TELEGRAM_DC_KEY", "holds no RSA public key in PEM form");
        }
        if public_key_pem.is_some() && settings.telegram_dc.is_empty() {
            self.report("TELEGRAM_DC", "is missing, though TELEGRAM_DC_KEY is set");
        }
        DataCentres {
            addresses,
            public_key_pem,
        }
    }

    pub(super) fn proxies(&mut self, settings: &Settings) -> Vec<Proxy> {
        const VARIABLE: &str = "SWITCHBOARD_PROXIES";
        let given = settings.proxy.iter().map(|text| text.trim());
        let given: Vec<&str> = given.filter(|text| !text.is_empty()).collect();
        let file = match given.as_slice() {
            [] => self.secret(VARIABLE, None, settings.proxies_file.as_deref()),
            _ => None,
        };
        // In a file also one a line.
        let read = file.as_ref().map_or_else(Vec::new, |file| {
            let lines = file.expose().split([',', '\n']).map(str::trim);
            lines.filter(|text| !text.is_empty()).collect()
        });
        let texts = if given.is_empty() { read } else { given };
        // Numbered, not repeated: an address may hold a password.
        for (number, text) in texts.iter().enumerate() {
            if let Err(error) = Proxy::parse(text) {
                self.report(VARIABLE, format!("proxy {}: {error}", number + 1));
            }
        }
        match Proxy::parse_all(texts) {
            Ok(proxies) => proxies,
            Err(error @ ProxyError::TooMany) => {
                self.report(VARIABLE, error.to_string());
                Vec::new()
            }
            // Told above.
            Err(_) => Vec::new(),
        }
    }

    pub(super) fn reply_patience(&mut self, settings: &Settings) -> Duration {
        const TEN_MINUTES: Duration = Duration::from_secs(600);
        self.seconds(
            "SWITCHBOARD_REPLY_PATIENCE",
            settings.reply_patience.as_deref(),
            TEN_MINUTES,
        )
    }
}

/// Telegram's application hashes are 32 hexadecimal digits.
#[must_use]
pub fn is_api_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
