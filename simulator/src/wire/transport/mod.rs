//! Transports: how packets are cut out of a byte stream and put back into one.
//!
//! Receives: bytes as they come from a socket, in pieces of any size.
//! Sends:    whole payloads ([`FrameReader`]) and, the other way, frames ([`FrameWriter`]).
//! Promises: any bytes at all end in a frame, in "not yet" or in a [`FrameError`]; memory grows with the bytes that
//!           really came, never with a length that was announced.
//! Does not: touch sockets or look into payloads.
//!
//! Four framings, told apart by their first bytes: full (length, sequence, CRC), intermediate, padded intermediate
//! and abridged. The last three also come obfuscated; the full one cannot, as it has no tag to announce there.

mod obfuscation;
mod reader;
mod writer;

pub use obfuscation::StreamCipher;
pub use reader::{FrameReader, Payload};
pub use writer::FrameWriter;

/// How a connection cuts its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Full,
    Intermediate,
    Padded,
    Abridged,
}

/// Bytes that no transport produces; the connection that carries them ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("no transport begins like this")]
    UnknownTransport,
    #[error("a frame of {0} bytes is beyond the limit")]
    TooLong(usize),
    #[error("a frame of {0} bytes cannot be")]
    BadLength(usize),
    #[error("frame number {got}, expected {expected}")]
    Sequence { got: u32, expected: u32 },
    #[error("the checksum does not fit")]
    Checksum,
}
