//! Dialling through one proxy: from its address to a line that Telegram's bytes can go over.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    sync::OnceCell,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{WayError, http, mtproxy, socks};
use crate::domain::{Proxy, ProxyLogin, ProxyProtocol};

/// A line of whatever kind.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A line, and what has to be done to the bytes that go over it.
pub(super) struct Upstream {
    pub(super) wire: Box<dyn Wire>,
    pub(super) coding: Option<Box<(mtproxy::Outward, mtproxy::Inward)>>,
}

/// Where a line is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) dc: i32,
    pub(super) address: SocketAddr,
}

/// Within `limit`, whatever the proxy does.
pub(super) async fn dial(
    proxy: &Proxy,
    target: Target,
    limit: Duration,
) -> Result<Upstream, WayError> {
    let dialling = async {
        let mut tcp = connect(proxy).await?;
        match &proxy.speaks {
            ProxyProtocol::Socks5(login) => {
                socks::connect(&mut tcp, pair(login.as_ref()), target.address).await?;
                Ok(plain(tcp))
            }
            ProxyProtocol::Http { tls: false, login } => {
                http::connect(&mut tcp, pair(login.as_ref()), target.address).await?;
                Ok(plain(tcp))
            }
            ProxyProtocol::Http { tls: true, login } => {
                let name = ServerName::try_from(proxy.host.clone()).map_err(|_| WayError::Tls)?;
                let tls = tls().await?.connect(name, tcp).await;
                let mut tls = tls.map_err(|_| WayError::Tls)?;
                http::connect(&mut tls, pair(login.as_ref()), target.address).await?;
                Ok(plain(tls))
            }
            ProxyProtocol::Mtproxy(secret) => {
                let dc = i16::try_from(target.dc).unwrap_or_default();
                let coding = mtproxy::open(&mut tcp, secret, dc).await?;
                Ok(Upstream {
                    wire: Box::new(tcp),
                    coding: Some(Box::new(coding)),
                })
            }
        }
    };
    timeout(limit, dialling)
        .await
        .unwrap_or(Err(WayError::TimedOut))
}

fn plain(wire: impl Wire + 'static) -> Upstream {
    Upstream {
        wire: Box::new(wire),
        coding: None,
    }
}

fn pair(login: Option<&ProxyLogin>) -> Option<(&str, &str)> {
    login.map(|login| (login.user.expose(), login.password.expose()))
}

/// One address of the proxy after the other.
async fn connect(proxy: &Proxy) -> Result<TcpStream, WayError> {
    let found = lookup_host((proxy.host.as_str(), proxy.port)).await;
    let addresses = found.map_err(|_| WayError::NameUnknown)?;
    let mut last = WayError::NameUnknown;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Telegram's packets are small and wait for each other.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = WayError::Unreachable(error.kind()),
        }
    }
    Err(last)
}

/// With the certificates that this machine trusts, read once.
async fn tls() -> Result<TlsConnector, WayError> {
    static CONNECTOR: OnceCell<TlsConnector> = OnceCell::const_new();
    let made = CONNECTOR.get_or_try_init(|| async {
        let config = tokio::task::spawn_blocking(|| {
            rustls::ClientConfig::with_platform_verifier().map_err(|_| WayError::Tls)
        });
        let config = config.await.map_err(|_| WayError::Tls)??;
        Ok(TlsConnector::from(Arc::new(config)))
    });
    made.await.cloned()
}
