//! The auth-key exchange with a server whose RSA key is ours to know.
//!
//! grammers knows only Telegram's own two keys, so for custom data centres the service does the exchange itself, puts
//! the key into the session, and grammers goes on from there. Follows <https://core.telegram.org/mtproto/auth_key>.

mod frame;
mod key;
mod maths;

use std::{net::SocketAddr, time::Duration};

use grammers_client::tl::{Deserializable, RemoteCall};
use tokio::time::timeout;

pub(super) use key::ServerKey;

use super::ways::Ways;
use frame::PlainLine;
use maths::{Exchange, Verdict};

/// How often a server may ask for another exponent before we give up.
const MAX_RETRIES: usize = 5;

#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("{0}")]
    Network(#[from] std::io::Error),
    #[error("the server did not answer the key exchange in time")]
    TimedOut,
    /// The server refused, or its answers don't hold; names the step, never a value.
    #[error("the key exchange failed: {0}")]
    Refused(&'static str),
}

/// Agrees on a new auth key with the server of a data centre at an address.
pub(super) async fn exchange_key(
    way: (&Ways, i32, SocketAddr),
    server_key: &ServerKey,
    limit: Duration,
) -> Result<[u8; 256], HandshakeError> {
    timeout(limit, exchange(way, server_key))
        .await
        .unwrap_or(Err(HandshakeError::TimedOut))
}

/// How far our clock is ahead of the server's at `address`, by the first step of an exchange that goes no further.
pub(super) async fn seconds_ahead(
    ways: &Ways,
    dc: i32,
    address: SocketAddr,
    limit: Duration,
) -> Result<i64, HandshakeError> {
    let ask = async {
        let mut line = PlainLine::over(ways.connect(dc, address).await?);
        let (request, nonce) = maths::ask_pq(random()?);
        let answer = call(&mut line, &request).await?;
        maths::read_pq(&answer, &nonce)?;
        line.seconds_ahead()
            .ok_or(HandshakeError::Refused("an answer without a time"))
    };
    timeout(limit, ask)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut))
}

async fn exchange(
    (ways, dc, address): (&Ways, i32, SocketAddr),
    server_key: &ServerKey,
) -> Result<[u8; 256], HandshakeError> {
    let mut line = PlainLine::over(ways.connect(dc, address).await?);

    // 1. Who are you, and which keys do you have?
    let (request, nonce) = maths::ask_pq(random()?);
    let answer = call(&mut line, &request).await?;

    // 2. Prove that we can factorise, under the server's key.
    let factors = factorise(maths::read_pq(&answer, &nonce)?).await?;
    let (request, exchange) =
        Exchange::begin(answer, nonce, factors, server_key, random()?, &random()?)?;
    let answer = call(&mut line, &request).await?;

    // 3. Diffie-Hellman, again with another exponent when the server says so.
    let params = exchange.read_params(answer)?;
    let (prime, g) = (params.prime_bytes(), params.g());
    let good = tokio::task::spawn_blocking(move || super::prime::is_good(&prime, g)).await;
    if !good.unwrap_or(false) {
        return Err(HandshakeError::Refused("the server's prime is not safe"));
    }
    let mut retry_id = 0;
    for _ in 0..MAX_RETRIES {
        let (request, auth_key) = exchange.choose(&params, &random()?, retry_id, random()?)?;
        let answer = call(&mut line, &request).await?;
        match exchange.judge(&answer, &auth_key)? {
            Verdict::Agreed => return Ok(auth_key.to_bytes()),
            Verdict::Again { retry_id: id } => retry_id = id,
        }
    }
    Err(HandshakeError::Refused(
        "the server wants no exponent of ours",
    ))
}

async fn call<R: RemoteCall>(
    line: &mut PlainLine,
    request: &R,
) -> Result<R::Return, HandshakeError> {
    let answer = line.call(&request.to_bytes()).await?;
    R::Return::from_bytes(&answer)
        .map_err(|_| HandshakeError::Refused("an answer could not be read"))
}

/// Factorising blocks, and panics on what has no two factors: both stay in a thread of their own.
async fn factorise(pq: u64) -> Result<(u64, u64), HandshakeError> {
    let refused = HandshakeError::Refused("the server's pq has no two factors");
    match tokio::task::spawn_blocking(move || grammers_crypto::factorize(pq)).await {
        Ok((p, q)) if p > 1 && q > 1 && p.checked_mul(q) == Some(pq) => Ok((p.min(q), p.max(q))),
        _ => Err(refused),
    }
}

fn random<const N: usize>() -> Result<[u8; N], HandshakeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|_| HandshakeError::Refused("the system gave no random bytes"))?;
    Ok(bytes)
}
