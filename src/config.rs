//! Configuration: the settings, checked as a whole. Every problem is collected before anything starts, and
//! each one names the variable that a person has to change.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use url::Url;
use zeroize::Zeroizing;

use crate::{
    cli::{CoverSettings, Settings},
    domain::{ApiCredentials, Proxy, ProxyError, SecretText},
};

#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
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
}

/// Which MTProto servers accounts talk to.
#[derive(Clone, Debug, Default)]
pub struct DataCentres {
    /// Empty: Telegram's own. Sign-ins start at the first.
    pub addresses: Vec<(i32, SocketAddr)>,
    pub public_key_pem: Option<String>,
}

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

/// What HTTPS is served with, in PEM form.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// An OpenAI-compatible chat-completion service.
#[derive(Clone, Debug)]
pub struct Assistant {
    pub url: Url,
    pub key: Option<SecretText>,
    pub model: String,
}

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

/// A number of bytes as people write it.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text.get(digits.len()..)?.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Everything that is wrong, in the order of the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    pub what: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration can't be used:")?;
        for problem in &self.0 {
            write!(f, "\n  {}: {}", problem.variable, problem.what)?;
        }
        Ok(())
    }
}

impl Config {
    /// # Errors
    /// All problems at once.
    pub fn check(settings: &Settings) -> Result<Self, Problems> {
        let mut checker = Checker::default();
        let config = Self {
            listen: checker.listen(&settings.listen),
            data_dir: settings.data_dir.clone(),
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
        };
        checker.open_to_others(&config);
        if checker.problems.is_empty() {
            Ok(config)
        } else {
            Err(Problems(checker.problems))
        }
    }
}

#[derive(Default)]
struct Checker {
    problems: Vec<Problem>,
}

impl Checker {
    fn report(&mut self, variable: &'static str, what: impl Into<String>) {
        self.problems.push(Problem {
            variable,
            what: what.into(),
        });
    }

    fn listen(&mut self, text: &str) -> SocketAddr {
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

    fn api(&mut self, settings: &Settings) -> Option<ApiCredentials> {
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

    fn data_centres(&mut self, settings: &Settings) -> DataCentres {
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

    fn proxies(&mut self, settings: &Settings) -> Vec<Proxy> {
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

    fn supabase(&mut self, settings: &Settings) -> Option<Supabase> {
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

    fn master_key(&mut self, settings: &Settings) -> MasterKey {
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

    fn allowed_hosts(&mut self, hosts: &[String]) -> Vec<String> {
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

    fn tls(&mut self, settings: &Settings) -> Option<TlsFiles> {
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
    fn open_to_others(&mut self, config: &Config) {
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

    fn assistant(&mut self, settings: &Settings) -> Option<Assistant> {
        let key = self.secret(
            "ASSISTANT_KEY",
            settings.assistant_key.as_deref(),
            settings.assistant_key_file.as_deref(),
        );
        if settings
            .assistant_url
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            if key.is_some() {
                self.report("ASSISTANT_URL", "is missing, though ASSISTANT_KEY is set");
            }
            return None;
        }
        let url = self.url("ASSISTANT_URL", settings.assistant_url.as_deref())?;
        let Some(model) = settings
            .assistant_model
            .clone()
            .filter(|model| !model.is_empty())
        else {
            self.report("ASSISTANT_MODEL", "is missing, though ASSISTANT_URL is set");
            return None;
        };
        Some(Assistant { url, key, model })
    }

    fn webhook(&mut self, text: &str) -> Option<Webhook> {
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

    fn webhook_allow(&mut self, settings: &Settings) -> Vec<AllowedAddress> {
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

    fn webhook_patience(&mut self, settings: &Settings) -> Duration {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        self.seconds(
            "SWITCHBOARD_WEBHOOK_PATIENCE",
            settings.webhook_patience.as_deref(),
            DAY,
        )
    }

    fn reply_patience(&mut self, settings: &Settings) -> Duration {
        const TEN_MINUTES: Duration = Duration::from_secs(600);
        self.seconds(
            "SWITCHBOARD_REPLY_PATIENCE",
            settings.reply_patience.as_deref(),
            TEN_MINUTES,
        )
    }

    fn media_cache(&mut self, settings: &Settings) -> u64 {
        const DEFAULT: u64 = 2 << 30;
        const VARIABLE: &str = "SWITCHBOARD_MEDIA_CACHE";
        let given = settings.media_cache.as_deref().unwrap_or_default().trim();
        if given.is_empty() {
            return DEFAULT;
        }
        bytes(given).unwrap_or_else(|| {
            self.report(
                VARIABLE,
                "is not a size such as 500MiB or 2GiB (B, KiB, MiB, GiB, TiB)",
            );
            DEFAULT
        })
    }

    fn media_store(&mut self, settings: &Settings) -> Option<String> {
        let given = settings.media_store.as_deref().unwrap_or_default().trim();
        if given.is_empty() {
            return None;
        }
        let bucket = Url::parse(given).ok().filter(|url| {
            url.scheme() == "s3" && url.host_str().is_some() && url.query().is_none()
        });
        if bucket.is_none() {
            self.report(
                "SWITCHBOARD_MEDIA_STORE",
                "is not the address of a bucket, such as s3://bucket/prefix",
            );
        }
        bucket.map(|_| given.to_owned())
    }

    fn seconds(
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

    fn webhooks(&mut self, settings: &Settings) -> Option<Webhooks> {
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

    fn url(&mut self, variable: &'static str, text: Option<&str>) -> Option<Url> {
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

    fn secret(
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
            (None, None) => None,
        }
    }
}

/// Telegram's application hashes are 32 hexadecimal digits.
#[must_use]
pub fn is_api_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
            ..settings()
        })
        .unwrap();
        assert!(!format!("{config:?}").contains("0123456789abcdef"));
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
