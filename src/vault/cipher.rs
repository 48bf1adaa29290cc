//! Cipher: one sealed value, `v1.<key id>.<base64url(nonce ‖ tag ‖ box)>`.
//!
//! XSalsa20-Poly1305 with a key per account (HKDF-SHA256 from the master key), so the box of one row never opens
//! in another. The construction takes no associated data; what the box belongs to stands inside it and is compared
//! after opening. Which key to use is the key ring's business.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use xsalsa20poly1305::{
    AeadInPlace, KeyInit, XSalsa20Poly1305,
    aead::{Nonce, Tag},
};
use zeroize::{Zeroize, Zeroizing};

use crate::domain::{AccountId, SecretBytes};

const VERSION: &str = "v1";
const MAGIC: &[u8; 4] = b"SWB1";
const NONCE: usize = XSalsa20Poly1305::NONCE_SIZE;
const TAG: usize = XSalsa20Poly1305::TAG_SIZE;
/// Magic, purpose, account, api_id, epoch, length.
const HEADER: usize = 4 + 1 + 16 + 4 + 8 + 4;
/// Boxes come in steps of this, so that their length says little about what is inside.
const STEP: usize = 256;
/// Longer text is refused before it is decoded.
const LONGEST: usize = 1024 * 1024;
const SALT: &[u8] = b"switchboard/vault/v1";

/// Why an envelope was not taken. Each one leads a person somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    #[error("it is no envelope of this service: {0}")]
    Malformed(&'static str),
    #[error("it was sealed with key {0}, which the key ring does not have")]
    UnknownKey(String),
    #[error("it was altered after sealing, or is cut")]
    Tampered,
    #[error("it belongs to account {0}")]
    OtherAccount(AccountId),
    #[error("it was sealed for api_id {found}, the row says {expected}")]
    OtherApi { found: i32, expected: i32 },
    #[error("it holds {found}, not {expected}")]
    OtherPurpose {
        found: &'static str,
        expected: &'static str,
    },
    #[error("it is older than the copy here: an earlier one was put back")]
    Older,
    #[error("the operating system gave no random bytes")]
    NoRandom,
}

/// What a box holds; a session can't be passed off as an api_hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Session,
    ApiHash,
    SignIn,
    /// The constant that tells a wrong key at start.
    KeyCheck,
    /// The list of master keys in a key file under a passphrase.
    KeyFile,
    /// A session that is only kept to be ended at Telegram.
    Farewell,
    /// A webhook's address and secret; its id stands for the account.
    Webhook,
    /// What a call was answered; a random id stands for the account.
    Answer,
    /// Proxies with their credentials.
    Proxies,
    /// A piece of a sealed copy of the store; the copy's id stands for the account.
    Copy,
    /// What one node asks another, and is told; the call's id stands for the account.
    Call,
}

impl Purpose {
    const fn code(self) -> u8 {
        match self {
            Self::Session => 1,
            Self::ApiHash => 2,
            Self::SignIn => 3,
            Self::KeyCheck => 4,
            Self::KeyFile => 5,
            Self::Farewell => 6,
            Self::Webhook => 7,
            Self::Answer => 8,
            Self::Proxies => 9,
            Self::Copy => 10,
            Self::Call => 11,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Session => "a session",
            Self::ApiHash => "an api_hash",
            Self::SignIn => "a sign-in",
            Self::KeyCheck => "a key check",
            Self::KeyFile => "a key file",
            Self::Farewell => "a session to be ended",
            Self::Webhook => "a webhook",
            Self::Answer => "an answer",
            Self::Proxies => "proxies",
            Self::Copy => "a piece of a copy",
            Self::Call => "a call",
        }
    }

    fn name_of(code: u8) -> &'static str {
        [
            Self::Session,
            Self::ApiHash,
            Self::SignIn,
            Self::KeyCheck,
            Self::KeyFile,
            Self::Farewell,
            Self::Webhook,
            Self::Answer,
            Self::Proxies,
            Self::Copy,
            Self::Call,
        ]
        .into_iter()
        .find(|purpose| purpose.code() == code)
        .map_or("something unknown", Self::name)
    }
}

/// What a box belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    pub account: AccountId,
    pub api_id: i32,
    pub purpose: Purpose,
}

/// An opened box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Rises with each new value of the same account and purpose.
    pub epoch: u64,
    pub bytes: SecretBytes,
}

/// A 32-byte master key and the name that envelopes call it by. Neither `Debug` nor an error shows the key.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    id: String,
    bytes: Box<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({}, [redacted])", self.id)
    }
}

