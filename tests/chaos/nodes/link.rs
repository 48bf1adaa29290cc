//! Link: the way from one node to PostgreSQL. It leads to another server when that one takes the place of the first.

use std::path::PathBuf;

use tokio::{
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

use super::road::Road;

#[derive(Clone)]
pub struct Link {
    pub port: u16,
    pub road: Road,
}

impl Link {
    /// `server`: the directory of its socket.
    pub async fn start(server: watch::Receiver<PathBuf>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let link = Self {
            port: socket.local_addr().expect("a port").port(),
            road: Road::new(),
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

    async fn carry(&self, line: TcpStream, mut server: watch::Receiver<PathBuf>) {
        let road = &self.road;
        if !road.open().await {
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
            tokio::join!(road.pass(near_in, far_out), road.pass(far_in, near_out));
        };
        tokio::select! {
            () = both => {}
            () = road.refused() => {}
            // Another server has that place now, and knows nothing of this line.
            _ = server.changed() => {}
        }
    }
}
