//! SOCKS5 as a client (RFC 1928, RFC 1929): to proxies, and to our own relay.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use super::WayError;

pub(super) const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
pub(super) const PASSWORD: u8 = 2;
pub(super) const LOGIN_VERSION: u8 = 1;
pub(super) const CONNECT: u8 = 1;
pub(super) const IPV4: u8 = 1;
const NAME: u8 = 3;
pub(super) const IPV6: u8 = 4;

/// Asks for a line to `target`; the stream is that line afterwards.
pub(super) async fn connect<S>(
    stream: &mut S,
    login: Option<(&str, &str)>,
    target: SocketAddr,
) -> Result<(), WayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greet(stream, login).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match target {
        SocketAddr::V4(address) => {
            request.push(IPV4);
            request.extend(address.ip().octets());
        }
        SocketAddr::V6(address) => {
            request.push(IPV6);
            request.extend(address.ip().octets());
        }
    }
    request.extend(target.port().to_be_bytes());
    write(stream, &request).await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(WayError::Nonsense("no SOCKS5 answer"));
    }
    if reply != 0 {
        return Err(WayError::NotLetThrough(u16::from(reply)));
    }
    // Where it goes out from; of no use to us.
    match kind {
        IPV4 => drop(read::<_, 6>(stream).await?),
        IPV6 => drop(read::<_, 18>(stream).await?),
        NAME => {
            let [length] = read(stream).await?;
            let mut rest = vec![0; usize::from(length) + 2];
            let all = stream.read_exact(&mut rest).await;
            all.map_err(|error| WayError::of_line(&error))?;
        }
        _ => return Err(WayError::Nonsense("an address of no known kind")),
    }
    Ok(())
}

async fn greet<S>(stream: &mut S, login: Option<(&str, &str)>) -> Result<(), WayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = match login {
        Some(_) => &[VERSION, 2, NO_LOGIN, PASSWORD],
        None => &[VERSION, 1, NO_LOGIN],
    };
    write(stream, methods).await?;
    let [version, method] = read(stream).await?;
    if version != VERSION {
        return Err(WayError::Nonsense("no SOCKS5 answer"));
    }
    match (method, login) {
        (NO_LOGIN, _) => return Ok(()),
        (PASSWORD, Some((user, password))) => {
            let mut request = Zeroizing::new(Vec::with_capacity(3 + user.len() + password.len()));
            request.push(LOGIN_VERSION);
            for text in [user, password] {
                let length = u8::try_from(text.len());
                request.push(length.map_err(|_| WayError::LoginRefused)?);
                request.extend(text.as_bytes());
            }
            write(stream, &request).await?;
        }
        _ => return Err(WayError::LoginWanted),
    }
    // Some close instead of saying no.
    let answer = read(stream).await;
    match answer {
        Ok([_, 0]) => Ok(()),
        Ok([_, _]) | Err(WayError::Closed) => Err(WayError::LoginRefused),
        Err(error) => Err(error),
    }
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), WayError> {
    let written = stream.write_all(bytes).await;
    written.map_err(|error| WayError::of_line(&error))
}

async fn read<S: AsyncRead + Unpin, const N: usize>(stream: &mut S) -> Result<[u8; N], WayError> {
    let mut bytes = [0; N];
    let all = stream.read_exact(&mut bytes).await;
    all.map_err(|error| WayError::of_line(&error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn against(answers: &[u8], login: Option<(&str, &str)>) -> Result<(), WayError> {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(answers).await.unwrap();
        theirs.shutdown().await.unwrap();
        let target = "127.0.0.1:443".parse().unwrap();
        connect(&mut ours, login, target).await
    }

    /// Protects people from guessing: each way in which a proxy says no is told by itself.
    #[tokio::test]
    async fn refusals_are_told_apart() {
        let login = Some(("name", "password"));
        let good = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(against(&good, None).await, Ok(()));
        let good = [&[5, 2, 1, 0, 5, 0, 0, 3, 2][..], b"xx\0\0"].concat();
        assert_eq!(against(&good, login).await, Ok(()));
        assert_eq!(against(&[5, 2], None).await, Err(WayError::LoginWanted));
        assert_eq!(against(&[5, 0xff], login).await, Err(WayError::LoginWanted));
        assert_eq!(
            against(&[5, 2, 1, 1], login).await,
            Err(WayError::LoginRefused)
        );
        assert_eq!(against(&[5, 2], login).await, Err(WayError::LoginRefused));
        let refused = [5, 0, 5, 5, 0, 1];
        assert_eq!(
            against(&refused, None).await,
            Err(WayError::NotLetThrough(5))
        );
        assert!(matches!(
            against(b"HTTP/1.1 400", None).await,
            Err(WayError::Nonsense(_))
        ));
        assert_eq!(against(&[5], None).await, Err(WayError::Closed));
        let cut = [5, 0, 5, 0, 0, 1, 0];
        assert_eq!(against(&cut, None).await, Err(WayError::Closed));
    }
}
