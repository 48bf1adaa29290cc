//! The secret of an MTProxy: 16 bytes, and what they are written behind. `dd`: packets are padded; `ee`: the line looks
//! like TLS to the domain that follows (core.telegram.org/mtproto/mtproto-transports, and the clients' proxy links).

use std::fmt;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use crate::domain::SecretText;

const KEY: usize = 16;
const PADDED: u8 = 0xdd;
const FAKE_TLS: u8 = 0xee;
/// A label of a domain is shorter; the whole of one, too.
const LONGEST_DOMAIN: usize = 182;

const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&URL_SAFE, CONFIG),
    GeneralPurpose::new(&STANDARD, CONFIG),
];

#[derive(Clone, PartialEq, Eq)]
pub struct MtproxySecret {
    pub key: Zeroizing<[u8; KEY]>,
    pub look: MtproxyLook,
}

/// How the line looks from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MtproxyLook {
    Plain,
    Padded,
    /// TLS to this domain.
    Tls(String),
}

impl MtproxySecret {
    /// Hexadecimal, or either form of Base64. `None`: it is no secret of a known kind.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(decode(text)?);
        let (key, look) = match bytes.as_slice() {
            key if key.len() == KEY => (key, MtproxyLook::Plain),
            [PADDED, key @ ..] if key.len() == KEY => (key, MtproxyLook::Padded),
            [FAKE_TLS, rest @ ..] => {
                let (key, domain) = rest.split_at_checked(KEY)?;
                let domain = std::str::from_utf8(domain).ok()?;
                if !is_domain(domain) {
                    return None;
                }
                (key, MtproxyLook::Tls(domain.to_owned()))
            }
            _ => return None,
        };
        Some(Self {
            key: Zeroizing::new(key.try_into().ok()?),
            look,
        })
    }

    /// As it is written in a link, in hexadecimal.
    #[must_use]
    pub fn text(&self) -> SecretText {
        use fmt::Write;
        let mut text = String::with_capacity(2 * (1 + KEY + LONGEST_DOMAIN));
        let mut put = |byte: &u8| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        };
        match &self.look {
            MtproxyLook::Plain => {}
            MtproxyLook::Padded => put(&PADDED),
            MtproxyLook::Tls(_) => put(&FAKE_TLS),
        }
        self.key.iter().for_each(&mut put);
        if let MtproxyLook::Tls(domain) = &self.look {
            domain.as_bytes().iter().for_each(&mut put);
        }
        SecretText::new(text)
    }
}

impl fmt::Debug for MtproxySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MtproxySecret")
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
        let bytes = text.as_bytes().chunks_exact(2);
        return bytes
            .map(|pair| match pair {
                [high, low] => u8::try_from(digit(*high) * 16 + digit(*low)).ok(),
                _ => None,
            })
            .collect();
    }
    BASE64.iter().find_map(|base64| base64.decode(text).ok())
}

/// A name that TLS can be asked for.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= LONGEST_DOMAIN && text.split('.').all(label)
}
