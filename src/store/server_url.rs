//! Server URL: where a PostgreSQL is, who asks there, and how the way to it is covered.
//!
//! The whole of it is a secret, for a password may be anywhere in it. What may be shown is [`ServerUrl::shown`].

use std::{ffi::OsString, fmt, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// What the way to the server is covered by. Stricter than `libpq`: whoever asks for TLS wants to know whom it ends at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cover {
    /// `sslmode=disable`
    Nothing,
    /// `sslmode=prefer`: TLS with whoever answers, where the server offers it.
    IfOffered,
    /// `sslmode=no-verify`: TLS with whoever answers.
    Unverified,
    /// `sslmode=verify-ca`: with somebody whom the authority knows, under any name.
    Authority,
    /// `sslmode=require` and `verify-full`
    Verified,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct ServerUrl(Arc<Parts>);

struct Parts {
    config: tokio_postgres::Config,
    cover: Cover,
    authorities: Option<PathBuf>,
}

/// How long each of its addresses may take to let somebody in.
const REACH: Duration = Duration::from_secs(5);
/// Supabase's poolers, whose port for transactions keeps nothing of a session.
const POOLER_PORT: u16 = 6543;

impl ServerUrl {
    /// `authorities`: certificates (PEM) to trust in place of this machine's.
    ///
    /// # Errors
    /// What is wrong with it, without a word of what it holds.
    pub fn parse(text: &str, authorities: Option<PathBuf>) -> Result<Self, String> {
        const FORM: &str = "is not an address such as postgres://user:password@host:5432/database (signs like @ / : ? # % in the \
                            password are written as %40 %2F %3A %3F %23 %25)";
        let text = text.trim();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(FORM.to_owned());
        }
        // A password may have a question mark.
        let (login, rest) = text.split_at(text.rfind('@').unwrap_or(0));
        if login.contains('@') {
            // What stands behind the first one would be taken for a host, and shown.
            return Err(FORM.to_owned());
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let address = format!("{login}{place}");
        let mut cover = None;
        let mut authorities = authorities;
        let mut left = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", mode)) => cover = Some(cover_of(mode)?),
                Some(("sslrootcert", path)) if authorities.is_none() => {
                    if path != "system" {
                        authorities = Some(PathBuf::from(path.replace("%2F", "/")));
                    }
                }
                Some(("sslrootcert" | "sslnegotiation" | "gssencmode", _)) => {}
                Some(("pgbouncer", _)) => {
                    return Err(
                        "has the option pgbouncer, which stands in addresses of transaction poolers: take the direct address, \
                         or the session pooler's, without it"
                            .to_owned(),
                    );
                }
                Some((name @ ("sslcert" | "sslkey" | "passfile" | "service"), _)) => {
                    return Err(format!(
                        "has the option {name}, which is not understood here"
                    ));
                }
                _ => left.push(option),
            }
        }
        let parsed = match left.is_empty() {
            true => address.parse(),
            false => format!("{address}?{}", left.join("&")).parse(),
        };
        // Its error may quote what is taken for an option, and is a part of the password.
        let mut config: tokio_postgres::Config = parsed.map_err(|_| FORM.to_owned())?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("names no host".to_owned());
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err("names no user".to_owned());
        }
        if config.get_dbname().is_none() {
            return Err("names no database".to_owned());
        }
        if is_transaction_pooler(&config) {
            return Err(
                "leads to Supabase's transaction pooler (port 6543), which keeps nothing of a session: take the direct address, \
                 or the session pooler's (port 5432)"
                    .to_owned(),
            );
        }
        let cover = cover.unwrap_or(match stays_here(&config) {
            true => Cover::IfOffered,
            false => Cover::Verified,
        });
        config.ssl_mode(match cover {
            Cover::Nothing => SslMode::Disable,
            Cover::IfOffered => SslMode::Prefer,
            Cover::Unverified | Cover::Authority | Cover::Verified => SslMode::Require,
        });
        Ok(Self(Arc::new(Parts {
            config,
            cover,
            authorities,
        })))
    }

    /// How to connect: a line that is dead is noticed within 20 seconds, and of several hosts the one is meant that may be written to.
    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config = self.0.config.clone();
        config
            .application_name("switchboard")
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(REACH);
        }
        if config.get_hosts().len() > 1 {
            // A primary and those that may become it. A replica passes on to nobody what is said on the primary.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        config
    }

    pub(super) fn cover(&self) -> Cover {
        self.0.cover
    }

    pub(super) fn authorities(&self) -> Option<&PathBuf> {
        self.0.authorities.as_ref()
    }

    /// As it stands in notes of the store.
    pub(super) fn told(&self) -> String {
        format!("postgres://{}", self.shown())
    }

    pub(super) fn database(&self) -> &str {
        self.0.config.get_dbname().unwrap_or_default()
    }

    /// The same for PostgreSQL's own programs, as their environment.
    pub(super) fn for_tools(&self) -> Vec<(&'static str, OsString)> {
        const MACHINES: &str = "/etc/ssl/certs/ca-certificates.crt";
        let config = &self.0.config;
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let ports = config.get_ports().iter().map(u16::to_string);
        let joined = |all: Vec<String>| OsString::from(all.join(","));
        let mode = match self.0.cover {
            Cover::Nothing => "disable",
            Cover::IfOffered => "prefer",
            Cover::Unverified => "require",
            Cover::Authority => "verify-ca",
            Cover::Verified => "verify-full",
        };
        let mut all = vec![
            ("PGHOST", joined(hosts.collect())),
            ("PGUSER", config.get_user().unwrap_or_default().into()),
            ("PGDATABASE", self.database().into()),
            ("PGSSLMODE", mode.into()),
        ];
        if !config.get_ports().is_empty() {
            all.push(("PGPORT", joined(ports.collect())));
        }
        if !config.get_hostaddrs().is_empty() {
            let addresses = config.get_hostaddrs().iter().map(IpAddr::to_string);
            all.push(("PGHOSTADDR", joined(addresses.collect())));
        }
        if let Some(password) = config.get_password() {
            let password = String::from_utf8_lossy(password).into_owned();
            all.push(("PGPASSWORD", password.into()));
        }
        if matches!(self.0.cover, Cover::Authority | Cover::Verified) {
            let roots = self.authorities().cloned();
            let roots = roots.unwrap_or_else(|| PathBuf::from(MACHINES));
            all.push(("PGSSLROOTCERT", roots.into_os_string()));
        }
        all
    }

    /// Host and database, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let config = &self.0.config;
        let host = config.get_hosts().first().map_or_else(
            || config.get_hostaddrs().first().map(IpAddr::to_string),
            |host| {
                Some(match host {
                    Host::Tcp(name) => name.clone(),
                    Host::Unix(path) => path.display().to_string(),
                })
            },
        );
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let host = host.unwrap_or_default();
        format!("{host}:{port}/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl")
    }
}

