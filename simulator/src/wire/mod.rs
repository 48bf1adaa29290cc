//! Wire: MTProto 2.0 as a server speaks it.
//!
//! Receives: TCP connections; answers and pushes from the [`Backend`].
//! Sends:    unwrapped calls to the backend; packets to clients.
//! Promises: calls of one session start in the order of their message ids; a slow, silent or malicious client costs
//!           nobody else anything; every queue has a bound ([`Limits`]).
//! Does not: know users, chats or what any call means.
//!
//! The path of a packet: [`transport`] cuts frames, `connection` reads them, [`exchange`] makes keys, [`cipher`]
//! opens packets, `inbound` checks ids, numbers and salts and hands on a `context`, `service` answers what the protocol
//! itself asks, `calls` unwraps the rest for the backend. `session` remembers, `link` is the way back; `ground` is what
//! all of them stand on, and `shared` knows all connections and keys.

pub mod cipher;
pub mod exchange;
pub mod fuzzing;
pub mod packet;
pub mod tl;
pub mod transport;

mod binding;
mod calls;
mod config;
mod connection;
mod context;
mod counters;
mod fault;
mod ground;
mod handle;
mod inbound;
mod keys;
mod link;
mod listener;
mod received;
mod salts;
mod server_key;
mod service;
mod session;
mod shared;

use std::{io, sync::Arc};

use crate::port::Backend;

pub use config::{ExchangeOptions, Limits, WireConfig};
pub use counters::WireCounters;
pub use fault::{FaultId, FaultScope, Moment, WireFault};
pub use handle::WireHandle;
pub use server_key::{ServerKey, ServerKeyError};
pub use shared::Burnt;

/// A server that can be started.
pub struct Wire;

impl Wire {
    /// Listens on every data centre's address and serves until [`WireHandle::shutdown`], on tasks of the runtime
    /// this is called on.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub async fn start(config: WireConfig, backend: Arc<dyn Backend>) -> io::Result<WireHandle> {
        let listeners = listener::bind(&config.dcs).await?;
        let addresses = listeners
            .iter()
            .map(|listener| (listener.dc_id, listener.address))
            .collect();
        let shared = Arc::new(shared::Shared::new(config, addresses, backend));
        for listener in listeners {
            tokio::spawn(listener.serve(Arc::clone(&shared)));
        }
        Ok(WireHandle { shared })
    }
}
