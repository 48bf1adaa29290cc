//! Files: parts of files, on connections of their own, so that pings and updates never wait behind them.
//!
//! Each account has one line per data centre, dialled when somebody asks and closed when nobody has for a while. Home is
//! dialled with the account's own key, as Telegram's apps do; other data centres have a key each, signed in by an
//! authorization that home exports (core.telegram.org/api/datacenter). A CDN is never asked: its keys are not Telegram's
//! own, and whoever says so is served by the data centre itself.

mod lines;
mod outlets;
mod packed;
mod part;
mod put;

use std::time::Duration;

use super::{CallError, LinkExit, error::Failure};

pub(super) use lines::FileLines;
pub(super) use part::{get as get_part, location};
pub use put::parts_of;
pub(super) use put::put;

/// Bytes of one part. Two of them in one packet still fit what the layer below reads at once (1 MiB and a
/// little); and a stretch that begins at a multiple never crosses one of Telegram's borders of 1 MiB.
pub const PART_SIZE: u32 = 512 * 1024;

/// One part, and where it was found.
#[derive(Debug)]
pub struct FilePart {
    pub bytes: Vec<u8>,
    /// The data centre that gave it; what comes next is asked for there.
    pub dc: i32,
}

/// Why a part did not come.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileError {
    /// The message has a new reference.
    #[error("the reference has expired")]
    Expired,
    /// Telegram no longer has it, or never showed it to this account.
    #[error("Telegram no longer has this file")]
    Gone,
    /// Not before this, for any file of the account.
    #[error("Telegram asks to wait {} s", .0.as_secs())]
    FloodWait(Duration),
    #[error("{0}")]
    SignedOut(LinkExit),
    /// The same part may be asked for again.
    #[error("no answer from Telegram: {0}")]
    Network(String),
    #[error("Telegram refused: {code}")]
    Refused { code: String },
}

impl From<CallError> for FileError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::FloodWait(wait) => Self::FloodWait(wait),
            CallError::SignedOut(exit) => Self::SignedOut(exit),
            CallError::Network(reason) => Self::Network(reason),
            CallError::StoreAway(away) => Self::Network(away.to_string()),
            CallError::TimedOut => Self::Network("no answer in time".to_owned()),
            CallError::Rejected { code, .. } => Self::Refused { code },
            CallError::Unreadable => Self::Network("an answer that could not be read".to_owned()),
            CallError::Unresolvable => Self::Gone,
        }
    }
}

impl FileError {
    /// What `upload.getFile` answered, once migration and missing authorization were dealt with.
    fn of(failure: Failure) -> Self {
        let Failure::Rpc { name, .. } = &failure else {
            return failure.into_call_error().into();
        };
        match name.as_str() {
            // With a number where one of several references is meant.
            name if name.starts_with("FILE_REFERENCE") => Self::Expired,
            "FILE_ID_INVALID"
            | "LOCATION_INVALID"
            | "LOCATION_NOT_AVAILABLE"
            | "MEDIA_EMPTY"
            | "PHOTO_INVALID"
            | "FILE_EMTPY"
            | "FILE_EMPTY" => Self::Gone,
            "CHANNEL_PRIVATE" | "CHANNEL_INVALID" | "PEER_ID_INVALID" => Self::Gone,
            _ => failure.into_call_error().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i32, name: &str, value: Option<u32>) -> Failure {
        Failure::Rpc {
            code,
            name: name.to_owned(),
            value,
        }
    }

    /// Protects what is done next: a reference is renewed, a lost file is told, a wait is waited.
    #[test]
    fn refusals_are_told_apart() {
        let wait = |seconds| FileError::FloodWait(Duration::from_secs(seconds));
        for (failure, wanted) in [
            (rpc(400, "FILE_REFERENCE_EXPIRED", None), FileError::Expired),
            (rpc(400, "FILE_REFERENCE_INVALID", None), FileError::Expired),
            (
                rpc(400, "FILE_REFERENCE_EXPIRED", Some(0)),
                FileError::Expired,
            ),
            (rpc(400, "FILE_ID_INVALID", None), FileError::Gone),
            (rpc(400, "LOCATION_INVALID", None), FileError::Gone),
            (rpc(420, "FLOOD_WAIT", Some(7)), wait(7)),
            (rpc(420, "FLOOD_PREMIUM_WAIT", Some(3)), wait(3)),
            (
                rpc(400, "OFFSET_INVALID", None),
                FileError::Refused {
                    code: "OFFSET_INVALID".to_owned(),
                },
            ),
            (
                rpc(500, "INTERNAL", None),
                FileError::Network("INTERNAL".to_owned()),
            ),
        ] {
            assert_eq!(FileError::of(failure), wanted);
        }
    }
}
