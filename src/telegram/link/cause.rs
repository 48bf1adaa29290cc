//! Why a line was dropped, and why the task leaves what it is doing.

use std::fmt;

use crate::telegram::{LinkExit, error::Failure};

/// Why the line is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// The connection told of its own end; its pool is alive and dials by itself.
    Closed,
    /// Our ping was not answered.
    Ping(Failure),
    /// Somebody asked for a new one.
    Asked,
    PoolEnded,
    /// A call found it dead.
    Call(Failure),
    /// This machine's clock keeps us from dialling.
    Clock(String),
    /// None of the account's ways leads anywhere.
    NoWay(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the line was closed"),
            Self::Ping(failure) => write!(f, "a ping failed: {failure}"),
            Self::Asked => f.write_str("asked to reconnect"),
            Self::PoolEnded => f.write_str("the pool ended"),
            Self::Call(failure) => failure.fmt(f),
            Self::Clock(trouble) | Self::NoWay(trouble) => f.write_str(trouble),
        }
    }
}

/// Why the task leaves what it is doing.
#[derive(Debug)]
pub(super) enum Stop {
    /// Dial again.
    Lost(Cause),
    End(LinkExit),
}

pub(super) type Flow<T = ()> = Result<T, Stop>;
