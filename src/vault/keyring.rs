//! Key ring: the master keys of this service, where they come from, and which of them seals.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{
    cipher::{Binding, CipherError, MasterKey, Opened, Purpose, key_id},
    key_error::KeyError,
    key_file::{KeyFile, Wrapping, parse_keys},
};
use crate::{
    config::{self, KeyFileCover},
    domain::{AccountId, SecretText},
};

/// The file of systemd's `LoadCredential=switchboard-master-key:…`.
const CREDENTIAL: &str = "switchboard-master-key";
const CHECK: &[u8] = b"this key is the right one";

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// Made on first start.
    File(PathBuf),
    /// A systemd credential; systemd guards the file.
    Credential(PathBuf),
    /// Base64 in `SWITCHBOARD_MASTER_KEY`; several, separated by commas, while the key is being changed.
    Text(SecretText),
    /// A file as above whose keys are sealed under a passphrase (argon2id).
    Passphrase { text: SecretText, file: PathBuf },
}

impl KeySource {
    /// A key file that exists, then a systemd credential, then the environment, then a passphrase, then a new file.
    #[must_use]
    pub fn choose(configured: &config::MasterKey) -> Self {
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::choose_with(configured, directory.as_deref())
    }

    fn choose_with(configured: &config::MasterKey, credentials: Option<&Path>) -> Self {
        let credential = credentials
            .map(|directory| directory.join(CREDENTIAL))
            .filter(|path| path.exists());
        match (configured, credential) {
            (config::MasterKey::File(path), None) => Self::File(path.clone()),
            (config::MasterKey::File(path), Some(_)) if path.exists() => Self::File(path.clone()),
            (_, Some(credential)) => Self::Credential(credential),
            (config::MasterKey::Inline(text), None) => Self::Text(text.clone()),
            (config::MasterKey::Passphrase { text, file }, None) => Self::Passphrase {
                text: text.clone(),
                file: file.clone(),
            },
        }
    }

    /// The file that a change of key rewrites.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Passphrase { file: path, .. } => Some(path),
            Self::Credential(_) | Self::Text(_) => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Passphrase { file: path, .. } => path.display().to_string(),
            Self::Credential(path) => format!("the systemd credential {}", path.display()),
            Self::Text(_) => "SWITCHBOARD_MASTER_KEY".to_owned(),
        }
    }
}

/// The keys, primary first.
#[derive(Clone, Debug)]
pub struct Keyring {
    source: KeySource,
    keys: Vec<MasterKey>,
    wrapping: Option<Wrapping>,
    /// Just made and on no disk yet.
    fresh: bool,
}

impl Keyring {
    /// Reads the keys; makes one when there is none. A new one is written when the vault opens, after it is certain
    /// that nothing sealed with another key exists.
    ///
    /// # Errors
    /// See [`KeyError`]; every text is for the person who starts the service.
    pub fn load(source: KeySource) -> Result<Self, KeyError> {
        let passphrase = match &source {
            KeySource::Passphrase { text, .. } if text.expose().is_empty() => {
                return Err(KeyError::Format {
                    origin: source.name(),
                    why: "the passphrase is empty",
                });
            }
            KeySource::Passphrase { text, .. } => Some(text.clone()),
            _ => None,
        };
        let external = match &source {
            KeySource::Text(text) => Some(parse_keys(text.expose(), &source.name())?),
            KeySource::Credential(path) => {
                let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
                let text = text.map_err(|error| KeyError::Unusable {
                    path: path.clone(),
                    source: error,
                })?;
                Some(parse_keys(&text, &source.name())?)
            }
            KeySource::File(_) | KeySource::Passphrase { .. } => None,
        };
        if let Some(keys) = external {
            return Ok(Self {
                source,
                keys,
                wrapping: None,
                fresh: false,
            });
        }
        let path = source.file().map(Path::to_owned).unwrap_or_default();
        if let Some(file) = KeyFile::read(&path, passphrase.as_ref(), None)? {
            if passphrase.is_some() && file.wrapping.is_none() {
                return Err(KeyError::Format {
                    origin: source.name(),
                    why: "a passphrase is set, but the file is not under one: unset it, or put the file under one with \
                          `switchboard rekey --new-passphrase-file`",
                });
            }
            return Ok(Self {
                source,
                keys: file.keys,
                wrapping: file.wrapping,
                fresh: false,
            });
        }
        let key = MasterKey::random().map_err(|_| KeyError::NoRandom)?;
        Ok(Self {
            source,
            keys: vec![key],
            wrapping: passphrase.as_ref().map(Wrapping::make).transpose()?,
            fresh: true,
        })
    }

    /// Writes a key that was just made, and says once what losing it means.
    pub(super) fn keep(&mut self) -> Result<(), KeyError> {
        if !self.fresh {
            return Ok(());
        }
        if self.source.file().is_some() {
            self.write()?;
            log::warn!(
                "made a new master key ({}) in {}: keep a copy of that file apart from the database. Whoever has \
                 both can use your Telegram accounts; without the key every account has to sign in again",
                self.primary_id(),
                self.source.name()
            );
        }
        self.fresh = false;
        Ok(())
    }

    fn write(&self) -> Result<(), KeyError> {
        let Some(path) = self.source.file() else {
            return Err(KeyError::NotAFile(self.source.name()));
        };
        let file = KeyFile {
            keys: self.keys.clone(),
            wrapping: self.wrapping.clone(),
        };
        file.write(path)
    }

