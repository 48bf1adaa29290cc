//! Cuts frames out of whatever bytes have come.

use std::ops::Range;

use super::{FrameError, FrameWriter, Framing, StreamCipher, obfuscation};

/// Room made for each read while a frame is small.
const READ_ROOM: usize = 8 << 10;
/// Room made for each read inside a long frame.
const LONG_READ_ROOM: usize = 64 << 10;
/// A buffer larger than this is given back when it is empty.
const KEPT_ROOM: usize = 16 << 10;

/// A whole payload, as a place in the reader's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    range: Range<usize>,
    /// The client wants a quick acknowledgement of it.
    pub quick_ack: bool,
}

/// Bytes in, payloads out. Learns the transport from the first bytes.
pub struct FrameReader {
    buffer: Vec<u8>,
    /// First byte that no frame used.
    start: usize,
    /// First byte that is still obfuscated.
    veiled: usize,
    framing: Option<Framing>,
    cipher: Option<StreamCipher>,
    writer: Option<FrameWriter>,
    /// Number of the next full frame.
    sequence: u32,
    limit: usize,
}

impl FrameReader {
    /// Frames longer than `limit` are errors.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            veiled: 0,
            framing: None,
            cipher: None,
            writer: None,
            sequence: 0,
            limit,
        }
    }

    /// The buffer to append to, with room for more. Call [`FrameReader::arrived`] afterwards.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.start == self.buffer.len() {
            self.start = 0;
            self.veiled = 0;
            if self.buffer.capacity() > KEPT_ROOM {
                self.buffer = Vec::new();
            } else {
                self.buffer.clear();
            }
        } else if self.start > LONG_READ_ROOM {
            self.buffer.drain(..self.start);
            self.veiled -= self.start;
            self.start = 0;
        }
        let wanted = if self.buffer.len() > KEPT_ROOM {
            LONG_READ_ROOM
        } else {
            READ_ROOM
        };
        if self.buffer.capacity() - self.buffer.len() < wanted / 2 {
            self.buffer.reserve(wanted);
        }
        &mut self.buffer
    }

    /// Takes the obfuscation off what was appended.
    pub fn arrived(&mut self) {
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(self.buffer.get_mut(self.veiled..).unwrap_or_default());
        }
        self.veiled = self.buffer.len();
    }

    /// For tests and fuzzing: append and say so.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.room().extend_from_slice(bytes);
        self.arrived();
    }

    /// Reads full frames from this number on, without looking for a transport: for the client's side.
    pub fn expect_full(&mut self, sequence: u32) {
        self.framing = Some(Framing::Full);
        self.sequence = sequence;
    }

    /// The other direction of this connection; there once, as soon as the transport is known.
    pub fn take_writer(&mut self) -> Option<FrameWriter> {
        self.writer.take()
    }

    #[must_use]
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// The payload's bytes, to be decrypted in place. Empty when the buffer has moved on since.
    pub fn bytes(&mut self, payload: &Payload) -> &mut [u8] {
        self.buffer
            .get_mut(payload.range.clone())
            .unwrap_or_default()
    }

    /// The next whole payload, or `None` when more bytes are needed first.
    pub fn next_payload(&mut self) -> Result<Option<Payload>, FrameError> {
        let framing = match self.framing {
            Some(framing) => framing,
            None => match self.detect()? {
                Some(framing) => framing,
                None => return Ok(None),
            },
        };
        match framing {
            Framing::Full => self.next_full(),
            Framing::Intermediate | Framing::Padded => self.next_intermediate(framing),
            Framing::Abridged => self.next_abridged(),
        }
    }

    fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn detect(&mut self) -> Result<Option<Framing>, FrameError> {
        let ahead = self.ahead();
        let Some(first) = ahead.first() else {
            return Ok(None);
        };
        if *first == 0xef {
            return Ok(Some(self.settle(Framing::Abridged, 1)));
        }
        let Some(tag) = ahead.first_chunk::<4>() else {
            return Ok(None);
        };
        match tag {
            [0xee, 0xee, 0xee, 0xee] => return Ok(Some(self.settle(Framing::Intermediate, 4))),
            [0xdd, 0xdd, 0xdd, 0xdd] => return Ok(Some(self.settle(Framing::Padded, 4))),
            b"HEAD" | b"POST" | b"GET " | b"OPTI" | b"PVrG" | [0x16, 0x03, 0x01, 0x02] => {
                return Err(FrameError::UnknownTransport);
            }
            _ => {}
        }
        let Some([.., a, b, c, d]) = ahead.first_chunk::<8>() else {
            return Ok(None);
        };
        if [*a, *b, *c, *d] == [0; 4] {
            return Ok(Some(self.settle(Framing::Full, 0)));
        }
        let Some(head) = ahead.first_chunk::<64>() else {
            return Ok(None);
        };
        let (framing, incoming, outgoing) = obfuscation::unmask(head)?;
        self.start += 64;
        self.veiled = self.start;
        self.cipher = Some(incoming);
        self.framing = Some(framing);
        self.writer = Some(FrameWriter::new(framing, Some(outgoing)));
        self.arrived();
        Ok(Some(framing))
    }

    fn settle(&mut self, framing: Framing, tag: usize) -> Framing {
        self.start += tag;
        self.framing = Some(framing);
        self.writer = Some(FrameWriter::new(framing, None));
        framing
    }

    /// A frame of `header` + `len` + `trailer` bytes, if it is all there.
    fn cut(
        &mut self,
        header: usize,
        len: usize,
        trailer: usize,
        quick_ack: bool,
    ) -> Option<Payload> {
        let total = header + len + trailer;
        if self.ahead().len() < total {
            return None;
        }
        let from = self.start + header;
        self.start += total;
        Some(Payload {
            range: from..from + len,
            quick_ack,
        })
    }

    fn next_full(&mut self) -> Result<Option<Payload>, FrameError> {
        let ahead = self.ahead();
        let Some(total) = ahead.first_chunk::<4>() else {
            return Ok(None);
        };
        let total = u32::from_le_bytes(*total) as usize;
        if total < 16 || !total.is_multiple_of(4) {
            return Err(FrameError::BadLength(total));
        }
        if total > self.limit {
            return Err(FrameError::TooLong(total));
        }
        let Some(frame) = ahead.get(..total) else {
            return Ok(None);
        };
        let Some((covered, checksum)) = frame.split_last_chunk::<4>() else {
            return Ok(None);
        };
        let got = covered
            .get(4..8)
            .and_then(|bytes| bytes.first_chunk())
            .copied()
            .map_or(0, u32::from_le_bytes);
        if got != self.sequence {
            return Err(FrameError::Sequence {
                got,
                expected: self.sequence,
            });
        }
        if crc32fast::hash(covered) != u32::from_le_bytes(*checksum) {
            return Err(FrameError::Checksum);
        }
        self.sequence = self.sequence.wrapping_add(1);
        Ok(self.cut(8, total - 12, 4, false))
    }

    fn next_intermediate(&mut self, framing: Framing) -> Result<Option<Payload>, FrameError> {
        let Some(len) = self.ahead().first_chunk::<4>() else {
            return Ok(None);
        };
        let word = u32::from_le_bytes(*len);
        let len = (word & 0x7fff_ffff) as usize;
        if len < 4 || (framing == Framing::Intermediate && !len.is_multiple_of(4)) {
            return Err(FrameError::BadLength(len));
        }
        if len > self.limit {
            return Err(FrameError::TooLong(len));
        }
        Ok(self.cut(4, len, 0, word >> 31 == 1))
    }

    fn next_abridged(&mut self) -> Result<Option<Payload>, FrameError> {
        let ahead = self.ahead();
        let Some(first) = ahead.first().copied() else {
            return Ok(None);
        };
        let quick_ack = first & 0x80 != 0;
        let (header, words) = match first & 0x7f {
            0x7f => {
                let Some([_, a, b, c]) = ahead.first_chunk::<4>() else {
                    return Ok(None);
                };
                (4, u32::from_le_bytes([*a, *b, *c, 0]) as usize)
            }
            words => (1, usize::from(words)),
        };
        let len = words * 4;
        if len == 0 {
            return Err(FrameError::BadLength(len));
        }
        if len > self.limit {
            return Err(FrameError::TooLong(len));
        }
        Ok(self.cut(header, len, 0, quick_ack))
    }
}
