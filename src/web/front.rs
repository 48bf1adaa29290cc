//! Front: under which address the service is reached, and what is known of a connection's own end.

use std::{
    any::Any,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{dev::Extensions, rt::net::TcpStream};

use super::peer::OtherEnd;

/// The end of a connection that is ours.
#[derive(Clone, Copy, Debug)]
pub struct OwnAddress(pub SocketAddr);

/// For each connection, before its first request.
pub fn note_own_address(connection: &dyn Any, data: &mut Extensions) {
    let plain = connection.downcast_ref::<TcpStream>();
    let sealed = connection.downcast_ref::<TlsStream<TcpStream>>();
    let tcp = plain.or_else(|| sealed.map(|stream| stream.get_ref().0));
    let Some((tcp, address)) = tcp.and_then(|tcp| Some((tcp, tcp.local_addr().ok()?))) else {
        return;
    };
    let own = SocketAddr::new(address.ip().to_canonical(), address.port());
    data.insert(OwnAddress(own));
    if let Ok(peer) = tcp.peer_addr() {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        data.insert(OtherEnd::new(peer, own));
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Front {
    address: SocketAddr,
    /// HTTPS is served here.
    pub tls: bool,
    pub behind_proxy: bool,
    /// A name that a person gave.
    name: Option<String>,
}

impl Front {
    #[must_use]
    pub fn new(address: SocketAddr, tls: bool, behind_proxy: bool, allowed: &[String]) -> Self {
        Self {
            address,
            tls,
            behind_proxy,
            name: allowed.first().cloned(),
        }
    }

    /// Browsers come by HTTPS.
    #[must_use]
    pub const fn secure(&self) -> bool {
        self.tls || self.behind_proxy
    }

    /// Where it listens.
    #[must_use]
    pub fn listening(&self) -> String {
        format!("{}://{}", scheme(self.tls), self.address)
    }

    /// Where a person's browser finds it.
    #[must_use]
    pub fn for_people(&self) -> String {
        if let Some(name) = &self.name {
            return format!("{}://{name}", scheme(self.secure()));
        }
        let ip = match self.address.ip() {
            ip if ip.is_unspecified() => outward(ip),
            ip => ip,
        };
        let address = SocketAddr::new(ip, self.address.port());
        format!("{}://{address}", scheme(self.tls))
    }
}

const fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

/// This machine's address on the way out, or the loopback one where there is no way. Connecting a datagram socket asks the
/// routing table and sends nothing; the addresses are those of RFC 5737 and RFC 3849, which nobody has.
fn outward(listening: IpAddr) -> IpAddr {
    let (from, to): (IpAddr, IpAddr) = match listening {
        IpAddr::V4(_) => (
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        ),
        IpAddr::V6(_) => (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        ),
    };
    let found = UdpSocket::bind((from, 0)).and_then(|socket| {
        socket.connect((to, 9))?;
        socket.local_addr()
    });
    match (found, listening) {
        (Ok(address), _) if !address.ip().is_unspecified() => address.ip(),
        (_, IpAddr::V4(_)) => Ipv4Addr::LOCALHOST.into(),
        (_, IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the printed link: it names an address that can be opened, with the scheme that is spoken there.
    #[test]
    fn the_address_for_people_can_be_opened() {
        let link = |listen: &str, tls, proxy, names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            Front::new(listen.parse().unwrap(), tls, proxy, &names).for_people()
        };
        assert_eq!(
            link("127.0.0.1:8080", false, false, &[]),
            "http://127.0.0.1:8080"
        );
        assert_eq!(
            link("10.0.0.7:8443", true, false, &[]),
            "https://10.0.0.7:8443"
        );
        assert_eq!(
            link("0.0.0.0:8443", true, false, &["desk.example:8443", "other"]),
            "https://desk.example:8443"
        );
        assert_eq!(
            link("127.0.0.1:8080", false, true, &["desk.example"]),
            "https://desk.example"
        );
        for everywhere in ["0.0.0.0:8443", "[::]:8443"] {
            let link = link(everywhere, true, false, &[]);
            let address = link.strip_prefix("https://").unwrap();
            let address: SocketAddr = address.parse().unwrap();
            assert!(!address.ip().is_unspecified(), "{link}");
        }
    }
}
