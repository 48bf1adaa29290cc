//! A stand-in for the crate of this name, which `[patch.crates-io]` puts in its place.
//!
//! grammers takes it to look up the name of a SOCKS5 proxy. Ours is always our own relay, by its address on this machine, so that
//! no name is ever looked up; the real one is ten crates that every build would compile for it. This one has what grammers calls,
//! and does it: it asks the system. It has nothing else of the real one.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

/// Asks the system's resolver.
pub struct Resolver(());

impl Resolver {
    /// # Errors
    /// None: the real one's reading of the system's settings may fail.
    pub fn builder_tokio() -> io::Result<ResolverBuilder> {
        Ok(ResolverBuilder(()))
    }

    /// # Errors
    /// The name has no address, or nobody could be asked.
    pub async fn lookup_ip(&self, name: &str) -> io::Result<LookupIp> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(LookupIp(
            found.map(|address: SocketAddr| address.ip()).collect(),
        ))
    }
}

pub struct ResolverBuilder(());

impl ResolverBuilder {
    /// # Errors
    /// None, as above.
    pub fn build(self) -> io::Result<Resolver> {
        Ok(Resolver(()))
    }
}

/// The addresses of a name.
pub struct LookupIp(Vec<IpAddr>);

impl LookupIp {
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects what it stands in for: the calls that grammers makes, in its order, find an address.
    #[tokio::test]
    async fn a_name_has_its_address() {
        let resolver = Resolver::builder_tokio().unwrap().build().unwrap();
        let found = resolver.lookup_ip("localhost").await.unwrap();
        assert!(found.iter().next().unwrap().is_loopback());
    }
}
