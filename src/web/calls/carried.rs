//! Carried: a call and its answer as bytes, from node to node. They are sealed before they become rows.

use std::net::IpAddr;

use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue},
    web::Bytes,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::web::{Access, ApiError};

/// Of what was asked and told, one row holds as much, and so does a part of what is longer.
pub const PIECE: usize = 256 << 10;

/// What handlers read of a request; what a caller proves itself with stays where it came in.
const ASKED: [&str; 12] = [
    "accept",
    "accept-language",
    "content-length",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "if-range",
    "range",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-request-id",
];

/// Who asks for what.
#[derive(Serialize, Deserialize)]
pub struct Asked {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub ip: IpAddr,
    pub access: Access,
    /// The body comes in parts.
    pub follows: bool,
}

#[derive(Serialize, Deserialize)]
pub struct Told {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body comes in parts.
    pub follows: bool,
}

/// A part of a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    More(Bytes),
    End,
    /// What came is not the whole.
    Broken,
}

impl Piece {
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::More(bytes) => [&b"+"[..], bytes].concat(),
            Self::End => b".".to_vec(),
            Self::Broken => b"!".to_vec(),
        }
    }

    pub fn of(bytes: &[u8]) -> Result<Self, ApiError> {
        match bytes.split_first() {
            Some((b'+', rest)) => Ok(Self::More(Bytes::copy_from_slice(rest))),
            Some((b'.', [])) => Ok(Self::End),
            Some((b'!', [])) => Ok(Self::Broken),
            _ => Err(unreadable()),
        }
    }
}

fn unreadable() -> ApiError {
    ApiError::internal("what another node said can't be read: perhaps it is of another version")
}

/// A head and the body, or its beginning.
pub fn joined(head: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let head = serde_json::to_vec(head).map_err(ApiError::internal)?;
    let length = u32::try_from(head.len()).map_err(ApiError::internal)?;
    Ok([&length.to_be_bytes()[..], &head, body].concat())
}

pub fn split<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Bytes), ApiError> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(unreadable)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(ApiError::internal)?;
    let (head, body) = rest.split_at_checked(length).ok_or_else(unreadable)?;
    let head = serde_json::from_slice(head).map_err(|_| unreadable())?;
    Ok((head, Bytes::copy_from_slice(body)))
}

pub fn asked_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    written(headers, |name| ASKED.contains(&name))
}

/// All but what belongs to one line.
pub fn told_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    written(headers, |name| {
        !["connection", "transfer-encoding", "date"].contains(&name)
    })
}

fn written(headers: &HeaderMap, wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| wanted(name.as_str()))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

pub fn read_headers(
    headers: &[(String, String)],
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
    headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what goes from node to node: it comes out as it went in, and what is cut or foreign is refused.
    #[test]
    fn what_is_carried_comes_out_as_it_went_in() {
        let told = Told {
            status: 202,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            follows: false,
        };
        let bytes = joined(&told, b"body").unwrap();
        let (head, body) = split::<Told>(&bytes).unwrap();
        assert_eq!(
            (head.status, head.headers, &body[..]),
            (202, told.headers, &b"body"[..])
        );
        for cut in [0, 3, 9] {
            assert!(split::<Told>(&bytes[..cut]).is_err(), "{cut}");
        }
        for piece in [
            Piece::More(Bytes::from_static(b".")),
            Piece::End,
            Piece::Broken,
        ] {
            assert_eq!(Piece::of(&piece.to_bytes()).unwrap(), piece);
        }
        assert!(Piece::of(b"").is_err() && Piece::of(b".x").is_err());
    }

    /// Protects callers' secrets: what they prove themselves with does not go to another node.
    #[test]
    fn what_a_caller_proves_itself_with_is_not_carried() {
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "cookie",
            "x-api-key",
            "x-license-key",
            "content-type",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        assert_eq!(
            asked_headers(&headers),
            [("content-type".to_owned(), "v".to_owned())]
        );
    }
}
