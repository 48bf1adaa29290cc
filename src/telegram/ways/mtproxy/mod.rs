//! MTProxy: the full transport that the library speaks becomes the obfuscated intermediate one that such a proxy takes
//! (core.telegram.org/mtproto/mtproto-transports). Packets are passed on as they are; only their envelope changes.

mod cipher;
mod frames;
mod hello;
mod records;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::WayError;
use crate::domain::{MtproxyLook, MtproxySecret};

use cipher::{Ciphers, StreamCipher};
pub(super) use frames::{FromFull, ToFull};
#[cfg(feature = "fuzzing")]
pub(super) use hello::exchange;
pub(super) use records::Records;

/// What came is no packet: the line is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// From the library to the proxy.
pub(super) struct Outward {
    frames: FromFull,
    cipher: StreamCipher,
    records: bool,
    /// What has to go before everything else.
    first: Vec<u8>,
}

/// From the proxy to the library.
pub(super) struct Inward {
    records: Option<Records>,
    cipher: StreamCipher,
    frames: ToFull,
}

/// Makes itself known to the proxy, as far as the proxy answers to that; the rest goes with the first packet.
pub(super) async fn open<S>(
    stream: &mut S,
    secret: &MtproxySecret,
    dc: i16,
) -> Result<(Outward, Inward), WayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let padded = secret.look != MtproxyLook::Plain;
    let Ciphers {
        head,
        outward,
        inward,
    } = cipher::begin(&secret.key, padded, dc)?;
    let mut first = Vec::new();
    let is_tls = match &secret.look {
        MtproxyLook::Tls(domain) => {
            hello::exchange(stream, &secret.key, domain).await?;
            first.extend(records::CHANGE_CIPHER);
            records::wrap(&head, &mut first);
            true
        }
        MtproxyLook::Plain | MtproxyLook::Padded => {
            let written = stream.write_all(&head).await;
            written.map_err(|error| WayError::of_line(&error))?;
            false
        }
    };
    Ok((
        Outward {
            frames: FromFull::new(padded),
            cipher: outward,
            records: is_tls,
            first,
        },
        Inward {
            records: is_tls.then(Records::default),
            cipher: inward,
            frames: ToFull::new(padded),
        },
    ))
}

impl Outward {
    /// What the library wrote, as the proxy takes it.
    pub(super) fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut packets = Vec::new();
        let plain = if self.records {
            &mut packets
        } else {
            &mut *out
        };
        let from = plain.len();
        self.frames.pass(bytes, plain)?;
        if let Some(new) = plain.get_mut(from..) {
            self.cipher.apply(new);
        }
        if self.records && !packets.is_empty() {
            out.append(&mut self.first);
            records::wrap(&packets, out);
        }
        Ok(())
    }
}

impl Inward {
    /// What the proxy wrote, as the library takes it. `bytes` is used as working space.
    pub(super) fn pass(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(records) = &mut self.records else {
            self.cipher.apply(bytes);
            return self.frames.pass(bytes, out);
        };
        let mut rest = bytes;
        while let Some((piece, after)) = records.next(rest)? {
            self.cipher.apply(piece);
            self.frames.pass(piece, out)?;
            rest = after;
        }
        Ok(())
    }
}
