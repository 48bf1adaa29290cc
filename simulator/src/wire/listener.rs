//! One data centre's port: accepts connections, and refuses them when a fault says so.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{
    connection::Connection,
    counters::count,
    fault::{Victim, WireFault},
    shared::Shared,
};

/// Wait before accepting or listening is tried again after an error.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections that wait to be accepted.
const WAITING: u32 = 1024;

pub struct Listener {
    pub dc_id: i32,
    pub address: SocketAddr,
    socket: TcpListener,
    /// Bound, and never listening: while nobody listens, connections are refused, but the port is nobody else's. A free
    /// one would sooner or later be the near end of somebody's connection, and could not be listened on again.
    hold: TcpSocket,
}

/// Listens on every address; port 0 becomes a real one.
pub async fn bind(dcs: &[(i32, SocketAddr)]) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::with_capacity(dcs.len());
    for (dc_id, address) in dcs {
        let hold = bound(*address)?;
        let address = hold.local_addr()?;
        listeners.push(Listener {
            dc_id: *dc_id,
            address,
            socket: listen(address)?,
            hold,
        });
    }
    Ok(listeners)
}

/// Several sockets may be bound to one port like this, as long as one of them listens.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address)?.listen(WAITING)
}

impl Listener {
    pub async fn serve(self, shared: Arc<Shared>) {
        let _alive = shared.alive();
        let Self {
            dc_id,
            address,
            socket,
            hold: _hold,
        } = self;
        let victim = Victim { dc_id, key: None };
        let mut orders = shared.orders.subscribe();
        let mut socket = Some(socket);
        loop {
            let order = *orders.borrow_and_update();
            if order.stopping {
                return;
            }
            let refusing = shared
                .ground
                .faults
                .peek(victim, |fault| {
                    (*fault == WireFault::RefuseConnects).then_some(())
                })
                .is_some();
            if refusing {
                socket = None;
                if orders.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let listening = match socket.take() {
                Some(listening) => listening,
                None => match listen(address) {
                    Ok(listening) => listening,
                    Err(_) => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            tokio::select! {
                accepted = listening.accept() => match accepted {
                    Ok((stream, from)) => welcome(&shared, stream, from, victim),
                    // Out of descriptors, most likely: those that close make room.
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                _ = orders.changed() => {}
            }
            socket = Some(listening);
        }
    }
}

fn welcome(shared: &Arc<Shared>, stream: TcpStream, from: SocketAddr, victim: Victim) {
    if shared.ground.faults.any() && shared.ground.strikes(victim, &WireFault::RefuseConnects) {
        // It came before the port was closed.
        return;
    }
    if shared.ground.faults.any() && shared.ground.strikes(victim, &WireFault::CloseOnAccept) {
        count(&shared.ground.counts.connections_opened);
        count(&shared.ground.counts.connections_closed);
        return;
    }
    let link = shared.open_link(victim.dc_id, from);
    if shared.ground.faults.any() && shared.ground.strikes(victim, &WireFault::SilentConnects) {
        link.silence();
    }
    tokio::spawn(Connection::new(Arc::clone(shared), link, stream).run());
}
