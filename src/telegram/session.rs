//! A session as the vault keeps it: where home is, the keys, and who is signed in. Peers and positions live in the store.

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6},
};

use zeroize::{Zeroize, Zeroizing};

use crate::domain::SecretBytes;

const VERSION: u8 = 1;
const KEY_LEN: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the session was written by a newer version ({0})")]
    Version(u8),
    #[error("the session is cut short or damaged")]
    Damaged,
}

/// One data centre: its address, and the key when there is one.
#[derive(Clone, PartialEq, Eq)]
pub struct DcRecord {
    pub ipv4: SocketAddrV4,
    pub ipv6: SocketAddrV6,
    pub key: Option<Zeroizing<[u8; KEY_LEN]>>,
}

/// All that is needed to go on as a signed-in user. Its bytes are as secret as a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionData {
    pub home_dc: i32,
    /// 0 until signed in.
    pub self_id: i64,
    pub self_hash: i64,
    /// The application this session was made with; it stays with it.
    pub api_id: i32,
    pub dcs: BTreeMap<i32, DcRecord>,
}

impl SessionData {
    /// A session with one known key: an import, or a test's account that is already signed in.
    #[must_use]
    pub fn with_key(home_dc: i32, address: SocketAddrV4, key: [u8; KEY_LEN], self_id: i64) -> Self {
        let mapped = if address.ip().is_unspecified() {
            Ipv6Addr::UNSPECIFIED
        } else {
            address.ip().to_ipv6_mapped()
        };
        let record = DcRecord {
            ipv4: address,
            ipv6: SocketAddrV6::new(mapped, address.port(), 0, 0),
            key: Some(Zeroizing::new(key)),
        };
        Self {
            home_dc,
            self_id,
            self_hash: 0,
            api_id: 0,
            dcs: BTreeMap::from([(home_dc, record)]),
        }
    }

    /// Version 1, big-endian: version, home, self id, self hash, api id, count, then per data centre its id, IPv4 and
    /// port, IPv6 and port, whether it has a key, and the key.
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        // Written into its final size at once: a growing vector would leave copies of keys behind.
        let mut out = Vec::with_capacity(23 + self.dcs.len() * (26 + KEY_LEN));
        out.push(VERSION);
        out.push(byte(self.home_dc));
        out.extend(self.self_id.to_be_bytes());
        out.extend(self.self_hash.to_be_bytes());
        out.extend(self.api_id.to_be_bytes());
        out.push(u8::try_from(self.dcs.len()).unwrap_or(u8::MAX));
        for (id, dc) in self.dcs.iter().take(usize::from(u8::MAX)) {
            out.push(byte(*id));
            out.extend(dc.ipv4.ip().octets());
            out.extend(dc.ipv4.port().to_be_bytes());
            out.extend(dc.ipv6.ip().octets());
            out.extend(dc.ipv6.port().to_be_bytes());
            match &dc.key {
                Some(key) => {
                    out.push(1);
                    out.extend(key.iter());
                }
                None => out.push(0),
            }
        }
        SecretBytes::new(out)
    }

    /// # Errors
    /// When the bytes are not a session of a version we know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SessionError> {
        let mut reader = Reader(bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(SessionError::Version(version));
        }
        let mut session = Self {
            home_dc: i32::from(reader.u8()?),
            self_id: i64::from_be_bytes(reader.array()?),
            self_hash: i64::from_be_bytes(reader.array()?),
            api_id: i32::from_be_bytes(reader.array()?),
            dcs: BTreeMap::new(),
        };
        for _ in 0..reader.u8()? {
            let id = i32::from(reader.u8()?);
            let ipv4 = SocketAddrV4::new(
                Ipv4Addr::from(reader.array::<4>()?),
                u16::from_be_bytes(reader.array()?),
            );
            let ipv6 = SocketAddrV6::new(
                Ipv6Addr::from(reader.array::<16>()?),
                u16::from_be_bytes(reader.array()?),
                0,
                0,
            );
            let key = match reader.u8()? {
                0 => None,
                1 => Some(Zeroizing::new(reader.array::<KEY_LEN>()?)),
                _ => return Err(SessionError::Damaged),
            };
            session.dcs.insert(id, DcRecord { ipv4, ipv6, key });
        }
        if !reader.0.is_empty() {
            return Err(SessionError::Damaged);
        }
        Ok(session)
    }

    /// The key of the home data centre.
    #[must_use]
    pub fn home_key(&self) -> Option<&[u8; KEY_LEN]> {
        self.dcs.get(&self.home_dc)?.key.as_deref()
    }
}

/// Data centre ids fit a byte; checked when the service starts and when Telegram names a new one.
fn byte(dc: i32) -> u8 {
    u8::try_from(dc).unwrap_or(0)
}

impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionData")
            .field("home_dc", &self.home_dc)
            .field("signed_in", &(self.self_id != 0))
            .field(
                "keys",
                &self.dcs.values().filter(|dc| dc.key.is_some()).count(),
            )
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DcRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DcRecord")
            .field("ipv4", &self.ipv4)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for SessionData {
    fn drop(&mut self) {
        self.self_hash.zeroize();
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn u8(&mut self) -> Result<u8, SessionError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SessionError> {
        let (head, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(SessionError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> SessionData {
        let mut key = [7; KEY_LEN];
        key[0] = 0;
        let mut session = SessionData::with_key(
            2,
            SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4430),
            key,
            1 << 40,
        );
        session.api_id = 12_345;
        session.self_hash = -9;
        let mut other = session.dcs[&2].clone();
        other.key = None;
        session.dcs.insert(4, other);
        session
    }

    /// Protects what the vault holds: a session comes back as it went in, leading zero bytes of its key included.
    #[test]
    fn a_session_survives_its_bytes() {
        let session = sample();
        let bytes = session.to_bytes();
        assert_eq!(SessionData::from_bytes(bytes.expose()), Ok(session));
    }

    /// Protects the service from a damaged vault: every shorter or longer form is refused, none panics.
    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = sample().to_bytes();
        let bytes = bytes.expose();
        for end in 0..bytes.len() {
            assert!(SessionData::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(SessionData::from_bytes(&longer), Err(SessionError::Damaged));
        let mut newer = bytes.to_vec();
        newer[0] = 2;
        assert_eq!(
            SessionData::from_bytes(&newer),
            Err(SessionError::Version(2))
        );
    }

    /// Protects the log: printing a session shows neither key nor hash.
    #[test]
    fn debug_output_shows_no_key() {
        let text = format!("{:?} {:?}", sample(), sample().dcs);
        assert!(!text.contains("7, 7"), "{text}");
        assert!(!text.contains("-9"), "{text}");
    }
}
