//! Configuration: the settings, checked as a whole. Every problem is collected before anything starts, and
//! each one names the variable that a person has to change.

mod assistant;
mod checker;
mod database;
mod front;
mod media;
mod problems;
mod retention;
mod telegram;
mod vault;
mod webhooks;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use self::checker::Checker;
use crate::{
    cli::Settings,
    data_dir::database_in,
    domain::{ApiCredentials, KeepFor, Proxy},
    store::{ServerUrl, StorePlace},
};

pub use self::{
    assistant::Assistant,
    database::database_in_settings,
    front::TlsFiles,
    problems::{Problem, Problems},
    telegram::{DataCentres, is_api_hash},
    vault::{KeyFileCover, MasterKey, Supabase},
    webhooks::{AllowedAddress, Webhook, Webhooks},
};

#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// The rows are there; without it they are in a file of the data directory.
    pub database: Option<ServerUrl>,
    /// For accounts that bring none.
    pub api: Option<ApiCredentials>,
    pub telegram: DataCentres,
    /// The ways to Telegram of accounts that name none, in order; empty: directly.
    pub proxies: Vec<Proxy>,
    pub supabase: Option<Supabase>,
    pub master_key: MasterKey,
    pub allowed_hosts: Vec<String>,
    pub tls: Option<TlsFiles>,
    /// A proxy in front does the TLS.
    pub behind_proxy: bool,
    /// The link that opens the desk is printed wherever stdout leads.
    pub launch_link: bool,
    pub assistant: Option<Assistant>,
    pub webhooks: Option<Webhooks>,
    /// Where webhooks made over REST may lead, besides public addresses.
    pub webhook_allow: Vec<AllowedAddress>,
    /// How long a reply is tried without a definite answer of Telegram's.
    pub reply_patience: Duration,
    /// Bytes of files that are kept in the media folder.
    pub media_cache: u64,
    /// `s3://bucket/prefix`: whole files are kept there instead.
    pub media_store: Option<String>,
    pub staged_path: Option<PathBuf>,
    /// For how long things are kept, where an account says nothing of its own.
    pub keep: KeepFor,
}

impl Config {
    /// Where the rows are.
    #[must_use]
    pub fn store_place(&self) -> StorePlace {
        self.database.clone().map_or_else(
            || StorePlace::File(database_in(&self.data_dir)),
            StorePlace::Server,
        )
    }

    /// # Errors
    /// All problems at once.
    pub fn check(settings: &Settings) -> Result<Self, Problems> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
        Self::check_with(settings, credentials.map(PathBuf::from))
    }

    fn check_with(settings: &Settings, credentials: Option<PathBuf>) -> Result<Self, Problems> {
        let mut checker = Checker {
            credentials,
            ..Checker::default()
        };
        let config = Self {
            listen: checker.listen(&settings.listen),
            data_dir: settings.data_dir.clone(),
            database: checker.database(settings),
            api: checker.api(settings),
            telegram: checker.data_centres(settings),
            proxies: checker.proxies(settings),
            supabase: checker.supabase(settings),
            master_key: checker.master_key(settings),
            allowed_hosts: checker.allowed_hosts(&settings.allowed_host),
            tls: checker.tls(settings),
            behind_proxy: settings.behind_proxy,
            launch_link: settings.launch_link,
            assistant: checker.assistant(settings),
            webhooks: checker.webhooks(settings),
            webhook_allow: checker.webhook_allow(settings),
            reply_patience: checker.reply_patience(settings),
            media_cache: checker.media_cache(settings),
            media_store: checker.media_store(settings),
            staged_path: settings.staged_path.clone(),
            keep: checker.keep(settings),
        };
        checker.open_to_others(&config);
        if checker.problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(checker.problems))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            listen: "127.0.0.1:0".to_owned(),
            data_dir: "data".into(),
            ..Settings::default()
        }
    }

    #[test]
    fn all_problems_are_told_at_once_and_name_their_variable() {
        let bad = Settings {
            listen: "nowhere".into(),
            api_id: Some("minus one".into()),
            telegram_dc: vec!["2".into()],
            supabase_url: Some("http://example.org".into()),
            assistant_url: Some("https://example.org/v1".into()),
            allowed_host: vec!["*".into()],
            ..settings()
        };
        let Problems(problems) = Config::check(&bad).unwrap_err();
        let variables: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(
            variables,
            [
                "SWITCHBOARD_LISTEN",
                "TELEGRAM_API_ID",
                "TELEGRAM_API_HASH",
                "TELEGRAM_DC",
                "SUPABASE_URL",
                "SUPABASE_SERVICE_KEY",
                "SWITCHBOARD_ALLOWED_HOSTS",
                "ASSISTANT_MODEL",
            ]
        );
    }

    #[test]
    fn a_secret_never_shows_in_what_is_printed_of_the_configuration() {
        let config = Config::check(&Settings {
            api_id: Some("12345".into()),
            api_hash: Some("0123456789abcdef0123456789abcdef".into()),
            database_url: Some("postgres://u:0123456789abcdef@127.0.0.1/sb".into()),
            ..settings()
        })
        .unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
    }

    /// Protects a unit that names its secrets as credentials: each is found by its name alone, and what is said otherwise goes before.
    #[test]
    fn a_secret_may_be_a_credential_of_systemd() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        put("telegram-api-hash", "0123456789abcdef0123456789abcdef\n");
        put("supabase-service-key", "sb_secret_one\n");
        put("switchboard-proxies", "socks5://127.0.0.1:1080\n");
        put("switchboard-database-url", "postgres://u:p@127.0.0.1/sb\n");
        let given = Settings {
            api_id: Some("12345".into()),
            supabase_url: Some("https://project.supabase.co".into()),
            ..settings()
        };
        let check = |settings: &Settings| {
            Config::check_with(settings, Some(dir.path().to_owned())).unwrap()
        };
        let config = check(&given);
        let hash = config.api.as_ref().map(|api| api.api_hash.expose());
        assert_eq!(hash, Some("0123456789abcdef0123456789abcdef"));
        let supabase = |config: &Config| config.supabase.as_ref().unwrap().key.clone();
        assert_eq!(supabase(&config).expose(), "sb_secret_one");
        assert_eq!(config.proxies.len(), 1);
        let database = config.database.as_ref().map(ServerUrl::shown);
        assert_eq!(database.as_deref(), Some("127.0.0.1:5432/sb"));
        let said = Settings {
            supabase_key: Some("sb_secret_two".into()),
            ..given.clone()
        };
        assert_eq!(supabase(&check(&said)).expose(), "sb_secret_two");
        assert!(Config::check_with(&given, None).is_err());
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let config = Config::check(&Settings {
            api_id: Some(String::new()),
            api_hash: Some(String::new()),
            supabase_url: Some(String::new()),
            telegram_dc: vec![String::new()],
            ..settings()
        })
        .unwrap();
        assert!(
            config.api.is_none()
                && config.supabase.is_none()
                && config.telegram.addresses.is_empty()
        );
    }
}
