//! The greeting of a line that looks like TLS: a client's hello to the named domain, with a proof of the secret where TLS
//! has random bytes; and the proxy's answer, proven the same way. The proof's last four bytes carry the time.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use rustls::crypto::ring::kx_group::X25519;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::records::CHANGE_CIPHER;
use crate::telegram::ways::WayError;

/// Proxies tell a client's hello by this length, which browsers pad theirs to.
const HELLO: usize = 517;
/// Where the random bytes stand: behind the heads of record and message, and the version.
const RANDOM: std::ops::Range<usize> = 11..43;
const HANDSHAKE: u8 = 0x16;
const DATA: u8 = 0x17;
/// The proxy's certificate is made up; its length is not.
const LONGEST_ANSWER: usize = 16 * 1024 + 256;

/// The values that browsers sprinkle in, so that nobody relies on what they are (RFC 8701).
fn grease() -> [u8; 2] {
    let half = rand::rng().random_range(0..16_u8) << 4 | 0x0a;
    [half, half]
}

pub(in crate::telegram::ways) async fn exchange<S>(
    stream: &mut S,
    secret: &[u8; 16],
    domain: &str,
) -> Result<(), WayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (hello, random) = client_hello(secret, domain)?;
    let line = |error: std::io::Error| WayError::of_line(&error);
    stream.write_all(&hello).await.map_err(line)?;
    let mut answer = record(stream, HANDSHAKE).await?;
    let mut change = [0; CHANGE_CIPHER.len()];
    stream.read_exact(&mut change).await.map_err(line)?;
    if change != CHANGE_CIPHER {
        return Err(WayError::Nonsense("no TLS answer"));
    }
    answer.extend(change);
    answer.extend(record(stream, DATA).await?);
    let Some(told) = answer.get_mut(RANDOM) else {
        return Err(WayError::Nonsense("a short TLS answer"));
    };
    let proof = told.to_vec();
    told.fill(0);
    let expected = proof_of(secret, &[&random, &answer]);
    if bool::from(expected.ct_eq(&proof)) {
        Ok(())
    } else {
        Err(WayError::SecretRefused)
    }
}

