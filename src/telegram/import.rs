//! Session strings of other clients: Telethon's and Pyrogram's. Each gives a data centre and its key.

use std::net::{Ipv4Addr, SocketAddrV4};

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::SessionData;
use crate::domain::SecretText;

const KEY: usize = 256;
/// With or without padding: people copy either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a session string can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error(
        "this is neither a Telethon nor a Pyrogram session string: copy it whole, without line breaks"
    )]
    Unknown,
    #[error("the session belongs to a bot; only people's accounts can be added")]
    Bot,
    #[error("the session belongs to Telegram's test servers, which this service does not talk to")]
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
pub fn parse(text: &SecretText) -> Result<Imported, ImportError> {
    let text = text.expose().trim();
    if let Some(body) = text.strip_prefix('1')
        && let Some(imported) = decode(body).and_then(|bytes| telethon(&bytes))
    {
        return imported;
    }
    decode(text)
        .and_then(|bytes| pyrogram(&bytes))
        .unwrap_or(Err(ImportError::Unknown))
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(text).ok().map(Zeroizing::new)
}

/// `1`, then data centre, address, port and key. Whoever pastes a text must not choose whom the service dials: the data
/// centre's known addresses hold.
fn telethon(bytes: &[u8]) -> Option<Result<Imported, ImportError>> {
    let address = match bytes.len() {
        263 => 4,
        275 => 16,
        _ => return None,
    };
    let rest = bytes.get(1 + address..)?;
    let dc = i32::from(*bytes.first()?);
    let (_port, key) = rest.split_first_chunk::<2>()?;
    let key = key.first_chunk::<KEY>()?;
    Some(usable(dc, key, 0).map(|session| Imported {
        session,
        origin: "Telethon",
    }))
}

/// Data centre, application (in the newer form), test, key, user, bot. No address: the known ones hold.
fn pyrogram(bytes: &[u8]) -> Option<Result<Imported, ImportError>> {
    let (dc, rest) = bytes.split_first()?;
    let (api_id, rest) = match bytes.len() {
        271 => {
            let (api_id, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_be_bytes(*api_id), rest)
        }
        263 | 267 => (0, rest),
        _ => return None,
    };
    let (test, rest) = rest.split_first()?;
    let (key, rest) = rest.split_first_chunk::<KEY>()?;
    let (bot, user) = rest.split_last()?;
    let user_id = match user.len() {
        4 => i64::from(u32::from_be_bytes(user.try_into().ok()?)),
        8 => i64::from_be_bytes(user.try_into().ok()?),
        _ => return None,
    };
    // Flags other than 0 and 1 mean that this is something else of the same length.
    if *test > 1 || *bot > 1 {
        return None;
    }
    if *test == 1 {
        return Some(Err(ImportError::TestServers));
    }
    if *bot == 1 {
        return Some(Err(ImportError::Bot));
    }
    Some(usable(i32::from(*dc), key, user_id).map(|mut session| {
        session.api_id = i32::try_from(api_id).unwrap_or(0);
        Imported {
            session,
            origin: "Pyrogram",
        }
    }))
}

fn usable(dc: i32, key: &[u8; KEY], self_id: i64) -> Result<SessionData, ImportError> {
    if dc == 0 {
        return Err(ImportError::UnknownDc(dc));
    }
    if key.iter().all(|byte| *byte == 0) {
        return Err(ImportError::EmptyKey);
    }
    let nowhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    Ok(SessionData::with_key(dc, nowhere, *key, self_id))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn key() -> [u8; KEY] {
        let mut key = [0x5a; KEY];
        key[0] = 0;
        key
    }

    fn text(bytes: &[u8]) -> SecretText {
        SecretText::new(BASE64.encode(bytes))
    }

    /// Protects people who bring an account along: every form that the two clients have written is read.
    #[test]
    fn every_known_form_is_read() {
        let (v4, v6): (Ipv4Addr, Ipv6Addr) = ("127.0.0.9".parse().unwrap(), "::9".parse().unwrap());
        let port = 443_u16.to_be_bytes();
        for ip in [v4.octets().to_vec(), v6.octets().to_vec()] {
            let bytes = [&[4][..], &ip, &port, &key()].concat();
            let text = format!("1{}", BASE64.encode(&bytes));
            assert!([353, 369].contains(&text.len()));
            let imported = parse(&SecretText::new(text)).unwrap();
            assert_eq!((imported.origin, imported.session.home_dc), ("Telethon", 4));
            assert_eq!(imported.session.home_key(), Some(&key()));
            let nowhere = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
            assert!(
                imported.session.dcs[&4].ipv4 == nowhere,
                "a pasted text names no address that is dialled"
            );
        }
        let user = 777_000_i64;
        let (id, old_id) = (user.to_be_bytes(), 777_000_u32.to_be_bytes());
        for (app, id) in [(&[0, 0, 4, 0][..], &id[..]), (&[], &id), (&[], &old_id)] {
            let bytes = [&[2][..], app, &[0], &key(), id, &[0]].concat();
            let mut padless = BASE64.encode(bytes);
            padless.truncate(padless.trim_end_matches('=').len());
            assert!([362, 356, 351].contains(&padless.len()));
            let imported = parse(&SecretText::new(padless)).unwrap();
            assert_eq!(
                (imported.origin, imported.session.self_id),
                ("Pyrogram", user)
            );
            assert_eq!(imported.session.home_key(), Some(&key()));
            assert_eq!(
                imported.session.api_id,
                if app.is_empty() { 0 } else { 1024 }
            );
        }
    }

    /// Protects them from a riddle: what can't be used is refused with its reason.
    #[test]
    fn what_can_not_be_used_says_why() {
        let pyrogram = |test, bot, key: [u8; KEY]| {
            let bytes = [
                &[2, 0, 0, 4, 0, test][..],
                &key,
                &7_i64.to_be_bytes(),
                &[bot],
            ]
            .concat();
            parse(&text(&bytes)).unwrap_err()
        };
        assert_eq!(pyrogram(1, 0, key()), ImportError::TestServers);
        assert_eq!(pyrogram(0, 1, key()), ImportError::Bot);
        assert_eq!(pyrogram(0, 0, [0; KEY]), ImportError::EmptyKey);
        assert_eq!(pyrogram(0, 9, key()), ImportError::Unknown);
        for nonsense in ["", "1", "hello", "1AAAA"] {
            assert_eq!(
                parse(&SecretText::new(nonsense)).unwrap_err(),
                ImportError::Unknown
            );
        }
    }
}
