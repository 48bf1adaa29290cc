//! Line fault: what happened to a line to Telegram.

use serde::{Deserialize, Serialize};

/// What happened to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineFault {
    Refused,
    Reset,
    /// The other side closed it.
    Ended,
    Unreachable,
    TimedOut,
    /// The server is none of Telegram's own, and its key is not configured.
    ForeignKey,
    Other,
}

impl LineFault {
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Reset,
        Self::Ended,
        Self::Unreachable,
        Self::TimedOut,
        Self::ForeignKey,
        Self::Other,
    ];

    #[must_use]
    pub const fn of(kind: std::io::ErrorKind) -> Self {
        use std::io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused => Self::Refused,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::UnexpectedEof => Self::Ended,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
                Self::Unreachable
            }
            Kind::TimedOut => Self::TimedOut,
            _ => Self::Other,
        }
    }
}
