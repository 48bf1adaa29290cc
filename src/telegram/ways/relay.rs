//! The relay: the one door through which the library dials where an account has proxies. It listens on loopback and
//! speaks SOCKS5, with a login for each account that only this process knows.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use subtle::ConstantTimeEq;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Semaphore,
    time::timeout,
};

use super::{
    Purpose, Ways, lock,
    socks::{self, CONNECT, LOGIN_VERSION, PASSWORD, VERSION},
};

/// Strangers that may talk to the door at the same time; whoever has a login is counted no longer.
const STRANGERS: usize = 64;
/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(5);
const REFUSED: u8 = 0xff;
const FAILED: u8 = 1;

/// What one account is let in with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RelayLogin {
    pub(super) user: String,
    pub(super) password: String,
}

impl RelayLogin {
    pub(super) fn random() -> Self {
        let word = || format!("{:032x}", rand::random::<u128>());
        Self {
            user: word(),
            password: word(),
        }
    }

    /// The name says what the line is for.
    pub(super) fn user_for(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::Home => format!("{}h", self.user),
            Purpose::Once => format!("{}o", self.user),
            Purpose::Aside => format!("{}a", self.user),
        }
    }
}

/// Opened when the first account needs it.
#[derive(Clone)]
pub(in crate::telegram) struct Relay {
    inner: Arc<Inner>,
    runtime: Handle,
}

#[derive(Default)]
struct Inner {
    door: Mutex<Option<SocketAddr>>,
    guests: Mutex<HashMap<String, (String, Weak<Ways>)>>,
}

impl Relay {
    pub(in crate::telegram) fn new(runtime: Handle) -> Self {
        let inner = Arc::default();
        Self { inner, runtime }
    }

    pub(super) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Lets an account in, from now on. Where the door is.
    pub(super) fn admit(&self, login: &RelayLogin, ways: Weak<Ways>) -> io::Result<SocketAddr> {
        let door = self.open()?;
        let guest = (login.password.clone(), ways);
        lock(&self.inner.guests).insert(login.user.clone(), guest);
        Ok(door)
    }

    pub(super) fn dismiss(&self, login: &RelayLogin) {
        lock(&self.inner.guests).remove(&login.user);
    }

    fn open(&self) -> io::Result<SocketAddr> {
        let mut door = lock(&self.inner.door);
        if let Some(address) = *door {
            return Ok(address);
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let inner = Arc::downgrade(&self.inner);
        self.runtime.spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => welcome(&listener, &inner).await,
                Err(error) => log::error!(target: "switchboard", "the way to proxies can't be opened: {error}"),
            }
            if let Some(inner) = inner.upgrade() {
                *lock(&inner.door) = None;
            }
        });
        *door = Some(address);
        Ok(address)
    }
}

async fn welcome(listener: &TcpListener, inner: &Weak<Inner>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    loop {
        let Ok(place) = Arc::clone(&strangers).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::warn!(target: "switchboard", "a line to a proxy was not taken: {error}");
                // Out of sockets, most likely: the next ones end soon.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(inner) = inner.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            let greeted = timeout(GREETING, Box::pin(greet(stream, &inner))).await;
            drop(place);
            if let Ok(Ok(Some(guest))) = greeted {
                drop(inner);
                guest.serve().await;
            }
        });
    }
}

/// Somebody with a login, and what they want.
struct Guest {
    stream: TcpStream,
    ways: Weak<Ways>,
    purpose: Purpose,
    target: SocketAddr,
}

async fn greet(mut stream: TcpStream, inner: &Inner) -> io::Result<Option<Guest>> {
    stream.set_nodelay(true)?;
    let version = stream.read_u8().await?;
    let methods = text(&mut stream).await?;
    if version != VERSION || !methods.contains(&PASSWORD) {
        stream.write_all(&[VERSION, REFUSED]).await?;
        return Ok(None);
    }
    stream.write_all(&[VERSION, PASSWORD]).await?;
    let _login_version = stream.read_u8().await?;
    let (user, password) = (text(&mut stream).await?, text(&mut stream).await?);
    let Some((ways, purpose)) = guest(inner, &user, &password) else {
        stream.write_all(&[LOGIN_VERSION, 1]).await?;
        return Ok(None);
    };
    stream.write_all(&[LOGIN_VERSION, 0]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let ip = match head {
        [VERSION, CONNECT, _, socks::IPV4] => {
            IpAddr::from(Ipv4Addr::from_bits(stream.read_u32().await?))
        }
        [VERSION, CONNECT, _, socks::IPV6] => {
            IpAddr::from(Ipv6Addr::from_bits(stream.read_u128().await?))
        }
        _ => return Ok(None),
    };
    let target = SocketAddr::new(ip, stream.read_u16().await?);
    Ok(Some(Guest {
        stream,
        ways,
        purpose,
        target,
    }))
}

/// With its length in front.
async fn text(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u8().await?;
    let mut text = vec![0; usize::from(length)];
    stream.read_exact(&mut text).await?;
    Ok(text)
}

fn guest(inner: &Inner, user: &[u8], password: &[u8]) -> Option<(Weak<Ways>, Purpose)> {
    let (purpose, user) = user.split_last()?;
    let purpose = match purpose {
        b'h' => Purpose::Home,
        b'o' => Purpose::Once,
        b'a' => Purpose::Aside,
        _ => return None,
    };
    let guests = lock(&inner.guests);
    let (known, ways) = guests.get(std::str::from_utf8(user).ok()?)?;
    bool::from(known.as_bytes().ct_eq(password)).then(|| (ways.clone(), purpose))
}

impl Guest {
    async fn serve(mut self) {
        let Some(ways) = self.ways.upgrade() else {
            return;
        };
        // Apart: what dialling needs would stay with the line for as long as that stands.
        let dialled = Box::pin(ways.dial(self.purpose, self.target)).await;
        drop(ways);
        let reply = if dialled.is_ok() { 0 } else { FAILED };
        let answer = [VERSION, reply, 0, socks::IPV4, 0, 0, 0, 0, 0, 0];
        if self.stream.write_all(&answer).await.is_err() {
            return;
        }
        if let Ok(line) = dialled {
            line.carry(self.stream, &self.ways).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the memory of 2,000 idle accounts: a line that stands holds nothing of how it was dialled.
    #[tokio::test]
    async fn a_line_that_stands_is_small() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        let guest = Guest {
            stream: TcpStream::connect(target).await.unwrap(),
            ways: Weak::new(),
            purpose: Purpose::Home,
            target,
        };
        let size = size_of_val(&guest.serve());
        assert!(size < 3 * 1024, "{size} bytes");
    }
}
