//! The vault: Supabase and the master key.

use std::{path::PathBuf, time::Duration};

use url::Url;

use super::{checker::Checker, problems::Problems};
use crate::{
    cli::{CoverSettings, Settings},
    domain::SecretText,
};

#[derive(Clone, Debug)]
pub struct Supabase {
    pub url: Url,
    pub key: SecretText,
    /// Between two looks at the table.
    pub interval: Duration,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKey {
    File(PathBuf),
    /// Base64 of 32 bytes.
    Inline(SecretText),
    Passphrase {
        text: SecretText,
        file: PathBuf,
    },
}

/// What `switchboard rekey` puts the key file under.
#[derive(Clone, Debug)]
pub enum KeyFileCover {
    AsItIs,
    Passphrase(SecretText),
    Nothing,
}

impl KeyFileCover {
    /// # Errors
    /// All problems at once.
    pub fn check(cover: &CoverSettings) -> Result<Self, Problems> {
        const VARIABLE: &str = "SWITCHBOARD_NEW_MASTER_PASSPHRASE";
        let mut checker = Checker::default();
        let given = cover.new_passphrase.is_some() || cover.new_passphrase_file.is_some();
        let text = checker.secret(
            VARIABLE,
            cover.new_passphrase.as_deref(),
            cover.new_passphrase_file.as_deref(),
        );
        let text = text.filter(|text| !text.expose().is_empty());
        if given && text.is_none() && checker.problems.is_empty() {
            checker.report(
                VARIABLE,
                "is empty; --no-passphrase leaves the key file without one",
            );
        }
        if given && cover.no_passphrase {
            checker.report(
                VARIABLE,
                "is given together with --no-passphrase; choose one",
            );
        }
        match text {
            _ if !checker.problems.is_empty() => Err(Problems(checker.problems)),
            Some(text) => Ok(Self::Passphrase(text)),
            None if cover.no_passphrase => Ok(Self::Nothing),
            None => Ok(Self::AsItIs),
        }
    }
}

impl Checker {
    pub(super) fn supabase(&mut self, settings: &Settings) -> Option<Supabase> {
        let key = self.secret(
            "SUPABASE_SERVICE_KEY",
            settings.supabase_key.as_deref(),
            settings.supabase_key_file.as_deref(),
        );
        let url = self.url("SUPABASE_URL", settings.supabase_url.as_deref());
        let given = settings.supabase_interval.as_deref().unwrap_or_default();
        let seconds = match given.parse::<u64>() {
            Ok(seconds) if (1..=86_400).contains(&seconds) => seconds,
            _ if given.is_empty() => 60,
            _ => {
                self.report(
                    "SUPABASE_INTERVAL",
                    "is no number of seconds from 1 to 86400",
                );
                60
            }
        };
        let interval = Duration::from_secs(seconds);
        match (
            settings
                .supabase_url
                .as_deref()
                .unwrap_or_default()
                .is_empty(),
            key,
        ) {
            (true, None) => None,
            (false, Some(key)) => url.map(|url| Supabase { url, key, interval }),
            (false, None) => {
                self.report(
                    "SUPABASE_SERVICE_KEY",
                    "is missing, though SUPABASE_URL is set",
                );
                None
            }
            (true, Some(_)) => {
                self.report(
                    "SUPABASE_URL",
                    "is missing, though SUPABASE_SERVICE_KEY is set",
                );
                None
            }
        }
    }

    pub(super) fn master_key(&mut self, settings: &Settings) -> MasterKey {
        let passphrase = self.secret(
            "SWITCHBOARD_MASTER_PASSPHRASE",
            settings.master_passphrase.as_deref(),
            settings.master_passphrase_file.as_deref(),
        );
        if settings.master_key.is_some()
            && (settings.master_key_file.is_some() || passphrase.is_some())
        {
            self.report(
                "SWITCHBOARD_MASTER_KEY",
                "the master key is given in more than one way; choose one",
            );
        }
        if let Some(text) = settings.master_key.clone() {
            return MasterKey::Inline(SecretText::new(text));
        }
        let default_file = || settings.data_dir.join("master.key");
        let file = settings
            .master_key_file
            .clone()
            .unwrap_or_else(default_file);
        match passphrase {
            Some(text) => MasterKey::Passphrase { text, file },
            None => MasterKey::File(file),
        }
    }
}
