//! What is inside a decrypted packet: one message, or a container of them.

use super::{
    cipher::ENVELOPE,
    tl::{Reader, TlError},
};

pub const CONTAINER: u32 = 0x73f1_f8dc;
/// As many messages as Telegram takes in one container.
const MAX_MESSAGES: usize = 1020;

/// A message of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub msg_id: i64,
    pub seqno: i32,
    pub body: &'a [u8],
}

impl Message<'_> {
    #[must_use]
    pub fn constructor(&self) -> Option<u32> {
        Reader::new(self.body).u32().ok()
    }
}

/// The decrypted part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    pub salt: i64,
    pub session_id: i64,
    pub message: Message<'a>,
}

impl<'a> Packet<'a> {
    /// Reads a plaintext with its padding. An error means that no correct client made it.
    pub fn read(plaintext: &'a [u8]) -> Result<Self, TlError> {
        let mut reader = Reader::new(plaintext);
        let (salt, session_id) = (reader.i64()?, reader.i64()?);
        debug_assert_eq!(plaintext.len() - reader.rest().len(), ENVELOPE);
        let message = read_message(&mut reader)?;
        if !(12..=1024).contains(&reader.rest().len()) {
            return Err(TlError::Truncated);
        }
        Ok(Self {
            salt,
            session_id,
            message,
        })
    }
}

fn read_message<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, TlError> {
    let (msg_id, seqno, len) = (reader.i64()?, reader.i32()?, reader.u32()? as usize);
    if len < 4 || !len.is_multiple_of(4) {
        return Err(TlError::Truncated);
    }
    Ok(Message {
        msg_id,
        seqno,
        body: reader.take(len)?,
    })
}

/// The messages of a container's body (constructor included), in the order of their ids.
pub fn read_container(body: &[u8]) -> Result<Vec<Message<'_>>, TlError> {
    let mut reader = Reader::new(body);
    match reader.u32()? {
        CONTAINER => {}
        other => return Err(TlError::Unexpected(other)),
    }
    let count = reader.u32()? as usize;
    if count > MAX_MESSAGES {
        return Err(TlError::TooDeep);
    }
    let mut messages = (0..count)
        .map(|_| read_message(&mut reader))
        .collect::<Result<Vec<_>, _>>()?;
    messages.sort_by_key(|message| message.msg_id);
    Ok(messages)
}
