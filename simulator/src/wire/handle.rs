//! The way to steer a running wire: push, cut, install keys, set faults, count, stop.

use std::{net::SocketAddr, sync::Arc};

use tokio::runtime::Handle;

use crate::port::{KeyId, Pusher};

use super::{Burnt, FaultId, FaultScope, WireCounters, WireFault, cipher::AuthKey, shared::Shared};

/// Cheap to clone; the wire runs until [`WireHandle::shutdown`], not until the last handle is gone.
#[derive(Clone)]
pub struct WireHandle {
    pub(super) shared: Arc<Shared>,
}

impl WireHandle {
    /// Where each data centre really listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<(i32, SocketAddr)> {
        self.shared.addresses.clone()
    }

    /// The public half of the server's key, PKCS#1 PEM.
    #[must_use]
    pub fn public_pem(&self) -> String {
        self.shared.ground.config.rsa.public_pem()
    }

    /// Connections go on there as soon as they carry files. At Telegram other machines do that: who measures what travels beside
    /// files gives them threads that give way.
    pub fn files_on(&self, threads: Handle) {
        // The first one stays.
        let _ = self.shared.files_on.set(threads);
    }

    /// Makes a key known to one data centre, as if it had come from a key exchange there: for clients that are
    /// given their key, and for a simulator that starts again with the keys it had.
    pub fn install_key(&self, dc_id: i32, key: [u8; 256]) -> KeyId {
        self.shared.keys.install(dc_id, AuthKey::new(key))
    }

    /// All permanent keys with the data centres that know them: give them to [`WireHandle::install_key`] of the
    /// next process and clients carry on.
    #[must_use]
    pub fn export_keys(&self) -> Vec<(i32, [u8; 256])> {
        self.shared.keys.export()
    }

    /// Sets a fault, at most `times` times when given. An act (see [`WireFault::is_act`]) happens now, to the
    /// connections that are open.
    pub fn set_fault(&self, scope: FaultScope, fault: WireFault, times: Option<u32>) -> FaultId {
        if fault.is_act() {
            let lines = self.shared.act(scope, &fault);
            return self.shared.ground.faults.acted(&fault, lines);
        }
        let id = self.shared.ground.faults.set(scope, fault, times);
        self.shared.faults_changed();
        id
    }

    /// It need not meet anybody: [`missed_faults`](Self::missed_faults) leaves it out.
    pub fn may_miss(&self, id: FaultId) {
        self.shared.ground.faults.may_miss(id);
    }

    /// What was set so far and met nobody.
    #[must_use]
    pub fn missed_faults(&self) -> Vec<String> {
        self.shared.ground.faults.missed()
    }

    /// How often a fault was met so far, also when it is over: for an act, so many lines.
    #[must_use]
    pub fn fault_hits(&self, id: FaultId) -> u64 {
        self.shared.ground.faults.met(id)
    }

    /// Ends one standing fault; `false` when it was used up or never was.
    pub fn clear_fault(&self, id: FaultId) -> bool {
        let cleared = self.shared.ground.faults.clear(id);
        self.shared.faults_changed();
        cleared
    }

    /// Ends all standing faults. Lines that an act made half-open stay so.
    pub fn clear_faults(&self) {
        self.shared.ground.faults.clear_all();
        self.shared.faults_changed();
    }

    /// Open connections, silent ones included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.links.len()
    }

    /// Open connections of one key (of the temporary keys bound to it, too).
    #[must_use]
    pub fn connections_of(&self, key: KeyId) -> usize {
        self.shared
            .keys
            .get(key)
            .map_or(0, |key| key.identity().family_links().len())
    }

    /// Keys that were burnt by a rule, and where they were used.
    #[must_use]
    pub fn burnt(&self) -> Vec<Burnt> {
        self.shared.burnt()
    }

    #[must_use]
    pub fn counters(&self) -> WireCounters {
        self.shared.ground.counts.snapshot()
    }

    /// Stops listening, cuts every connection, and answers when the last of them is gone.
    pub async fn shutdown(&self) {
        self.shared.shutdown().await;
    }
}

impl Pusher for WireHandle {
    fn push(&self, key: KeyId, updates: &[u8]) -> usize {
        self.shared.push(key, updates)
    }

    fn cut(&self, key: KeyId) {
        self.shared.cut(key);
    }

    fn destroy_key(&self, key: KeyId) {
        self.shared.destroy_key(key);
    }

    fn layer(&self, key: KeyId) -> i32 {
        self.shared
            .keys
            .get(key)
            .map_or(0, |key| key.identity().layer())
    }
}
