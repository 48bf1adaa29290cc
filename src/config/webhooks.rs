//! Webhooks of the configuration, and where those made over REST may lead.

use std::{net::IpAddr, str::FromStr, time::Duration};

use url::Url;

use super::checker::Checker;
use crate::{cli::Settings, domain::SecretText};

/// Where events are posted to.
#[derive(Clone, Debug)]
pub struct Webhooks {
    pub hooks: Vec<Webhook>,
    /// What posts are signed with.
    pub secret: SecretText,
    /// How long an event that a receiver refuses for its own sake is tried.
    pub patience: Duration,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    pub url: Url,
    /// Only events of this owner's account: `licence:<hash>`, `user:<hash>` or `portal:<hash>`.
    pub only: Option<String>,
}

/// Addresses that webhooks made over REST may lead to besides public ones: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AllowedAddress {
    network: IpAddr,
    bits: u8,
}

impl AllowedAddress {
    #[must_use]
    pub fn covers(self, ip: IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u32| {
            let rest = width - u32::from(self.bits);
            rest == width || one >> rest == other >> rest
        };
        match (self.network, ip.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                same(u32::from(network).into(), u32::from(ip).into(), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => same(network.into(), ip.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for AllowedAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits.parse::<u8>().map_err(|_| ())?)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| ())?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { network, bits }).ok_or(())
    }
}

impl Webhook {
    /// `https://…`, or `https://…#licence=<SHA-256 of the key>`.
    fn of(mut url: Url) -> Option<Self> {
        let only = match url.fragment() {
            None => None,
            Some(fragment) => {
                let (kind, hash) = fragment.split_once('=')?;
                let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !matches!(kind, "licence" | "user" | "portal") || !is_hash {
                    return None;
                }
                Some(format!("{kind}:{}", hash.to_ascii_lowercase()))
            }
        };
        url.set_fragment(None);
        Some(Self { url, only })
    }
}

impl Checker {
    pub(super) fn webhook(&mut self, text: &str) -> Option<Webhook> {
        const VARIABLE: &str = "SWITCHBOARD_WEBHOOKS";
        let hook = Webhook::of(self.url(VARIABLE, Some(text))?);
        if hook.is_none() {
            self.report(
                VARIABLE,
                "has an address whose part after # is not licence=, user= or portal= and a SHA-256 in hexadecimal",
            );
        }
        hook
    }

    pub(super) fn webhook_allow(&mut self, settings: &Settings) -> Vec<AllowedAddress> {
        let mut allowed = Vec::new();
        for text in &settings.webhook_allow {
            match text.trim().parse() {
                Ok(address) => allowed.push(address),
                Err(()) => self.report(
                    "SWITCHBOARD_WEBHOOK_ALLOW",
                    "has something that is neither an address nor a network such as 10.0.0.0/8",
                ),
            }
        }
        allowed
    }

    pub(super) fn webhook_patience(&mut self, settings: &Settings) -> Duration {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        self.seconds(
            "SWITCHBOARD_WEBHOOK_PATIENCE",
            settings.webhook_patience.as_deref(),
            DAY,
        )
    }

    pub(super) fn webhooks(&mut self, settings: &Settings) -> Option<Webhooks> {
        const SHORTEST_SECRET: usize = 16;
        let secret = self.secret(
            "SWITCHBOARD_WEBHOOK_SECRET",
            settings.webhook_secret.as_deref(),
            settings.webhook_secret_file.as_deref(),
        );
        let patience = self.webhook_patience(settings);
        let hooks: Vec<Webhook> = settings
            .webhook
            .iter()
            .filter_map(|text| self.webhook(text.trim()))
            .collect();
        if hooks.is_empty() {
            return None;
        }
        match secret {
            Some(secret) if secret.expose().len() >= SHORTEST_SECRET => Some(Webhooks {
                hooks,
                secret,
                patience,
            }),
            Some(_) => {
                self.report(
                    "SWITCHBOARD_WEBHOOK_SECRET",
                    "is shorter than 16 characters",
                );
                None
            }
            None => {
                self.report(
                    "SWITCHBOARD_WEBHOOK_SECRET",
                    "is missing, though SWITCHBOARD_WEBHOOKS is set",
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects customers from each other: an address's owner is read right, or the start is refused.
    #[test]
    fn an_address_may_be_for_one_owner() {
        let hash = "0A".repeat(32);
        let of = |text: &str| Webhook::of(Url::parse(text).unwrap());
        let all = of("https://shop.example/events").unwrap();
        assert_eq!(all.only, None);
        let one = of(&format!("https://shop.example/events#licence={hash}")).unwrap();
        assert_eq!(one.url, all.url);
        assert_eq!(one.only, Some(format!("licence:{}", "0a".repeat(32))));
        for wrong in [
            "licence=short".to_owned(),
            format!("account={hash}"),
            hash.clone(),
        ] {
            assert_eq!(of(&format!("https://shop.example/events#{wrong}")), None);
        }
    }
}
