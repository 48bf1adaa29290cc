//! How a proxy is written: `socks5://`, `http://`, `https://` and `mtproxy://` addresses, and the links that Telegram's
//! apps hand around. Pure; what is refused says why without repeating what was given.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::form_urlencoded;

use super::{MOST_PROXIES, MtproxySecret, Proxy, ProxyLogin, ProxyProtocol};
use crate::domain::SecretText;

/// RFC 1929 gives a name and a password one byte for their length each.
const LONGEST_LOGIN: usize = 255;
const LONGEST: usize = 2048;
const SCHEMES: &str = "socks5://, http://, https://, mtproxy:// or a tg://proxy link";

/// Why an address can't be used. Never contains it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("a proxy's address begins with {SCHEMES}")]
    Scheme,
    #[error(
        "a proxy's address needs a host: a name, an IPv4 address, or an IPv6 address in brackets"
    )]
    Host,
    #[error("a proxy's address ends with a port from 1 to 65535, and nothing behind it")]
    Port,
    #[error(
        "the login of a proxy has a name and a password of at most 255 bytes, other signs written as %XX"
    )]
    Login,
    #[error(
        "an MTProxy needs its secret: 32 hexadecimal digits, with dd in front, or with ee in front and a domain behind (also in Base64)"
    )]
    Secret,
    #[error("there can be at most {MOST_PROXIES} proxies")]
    TooMany,
}

impl ProxyError {
    /// A word for programs and for other languages.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Host => "host",
            Self::Port => "port",
            Self::Login => "login",
            Self::Secret => "secret",
            Self::TooMany => "too_many",
        }
    }
}

impl Proxy {
    /// # Errors
    /// When it is no address of a known kind.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(ProxyError::Scheme);
        }
        if let Some((what, query)) = link(text) {
            return from_link(what, query);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ProxyError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            // The second is how other programs say that names are resolved by the proxy; what is dialled here are numbers.
            "socks5" | "socks5h" => with_login(rest, ProxyProtocol::Socks5),
            "http" => with_login(rest, |login| ProxyProtocol::Http { tls: false, login }),
            "https" => with_login(rest, |login| ProxyProtocol::Http { tls: true, login }),
            "mtproxy" => {
                let (place, query) = rest.split_once('?').ok_or(ProxyError::Secret)?;
                let place = place.strip_suffix('/').unwrap_or(place);
                let (host, port) = host_and_port(place)?;
                let secret = Query::read(query).secret.ok_or(ProxyError::Secret)?;
                mtproxy(host, port, &secret)
            }
            _ => Err(ProxyError::Scheme),
        }
    }

    /// Addresses, in the order of preference.
    ///
    /// # Errors
    /// The first that can't be used.
    pub fn parse_all<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Self>, ProxyError> {
        let proxies: Vec<Self> = texts
            .into_iter()
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        if proxies.len() > MOST_PROXIES {
            return Err(ProxyError::TooMany);
        }
        Ok(proxies)
    }

    /// As [`lines`](Self::lines) wrote them.
    ///
    /// # Errors
    /// The first that can't be used.
    pub fn parse_lines(text: &SecretText) -> Result<Vec<Self>, ProxyError> {
        let lines = text.expose().lines();
        Self::parse_all(lines.filter(|line| !line.is_empty()))
    }

    /// All in one, a line each, credentials included: for the vault.
    #[must_use]
    pub fn lines(proxies: &[Self]) -> SecretText {
        let mut text = String::new();
        for proxy in proxies {
            text.push_str(proxy.address().expose());
            text.push('\n');
        }
        SecretText::new(text)
    }

    /// The whole address, credentials included: for the vault.
    #[must_use]
    pub fn address(&self) -> SecretText {
        let (kind, place) = (self.kind(), self.place());
        SecretText::new(match &self.speaks {
            ProxyProtocol::Mtproxy(secret) => {
                format!("{kind}://{place}?secret={}", secret.text().expose())
            }
            ProxyProtocol::Socks5(Some(login))
            | ProxyProtocol::Http {
                login: Some(login), ..
            } => format!(
                "{kind}://{}:{}@{place}",
                escaped(login.user.expose()),
                escaped(login.password.expose())
            ),
            ProxyProtocol::Socks5(None) | ProxyProtocol::Http { login: None, .. } => {
                format!("{kind}://{place}")
            }
        })
    }
}

/// `proxy` or `socks` with what stands behind the question mark.
fn link(text: &str) -> Option<(&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let head = [
        "tg://",
        "https://t.me/",
        "http://t.me/",
        "https://telegram.me/",
        "http://telegram.me/",
        "t.me/",
        "telegram.me/",
    ]
    .into_iter()
    .find(|head| lower.starts_with(head))?;
    let rest = text.get(head.len()..)?;
    let (what, query) = rest.split_once('?')?;
    let what = what.strip_suffix('/').unwrap_or(what);
    let what = ["proxy", "socks"]
        .into_iter()
        .find(|known| what.eq_ignore_ascii_case(known))?;
    Some((what, query))
}

