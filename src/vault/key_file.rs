//! Key file: the master keys on disk, for the owner alone, plain or under a passphrase.
//!
//! The first key seals; the others only open, until everything is sealed anew and they are dropped. A file is
//! always replaced as a whole, so a kill at any moment leaves the old one or the new one.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{Read, Write as _},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    cipher::{Binding, MasterKey, Purpose},
    key_error::KeyError,
};
use crate::domain::{AccountId, SecretText, Timestamp};

const TITLE: &str = "switchboard-master-key 1";
const LONGEST: u64 = 64 * 1024;
/// RFC 9106, second recommended choice: 64 MiB, 3 passes, 4 lanes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// The key that a passphrase makes, with what it was made with.
#[derive(Clone, Debug)]
pub(super) struct Wrapping {
    key: MasterKey,
    header: String,
}

/// A file's keys, primary first.
pub(super) struct KeyFile {
    pub keys: Vec<MasterKey>,
    pub wrapping: Option<Wrapping>,
}

impl KeyFile {
    /// `None` when there is no file. A known wrapping spares the passphrase's slow derivation.
    pub fn read(
        path: &Path,
        passphrase: Option<&SecretText>,
        known: Option<&Wrapping>,
    ) -> Result<Option<Self>, KeyError> {
        let Some(text) = read_private(path)? else {
            return Ok(None);
        };
        let bad = |why| KeyError::Format {
            origin: path.display().to_string(),
            why,
        };
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .peekable();
        let Some(title) = lines.next_if(|line| line.starts_with(TITLE)) else {
            let keys = parse_keys(&text, &path.display().to_string())?;
            return Ok(Some(Self {
                keys,
                wrapping: None,
            }));
        };
        if title == TITLE {
            let keys = lines
                .map(|line| parse_key(line, &path.display().to_string()))
                .collect::<Result<Vec<_>, _>>()?;
            if keys.is_empty() {
                return Err(bad("it holds no key"));
            }
            return Ok(Some(Self {
                keys,
                wrapping: None,
            }));
        }
        let wrapping = match (known, passphrase) {
            (Some(known), _) if known.header == title => known.clone(),
            (_, Some(passphrase)) => Wrapping::derive(title, passphrase)
                .ok_or_else(|| bad("its argon2id line is damaged"))?,
            (_, None) => return Err(KeyError::PassphraseNeeded(path.to_owned())),
        };
        let envelope = lines.next().ok_or_else(|| bad("it holds no key"))?;
        let opened = wrapping
            .key
            .open(envelope, &file_binding())
            .map_err(|_| KeyError::WrongPassphrase(path.to_owned()))?;
        let keys: Vec<MasterKey> = opened
            .bytes
            .expose()
            .chunks_exact(32)
            .filter_map(|chunk| Some(MasterKey::new(Zeroizing::new(chunk.try_into().ok()?))))
            .collect();
        if keys.is_empty() {
            return Err(bad("it holds no key"));
        }
        Ok(Some(Self {
            keys,
            wrapping: Some(wrapping),
        }))
    }

    /// Replaces the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let mut text = Zeroizing::new(String::with_capacity(2048));
        let now = Timestamp::now();
        // Writing to a String can't fail.
        let _ = write!(
            text,
            "# Switchboard master key, written {now}.\n\
             # Whoever has this file and a copy of the database can use every Telegram account in it.\n\
             # Without this file nobody can, and every account has to sign in again.\n\
             # Keep a copy of it, apart from the copies of the database.\n"
        );
        match &self.wrapping {
            None => {
                let _ = writeln!(text, "{TITLE}");
                for key in &self.keys {
                    let line = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(key.expose()));
                    let _ = writeln!(text, "{}", *line);
                }
            }
            Some(wrapping) => {
                let mut all = Zeroizing::new(Vec::with_capacity(32 * self.keys.len()));
                for key in &self.keys {
                    all.extend_from_slice(key.expose());
                }
                let envelope = wrapping
                    .key
                    .seal(&file_binding(), 0, &all)
                    .map_err(|_| KeyError::NoRandom)?;
                let _ = write!(text, "{}\n{envelope}\n", wrapping.header);
            }
        }
        replace(path, text.as_bytes()).map_err(|source| KeyError::Unusable {
            path: path.to_owned(),
            source,
        })
    }
}

impl Wrapping {
    /// A fresh salt for a new file.
    pub fn make(passphrase: &SecretText) -> Result<Self, KeyError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| KeyError::NoRandom)?;
        let header = format!(
            "{TITLE} argon2id m={MEMORY_KIB} t={PASSES} p={LANES} salt={}",
            BASE64_URL_SAFE_NO_PAD.encode(salt)
        );
        Self::derive(&header, passphrase).ok_or(KeyError::NoRandom)
    }

    fn derive(header: &str, passphrase: &SecretText) -> Option<Self> {
        let field = |name: &str| {
            header
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        if header.split_whitespace().nth(2) != Some("argon2id") {
            return None;
        }
        let number = |name| field(name)?.parse::<u32>().ok();
        let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
        // A damaged line must not ask for all of the machine's memory.
        if memory > 4 * 1024 * 1024 || passes > 64 || lanes > 64 {
            return None;
        }
        let salt = BASE64_URL_SAFE_NO_PAD.decode(field("salt")?).ok()?;
        let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose().as_bytes(), &salt, key.as_mut())
            .ok()?;
        Some(Self {
            key: MasterKey::new(key),
            header: header.to_owned(),
        })
    }
}