fn cover_of(mode: &str) -> Result<Cover, String> {
    Ok(match mode {
        "disable" => Cover::Nothing,
        "allow" | "prefer" => Cover::IfOffered,
        "no-verify" => Cover::Unverified,
        "verify-ca" => Cover::Authority,
        "require" | "verify-full" => Cover::Verified,
        _ => {
            return Err(
                "has another sslmode than disable, prefer, no-verify, verify-ca, require and verify-full (require verifies, too)"
                    .to_owned(),
            );
        }
    })
}

/// Messages leave this machine only under TLS, unless that is asked for.
fn stays_here(config: &tokio_postgres::Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    });
    named && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn is_transaction_pooler(config: &tokio_postgres::Config) -> bool {
    let supabase = config.get_hosts().iter().any(|host| match host {
        Host::Tcp(name) => name.ends_with(".supabase.com") || name.ends_with(".supabase.co"),
        Host::Unix(_) => false,
    });
    supabase && config.get_ports().contains(&POOLER_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(Cover, String), String> {
        ServerUrl::parse(text, None).map(|url| (url.cover(), url.shown()))
    }

    /// Protects messages on their way: without a word about it, what leaves the machine is under a verified TLS.
    #[test]
    fn the_way_is_covered_as_the_address_says() {
        let shown = |host: &str| format!("{host}/sb");
        for (text, cover, host) in [
            (
                "postgres://u:p@db.example/sb",
                Cover::Verified,
                "db.example:5432",
            ),
            (
                "postgresql://u@db.example:6432/sb?sslmode=require",
                Cover::Verified,
                "db.example:6432",
            ),
            (
                "postgres://u@db.example/sb?sslmode=disable",
                Cover::Nothing,
                "db.example:5432",
            ),
            (
                "postgres://u@db.example/sb?sslmode=no-verify",
                Cover::Unverified,
                "db.example:5432",
            ),
            (
                "postgres://u@db.example/sb?sslmode=verify-ca&connect_timeout=3",
                Cover::Authority,
                "db.example:5432",
            ),
            (
                "postgres://u:a?b@db.example/sb?sslmode=disable",
                Cover::Nothing,
                "db.example:5432",
            ),
            (
                "postgres://u@127.0.0.1/sb",
                Cover::IfOffered,
                "127.0.0.1:5432",
            ),
            (
                "postgres://u@localhost/sb?sslmode=verify-full",
                Cover::Verified,
                "localhost:5432",
            ),
            (
                "postgres:///sb?host=/run/postgresql&user=u",
                Cover::IfOffered,
                "/run/postgresql:5432",
            ),
        ] {
            assert_eq!(parsed(text), Ok((cover, shown(host))), "{text}");
        }
    }

    /// Protects the password: whatever is wrong with an address, what is said of it has nothing of it.
    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for text in [
            "postgres://u:p@hidden@db.example/sb",
            "postgres://u:hidden@db.example/sb?hidden=1",
            "postgres://u:hidden@db.example/sb?sslmode=hidden",
            "postgres://u:hidden@db.example:hidden/sb",
            "postgres://u:hidden@db.example",
            "postgres://:hidden@/sb",
            "mysql://u:hidden@db.example/sb",
            "hidden",
            "postgres://u:hidden@db.example/sb?pgbouncer=true",
            "postgres://u:hidden@aws-0-eu.pooler.supabase.com:6543/postgres",
        ] {
            let said = parsed(text).expect_err(text);
            assert!(
                !said.contains("hidden") && !said.is_empty(),
                "{text}: {said}"
            );
        }
        let url = ServerUrl::parse("postgres://u:hidden@db.example/sb", None).unwrap();
        assert_eq!(
            format!("{url:?} {}", url.shown()),
            "ServerUrl db.example:5432/sb"
        );
    }
}