impl MasterKey {
    /// The id is derived from the key, so the same key has the same name everywhere.
    #[must_use]
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0; 4];
        derive(&bytes, &[b"key id"], &mut id);
        Self {
            id: crate::domain::hex(&id),
            bytes: Box::new(bytes),
        }
    }

    /// # Errors
    /// When the operating system has no random bytes.
    pub fn random() -> Result<Self, CipherError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(|_| CipherError::NoRandom)?;
        Ok(Self::new(bytes))
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn cipher(&self, account: AccountId) -> XSalsa20Poly1305 {
        let mut key = Zeroizing::new([0; 32]);
        derive(
            &self.bytes,
            &[b"account", account.0.as_bytes()],
            key.as_mut(),
        );
        XSalsa20Poly1305::new((&*key).into())
    }

    /// Seals `data` under a fresh nonce.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn seal(&self, to: &Binding, epoch: u64, data: &[u8]) -> Result<String, CipherError> {
        let length = (HEADER + data.len()).next_multiple_of(STEP);
        let mut plain = Zeroizing::new(Vec::with_capacity(length));
        plain.extend_from_slice(MAGIC);
        plain.push(to.purpose.code());
        plain.extend_from_slice(to.account.0.as_bytes());
        plain.extend_from_slice(&to.api_id.to_be_bytes());
        plain.extend_from_slice(&epoch.to_be_bytes());
        let data_length =
            u32::try_from(data.len()).map_err(|_| CipherError::Malformed("it is too long"))?;
        plain.extend_from_slice(&data_length.to_be_bytes());
        plain.extend_from_slice(data);
        plain.resize(length, 0);
        let mut nonce = Nonce::<XSalsa20Poly1305>::default();
        getrandom::fill(&mut nonce).map_err(|_| CipherError::NoRandom)?;
        let tag = self
            .cipher(to.account)
            .encrypt_in_place_detached(&nonce, b"", &mut plain)
            .map_err(|_| CipherError::Malformed("it is too long"))?;
        let mut sealed = Vec::with_capacity(NONCE + TAG + length);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&tag);
        sealed.extend_from_slice(&plain);
        Ok(format!(
            "{VERSION}.{}.{}",
            self.id,
            BASE64_URL_SAFE_NO_PAD.encode(sealed)
        ))
    }

    /// Opens an envelope that [`key_id`] says is this key's, and compares what it belongs to.
    ///
    /// # Errors
    /// See [`CipherError`].
    pub fn open(&self, envelope: &str, expected: &Binding) -> Result<Opened, CipherError> {
        let plain = self.open_box(envelope, expected.account)?;
        read_plain(&plain, expected)
    }

    /// Could this account's key open it? Tells a swapped row from an altered one.
    pub(super) fn opens_for(&self, envelope: &str, account: AccountId) -> bool {
        self.open_box(envelope, account).is_ok()
    }

    fn open_box(
        &self,
        envelope: &str,
        account: AccountId,
    ) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let (id, text) = split(envelope)?;
        if id != self.id {
            return Err(CipherError::UnknownKey(id.to_owned()));
        }
        let sealed = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| CipherError::Malformed("its last part is not base64url"))?;
        let Some((nonce, rest)) = sealed.split_at_checked(NONCE) else {
            return Err(CipherError::Tampered);
        };
        let Some((tag, boxed)) = rest.split_at_checked(TAG) else {
            return Err(CipherError::Tampered);
        };
        let mut plain = Zeroizing::new(boxed.to_vec());
        self.cipher(account)
            .decrypt_in_place_detached(
                Nonce::<XSalsa20Poly1305>::from_slice(nonce),
                b"",
                &mut plain,
                Tag::<XSalsa20Poly1305>::from_slice(tag),
            )
            .map_err(|_| CipherError::Tampered)?;
        Ok(plain)
    }
}

/// Is this text meant to be an envelope (of any version)?
#[must_use]
pub fn is_envelope(text: &str) -> bool {
    split(text).is_ok()
}

/// The key an envelope was sealed with.
///
/// # Errors
/// When the text is no envelope.
pub fn key_id(envelope: &str) -> Result<&str, CipherError> {
    split(envelope).map(|(id, _)| id)
}

fn split(envelope: &str) -> Result<(&str, &str), CipherError> {
    if envelope.len() > LONGEST {
        return Err(CipherError::Malformed("it is too long"));
    }
    let mut parts = envelope.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(id), Some(text), None) if !id.is_empty() => Ok((id, text)),
        (Some(VERSION), ..) => Err(CipherError::Malformed("it has not three parts")),
        _ => Err(CipherError::Malformed("it does not begin with v1")),
    }
}

fn read_plain(plain: &[u8], expected: &Binding) -> Result<Opened, CipherError> {
    const SHORT: CipherError = CipherError::Malformed("the box is too short");
    let (magic, rest) = plain.split_first_chunk::<4>().ok_or(SHORT)?;
    let (purpose, rest) = rest.split_first().ok_or(SHORT)?;
    let (account, rest) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
    let (api_id, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (epoch, rest) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    if magic != MAGIC {
        return Err(CipherError::Malformed("the box holds another format"));
    }
    let account = AccountId(Uuid::from_bytes(*account));
    if account != expected.account {
        return Err(CipherError::OtherAccount(account));
    }
    if *purpose != expected.purpose.code() {
        return Err(CipherError::OtherPurpose {
            found: Purpose::name_of(*purpose),
            expected: expected.purpose.name(),
        });
    }
    let found = i32::from_be_bytes(*api_id);
    if found != expected.api_id {
        return Err(CipherError::OtherApi {
            found,
            expected: expected.api_id,
        });
    }
    let bytes = usize::try_from(u32::from_be_bytes(*length))
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or(SHORT)?;
    Ok(Opened {
        epoch: u64::from_be_bytes(*epoch),
        bytes: SecretBytes::new(bytes.to_vec()),
    })
}

fn derive(master: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    let (mut extracted, hkdf) = Hkdf::<Sha256>::extract(Some(SALT), master);
    extracted.as_mut_slice().zeroize();
    // HKDF refuses only outputs beyond 255 hashes; ours are at most one.
    if hkdf.expand_multi_info(info, out).is_err() {
        out.zeroize();
    }
}

#[cfg(test)]
mod tests;