/// Keys in text form, separated by commas or whitespace; lines that begin with `#` don't count.
pub(super) fn parse_keys(text: &str, origin: &str) -> Result<Vec<MasterKey>, KeyError> {
    let mut keys = Vec::new();
    for word in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split([',', ' ', '\t']))
        .map(str::trim)
        .filter(|word| !word.is_empty() && !TITLE.split(' ').any(|title| title == *word))
    {
        keys.push(parse_key(word, origin)?);
    }
    if keys.is_empty() {
        return Err(KeyError::Format {
            origin: origin.to_owned(),
            why: "it holds no key",
        });
    }
    Ok(keys)
}

fn parse_key(text: &str, origin: &str) -> Result<MasterKey, KeyError> {
    let bad = |why| KeyError::Format {
        origin: origin.to_owned(),
        why,
    };
    let trimmed = text.trim_end_matches('=');
    let decoded = BASE64_URL_SAFE_NO_PAD
        .decode(trimmed)
        .or_else(|_| BASE64_STANDARD_NO_PAD.decode(trimmed))
        .map(Zeroizing::new)
        .map_err(|_| bad("it is not base64"))?;
    let bytes: [u8; 32] = decoded
        .as_slice()
        .try_into()
        .map_err(|_| bad("it has not 32 bytes; `openssl rand -base64 32` makes a good one"))?;
    let bytes = Zeroizing::new(bytes);
    let mut distinct = *bytes;
    distinct.sort_unstable();
    let kinds = distinct.chunk_by(|a, b| a == b).count();
    let in_a_row = bytes
        .windows(2)
        .all(|pair| matches!(pair, [a, b] if b.wrapping_sub(*a) <= 1));
    // 32 random bytes have about 30 different values; fewer than 12 do not happen by chance.
    if kinds < 12 || in_a_row {
        return Err(bad("it is an example, not a random key"));
    }
    Ok(MasterKey::new(bytes))
}

fn file_binding() -> Binding {
    Binding {
        account: AccountId(Uuid::nil()),
        api_id: 0,
        purpose: Purpose::KeyFile,
    }
}

/// The text of a file that only its owner can read.
fn read_private(path: &Path) -> Result<Option<Zeroizing<String>>, KeyError> {
    let unusable = |source| KeyError::Unusable {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    // Asked of the open file, so that it can't be exchanged in between.
    let metadata = file.metadata().map_err(unusable)?;
    let owner = metadata.uid();
    if !may_own(owner, rustix::process::geteuid().as_raw()) {
        return Err(KeyError::Owner {
            path: path.to_owned(),
            owner,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = Zeroizing::new(String::with_capacity(4096));
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(unusable)?;
    Ok(Some(text))
}

/// Root can read every file anyway; anybody else could exchange the key.
const fn may_own(owner: u32, me: u32) -> bool {
    owner == 0 || owner == me
}

/// One change of a key file at a time: two would each drop the other's key. Ends with the value, or with the process.
pub(super) fn lock_changes(path: &Path) -> Result<File, KeyError> {
    let directory = File::open(directory_of(path)).map_err(|source| KeyError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| KeyError::Busy(path.to_owned()))?;
    Ok(directory)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = directory_of(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // One name for all: what a kill has left of an earlier write goes with the next one.
    name.push(".new");
    let fresh = directory.join(name);
    let _ = fs::remove_file(&fresh);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: a key file that another user could exchange is not taken.
    #[test]
    fn a_key_file_belongs_to_its_user_or_to_root() {
        for (owner, me, allowed) in [
            (0, 0, true),
            (0, 1000, true),
            (1000, 1000, true),
            (1001, 1000, false),
            (1000, 0, false),
        ] {
            assert_eq!(may_own(owner, me), allowed, "{owner} {me}");
        }
    }

    /// Protects: what a killed write has left, perhaps under no passphrase, does not outlive the next one.
    #[test]
    fn nothing_is_left_beside_the_key_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        replace(&path, b"first").unwrap();
        fs::write(directory.path().join("master.key.new"), b"half of a ke").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// Protects: two changes at once would each drop the other's key.
    #[test]
    fn one_change_of_a_key_file_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        let held = lock_changes(&path).unwrap();
        assert!(matches!(lock_changes(&path), Err(KeyError::Busy(_))));
        drop(held);
        lock_changes(&path).unwrap();
    }
}
