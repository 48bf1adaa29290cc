//! Records of a line that looks like TLS 1.3 (RFC 8446, 5.1): all that is said stands in records of application data.

use super::Broken;

/// Goes before our first record, as in the compatibility mode of TLS 1.3 (RFC 8446, D.4).
pub(super) const CHANGE_CIPHER: [u8; 6] = [0x14, 3, 3, 0, 1, 1];
const CHANGE: u8 = 0x14;
const DATA: u8 = 0x17;
const VERSION: [u8; 2] = [3, 3];
/// Of one record.
const LONGEST: usize = 16 * 1024;
/// TLS allows a little more than that for its own sake.
const LONGEST_SEEN: usize = LONGEST + 256;

pub(super) fn wrap(bytes: &[u8], out: &mut Vec<u8>) {
    for record in bytes.chunks(LONGEST) {
        let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
        out.push(DATA);
        out.extend(VERSION);
        out.extend(length.to_be_bytes());
        out.extend(record);
    }
}

/// A stretch of data, and what lies behind it.
pub(in crate::telegram::ways) type Pieces<'a> = (&'a mut [u8], &'a mut [u8]);

/// Reads records; keeps no more than a head.
#[derive(Default)]
pub(in crate::telegram::ways) struct Records {
    head: [u8; 5],
    have: usize,
    /// Of the record at hand.
    left: usize,
    skips: bool,
}

impl Records {
    /// The next stretch of data, and what lies behind it. `None`: all of it was read.
    pub(in crate::telegram::ways) fn next<'a>(
        &mut self,
        mut bytes: &'a mut [u8],
    ) -> Result<Option<Pieces<'a>>, Broken> {
        loop {
            if self.left == 0 {
                let missing = (self.head.len() - self.have).min(bytes.len());
                let (head, rest) = bytes.split_at_mut(missing);
                for (slot, byte) in self.head.iter_mut().skip(self.have).zip(&*head) {
                    *slot = *byte;
                }
                self.have += missing;
                bytes = rest;
                if self.have < self.head.len() {
                    return Ok(None);
                }
                self.begin()?;
                continue;
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            let (piece, rest) = bytes.split_at_mut(self.left.min(bytes.len()));
            self.left -= piece.len();
            if !self.skips {
                return Ok(Some((piece, rest)));
            }
            bytes = rest;
        }
    }

    fn begin(&mut self) -> Result<(), Broken> {
        let [kind, major, minor, high, low] = self.head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if [major, minor] != VERSION || !(1..=LONGEST_SEEN).contains(&length) {
            return Err(Broken);
        }
        self.skips = match kind {
            DATA => false,
            CHANGE => true,
            _ => return Err(Broken),
        };
        (self.left, self.have) = (length, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(wire: &[u8], size: usize) -> Result<Vec<u8>, Broken> {
        let mut records = Records::default();
        let mut out = Vec::new();
        for piece in wire.chunks(size) {
            let mut piece = piece.to_vec();
            let mut rest = piece.as_mut_slice();
            while let Some((data, after)) = records.next(rest)? {
                out.extend(&*data);
                rest = after;
            }
        }
        Ok(out)
    }

    proptest! {
        #[test]
        fn what_was_wrapped_is_read(bytes in proptest::collection::vec(any::<u8>(), 1..40_000), size in 1_usize..20_000) {
            let mut wire = CHANGE_CIPHER.to_vec();
            wrap(&bytes, &mut wire);
            wire.extend(CHANGE_CIPHER);
            prop_assert_eq!(read(&wire, size), Ok(bytes));
        }

        #[test]
        fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..20) {
            let _ = read(&bytes, size);
        }
    }

    #[test]
    fn an_alert_ends_the_line() {
        assert_eq!(read(&[0x15, 3, 3, 0, 2, 2, 40], 3), Err(Broken));
    }
}
