//! Peer: who stands at the other end of a connection from this machine. Programs of the service's own user and of root count as
//! here; a proxy has a user of its own (`www-data`, `haproxy`), and other people do, too.
//!
//! Linux tells whose a socket is (proc(5), `/proc/self/net/tcp`: unlike `/proc/net` it is there under systemd's `ProcSubset=pid`, too);
//! where nothing tells it, nobody is somebody else.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
};

/// Of one connection.
#[derive(Debug)]
pub struct OtherEnd {
    peer: SocketAddr,
    own: SocketAddr,
    somebody_elses: OnceLock<bool>,
}

impl OtherEnd {
    pub const fn new(peer: SocketAddr, own: SocketAddr) -> Self {
        Self {
            peer,
            own,
            somebody_elses: OnceLock::new(),
        }
    }

    /// Is it a program of neither the service's user nor root?
    pub fn is_somebody_elses(&self) -> bool {
        *self.somebody_elses.get_or_init(|| {
            let own = rustix::process::geteuid().as_raw();
            let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].into_iter();
            let mut tables = tables.filter_map(|path| fs::read_to_string(path).ok());
            let user = tables.find_map(|table| user_of(&table, self.peer, self.own));
            user.is_some_and(|user| user != 0 && user != own)
        })
    }
}

/// Whose socket it is that has these two ends.
fn user_of(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let ends = |v6: bool| (written(from, v6), written(to, v6));
    let known = [ends(false), ends(true)];
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (fields.next()?, fields.next()?);
        let is = known.iter().any(|(from, to)| local == from && remote == to);
        // State, queues, timer, retransmissions; then the user.
        is.then(|| fields.nth(4)?.parse().ok())?
    })
}

/// As the kernel writes it: words of 32 bits in the machine's own order, in hexadecimal.
fn written(address: SocketAddr, v6: bool) -> String {
    let word = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(bytes))
    };
    let ip = match (address.ip(), v6) {
        (IpAddr::V4(ip), false) => word(&ip.octets()),
        (IpAddr::V4(ip), true) => ip.to_ipv6_mapped().octets().chunks(4).map(word).collect(),
        (IpAddr::V6(ip), _) => ip.octets().chunks(4).map(word).collect(),
    };
    format!("{ip}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects an open service from a proxy that adds nothing: whose a connection is stands in the kernel's table.
    #[test]
    fn the_table_tells_whose_a_connection_is() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let line = std::net::TcpStream::connect(own).unwrap();
        let peer = line.local_addr().unwrap();
        if let Ok(table) = fs::read_to_string("/proc/self/net/tcp") {
            let user = rustix::process::geteuid().as_raw();
            assert_eq!(user_of(&table, peer, own), Some(user));
            assert_eq!(user_of(&table, peer, peer), None);
        }
        assert!(!OtherEnd::new(peer, own).is_somebody_elses());
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     3: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000   106        0 12345 1\n";
        let (peer, own) = (
            "127.0.0.1:40000".parse().unwrap(),
            "127.0.0.1:8080".parse().unwrap(),
        );
        if cfg!(target_endian = "little") {
            assert_eq!(user_of(table, peer, own), Some(106));
        }
    }
}
