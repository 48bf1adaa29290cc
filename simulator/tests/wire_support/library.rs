//! An unmodified grammers pool with a key that was given to it.

use std::net::SocketAddr;

use grammers_mtsender::{SenderPool, SenderPoolFatHandle};
use grammers_session::updates::UpdatesLike;
use tokio::{sync::mpsc, task::JoinHandle};

use super::pool_support::pool;

pub struct Library {
    pub handle: SenderPoolFatHandle,
    pub updates: mpsc::Receiver<UpdatesLike>,
    pub runner: JoinHandle<()>,
    pub dc_id: i32,
}

impl Library {
    /// A pool whose home is this data centre. Connects at the first call.
    pub fn start(dc_id: i32, address: SocketAddr, key: [u8; 256]) -> Self {
        let SenderPool {
            runner,
            handle,
            updates,
        } = pool("wire test", dc_id, &[(dc_id, address)], key, 1 << 20);
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
