//! The readers that a proxy's bytes go through, as functions of bytes alone: for the fuzz target in `fuzz/`, and for the same
//! checks by proptest.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::FutureExt;

use super::{
    http,
    mtproxy::{Broken, FromFull, Records, ToFull, exchange},
    socks,
};

/// What comes from a proxy, or from the library, in two cuts that must give the same. Whatever it is, it ends, and grows by
/// no more than what packets need around them.
pub fn relay(bytes: &[u8]) {
    for padded in [false, true] {
        both_cuts(bytes, || {
            let mut frames = ToFull::new(padded);
            move |piece, out| frames.pass(piece, out)
        });
    }
    // Padding is of chance: two runs of it are never the same.
    let _ = FromFull::new(true).pass(bytes, &mut Vec::new());
    both_cuts(bytes, || {
        let mut frames = FromFull::new(false);
        move |piece, out| frames.pass(piece, out)
    });
    both_cuts(bytes, || {
        let mut records = Records::default();
        move |piece, out| {
            let mut piece = piece.to_vec();
            let mut rest = piece.as_mut_slice();
            while let Some((data, after)) = records.next(rest)? {
                out.extend_from_slice(data);
                rest = after;
            }
            Ok(())
        }
    });
    answers(bytes);
}

fn both_cuts<P>(bytes: &[u8], reader: impl Fn() -> P)
where
    P: FnMut(&[u8], &mut Vec<u8>) -> Result<(), Broken>,
{
    let read = |size: usize| {
        let (mut pass, mut out) = (reader(), Vec::new());
        let ended = bytes
            .chunks(size)
            .try_for_each(|piece| pass(piece, &mut out));
        (out, ended)
    };
    let whole = read(bytes.len().max(1));
    assert_eq!(whole, read(3), "what is read depends on how it was cut");
    // An empty packet is four bytes there and twelve here; padding is at most fifteen.
    let most = bytes.len() * 8 + 64;
    assert!(
        whole.0.len() <= most,
        "{} bytes became {}",
        bytes.len(),
        whole.0.len()
    );
}

/// What a proxy says before the line stands. It says no more than this, so nothing may wait.
fn answers(bytes: &[u8]) {
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
    let login = Some(("name", "password"));
    let mut line = tokio::io::join(bytes, tokio::io::sink());
    let socks = socks::connect(&mut line, login, target).now_or_never();
    assert!(socks.is_some(), "SOCKS5 waits for more than there is");
    let mut line = tokio::io::join(bytes, tokio::io::sink());
    let http = http::connect(&mut line, login, target).now_or_never();
    assert!(http.is_some(), "HTTP waits for more than there is");
    let mut line = tokio::io::join(bytes, tokio::io::sink());
    let hello = exchange(&mut line, &[7; 16], "front.example").now_or_never();
    assert!(hello.is_some(), "the hello waits for more than there is");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        /// Protects the process from what proxies say: no bytes make a reader fail otherwise than in words.
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::relay(&bytes);
        }

        /// The same with small numbers, of which heads of packets and records are made.
        #[test]
        fn heads_are_read_to_an_end(bytes in proptest::collection::vec(prop_oneof![0_u8..24, Just(0xff)], 0..600)) {
            super::relay(&bytes);
        }
    }
}