    /// The keys as they stand on disk now; `None` when they are the same (or do not come from a file).
    pub(super) fn reread(&self) -> Result<Option<Self>, KeyError> {
        let Some(path) = self.source.file() else {
            return Ok(None);
        };
        let passphrase = match &self.source {
            KeySource::Passphrase { text, .. } => Some(text),
            _ => None,
        };
        match KeyFile::read(path, passphrase, self.wrapping.as_ref())? {
            Some(file) if file.keys != self.keys => Ok(Some(Self {
                source: self.source.clone(),
                keys: file.keys,
                wrapping: file.wrapping,
                fresh: false,
            })),
            _ => Ok(None),
        }
    }

    /// Puts a new key in front and writes the file. Does nothing while an earlier change is under way.
    pub(super) fn start_change(&mut self) -> Result<(), KeyError> {
        if self.source.file().is_none() {
            return Err(KeyError::NotAFile(self.source.name()));
        }
        if self.keys.len() > 1 {
            return Ok(());
        }
        let key = MasterKey::random().map_err(|_| KeyError::NoRandom)?;
        self.keys.insert(0, key);
        self.write()
    }

    /// Drops every key but the first, in the file too.
    pub(super) fn finish_change(&self) -> Result<Self, KeyError> {
        let mut after = self.clone();
        after.keys.truncate(1);
        if after.source.file().is_some() {
            after.write()?;
        } else if self.keys.len() > 1 {
            log::warn!(
                "everything is sealed with master key {}; remove the older keys from {}",
                after.primary_id(),
                after.source.name()
            );
        }
        Ok(after)
    }

    /// Puts the file under another passphrase or under none, and proves that it opens so.
    pub(super) fn cover(&self, cover: &KeyFileCover) -> Result<(), KeyError> {
        let file = self.path();
        let (wrapping, source) = match cover {
            KeyFileCover::AsItIs => return Ok(()),
            KeyFileCover::Nothing => (None, KeySource::File(file)),
            KeyFileCover::Passphrase(text) => {
                let text = text.clone();
                (
                    Some(Wrapping::make(&text)?),
                    KeySource::Passphrase { text, file },
                )
            }
        };
        let mut covered = self.clone();
        covered.wrapping = wrapping;
        covered.write()?;
        if Self::load(source).is_ok_and(|read| read.keys == self.keys) {
            return Ok(());
        }
        self.write()?;
        Err(KeyError::Format {
            origin: self.source.name(),
            why: "it did not read back as it was written; it is as it was before",
        })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.source.file().map(Path::to_owned).unwrap_or_default()
    }

    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.keys.len() > 1
    }

    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(MasterKey::id).collect()
    }

    #[must_use]
    pub fn primary_id(&self) -> &str {
        self.keys.first().map_or("none", MasterKey::id)
    }

    pub const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Seals with the primary key.
    pub(super) fn seal(
        &self,
        to: &Binding,
        epoch: u64,
        data: &[u8],
    ) -> Result<String, CipherError> {
        match self.keys.first() {
            Some(key) => key.seal(to, epoch, data),
            None => Err(CipherError::UnknownKey("none".to_owned())),
        }
    }

    /// Opens with whichever key the envelope names.
    pub(super) fn open(&self, envelope: &str, to: &Binding) -> Result<Opened, CipherError> {
        self.key_of(envelope)?.open(envelope, to)
    }

    /// [`Self::open`], and when that fails: is it perhaps another account's envelope?
    pub(super) fn open_or_explain(
        &self,
        envelope: &str,
        to: &Binding,
        others: impl IntoIterator<Item = AccountId>,
    ) -> Result<Opened, CipherError> {
        match self.open(envelope, to) {
            Err(CipherError::Tampered) => {
                let key = self.key_of(envelope)?;
                let owner = others
                    .into_iter()
                    .find(|other| *other != to.account && key.opens_for(envelope, *other));
                Err(owner.map_or(CipherError::Tampered, CipherError::OtherAccount))
            }
            result => result,
        }
    }

    /// Does this envelope need sealing anew?
    pub(super) fn is_outdated(&self, envelope: &str) -> bool {
        key_id(envelope).is_ok_and(|id| id != self.primary_id())
    }

    /// The envelope anew, when it needs a key that is on its way out and opens with it.
    pub(super) fn resealed(&self, envelope: &str, to: &Binding) -> Option<String> {
        if !self.is_outdated(envelope) {
            return None;
        }
        let opened = self.open(envelope, to).ok()?;
        self.seal(to, opened.epoch, opened.bytes.expose()).ok()
    }

    fn key_of(&self, envelope: &str) -> Result<&MasterKey, CipherError> {
        let id = key_id(envelope)?;
        self.keys
            .iter()
            .find(|key| key.id() == id)
            .ok_or_else(|| CipherError::UnknownKey(id.to_owned()))
    }

    /// A constant under the primary key; kept in the database so that a wrong key is noticed at start.
    pub(super) fn make_check(&self) -> Result<String, CipherError> {
        self.seal(&check_binding(), 0, CHECK)
    }

    /// Do these checks (all that the database has) open with this ring?
    pub(super) fn verify(&self, checks: &[String]) -> Result<(), KeyError> {
        for check in checks {
            let opened = self.open(check, &check_binding());
            if opened.is_ok_and(|opened| opened.bytes.expose() == CHECK) {
                continue;
            }
            return Err(KeyError::WrongKey {
                sealed_with: key_id(check).unwrap_or("unknown").to_owned(),
                present: if self.fresh {
                    format!("none (there is nothing in {})", self.source.name())
                } else {
                    self.ids().join(" and ")
                },
            });
        }
        Ok(())
    }
}

fn check_binding() -> Binding {
    Binding {
        account: AccountId(Uuid::nil()),
        api_id: 0,
        purpose: Purpose::KeyCheck,
    }
}

#[cfg(test)]
mod tests;
