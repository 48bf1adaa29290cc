//! A pool of grammers, unmodified, with a key that was given to it.

use std::{
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    num::NonZeroUsize,
    sync::Arc,
};

use grammers_client::sender::{ConnectionParams, NoRetries, SenderPool};
use grammers_session::{SessionData, storages::MemorySession, types::DcOption};

/// At home in one of these data centres, which alone knows the key. Connects at the first call; so many packets wait to be read.
pub fn pool(
    device: &str,
    home: i32,
    addresses: &[(i32, SocketAddr)],
    key: [u8; 256],
    waiting: usize,
) -> SenderPool {
    let mut data = SessionData {
        home_dc: home,
        ..SessionData::default()
    };
    for (id, address) in addresses {
        let SocketAddr::V4(ipv4) = *address else {
            panic!("tests listen on IPv4")
        };
        let option = DcOption {
            id: *id,
            ipv4,
            ipv6: SocketAddrV6::new(Ipv6Addr::LOCALHOST, ipv4.port(), 0, 0),
            auth_key: (*id == home).then_some(key),
        };
        data.dc_options.insert(*id, option);
    }
    let params = ConnectionParams {
        device_model: device.into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_code: "en".into(),
        proxy_url: None,
        use_ipv6: false,
        retry_policy: Box::new(NoRetries),
        updates_channel_capacity: NonZeroUsize::new(waiting).expect("not zero"),
        __non_exhaustive: (),
    };
    SenderPool::with_configuration(Arc::new(MemorySession::from(data)), 1, params)
}
