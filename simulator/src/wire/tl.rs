//! Just enough TL for the wire: a reader that never trusts a length, and a writer onto a byte vector.
//!
//! The wire reads its own few constructors by hand, so that nothing from an unknown client goes through generated
//! code; what a call means is read behind the [`Backend`](crate::port::Backend).

/// Why bytes are not TL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlError {
    #[error("the data ends too early")]
    Truncated,
    #[error("unexpected constructor {0:08x}")]
    Unexpected(u32),
    #[error("nested too deeply")]
    TooDeep,
}

pub const VECTOR: u32 = 0x1cb5_c415;
const MAX_DEPTH: usize = 16;

/// Reads from a slice; every read checks what is left.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], TlError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(TlError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], TlError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(TlError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u32(&mut self) -> Result<u32, TlError> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, TlError> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, TlError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A byte string with its length and padding.
    pub fn bytes(&mut self) -> Result<&'a [u8], TlError> {
        let [first] = self.array()?;
        let (len, header) = if first == 254 {
            let [a, b, c] = self.array()?;
            (u32::from_le_bytes([a, b, c, 0]) as usize, 4)
        } else if first == 255 {
            return Err(TlError::Truncated);
        } else {
            (usize::from(first), 1)
        };
        let value = self.take(len)?;
        self.take((4 - (header + len) % 4) % 4)?;
        Ok(value)
    }

    pub fn string(&mut self) -> Result<String, TlError> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// `Vector<long>`.
    pub fn longs(&mut self) -> Result<Vec<i64>, TlError> {
        match self.u32()? {
            VECTOR => {}
            other => return Err(TlError::Unexpected(other)),
        }
        let count = self.u32()? as usize;
        let bytes = self.take(count.checked_mul(8).ok_or(TlError::Truncated)?)?;
        let mut longs = Reader(bytes);
        (0..count).map(|_| longs.i64()).collect()
    }

    /// Passes over one `JSONValue` (the `params` of `initConnection`).
    pub fn skip_json(&mut self) -> Result<(), TlError> {
        self.skip_json_at(0)
    }

    fn skip_json_at(&mut self, depth: usize) -> Result<(), TlError> {
        if depth > MAX_DEPTH {
            return Err(TlError::TooDeep);
        }
        match self.u32()? {
            0x3f6d_7b68 => Ok(()),
            0xc734_5e6a => self.take(4).map(drop),
            0x2be0_dfa4 => self.take(8).map(drop),
            0xb71e_767a => self.bytes().map(drop),
            kind @ (0xf744_4763 | 0x99c1_d49d) => {
                self.take(4)?;
                for _ in 0..self.u32()? {
                    if kind == 0x99c1_d49d {
                        self.take(4)?;
                        self.bytes()?;
                    }
                    self.skip_json_at(depth + 1)?;
                }
                Ok(())
            }
            other => Err(TlError::Unexpected(other)),
        }
    }
}

/// Writes TL onto a byte vector.
pub trait Put {
    fn put_u32(&mut self, value: u32);
    fn put_i32(&mut self, value: i32);
    fn put_i64(&mut self, value: i64);
    fn put_bytes(&mut self, value: &[u8]);
}

impl Put for Vec<u8> {
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_i32(&mut self, value: i32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_bytes(&mut self, value: &[u8]) {
        let header = match u8::try_from(value.len()) {
            Ok(short @ 0..254) => {
                self.push(short);
                1
            }
            _ => {
                // TL has 24 bits for a length: nothing here comes near.
                let [a, b, c, ..] = (value.len() as u32).to_le_bytes();
                self.extend_from_slice(&[254, a, b, c]);
                4
            }
        };
        self.extend_from_slice(value);
        self.resize(self.len() + (4 - (header + value.len()) % 4) % 4, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects: byte strings of every padding survive, so no later field is read from the wrong place.
    #[test]
    fn byte_strings_of_all_lengths_come_back() {
        for len in [0, 1, 2, 3, 4, 252, 253, 254, 255, 256, 257, 70_000] {
            let value = vec![7; len];
            let mut encoded = Vec::new();
            encoded.put_bytes(&value);
            encoded.put_i32(-5);
            assert_eq!(encoded.len() % 4, 0);
            let mut reader = Reader::new(&encoded);
            assert_eq!(reader.bytes().unwrap(), value);
            assert_eq!(reader.i32().unwrap(), -5);
        }
    }

    /// Protects: a vector that announces more than it brings allocates nothing.
    #[test]
    fn a_lying_vector_length_is_refused() {
        let mut encoded = Vec::new();
        encoded.put_u32(VECTOR);
        encoded.put_u32(u32::MAX);
        encoded.put_i64(1);
        assert_eq!(Reader::new(&encoded).longs(), Err(TlError::Truncated));
    }

    /// Protects: JSON nested a thousand deep ends in an error, not in an overflowing stack.
    #[test]
    fn deep_json_is_refused() {
        let mut encoded = Vec::new();
        for _ in 0..1000 {
            encoded.put_u32(0xf744_4763);
            encoded.put_u32(VECTOR);
            encoded.put_u32(1);
        }
        assert_eq!(Reader::new(&encoded).skip_json(), Err(TlError::TooDeep));
    }
}
