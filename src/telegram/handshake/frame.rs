//! Unencrypted messages over the full transport: all that the key exchange needs of a connection.

use std::{
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use grammers_crypto::DequeBuffer;
use grammers_mtproto::transport::{Full, Transport};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// No answer of the exchange comes near this.
const MAX_PACKET: i32 = 16 * 1024;
const ENVELOPE: usize = 8 + 8 + 4;

pub(super) struct PlainLine {
    stream: TcpStream,
    transport: Full,
    last_id: i64,
    /// Of the last answer.
    answer_id: Option<i64>,
}

impl PlainLine {
    pub(super) fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            transport: Full::new(),
            last_id: 0,
            answer_id: None,
        }
    }

    /// Sends one message and waits for the next one from the server.
    pub(super) async fn call(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut packet = DequeBuffer::with_capacity(ENVELOPE + body.len() + 4, 8);
        packet.extend(0_i64.to_le_bytes());
        packet.extend(self.next_id().to_le_bytes());
        packet.extend(i32::try_from(body.len()).unwrap_or(0).to_le_bytes());
        packet.extend(body);
        self.transport.pack(&mut packet);
        self.stream.write_all(packet.as_ref()).await?;
        let packet = self.read_packet().await?;
        let Some((answer_id, body)) = open_envelope(&packet) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the answer is not a plain message",
            ));
        };
        self.answer_id = Some(answer_id);
        Ok(body.to_vec())
    }

    /// How far our clock was ahead of the server's when it answered last.
    pub(super) fn seconds_ahead(&self) -> Option<i64> {
        let ours = i64::try_from(now().as_secs()).ok()?;
        Some(ours - (self.answer_id? >> 32))
    }

    async fn read_packet(&mut self) -> io::Result<Vec<u8>> {
        let len = self.stream.read_i32_le().await?;
        if len < 0 {
            return Err(io::Error::other(format!("the server answered {len}")));
        }
        let body_len = usize::try_from(len - 4).unwrap_or(0);
        if !(12..=MAX_PACKET).contains(&len) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a packet of impossible size",
            ));
        }
        let mut packet = vec![0; 4 + body_len];
        let (head, rest) = packet.split_at_mut(4);
        head.copy_from_slice(&len.to_le_bytes());
        self.stream.read_exact(rest).await?;
        let offset = self
            .transport
            .unpack(&mut packet)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(packet.get(offset.data_range).unwrap_or_default().to_vec())
    }

    /// Seconds since 1970 in the upper half, rising, divisible by four.
    fn next_id(&mut self) -> i64 {
        let now = now();
        let id = (i64::try_from(now.as_secs()).unwrap_or(0) << 32)
            | (i64::from(now.subsec_nanos()) & !3);
        self.last_id = id.max(self.last_id + 4);
        self.last_id
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Id and body of a message.
fn open_envelope(packet: &[u8]) -> Option<(i64, &[u8])> {
    let (key_id, rest) = packet.split_first_chunk::<8>()?;
    let (msg_id, rest) = rest.split_first_chunk::<8>()?;
    let (len, body) = rest.split_first_chunk::<4>()?;
    if i64::from_le_bytes(*key_id) != 0 {
        return None;
    }
    let body = body.get(..usize::try_from(i32::from_le_bytes(*len)).ok()?)?;
    Some((i64::from_le_bytes(*msg_id), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the exchange from answers that are cut short or encrypted.
    #[test]
    fn only_whole_plain_messages_are_opened() {
        let mut packet = Vec::new();
        packet.extend(0_i64.to_le_bytes());
        packet.extend(1_i64.to_le_bytes());
        packet.extend(4_i32.to_le_bytes());
        packet.extend(b"body");
        assert_eq!(open_envelope(&packet), Some((1, &b"body"[..])));
        assert_eq!(open_envelope(&packet[..packet.len() - 1]), None);
        packet[0] = 1;
        assert_eq!(open_envelope(&packet), None);
    }
}
