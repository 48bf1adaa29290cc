//! Why a way did not lead to Telegram.

use std::io;

/// Said to people; never contains credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WayError {
    #[error("the proxy's name is not known")]
    NameUnknown,
    #[error("the proxy can't be reached: {0}")]
    Unreachable(io::ErrorKind),
    #[error("the proxy did not answer in time")]
    TimedOut,
    #[error("the proxy asks for a login")]
    LoginWanted,
    #[error("the proxy refuses the login")]
    LoginRefused,
    #[error("the proxy does not let us through ({0})")]
    NotLetThrough(u16),
    #[error("the proxy does not speak its protocol: {0}")]
    Nonsense(&'static str),
    #[error("the proxy's certificate is not good, or it speaks no TLS")]
    Tls,
    #[error("the proxy does not know the secret")]
    SecretRefused,
    #[error("the proxy closed the line")]
    Closed,
    #[error("nothing came from Telegram through the proxy")]
    Silent,
    #[error("this machine gives no more sockets: {0}")]
    NoRelay(io::ErrorKind),
}

impl WayError {
    /// A word for programs and for other languages.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NameUnknown => "proxy_name_unknown",
            Self::Unreachable(_) => "proxy_unreachable",
            Self::TimedOut => "proxy_timed_out",
            Self::LoginWanted => "proxy_login_wanted",
            Self::LoginRefused => "proxy_login_refused",
            Self::NotLetThrough(_) => "proxy_blocks",
            Self::Nonsense(_) => "proxy_nonsense",
            Self::Tls => "proxy_tls",
            Self::SecretRefused => "proxy_secret_refused",
            Self::Closed => "proxy_closed",
            Self::Silent => "proxy_silent",
            Self::NoRelay(_) => "no_sockets",
        }
    }

    /// Does it speak against the proxy itself, whatever is behind it?
    pub(super) const fn is_of_the_proxy(&self) -> bool {
        !matches!(self, Self::NotLetThrough(_) | Self::NoRelay(_))
    }

    /// What reading or writing in the middle of a handshake ended with.
    pub(super) fn of_line(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Self::Closed,
            kind => Self::Unreachable(kind),
        }
    }
}
