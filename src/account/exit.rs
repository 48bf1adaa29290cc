//! Why an account ended: data, for the supervisor to decide about.

use std::fmt;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AccountExit {
    /// The supervisor told it to.
    Ordered,
    /// The session is gone; a person has to sign in again.
    NeedsLogin(String),
    Banned(String),
    /// A new sign-in's session is no good; the one before it is in place again.
    FellBack(String),
    /// A bug or a broken answer brought it down.
    Crashed(String),
    /// Its link could not be kept, through no fault of its own.
    LineLost(String),
}

impl fmt::Display for AccountExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ordered => f.write_str("stopped on request"),
            Self::NeedsLogin(reason)
            | Self::Banned(reason)
            | Self::FellBack(reason)
            | Self::Crashed(reason)
            | Self::LineLost(reason) => f.write_str(reason),
        }
    }
}
