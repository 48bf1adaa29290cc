//! Envelopes of packets: the full transport's on our side, the intermediate one's (padded or not) on the proxy's. Both
//! directions pass bytes on as they come and keep no packet.

use crc32fast::Hasher;
use rand::RngExt;

use super::Broken;

/// Of a packet on either side. Telegram's own stay below 2 MiB.
const LONGEST: u32 = 16 * 1024 * 1024;
/// Length, number and checksum of the full transport.
const FULL: u32 = 12;
/// Up to here a packet tells how long it is without its padding: key, message id, length of a plain one.
const TELLING: usize = 20;
/// The envelope of an encrypted message; what follows comes in blocks of 16.
const SEALED: u32 = 24;
const BLOCK: u32 = 16;
/// A server's error is its number alone.
const ERROR: u32 = 4;

/// A few bytes of which so many are there.
struct Some<const N: usize> {
    bytes: [u8; N],
    have: usize,
}

impl<const N: usize> Some<N> {
    const fn none() -> Self {
        Self {
            bytes: [0; N],
            have: 0,
        }
    }

    /// Takes what is missing of the first `wanted`; gives the rest. Complete when [`have`](Self::have) says so.
    fn take<'a>(&mut self, bytes: &'a [u8], wanted: usize) -> &'a [u8] {
        let missing = wanted.min(N).saturating_sub(self.have);
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        for byte in taken {
            if let std::option::Option::Some(slot) = self.bytes.get_mut(self.have) {
                *slot = *byte;
            }
            self.have += 1;
        }
        rest
    }

    fn number(&self) -> u32 {
        u32::from_le_bytes(self.bytes.first_chunk().copied().unwrap_or_default())
    }
}

/// Full in, intermediate out.
pub(in crate::telegram::ways) struct FromFull {
    padded: bool,
    at: Outgoing,
}

enum Outgoing {
    Head(Some<8>),
    Body { left: u32, padding: usize },
    Checksum { left: u32 },
}

impl FromFull {
    pub(in crate::telegram::ways) const fn new(padded: bool) -> Self {
        Self {
            padded,
            at: Outgoing::Head(Some::none()),
        }
    }

