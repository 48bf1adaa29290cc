//! Checker: gathers what is wrong, and reads what several settings have in common.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use url::Url;
use zeroize::Zeroizing;

use super::problems::Problem;
use crate::domain::SecretText;

#[derive(Default)]
pub(super) struct Checker {
    pub problems: Vec<Problem>,
    /// Where systemd puts what it was told to load (`LoadCredential=`).
    pub credentials: Option<PathBuf>,
}

impl Checker {
    pub(super) fn report(&mut self, variable: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            variable,
            what: what.into(),
        });
    }

    pub(super) fn seconds(
        &mut self,
        variable: &'static str,
        given: Option<&str>,
        default: Duration,
    ) -> Duration {
        let given = given.unwrap_or_default();
        if given.is_empty() {
            return default;
        }
        match given.parse() {
            Ok(seconds @ 1..=31_536_000) => Duration::from_secs(seconds),
            _ => {
                self.report(variable, "is not a number of seconds from 1 to 31536000");
                default
            }
        }
    }

    pub(super) fn url(&mut self, variable: &'static str, text: Option<&str>) -> Option<Url> {
        let text = text.filter(|text| !text.is_empty())?;
        match Url::parse(text) {
            Ok(url) if is_safe_to_call(&url) => Some(url),
            _ => {
                self.report(
                    variable,
                    "is not an https:// address (http:// only to this machine)",
                );
                None
            }
        }
    }

    pub(super) fn secret(
        &mut self,
        variable: &'static str,
        value: Option<&str>,
        file: Option<&Path>,
    ) -> Option<SecretText> {
        let value = value.filter(|value| !value.is_empty());
        match (value, file) {
            (Some(_), Some(_)) => {
                self.report(variable, "is given both directly and as a file; choose one");
                None
            }
            (Some(value), None) => Some(SecretText::new(value)),
            (None, Some(path)) => match fs::read_to_string(path).map(Zeroizing::new) {
                Ok(text) => Some(SecretText::new(text.trim())),
                Err(error) => {
                    self.report(
                        variable,
                        format!("its file {} can't be read: {error}", path.display()),
                    );
                    None
                }
            },
            (None, None) => self.credential(variable),
        }
    }

    /// The systemd credential that is called as the variable is, in small letters and with dashes.
    fn credential(&mut self, variable: &'static str) -> Option<SecretText> {
        let name = variable.to_ascii_lowercase().replace('_', "-");
        let path = self.credentials.as_ref()?.join(name);
        if path.exists() {
            self.secret(variable, None, Some(&path))
        } else {
            None
        }
    }
}

/// Keys and messages leave this machine only under TLS.
fn is_safe_to_call(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && local)
}
