//! Puts payloads into frames, in place: the frame is opened, the payload written behind it, the frame closed.

use rand::RngExt;

use super::{Framing, StreamCipher};

/// One direction of a connection.
pub struct FrameWriter {
    framing: Framing,
    cipher: Option<StreamCipher>,
    sequence: u32,
    /// Random bytes behind the payload of the open frame.
    pad: usize,
}

/// Where an open frame began.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl FrameWriter {
    #[must_use]
    pub fn new(framing: Framing, cipher: Option<StreamCipher>) -> Self {
        Self {
            framing,
            cipher,
            sequence: 0,
            pad: 0,
        }
    }

    #[must_use]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Writes what stands before a payload of `len` bytes (a multiple of four).
    pub fn open(&mut self, out: &mut Vec<u8>, len: usize) -> Mark {
        let mark = Mark(out.len());
        // Lengths here are those of packets: far below 32 bits.
        match self.framing {
            Framing::Full => {
                out.extend_from_slice(&(len as u32 + 12).to_le_bytes());
                out.extend_from_slice(&self.sequence.to_le_bytes());
                self.sequence = self.sequence.wrapping_add(1);
            }
            Framing::Intermediate => out.extend_from_slice(&(len as u32).to_le_bytes()),
            Framing::Padded => {
                self.pad = usize::from(rand::rng().random::<u8>() % 16);
                out.extend_from_slice(&((len + self.pad) as u32).to_le_bytes());
            }
            Framing::Abridged => match u8::try_from(len / 4) {
                Ok(words @ 0..0x7f) => out.push(words),
                _ => {
                    let [a, b, c, _] = (len as u32 / 4).to_le_bytes();
                    out.extend_from_slice(&[0x7f, a, b, c]);
                }
            },
        }
        mark
    }

    /// Ends the frame that was opened last, and obfuscates it.
    pub fn close(&mut self, out: &mut Vec<u8>, mark: Mark) {
        match self.framing {
            Framing::Full => {
                let checksum = crc32fast::hash(out.get(mark.0..).unwrap_or_default());
                out.extend_from_slice(&checksum.to_le_bytes());
            }
            Framing::Padded => {
                let random: [u8; 16] = rand::rng().random();
                out.extend_from_slice(random.get(..self.pad).unwrap_or_default());
            }
            Framing::Intermediate | Framing::Abridged => {}
        }
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(out.get_mut(mark.0..).unwrap_or_default());
        }
    }

    /// Bytes outside any frame.
    pub fn raw(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        let mark = out.len();
        out.extend_from_slice(bytes);
        if let Some(cipher) = &mut self.cipher {
            cipher.apply(out.get_mut(mark..).unwrap_or_default());
        }
    }

    /// A transport error: a frame of four bytes. The full transport knows no such frame; there the number stands
    /// where length, sequence and payload would.
    pub fn error(&mut self, out: &mut Vec<u8>, code: i32) {
        let code = code.to_le_bytes();
        if self.framing == Framing::Full {
            self.raw(out, &[code, code, code].concat());
        } else {
            self.frame(out, &code);
        }
    }

    /// A whole frame at once.
    pub fn frame(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        let mark = self.open(out, payload.len());
        out.extend_from_slice(payload);
        self.close(out, mark);
    }
}
