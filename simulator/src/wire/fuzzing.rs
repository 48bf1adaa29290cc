//! The readers that strangers' bytes go through, as functions of bytes alone: for the fuzz targets in
//! `simulator/fuzz` and for the same checks by proptest.

use std::sync::LazyLock;

use super::{
    ExchangeOptions, ServerKey, calls,
    exchange::{Exchange, Step, Surroundings},
    packet,
    tl::Reader,
    transport::FrameReader,
};

const LIMIT: usize = 1 << 16;

/// Bytes of a socket, in two cuts that must give the same frames.
pub fn frames(bytes: &[u8]) {
    let whole = all_frames(bytes, bytes.len().max(1));
    let pieces = all_frames(bytes, 7);
    assert_eq!(whole, pieces, "frames depend on how the bytes were cut");
}

fn all_frames(bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, bool) {
    let mut reader = FrameReader::new(LIMIT);
    let mut frames = Vec::new();
    for piece in bytes.chunks(size) {
        reader.feed(piece);
        loop {
            match reader.next_payload() {
                Ok(Some(payload)) => frames.push(reader.bytes(&payload).to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}

/// A decrypted packet and what may be in it.
pub fn plaintext(bytes: &[u8]) {
    if let Ok(packet) = packet::Packet::read(bytes) {
        body(packet.message.body);
    }
    body(bytes);
}

fn body(bytes: &[u8]) {
    let _ = Reader::new(bytes).longs();
    let _ = Reader::new(bytes).skip_json();
    let _ = calls::unwrap(bytes, LIMIT);
    for message in packet::read_container(bytes).unwrap_or_default() {
        let _ = calls::unwrap(message.body, LIMIT);
    }
}

/// The first message of a key exchange, and the same bytes once more in the state after `req_pq`.
pub fn exchange(bytes: &[u8]) {
    // Reading the key costs more than all the rest.
    static RSA: LazyLock<ServerKey> = LazyLock::new(ServerKey::well_known);
    let options = ExchangeOptions::default();
    let around = Surroundings {
        rsa: &RSA,
        options: &options,
        dc_id: 2,
        now: 1_700_000_000,
        is_taken: &|_| false,
    };
    let mut exchange = Exchange::default();
    let _ = exchange.step(bytes, around);
    let mut request = 0xbe7e_8ef1_u32.to_le_bytes().to_vec();
    request.extend_from_slice(&[1; 16]);
    let Ok(Step::Answer(res_pq)) = exchange.step(&request, around) else {
        unreachable!("req_pq is answered")
    };
    // What follows has to name both nonces, which bytes out of nowhere never do.
    let mut next = bytes.to_vec();
    if let (Some(to), Some(nonces)) = (next.get_mut(4..36), res_pq.get(4..36)) {
        to.copy_from_slice(nonces);
    }
    let _ = exchange.step(&next, around);
}
