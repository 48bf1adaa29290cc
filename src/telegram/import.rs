//! Session strings of other clients: Telethon's and Pyrogram's. Each gives a data centre and its key.

use crate::domain::SecretText;

use super::SessionData;

/// Why a session string can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error(
        "this is neither a Telethon nor a Pyrogram session string: copy it whole, without line breaks"
    )]
    Unknown,
    #[error("the session belongs to a bot; only people's accounts can be added")]
    Bot,
    #[error(
        "the session belongs to Telegram's test servers, this service talks to the production ones"
    )]
    TestServers,
    #[error("the session names data centre {0}, which is not known here")]
    UnknownDc(i32),
    #[error("the session holds an empty key: it was never signed in")]
    EmptyKey,
}

/// What a session string says.
#[derive(Clone, Debug)]
pub struct Imported {
    pub session: SessionData,
    /// Which client wrote it: `Telethon` or `Pyrogram`.
    pub origin: &'static str,
}

/// Reads a session string of a known kind.
///
/// # Errors
/// When it is of no known kind, or can't be used here.
pub fn parse(_text: &SecretText) -> Result<Imported, ImportError> {
    Err(ImportError::Unknown)
}
