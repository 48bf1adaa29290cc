//! Key error: what is wrong with the master key, and what a person does about it.

use std::path::PathBuf;

/// What is wrong with the master key; each text says what a person does next.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the master key file {path} can't be read or written: {source}")]
    Unusable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the master key file {path} can be read by others (mode {mode:04o}): run `chmod 600` on it"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error("the master key file {path} belongs to user {owner}, not to the one running this")]
    Owner { path: PathBuf, owner: u32 },
    #[error("the master key from {origin} is no good: {why}")]
    Format { origin: String, why: &'static str },
    #[error(
        "the master key file {0} is under a passphrase: set SWITCHBOARD_MASTER_PASSPHRASE (or …_FILE)"
    )]
    PassphraseNeeded(PathBuf),
    #[error("the passphrase does not open the master key file {0}")]
    WrongPassphrase(PathBuf),
    #[error(
        "the database was sealed with master key {sealed_with}, the key ring has {present}: put the right key in \
         place; nothing was changed"
    )]
    WrongKey {
        sealed_with: String,
        present: String,
    },
    #[error(
        "the master key comes from {0}, which this program can't rewrite: put the new key in front of the old one \
         there (separated by a comma) and restart"
    )]
    NotAFile(String),
    #[error(
        "the master key was not changed everywhere within the time given; the service goes on with it by itself: {0}"
    )]
    Unfinished(String),
    #[error(
        "another change of the master key in {0} is under way; wait for it, or stop that one first"
    )]
    Busy(PathBuf),
    #[error("the operating system gave no random bytes")]
    NoRandom,
}
