//! An unmodified grammers pool with a key that was given to it.

use std::{
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    num::NonZeroUsize,
    sync::Arc,
};

use grammers_mtsender::{ConnectionParams, NoRetries, SenderPool, SenderPoolFatHandle};
use grammers_session::{
    SessionData, storages::MemorySession, types::DcOption, updates::UpdatesLike,
};
use tokio::{sync::mpsc, task::JoinHandle};

pub struct Library {
    pub handle: SenderPoolFatHandle,
    pub updates: mpsc::Receiver<UpdatesLike>,
    pub runner: JoinHandle<()>,
    pub dc_id: i32,
}

impl Library {
    /// A pool whose home is this data centre. Connects at the first call.
    pub fn start(dc_id: i32, address: SocketAddr, key: [u8; 256]) -> Self {
        let SocketAddr::V4(ipv4) = address else {
            panic!("tests listen on IPv4")
        };
        let ipv6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, ipv4.port(), 0, 0);
        let option = DcOption {
            id: dc_id,
            ipv4,
            ipv6,
            auth_key: Some(key),
        };
        let mut data = SessionData {
            home_dc: dc_id,
            ..SessionData::default()
        };
        data.dc_options.insert(dc_id, option);
        let params = ConnectionParams {
            device_model: "wire test".into(),
            system_version: "1".into(),
            app_version: "1".into(),
            system_lang_code: "en".into(),
            lang_code: "en".into(),
            proxy_url: None,
            use_ipv6: false,
            retry_policy: Box::new(NoRetries),
            updates_channel_capacity: NonZeroUsize::new(1 << 20).expect("not zero"),
            __non_exhaustive: (),
        };
        let SenderPool {
            runner,
            handle,
            updates,
        } = SenderPool::with_configuration(Arc::new(MemorySession::from(data)), 1, params);
        Self {
            handle,
            updates,
            runner: tokio::spawn(runner.run()),
            dc_id,
        }
    }

    pub async fn raw(&self, body: Vec<u8>) -> Result<Vec<u8>, grammers_mtsender::InvocationError> {
        self.handle.raw_invoke_in_dc(self.dc_id, body).await
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.runner.abort();
    }
}
