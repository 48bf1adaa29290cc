//! Why an account ended: data, for the supervisor to decide about.

use std::fmt;

use crate::domain::StateReason;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountExit {
    /// The supervisor told it to.
    Ordered,
    /// The session is gone; a person has to sign in again.
    NeedsLogin(StateReason),
    Banned(StateReason),
    /// A new sign-in's session is no good; the one before it is in place again.
    FellBack(StateReason),
    /// A bug or a broken answer brought it down.
    Crashed(StateReason),
    /// Its link could not be kept, through no fault of its own.
    LineLost(StateReason),
}

impl AccountExit {
    /// `None`: on request.
    #[must_use]
    pub fn reason(&self) -> Option<&StateReason> {
        match self {
            Self::Ordered => None,
            Self::NeedsLogin(reason)
            | Self::Banned(reason)
            | Self::FellBack(reason)
            | Self::Crashed(reason)
            | Self::LineLost(reason) => Some(reason),
        }
    }

    /// By a bug, in words for whoever looks.
    pub fn crashed(detail: impl Into<String>) -> Self {
        Self::Crashed(StateReason::Crashed {
            detail: detail.into(),
        })
    }
}

impl fmt::Display for AccountExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => reason.fmt(f),
            None => f.write_str("stopped on request"),
        }
    }
}
