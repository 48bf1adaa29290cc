//! Relay: the way from one node to Telegram. All that a node says goes through it, and comes from an address that no other node has:
//! by that the simulated Telegram tells where a key is used.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, tcp},
};

use super::road::Road;

#[derive(Clone)]
pub struct Relay {
    /// Each data centre: where it is, and where the node finds it.
    pub dcs: Vec<(i32, SocketAddr, SocketAddr)>,
    pub road: Road,
    /// Where it seems to be.
    place: Ipv4Addr,
}

impl Relay {
    /// `number`: the node's, fewer than 250 of them.
    pub async fn start(number: usize, dcs: Vec<(i32, SocketAddr)>) -> Self {
        let last = u8::try_from(number + 2).expect("few nodes");
        let mut relay = Self {
            dcs: Vec::new(),
            road: Road::new(),
            place: Ipv4Addr::new(127, 0, 0, last),
        };
        let mut doors = Vec::new();
        for (dc, telegram) in dcs {
            let door = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let here = door.local_addr().expect("a port");
            relay.dcs.push((dc, telegram, here));
            doors.push((door, telegram));
        }
        for (door, telegram) in doors {
            let own = relay.clone();
            tokio::spawn(async move {
                while let Ok((line, _)) = door.accept().await {
                    let own = own.clone();
                    tokio::spawn(async move { own.carry(line, telegram).await });
                }
            });
        }
        relay
    }

    /// A node that hangs up while nothing arrives leaves no line behind, and none that was to be one: what Telegram does with a line
    /// whose other side is gone, the simulator's own faults show, and what was under way is lost as with the machine.
    async fn carry(&self, line: TcpStream, telegram: SocketAddr) {
        if !self.road.open_to(&line).await {
            return;
        }
        let Some(far) = self.dial(telegram).await else {
            return;
        };
        let _ = (line.set_nodelay(true), far.set_nodelay(true));
        let (near_in, near_out) = line.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            () = self.say(near_in, far_out) => {}
            () = self.road.pass(far_in, near_out) => {}
            () = self.road.refused() => {}
        }
    }

    async fn dial(&self, telegram: SocketAddr) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(SocketAddr::from((self.place, 0))).ok()?;
        socket.connect(telegram).await.ok()
    }

    async fn say(&self, mut from: tcp::OwnedReadHalf, mut to: tcp::OwnedWriteHalf) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(read) = from.read(&mut bytes).await {
            let open = self.road.open_to(from.as_ref()).await;
            if read == 0 || !open || to.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    }
}
