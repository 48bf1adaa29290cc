//! Frames of every transport, as they are written and read.

use ctr::cipher::StreamCipher;
use switchboard_simulator::wire::tl::Put;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{RawClient, Transport, random};
use crate::wire_support::soon;

impl RawClient {
    pub fn framed(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        match self.transport {
            Transport::Full => {
                frame.put_u32(payload.len() as u32 + 12);
                frame.put_u32(self.sent_frames);
                frame.extend_from_slice(payload);
                let checksum = crc32fast::hash(&frame);
                frame.put_u32(checksum);
            }
            Transport::Intermediate => {
                frame.put_u32(payload.len() as u32);
                frame.extend_from_slice(payload);
            }
            Transport::Padded => {
                let [pad] = random::<1>();
                let pad = usize::from(pad % 16);
                frame.put_u32((payload.len() + pad) as u32);
                frame.extend_from_slice(payload);
                frame.extend_from_slice(&random::<16>()[..pad]);
            }
            Transport::Abridged => {
                let words = payload.len() / 4;
                if words < 127 {
                    frame.push(words as u8);
                } else {
                    frame.push(127);
                    frame.extend_from_slice(&(words as u32).to_le_bytes()[..3]);
                }
                frame.extend_from_slice(payload);
            }
        }
        self.sent_frames += 1;
        if let Some((out, _)) = &mut self.ciphers {
            out.apply_keystream(&mut frame);
        }
        frame
    }

    pub async fn send_frame(&mut self, payload: &[u8]) {
        let frame = self.framed(payload);
        // A server that has hung up already is what some tests want; reading tells.
        let _ = self.stream.write_all(&frame).await;
    }

    /// Asks for a quick acknowledgement of this payload (intermediate only); answers to the token that must come.
    pub async fn send_quick(&mut self, payload: &[u8]) {
        assert_eq!(self.transport, Transport::Intermediate);
        let mut frame = self.framed(payload);
        frame[3] |= 0x80;
        self.stream.write_all(&frame).await.unwrap();
    }

    pub(super) async fn read_bytes(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        soon("bytes of the server", self.stream.read_exact(&mut bytes))
            .await
            .ok()?;
        if let Some((_, into)) = &mut self.ciphers {
            into.apply_keystream(&mut bytes);
        }
        Some(bytes)
    }

    pub async fn read_token(&mut self) -> [u8; 4] {
        self.read_bytes(4).await.unwrap().try_into().unwrap()
    }

    /// The next payload, or `None` when the server hung up.
    pub async fn read_frame(&mut self) -> Option<Vec<u8>> {
        match self.transport {
            Transport::Full => {
                let head = self.read_bytes(8).await?;
                if head[3] & 0x80 != 0 {
                    return self.read_bytes(4).await; // a transport error, three times the same number
                }
                let len = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
                assert_eq!(
                    u32::from_le_bytes(head[4..].try_into().unwrap()),
                    self.got_frames
                );
                self.got_frames += 1;
                let mut rest = self.read_bytes(len - 8).await?;
                let checksum = u32::from_le_bytes(rest.split_off(len - 12).try_into().unwrap());
                assert_eq!(crc32fast::hash(&[head, rest.clone()].concat()), checksum);
                Some(rest)
            }
            Transport::Intermediate | Transport::Padded => {
                let len = self.read_bytes(4).await?;
                self.read_bytes(u32::from_le_bytes(len.try_into().unwrap()) as usize)
                    .await
            }
            Transport::Abridged => {
                let mut words = usize::from(self.read_bytes(1).await?[0]);
                if words == 127 {
                    let len = self.read_bytes(3).await?;
                    words = u32::from_le_bytes([len[0], len[1], len[2], 0]) as usize;
                }
                self.read_bytes(words * 4).await
            }
        }
    }

    /// The transport error that comes next; anything else is skipped. `None`: the server hung up without one.
    pub async fn read_transport_error(&mut self) -> Option<i32> {
        loop {
            let frame = self.read_frame().await?;
            if frame.len() < 20 {
                return Some(i32::from_le_bytes(frame[..4].try_into().unwrap()));
            }
        }
    }

    pub async fn hangs_up(&mut self) {
        while self.read_frame().await.is_some() {}
    }
}
