//! Proxy: a SOCKS5 on this machine that some accounts go out through, and that dies now and then.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    dead: Arc<AtomicBool>,
    died: Arc<Notify>,
    /// Lines that it has cut or not taken.
    refused: Arc<AtomicU64>,
}

impl Proxy {
    pub async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            url: format!("socks5://{}", socket.local_addr().expect("a port")),
            dead: Arc::default(),
            died: Arc::default(),
            refused: Arc::default(),
        };
        let own = proxy.clone();
        tokio::spawn(async move {
            while let Ok((line, _)) = socket.accept().await {
                if own.dead.load(Ordering::Acquire) {
                    own.refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                let own = own.clone();
                tokio::spawn(async move {
                    let died = own.died.notified();
                    tokio::select! {
                        _ = pass(line) => {}
                        () = died => { own.refused.fetch_add(1, Ordering::Relaxed); }
                    }
                });
            }
        });
        proxy
    }

    pub fn die(&self) {
        self.dead.store(true, Ordering::Release);
        self.died.notify_waiters();
    }

    pub fn live(&self) {
        self.dead.store(false, Ordering::Release);
    }

    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// RFC 1928, without a login, to IPv4 addresses. `None`: somebody hung up.
async fn pass(mut line: TcpStream) -> Option<()> {
    let mut head = [0; 2];
    line.read_exact(&mut head).await.ok()?;
    let mut methods = vec![0; usize::from(head[1])];
    line.read_exact(&mut methods).await.ok()?;
    line.write_all(&[5, 0]).await.ok()?;
    let mut request = [0; 10];
    line.read_exact(&mut request).await.ok()?;
    let [5, 1, 0, 1, a, b, c, d, high, low] = request else {
        return None;
    };
    let to = ([a, b, c, d], u16::from_be_bytes([high, low]));
    let mut telegram = TcpStream::connect(std::net::SocketAddr::from(to))
        .await
        .ok()?;
    line.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    copy_bidirectional(&mut line, &mut telegram).await.ok()?;
    Some(())
}
