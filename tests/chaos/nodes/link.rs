//! Link: the way from one node to PostgreSQL. It can be cut, in both ways in which networks are cut, and leads to another server when
//! that one takes the place of the first.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// How it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Open,
    /// Whatever comes is hung up on.
    Refused,
    /// Nothing arrives, and nobody is told.
    Silent,
}

#[derive(Clone)]
pub struct Link {
    pub port: u16,
    way: watch::Sender<Way>,
    /// Connections and pieces that were not let through.
    held_up: Arc<AtomicU64>,
}

impl Link {
    /// `server`: the directory of its socket.
    pub async fn start(server: watch::Receiver<PathBuf>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let link = Self {
            port: socket.local_addr().expect("a port").port(),
            way: watch::channel(Way::Open).0,
            held_up: Arc::default(),
        };
        let own = link.clone();
        tokio::spawn(async move {
            while let Ok((line, _)) = socket.accept().await {
                let (own, server) = (own.clone(), server.clone());
                tokio::spawn(async move { own.carry(line, server).await });
            }
        });
        link
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// What was not let through so far.
    pub fn held_up(&self) -> u64 {
        self.held_up.load(Ordering::Relaxed)
    }

    async fn carry(&self, line: TcpStream, mut server: watch::Receiver<PathBuf>) {
        if !self.open().await {
            return;
        }
        let place = server.borrow_and_update().join(".s.PGSQL.5432");
        let Ok(far) = UnixStream::connect(place).await else {
            return;
        };
        let _ = line.set_nodelay(true);
        let (near_in, near_out) = line.into_split();
        let (far_in, far_out) = far.into_split();
        let both = async {
            tokio::join!(self.pass(near_in, far_out), self.pass(far_in, near_out));
        };
        let mut way = self.way.subscribe();
        tokio::select! {
            () = both => {}
            _ = way.wait_for(|way| *way == Way::Refused) => {
                self.held_up.fetch_add(1, Ordering::Relaxed);
            }
            // Another server has that place now, and knows nothing of this line.
            _ = server.changed() => {}
        }
    }

    /// `false`: it is hung up on.
    async fn open(&self) -> bool {
        let mut way = self.way.subscribe();
        if *way.borrow() != Way::Open {
            self.held_up.fetch_add(1, Ordering::Relaxed);
        }
        let settled = way.wait_for(|way| *way != Way::Silent).await;
        settled.is_ok_and(|way| *way == Way::Open)
    }

    async fn pass(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(read) = from.read(&mut bytes).await {
            if read == 0 || !self.open().await || to.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }
}
