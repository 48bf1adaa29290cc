//! Road: what a node's ways to others have in common: they can be cut, in both ways in which networks are cut.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest},
    net::TcpStream,
    sync::watch,
    time::timeout,
};

/// How often somebody who waits looks whether the other side is still there.
const LOOK: Duration = Duration::from_millis(20);

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
pub struct Road {
    way: watch::Sender<Way>,
    /// Connections and pieces that were not let through.
    held_up: Arc<AtomicU64>,
}

impl Road {
    pub fn new() -> Self {
        Self {
            way: watch::channel(Way::Open).0,
            held_up: Arc::default(),
        }
    }

    pub fn shut(&self, how: Way) {
        self.held_up.store(0, Ordering::Relaxed);
        self.way.send_replace(how);
    }

    /// How much was not let through since it was shut.
    pub fn open_again(&self) -> u64 {
        self.way.send_replace(Way::Open);
        self.held_up.load(Ordering::Relaxed)
    }

    /// `false`: it is hung up on.
    pub async fn open(&self) -> bool {
        let mut way = self.way.subscribe();
        if *way.borrow() != Way::Open {
            self.held_up.fetch_add(1, Ordering::Relaxed);
        }
        let settled = way.wait_for(|way| *way != Way::Silent).await;
        settled.is_ok_and(|way| *way == Way::Open)
    }

    /// As [`Self::open`] for what comes over this line; `false` also when its other side hung up while it had to wait.
    pub async fn open_to(&self, line: &TcpStream) -> bool {
        if *self.way.borrow() == Way::Open {
            return true;
        }
        let open = tokio::select! {
            biased;
            () = hung_up(line) => false,
            open = self.open() => open,
        };
        open && timeout(Duration::ZERO, hung_up(line)).await.is_err()
    }

    /// Ends when whatever is under way is hung up on.
    pub async fn refused(&self) {
        let mut way = self.way.subscribe();
        let _ = way.wait_for(|way| *way == Way::Refused).await;
        self.held_up.fetch_add(1, Ordering::Relaxed);
    }

    /// From one side to the other until that one hangs up, which arrives no sooner than the rest.
    pub async fn pass(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(read) = from.read(&mut bytes).await {
            if !self.open().await || read == 0 || to.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    }
}

/// Ends when whoever is on the other side has hung up, also while there is more to be read.
async fn hung_up(line: &TcpStream) {
    loop {
        match line.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() => tokio::time::sleep(LOOK).await,
            _ => return,
        }
    }
}
