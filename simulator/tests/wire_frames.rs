//! The readers of frames, packets and calls against anything: the same bodies that the fuzz targets run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use switchboard_simulator::wire::{
    fuzzing,
    transport::{FrameReader, FrameWriter, Framing, StreamCipher},
};

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![
        Just(Framing::Full),
        Just(Framing::Intermediate),
        Just(Framing::Padded),
        Just(Framing::Abridged)
    ]
}

/// What a client sends first to announce a framing.
fn tag(framing: Framing) -> &'static [u8] {
    match framing {
        Framing::Full => &[],
        Framing::Intermediate => &[0xee; 4],
        Framing::Padded => &[0xdd; 4],
        Framing::Abridged => &[0xef],
    }
}

fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let payload = prop_oneof![1..40_usize, 120..140_usize, 1000..5000_usize]
        .prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4));
    prop::collection::vec(payload, 1..8)
}

/// Cuts bytes into pieces of the given sizes, again and again.
fn feed_in_pieces(reader: &mut FrameReader, bytes: &[u8], sizes: &[usize]) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        reader.feed(piece);
        while let Some(payload) = reader.next_payload().unwrap() {
            got.push(reader.bytes(&payload).to_vec());
        }
        rest = after;
        if rest.is_empty() {
            return got;
        }
    }
    got
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Protects: what one side frames the other side reads, however the bytes are cut on the way.
    #[test]
    fn frames_survive_any_cutting(
        framing in framing(),
        payloads in payloads(),
        sizes in prop::collection::vec(1..700_usize, 1..6),
        obfuscated in any::<bool>(),
        head in prop::array::uniform32(1_u8..0xdc),
    ) {
        let mut bytes = Vec::new();
        let mut cipher = None;
        if obfuscated && framing != Framing::Full {
            let mut opening = [head, head].concat();
            opening[56..60].fill(tag(framing)[0]);
            let mut client = StreamCipher::new(&opening[8..40].try_into().unwrap(), &opening[40..56].try_into().unwrap());
            let mut veiled = opening.clone();
            client.apply(&mut veiled);
            opening[56..].copy_from_slice(&veiled[56..]);
            bytes.extend_from_slice(&opening);
            cipher = Some(client);
        } else {
            bytes.extend_from_slice(tag(framing));
        }
        let mut writer = FrameWriter::new(framing, cipher);
        for payload in &payloads {
            writer.frame(&mut bytes, payload);
        }
        let mut reader = FrameReader::new(1 << 20);
        let mut got = feed_in_pieces(&mut reader, &bytes, &sizes);
        prop_assert_eq!(reader.framing(), Some(framing));
        prop_assert!(reader.take_writer().is_some());
        for (got, sent) in got.iter_mut().zip(&payloads) {
            if framing == Framing::Padded {
                prop_assert!(got.len() - sent.len() < 16);
                got.truncate(sent.len());
            }
        }
        prop_assert_eq!(got, payloads);
    }

    /// Protects: no bytes, however cut, make the reader of frames panic or keep more than it was given.
    #[test]
    fn any_bytes_are_frames_or_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        opening in prop_oneof![
            Just(&[][..]), Just(&[0xef][..]), Just(&[0xee; 4][..]), Just(&[0xdd; 4][..]),
            Just(&[16, 0, 0, 0, 0, 0, 0, 0][..]),
        ],
    ) {
        fuzzing::frames(&[opening, &bytes].concat());
    }

    /// Protects: no plaintext makes the readers of packets, containers, wrappers and gzip panic.
    #[test]
    fn any_plaintext_is_read_or_refused(
        words in prop::collection::vec(
            prop_oneof![
                any::<u32>(), 0..40_u32,
                prop::sample::select(vec![
                    0x73f1_f8dc, 0x3072_cfa1, 0x62d6_b459, 0xda9b_0d0d, 0xc1cd_5ea9_u32,
                    0xcb9f_372d, 0x3dc4_b4f0, 0xbf94_59b7, 0x1cb5_c415, 0x99c1_d49d, 0xf744_4763,
                ]),
            ],
            0..200,
        ),
    ) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        fuzzing::plaintext(&bytes);
    }

    /// Protects: no unencrypted message makes a key exchange panic.
    #[test]
    fn any_plain_message_is_answered_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        constructor in prop::sample::select(vec![0x6046_9778_u32, 0xbe7e_8ef1, 0xd712_e4be, 0xf504_5f1f]),
    ) {
        fuzzing::exchange(&[&constructor.to_le_bytes()[..], &bytes].concat());
    }
}
