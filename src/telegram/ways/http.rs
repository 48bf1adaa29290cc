//! HTTP CONNECT (RFC 9110, 9.3.6), with the Basic login of RFC 7617.

use std::net::SocketAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use super::WayError;

/// The head of an answer is never longer in good faith.
const LONGEST_HEAD: usize = 8 * 1024;

/// Asks for a line to `target`; the stream is that line afterwards.
pub(super) async fn connect<S>(
    stream: &mut S,
    login: Option<(&str, &str)>,
    target: SocketAddr,
) -> Result<(), WayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"));
    if let Some((user, password)) = login {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let value = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&value);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let written = stream.write_all(request.as_bytes()).await;
    written.map_err(|error| WayError::of_line(&error))?;
    match status(&head(stream).await?)? {
        200..=299 => Ok(()),
        // The second is what tinyproxy says to a wrong one.
        407 | 401 if login.is_some() => Err(WayError::LoginRefused),
        407 | 401 => Err(WayError::LoginWanted),
        status => Err(WayError::NotLetThrough(status)),
    }
}

/// Up to the empty line, and no byte of what follows.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, WayError> {
    let mut head = Vec::with_capacity(128);
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() >= LONGEST_HEAD {
            return Err(WayError::Nonsense("an answer without an end"));
        }
        let byte = stream.read_u8().await;
        head.push(byte.map_err(|error| WayError::of_line(&error))?);
        if head.len() == 5 && head != b"HTTP/" {
            return Err(WayError::Nonsense("no HTTP answer"));
        }
    }
    Ok(head)
}

fn status(head: &[u8]) -> Result<u16, WayError> {
    let nonsense = WayError::Nonsense("no HTTP answer");
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| nonsense.clone())?;
    let mut words = line.split_ascii_whitespace();
    let status = words.nth(1).filter(|word| word.len() == 3);
    status
        .and_then(|word| word.parse().ok())
        .filter(|status| (100..600).contains(status))
        .ok_or(nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn against(answer: &[u8], login: Option<(&str, &str)>) -> (Result<(), WayError>, String) {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let target = "[::1]:443".parse().unwrap();
        let result = connect(&mut ours, login, target).await;
        drop(ours);
        let mut sent = String::new();
        theirs.read_to_string(&mut sent).await.unwrap();
        (result, sent)
    }

    /// Protects the line: what follows the head belongs to Telegram, and refusals are told apart.
    #[tokio::test]
    async fn the_head_ends_where_it_ends() {
        let login = Some(("name", "p:w"));
        let (good, sent) = against(
            b"HTTP/1.0 200 Connection established\r\nX: y\r\n\r\n",
            login,
        )
        .await;
        assert_eq!(good, Ok(()));
        assert_eq!(
            sent,
            "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic bmFtZTpwOnc=\r\n\r\n"
        );
        let refused = async |answer: &[u8], login| against(answer, login).await.0;
        assert_eq!(
            refused(b"HTTP/1.1 407 x\r\n\r\n", None).await,
            Err(WayError::LoginWanted)
        );
        assert_eq!(
            refused(b"HTTP/1.1 407 x\r\n\r\n", login).await,
            Err(WayError::LoginRefused)
        );
        assert_eq!(
            refused(b"HTTP/1.1 403 x\r\n\r\n", None).await,
            Err(WayError::NotLetThrough(403))
        );
        assert_eq!(refused(b"HTTP/1.1 200", None).await, Err(WayError::Closed));
        for nonsense in [
            &b"SSH-2.0-x"[..],
            b"HTTP/1.1 2\r\n\r\n",
            b"HTTP/1.1 9999 x\r\n\r\n",
        ] {
            assert!(matches!(
                refused(nonsense, None).await,
                Err(WayError::Nonsense(_))
            ));
        }
        let endless = [&b"HTTP/1.1 200 "[..], &[b'x'; 10_000]].concat();
        assert!(matches!(
            refused(&endless, None).await,
            Err(WayError::Nonsense(_))
        ));
    }

    #[tokio::test]
    async fn what_follows_the_head_is_left_on_the_line() {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        theirs
            .write_all(b"HTTP/1.1 200 OK\r\n\r\nrest")
            .await
            .unwrap();
        let target = "127.0.0.1:443".parse().unwrap();
        connect(&mut ours, None, target).await.unwrap();
        let mut rest = [0; 4];
        ours.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"rest");
    }
}