/// One record, its head included.
async fn record<S: AsyncRead + Unpin>(stream: &mut S, kind: u8) -> Result<Vec<u8>, WayError> {
    let line = |error: std::io::Error| WayError::of_line(&error);
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.map_err(line)?;
    let [seen, major, minor, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Whoever does not know the secret is shown the real server behind the domain, whose answer is another one.
    if [seen, major, minor] != [kind, 3, 3] || length > LONGEST_ANSWER {
        return Err(match seen {
            HANDSHAKE | 0x15 | DATA => WayError::SecretRefused,
            _ => WayError::Nonsense("no TLS answer"),
        });
    }
    let mut record = head.to_vec();
    record.resize(5 + length, 0);
    let body = record.get_mut(5..).unwrap_or_default();
    stream.read_exact(body).await.map_err(line)?;
    Ok(record)
}

fn proof_of(secret: &[u8; 16], parts: &[&[u8]]) -> [u8; 32] {
    // Any length of key is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The hello, and the random bytes in it.
fn client_hello(secret: &[u8; 16], domain: &str) -> Result<(Vec<u8>, [u8; 32]), WayError> {
    let mut hello = unproven(domain)?;
    let mut random = proof_of(secret, &[&hello]);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
    for (byte, time) in random.iter_mut().skip(28).zip(seconds.to_le_bytes()) {
        *byte ^= time;
    }
    if let Some(slot) = hello.get_mut(RANDOM) {
        slot.copy_from_slice(&random);
    }
    Ok((hello, random))
}

/// A hello as a browser says it, with nothing where the proof goes.
fn unproven(domain: &str) -> Result<Vec<u8>, WayError> {
    let nonsense = WayError::Nonsense("no key for its hello");
    let key = X25519.start().map_err(|_| nonsense)?;
    let session: [u8; 32] = rand::rng().random();
    let first = grease();
    // An extension stands in a hello once (RFC 8446, 4.2).
    let last = loop {
        let last = grease();
        if last != first {
            break last;
        }
    };
    let group = grease();

    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.push(32);
    body.extend(session);
    let suites = [
        &grease()[..],
        &[
            0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30,
        ],
        &[
            0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f,
            0x00, 0x35,
        ],
    ];
    body.extend(counted(&suites.concat()));
    body.extend([1, 0]);

    let name = [&[0][..], &counted(domain.as_bytes())].concat();
    let shares = [
        &group[..],
        &counted(&[0]),
        &[0, 0x1d],
        &counted(key.pub_key()),
    ]
    .concat();
    let mut list = Vec::with_capacity(HELLO);
    let mut add = |kind: [u8; 2], value: &[u8]| {
        list.extend(kind);
        list.extend(counted(value));
    };
    add(first, &[]);
    // Server name, extended master secret, renegotiation.
    add([0, 0], &counted(&name));
    add([0, 0x17], &[]);
    add([0xff, 0x01], &[0]);
    // Groups and their forms.
    add(
        [0, 0x0a],
        &counted(&[&group[..], &[0, 0x1d, 0, 0x17, 0, 0x18]].concat()),
    );
    add([0, 0x0b], &[1, 0]);
    // Session ticket, protocols, certificate status.
    add([0, 0x23], &[]);
    add([0, 0x10], &counted(b"\x02h2\x08http/1.1"));
    add([0, 0x05], &[1, 0, 0, 0, 0]);
    // Signatures, transparency, key share, modes, versions, compression.
    let signatures = [4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1];
    add([0, 0x0d], &counted(&signatures));
    add([0, 0x12], &[]);
    add([0, 0x33], &counted(&shares));
    add([0, 0x2d], &[1, 1]);
    add([0, 0x2b], &[&[6][..], &grease(), &[3, 4, 3, 3]].concat());
    add([0, 0x1b], &[2, 0, 2]);
    add(last, &[0]);
    // Padding up to the length that all have (RFC 7685).
    let so_far = 5 + 4 + body.len() + 2 + list.len();
    let padding = HELLO
        .checked_sub(so_far + 4)
        .ok_or(WayError::Nonsense("a domain too long for its hello"))?;
    list.extend([0, 0x15]);
    list.extend(counted(&vec![0; padding]));
    body.extend(counted(&list));

    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let message = [&[1, 0][..], &length, &body].concat();
    Ok([&[HANDSHAKE, 3, 1][..], &counted(&message)].concat())
}

/// With its length in two bytes in front.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [7; 16];

    /// Protects the look: a TLS server that nobody here wrote reads the hello, and finds the domain in it.
    #[test]
    fn a_tls_server_takes_the_hello_for_one() {
        // Each has other values sprinkled in.
        for _ in 0..500 {
            let (hello, _) = client_hello(&SECRET, "front.example").unwrap();
            assert_eq!(hello.len(), HELLO);
            let mut acceptor = rustls::server::Acceptor::default();
            acceptor.read_tls(&mut &hello[..]).unwrap();
            let accepted = acceptor.accept().map_err(|(error, _)| error).unwrap();
            let accepted = accepted.expect("the hello is whole");
            assert_eq!(accepted.client_hello().server_name(), Some("front.example"));
        }
    }

    /// Protects the account from whoever answers in the proxy's place, and the domain's length from the hello.
    #[tokio::test]
    async fn only_who_knows_the_secret_is_believed() {
        for (knows, answer) in [(true, Ok(())), (false, Err(WayError::SecretRefused))] {
            let (mut ours, mut theirs) = tokio::io::duplex(8 * 1024);
            let proxy = async {
                let mut hello = [0; HELLO];
                theirs.read_exact(&mut hello).await.unwrap();
                let random = hello[RANDOM].to_vec();
                let body = [&[2, 0, 0, 36, 3, 3][..], &[0; 34]].concat();
                let mut reply = [&[HANDSHAKE, 3, 3][..], &counted(&body)].concat();
                reply.extend(CHANGE_CIPHER);
                reply.extend([DATA, 3, 3]);
                reply.extend(counted(&[9; 100]));
                let key = if knows { SECRET } else { [8; 16] };
                let proof = proof_of(&key, &[&random, &reply]);
                reply[RANDOM].copy_from_slice(&proof);
                theirs.write_all(&reply).await.unwrap();
            };
            let (seen, ()) = tokio::join!(exchange(&mut ours, &SECRET, "front.example"), proxy);
            assert_eq!(seen, answer);
        }
        // The longest that a secret may name.
        assert!(client_hello(&SECRET, &"x".repeat(182)).is_ok());
    }
}