    pub(in crate::telegram::ways) fn pass(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match &mut self.at {
                Outgoing::Head(head) => {
                    bytes = head.take(bytes, 8);
                    if head.have < 8 {
                        continue;
                    }
                    let length = head.number();
                    if !(FULL + 1..=LONGEST).contains(&length) || !length.is_multiple_of(4) {
                        return Err(Broken);
                    }
                    let left = length - FULL;
                    let padding = match self.padded {
                        true => rand::rng().random_range(0..16_usize),
                        false => 0,
                    };
                    let told = left + u32::try_from(padding).unwrap_or(0);
                    out.extend(told.to_le_bytes());
                    self.at = Outgoing::Body { left, padding };
                }
                Outgoing::Body { left, padding } => {
                    let (body, rest) = split(bytes, *left);
                    out.extend(body);
                    *left -= length_of(body);
                    bytes = rest;
                    if *left == 0 {
                        let noise: [u8; 16] = rand::rng().random();
                        out.extend(noise.get(..*padding).unwrap_or_default());
                        self.at = Outgoing::Checksum { left: 4 };
                    }
                }
                // The library made it a moment ago, in this very process.
                Outgoing::Checksum { left } => {
                    let (seen, rest) = split(bytes, *left);
                    *left -= length_of(seen);
                    bytes = rest;
                    if *left == 0 {
                        self.at = Outgoing::Head(Some::none());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Intermediate in, full out.
pub(in crate::telegram::ways) struct ToFull {
    padded: bool,
    number: u32,
    at: Incoming,
}

enum Incoming {
    Head(Some<4>),
    /// The beginning of the packet, which tells how much of it is padding.
    Telling {
        start: Some<TELLING>,
        length: u32,
    },
    Body {
        left: u32,
        padding: u32,
        sum: Hasher,
    },
    Padding {
        left: u32,
    },
}

impl ToFull {
    pub(in crate::telegram::ways) const fn new(padded: bool) -> Self {
        Self {
            padded,
            number: 0,
            at: Incoming::Head(Some::none()),
        }
    }

    pub(in crate::telegram::ways) fn pass(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        while !bytes.is_empty() {
            match &mut self.at {
                Incoming::Head(head) => {
                    bytes = head.take(bytes, 4);
                    if head.have < 4 {
                        continue;
                    }
                    let length = head.number();
                    if !(ERROR..=LONGEST).contains(&length) {
                        return Err(Broken);
                    }
                    self.at = Incoming::Telling {
                        start: Some::none(),
                        length,
                    };
                }
                Incoming::Telling { start, length } => {
                    let length = *length;
                    let wanted = usize::try_from(length).unwrap_or(TELLING).min(TELLING);
                    bytes = start.take(bytes, wanted);
                    if start.have < wanted {
                        continue;
                    }
                    let told = start.bytes;
                    let known = told.get(..wanted).unwrap_or_default();
                    let real = real_length(known, length, self.padded)?;
                    self.at = if real == ERROR {
                        out.extend(known.iter().take(4));
                        Incoming::Head(Some::none())
                    } else {
                        self.begin(known, real, length - real, out)
                    };
                }
                Incoming::Body { left, padding, sum } => {
                    let (body, rest) = split(bytes, *left);
                    sum.update(body);
                    out.extend(body);
                    *left -= length_of(body);
                    bytes = rest;
                    if *left == 0 {
                        out.extend(std::mem::take(sum).finalize().to_le_bytes());
                        self.at = match *padding {
                            0 => Incoming::Head(Some::none()),
                            left => Incoming::Padding { left },
                        };
                    }
                }
                Incoming::Padding { left } => {
                    let (seen, rest) = split(bytes, *left);
                    *left -= length_of(seen);
                    bytes = rest;
                    if *left == 0 {
                        self.at = Incoming::Head(Some::none());
                    }
                }
            }
        }
        Ok(())
    }

    /// The packet's head, and the part of it that is known.
    fn begin(&mut self, known: &[u8], real: u32, padding: u32, out: &mut Vec<u8>) -> Incoming {
        let mut sum = Hasher::new();
        let mut put = |bytes: &[u8]| {
            sum.update(bytes);
            out.extend(bytes);
        };
        put(&(real + FULL).to_le_bytes());
        put(&self.number.to_le_bytes());
        put(known);
        self.number = self.number.wrapping_add(1);
        let left = real - length_of(known);
        if left > 0 {
            return Incoming::Body { left, padding, sum };
        }
        out.extend(sum.finalize().to_le_bytes());
        match padding {
            0 => Incoming::Head(Some::none()),
            left => Incoming::Padding { left },
        }
    }
}

/// How much of a packet is not padding: a plain one tells its length, an encrypted one comes in whole blocks.
fn real_length(known: &[u8], length: u32, padded: bool) -> Result<u32, Broken> {
    // Shorter than any message, padding included.
    if length < SEALED && known.len() < TELLING {
        return Ok(ERROR);
    }
    if !padded {
        return Ok(length);
    }
    let (key, rest) = known.split_first_chunk::<8>().ok_or(Broken)?;
    let real = if *key == [0; 8] {
        let told = rest.last_chunk::<4>().ok_or(Broken)?;
        u32::from_le_bytes(*told).checked_add(20).ok_or(Broken)?
    } else {
        let blocks = length.checked_sub(SEALED).ok_or(Broken)? / BLOCK;
        SEALED + blocks * BLOCK
    };
    let known = length_of(known);
    if real > length || real < known || !real.is_multiple_of(4) {
        return Err(Broken);
    }
    Ok(real)
}

fn split(bytes: &[u8], at: u32) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()))
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use grammers_crypto::DequeBuffer;
    use grammers_mtproto::transport::{Full, Intermediate, Transport};
    use proptest::prelude::*;

    use super::*;

    /// What a server or client sends: plain, encrypted.
    fn packet() -> impl Strategy<Value = Vec<u8>> {
        let plain = (1_usize..300).prop_map(|words| {
            let body = words * 4;
            let length = u32::try_from(body).unwrap();
            [&[0; 8][..], &[7; 8], &length.to_le_bytes(), &vec![9; body]].concat()
        });
        let sealed = (1_usize..300).prop_map(|blocks| vec![5; 24 + 16 * blocks]);
        prop_oneof![plain, sealed]
    }

    fn packed<T: Transport>(transport: &mut T, body: &[u8]) -> Vec<u8> {
        let mut buffer = DequeBuffer::with_capacity(body.len() + 64, 16);
        buffer.extend(body.iter().copied());
        transport.pack(&mut buffer);
        buffer.as_ref().to_vec()
    }

    fn unpacked<T: Transport>(transport: &mut T, mut bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let offset = transport.unpack(&mut bytes[at..]).unwrap();
            let range = offset.data_range;
            packets.push(bytes[at + range.start..at + range.end].to_vec());
            at += offset.next_offset;
        }
        packets
    }

    fn pieces(bytes: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(size)
    }

    proptest! {
        /// Protects every packet: the library's own transports read what the relay wrote, however it is cut up.
        #[test]
        fn packets_pass_untouched(
            packets in proptest::collection::vec(packet(), 1..6), size in 1_usize..700, padded in any::<bool>(),
        ) {
            // Out.
            let mut full = Full::new();
            let sent: Vec<u8> = packets.iter().flat_map(|body| packed(&mut full, body)).collect();
            let (mut frames, mut wire) = (FromFull::new(padded), Vec::new());
            for piece in pieces(&sent, size) {
                frames.pass(piece, &mut wire).unwrap();
            }
            if !padded {
                prop_assert_eq!(&unpacked(&mut Intermediate::new(), wire), &packets);
            } else {
                // And back through the other one, which takes the padding off.
                let (mut back, mut full_again) = (ToFull::new(true), Vec::new());
                for piece in pieces(&wire, size) {
                    back.pass(piece, &mut full_again).unwrap();
                }
                prop_assert_eq!(full_again, sent);
            }
            // In.
            let mut intermediate = Intermediate::new();
            let answered: Vec<u8> = packets.iter().flat_map(|body| packed(&mut intermediate, body)).collect();
            // Its first packet is preceded by the transport's name.
            let answered = &answered[4..];
            let (mut frames, mut read) = (ToFull::new(false), Vec::new());
            for piece in pieces(answered, size) {
                frames.pass(piece, &mut read).unwrap();
            }
            prop_assert_eq!(&unpacked(&mut Full::new(), read), &packets);
        }

        /// Protects the process from a proxy that lies: anything is passed on or refused, and nothing piles up.
        #[test]
        fn anything_is_passed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), padded in any::<bool>()) {
            let mut out = Vec::new();
            let _ = ToFull::new(padded).pass(&bytes, &mut out);
            prop_assert!(out.len() <= bytes.len() * 4 + 64);
            out.clear();
            let _ = FromFull::new(padded).pass(&bytes, &mut out);
            prop_assert!(out.len() <= bytes.len() * 4 + 64);
        }
    }

    /// Protects the account's key: a server that does not know it is understood through a proxy, too.
    #[test]
    fn an_error_of_the_server_stays_one() {
        for (padded, padding) in [(false, 0), (true, 0), (true, 7), (true, 15)] {
            let mut wire = (4_u32 + padding).to_le_bytes().to_vec();
            wire.extend((-404_i32).to_le_bytes());
            wire.extend(vec![1; usize::try_from(padding).unwrap()]);
            let mut out = Vec::new();
            ToFull::new(padded).pass(&wire, &mut out).unwrap();
            assert_eq!(out, (-404_i32).to_le_bytes());
            assert!(matches!(
                Full::new().unpack(&mut out),
                Err(grammers_mtproto::transport::Error::BadStatus { status: 404 })
            ));
        }
    }
}