#[derive(Default)]
struct Query {
    server: Option<String>,
    port: Option<String>,
    secret: Option<String>,
    user: Option<String>,
    pass: Option<String>,
}

impl Query {
    fn read(query: &str) -> Self {
        let mut read = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match &*key {
                "server" => &mut read.server,
                "port" => &mut read.port,
                "secret" => &mut read.secret,
                "user" => &mut read.user,
                "pass" => &mut read.pass,
                _ => continue,
            };
            slot.get_or_insert(value.into_owned());
        }
        // A plus sign of Base64 that nobody escaped.
        read.secret = read.secret.map(|secret| secret.replace(' ', "+"));
        read
    }
}

fn from_link(what: &str, query: &str) -> Result<Proxy, ProxyError> {
    let query = Query::read(query);
    let server = query.server.ok_or(ProxyError::Host)?;
    let server = server
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(&server);
    let host = host(server)?;
    let port = port(&query.port.ok_or(ProxyError::Port)?)?;
    if what == "proxy" {
        return mtproxy(host, port, &query.secret.ok_or(ProxyError::Secret)?);
    }
    let login = match (query.user, query.pass) {
        (None, None) => None,
        (Some(user), _) if user.is_empty() => None,
        (user, pass) => Some(login(user.unwrap_or_default(), pass.unwrap_or_default())?),
    };
    Ok(Proxy {
        host,
        port,
        speaks: ProxyProtocol::Socks5(login),
    })
}

fn mtproxy(host: String, port: u16, secret: &str) -> Result<Proxy, ProxyError> {
    Ok(Proxy {
        host,
        port,
        speaks: ProxyProtocol::Mtproxy(MtproxySecret::parse(secret).ok_or(ProxyError::Secret)?),
    })
}

/// `[user[:password]@]host:port`.
fn with_login(
    rest: &str,
    speaks: impl FnOnce(Option<ProxyLogin>) -> ProxyProtocol,
) -> Result<Proxy, ProxyError> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // The last one: passwords are often pasted with an @ that nobody escaped.
    let (given, place) = match rest.rsplit_once('@') {
        Some((given, place)) => (Some(given), place),
        None => (None, rest),
    };
    let login = given
        .map(|given| {
            let (user, password) = given.split_once(':').unwrap_or((given, ""));
            login(unescaped(user)?, unescaped(password)?)
        })
        .transpose()?;
    let (host, port) = host_and_port(place)?;
    Ok(Proxy {
        host,
        port,
        speaks: speaks(login),
    })
}

fn login(user: String, password: String) -> Result<ProxyLogin, ProxyError> {
    let fits = |text: &str| text.len() <= LONGEST_LOGIN && !text.chars().any(char::is_control);
    if user.is_empty() || !fits(&user) || !fits(&password) {
        return Err(ProxyError::Login);
    }
    Ok(ProxyLogin {
        user: SecretText::new(user),
        password: SecretText::new(password),
    })
}

fn host_and_port(place: &str) -> Result<(String, u16), ProxyError> {
    if let Some(rest) = place.strip_prefix('[') {
        let (inner, rest) = rest.split_once(']').ok_or(ProxyError::Host)?;
        let address: Ipv6Addr = inner.parse().map_err(|_| ProxyError::Host)?;
        let number = rest.strip_prefix(':').ok_or(ProxyError::Port)?;
        return Ok((address.to_string(), port(number)?));
    }
    let (name, number) = place.rsplit_once(':').ok_or(ProxyError::Port)?;
    Ok((host(name)?, port(number)?))
}

fn host(text: &str) -> Result<String, ProxyError> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(address.to_string());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name = name.len() <= 253 && name.split('.').all(label);
    // What looks like a number has to be one: resolvers read `127.1` in ways of their own.
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    if !is_name || (numeric && name.parse::<Ipv4Addr>().is_err()) {
        return Err(ProxyError::Host);
    }
    Ok(name.to_ascii_lowercase())
}

fn port(text: &str) -> Result<u16, ProxyError> {
    let digits = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if port > 0 && digits => Ok(port),
        _ => Err(ProxyError::Port),
    }
}

/// Percent signs taken out.
fn unescaped(text: &str) -> Result<String, ProxyError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let ([high, low], after) = rest.split_first_chunk().ok_or(ProxyError::Login)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16).ok_or(ProxyError::Login);
        let byte = digit(high)? * 16 + digit(low)?;
        bytes.push(u8::try_from(byte).map_err(|_| ProxyError::Login)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| ProxyError::Login)
}

fn escaped(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
