//! Why a line was dropped, and why the task leaves what it is doing.

use crate::{
    domain::StateReason,
    telegram::{LinkExit, error::Failure},
};

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
    /// This machine's clock, so many seconds ahead, keeps us from dialling.
    Clock(i64),
    /// None of the account's ways leads anywhere.
    NoWay(StateReason),
}

impl Cause {
    pub(super) fn reason(&self) -> StateReason {
        match self {
            Self::Closed => StateReason::LineClosed,
            Self::Ping(failure) => StateReason::PingFailed {
                cause: Box::new(failure.reason()),
            },
            Self::Asked => StateReason::ReconnectAsked,
            Self::PoolEnded => StateReason::PoolEnded,
            Self::Call(failure) => failure.reason(),
            Self::Clock(seconds) => StateReason::ClockAhead { seconds: *seconds },
            Self::NoWay(reason) => reason.clone(),
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
