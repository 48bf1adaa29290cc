//! What the world's tests share: a client that nobody here wrote, with a key that is signed in.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::{
    future::Future,
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use grammers_client::client::{Client, ClientConfiguration};
use grammers_mtsender::{
    ConnectionParams, InvocationError, NoRetries, SenderPool, SenderPoolFatHandle,
};
use grammers_session::{
    SessionData, storages::MemorySession, types::DcOption, updates::UpdatesLike,
};
use grammers_tl_types as tl;
use switchboard_simulator::Simulator;
use tokio::{sync::mpsc, task::JoinHandle};

/// The one generous limit of all waiting in these tests.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits for a future, and says what did not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// grammers, unmodified.
pub struct Library {
    pub client: Client,
    pub handle: SenderPoolFatHandle,
    pub updates: mpsc::Receiver<UpdatesLike>,
    runner: JoinHandle<()>,
    pub dc_id: i32,
}

impl Library {
    /// Signed in as this user, on the simulator's first data centre.
    pub fn start(simulator: &Simulator, user: i64) -> Self {
        let (dc_id, _) = simulator.dc_addresses()[0];
        let key = simulator.seed_session(user, dc_id);
        Self::with_key(simulator, dc_id, key)
    }

    pub fn with_key(simulator: &Simulator, dc_id: i32, key: [u8; 256]) -> Self {
        let mut data = SessionData::default();
        data.home_dc = dc_id;
        for (id, address) in simulator.dc_addresses() {
            let SocketAddr::V4(ipv4) = address else {
                panic!("tests listen on IPv4")
            };
            let ipv6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, ipv4.port(), 0, 0);
            let auth_key = (id == dc_id).then_some(key);
            data.dc_options.insert(
                id,
                DcOption {
                    id,
                    ipv4,
                    ipv6,
                    auth_key,
                },
            );
        }
        let params = ConnectionParams {
            device_model: "world test".into(),
            system_version: "1".into(),
            app_version: "1".into(),
            system_lang_code: "en".into(),
            lang_code: "en".into(),
            use_ipv6: false,
            retry_policy: Box::new(NoRetries),
            updates_channel_capacity: NonZeroUsize::new(1 << 16).expect("not zero"),
            __non_exhaustive: (),
        };
        let session = Arc::new(MemorySession::from(data));
        let SenderPool {
            runner,
            handle,
            updates,
        } = SenderPool::with_configuration(session, 1, params);
        let client = Client::with_configuration(handle.clone(), ClientConfiguration::default());
        Self {
            client,
            handle,
            updates,
            runner: tokio::spawn(runner.run()),
            dc_id,
        }
    }

    pub async fn call<R: tl::RemoteCall>(&self, request: &R) -> Result<R::Return, InvocationError> {
        soon("an answer", self.handle.invoke_in_dc(self.dc_id, request)).await
    }

    /// The next thing that was pushed.
    pub async fn pushed(&mut self) -> tl::enums::Updates {
        loop {
            match soon("a push", self.updates.recv()).await {
                Some(UpdatesLike::Updates(updates)) => return updates,
                Some(_) => {}
                None => panic!("the pool is gone"),
            }
        }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

/// Name of the error that a call ended with.
pub fn error_name<T: std::fmt::Debug>(result: Result<T, InvocationError>) -> String {
    match result {
        Err(InvocationError::Rpc(error)) => error.name,
        other => panic!("expected an rpc_error, got {other:?}"),
    }
}
