//! Packed: parts of files that shrink, as text and tables do, go out packed
//! (`gzip_packed`, core.telegram.org/mtproto/service_messages#packed-object).

use std::{io::Write, marker::PhantomData};

use flate2::{Compression, write::GzEncoder};
use grammers_client::tl::{RemoteCall, Serializable};

const GZIP_PACKED: u32 = 0x3072_cfa1;
/// What is tried of a part, at two places: it costs a hundredth of what packing does.
const SAMPLE: usize = 4 << 10;

/// A call that is packed.
pub(super) struct Packed<R> {
    bytes: Vec<u8>,
    call: PhantomData<R>,
}

impl<R: RemoteCall> Packed<R> {
    /// `None`: it does not become smaller.
    pub fn of(call: &R) -> Option<Self> {
        let plain = call.to_bytes();
        let bytes = pack(&plain).filter(|bytes| bytes.len() < plain.len())?;
        let call = PhantomData;
        Some(Self { bytes, call })
    }
}

impl<R> Serializable for Packed<R> {
    fn serialize(&self, buf: &mut impl Extend<u8>) {
        GZIP_PACKED.serialize(buf);
        self.bytes.serialize(buf);
    }
}

impl<R: RemoteCall> RemoteCall for Packed<R> {
    type Return = R::Return;
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    // Much of what packs well at all does so quickly.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Is it worth packing? Pictures, films, voices and archives are packed already.
pub(super) fn shrinks(bytes: &[u8]) -> bool {
    let quarter = bytes.len() / 4;
    [quarter, 3 * quarter].into_iter().all(|at| {
        let sample = bytes.get(at..at + SAMPLE);
        let packed = sample.and_then(pack);
        packed.is_some_and(|packed| packed.len() < SAMPLE * 3 / 4)
    })
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;
    use grammers_client::tl::functions::upload::SaveFilePart;

    use super::*;

    fn part(bytes: Vec<u8>) -> SaveFilePart {
        SaveFilePart {
            file_id: 1,
            file_part: 2,
            bytes,
        }
    }

    /// Protects slow lines from text that goes out at its full length, and the processor from packing films.
    #[test]
    fn what_shrinks_is_packed() {
        let text = b"2026-12-06;bearing, sealed;12.40;pieces\n".repeat(3_000);
        assert!(shrinks(&text));
        let call = part(text);
        let packed = Packed::of(&call).unwrap().to_bytes();
        assert!(packed.len() < 10_000 && packed.len().is_multiple_of(4));
        assert_eq!(packed[..4], GZIP_PACKED.to_le_bytes());
        // Beyond 253 bytes a string's length stands in three bytes behind a mark.
        assert_eq!(packed[4], 254);
        let mut plain = Vec::new();
        std::io::copy(&mut GzDecoder::new(&packed[8..]), &mut plain).unwrap();
        assert_eq!(plain, call.to_bytes());
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let film: Vec<u8> = (0..100_000).map(|_| next()).collect();
        assert!(!shrinks(&film) && Packed::of(&part(film)).is_none());
        assert!(!shrinks(&[0; 100]));
    }
}
