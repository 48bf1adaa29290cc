//! The session as grammers sees it: data centres and keys, in memory.

use std::{
    collections::BTreeMap,
    net::{Ipv6Addr, SocketAddr, SocketAddrV6},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    time::Duration,
};

use grammers_client::session::{
    BoxFuture, Session,
    types::{DcOption, PeerId, PeerInfo, UpdateState, UpdatesState},
};
use tokio::time::timeout;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};
use zeroize::Zeroizing;

use crate::{
    domain::Device,
    telegram::{
        error::Failure,
        handshake::exchange_key,
        session::{DcRecord, SessionData},
        settings::Settings,
        ways::Ways,
    },
};

/// Everything else that grammers may ask for is answered with nothing: peers and positions are ours.
pub struct PoolSession {
    home: AtomicI32,
    dcs: Mutex<BTreeMap<i32, DcOption>>,
    /// Addresses that a person configured; Telegram's own list does not replace them.
    pinned: Vec<i32>,
    changed: AtomicBool,
    /// How its dials go out.
    ways: Arc<Ways>,
    /// What it calls itself on each of them.
    device: Device,
    /// Whatever has a connection that was dialled with it.
    pub(super) lines: TaskTracker,
}

/// A server that does not know our key makes grammers agree on a new one; the old one is kept instead.
#[derive(Debug, thiserror::Error)]
#[error("the server does not know the session's key")]
pub struct KeyVeto;

impl PoolSession {
    /// The stored session over the known data centres; configured addresses win.
    pub fn new(
        stored: Option<&SessionData>,
        settings: &Settings,
        (ways, device): (Arc<Ways>, Option<Device>),
    ) -> Arc<Self> {
        let mut dcs = settings.known_dcs();
        if let Some(stored) = stored {
            // An imported session may name a data centre without saying where it is.
            let placed = |id: &i32, record: &DcRecord, dcs: &BTreeMap<i32, DcOption>| {
                dcs.contains_key(id)
                    || !record.ipv4.ip().is_unspecified()
                    || !record.ipv6.ip().is_unspecified()
            };
            for (id, record) in &stored.dcs {
                if !placed(id, record, &dcs) {
                    continue;
                }
                let dc = dcs.entry(*id).or_insert_with(|| option(*id, record));
                dc.auth_key = record.key.as_deref().copied();
            }
        }
        Arc::new(Self {
            home: AtomicI32::new(stored.map_or(settings.first_dc(), |stored| stored.home_dc)),
            dcs: Mutex::new(dcs),
            pinned: settings.pinned_dcs(),
            changed: AtomicBool::new(false),
            ways,
            device: device.unwrap_or_else(|| settings.config.device()),
            lines: TaskTracker::new(),
        })
    }

    /// Held for as long as a connection is open, by whoever dials one beside the pools.
    pub fn line(&self) -> TaskTrackerToken {
        self.lines.token()
    }

    /// Waits until every connection is closed that was dialled with it, which were told to end: its key may be somebody else's then.
    pub async fn silent(&self) {
        self.lines.close();
        self.lines.wait().await;
    }

    /// The same, for as long as somebody waits.
    pub async fn hung_up(&self, limit: Duration) {
        let _ = timeout(limit, self.silent()).await;
    }

    /// Is every connection closed that was dialled with it?
    pub fn is_silent(&self) -> bool {
        self.lines.is_empty()
    }

    fn dcs(&self) -> MutexGuard<'_, BTreeMap<i32, DcOption>> {
        self.dcs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ways(&self) -> &Ways {
        &self.ways
    }

    pub fn home(&self) -> i32 {
        self.home.load(Ordering::Relaxed)
    }

    pub fn set_home(&self, dc: i32) {
        self.home.store(dc, Ordering::Relaxed);
    }

    /// Is there an address for it?
    pub fn knows(&self, dc: i32) -> bool {
        self.dcs().contains_key(&dc)
    }

    pub fn has_key(&self, dc: i32) -> bool {
        self.dcs().get(&dc).is_some_and(|dc| dc.auth_key.is_some())
    }

    pub fn key(&self, dc: i32) -> Option<Zeroizing<[u8; 256]>> {
        self.dcs().get(&dc)?.auth_key.map(Zeroizing::new)
    }

    /// What it calls itself.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where a data centre is about to be dialled, and with which key. `None`: one of them is not known.
    pub fn dial_with(
        &self,
        dc: i32,
        settings: &Settings,
    ) -> Option<(SocketAddr, Zeroizing<[u8; 256]>)> {
        let dcs = self.dcs();
        let option = dcs.get(&dc)?;
        let address = address(option, settings.use_ipv6());
        let key = option.auth_key.map(Zeroizing::new)?;
        drop(dcs);
        self.ways.note(dc, address);
        Some((address, key))
    }

    pub fn home_address(&self, settings: &Settings) -> Option<SocketAddr> {
        let dcs = self.dcs();
        dcs.get(&self.home())
            .map(|dc| address(dc, settings.use_ipv6()))
    }

    /// Where every known data centre lies.
    pub fn addresses(&self, settings: &Settings) -> Vec<(i32, SocketAddr)> {
        let dcs = self.dcs();
        dcs.iter()
            .map(|(id, dc)| (*id, address(dc, settings.use_ipv6())))
            .collect()
    }

    /// Was a key or address added since the last call?
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// What the vault should keep.
    pub fn export(&self, self_id: i64, self_hash: i64, api_id: i32) -> SessionData {
        let record = |dc: &DcOption| DcRecord {
            ipv4: dc.ipv4,
            ipv6: dc.ipv6,
            key: dc.auth_key.map(Zeroizing::new),
        };
        let home = self.home();
        let keep = |id: i32, dc: &DcOption| id == home || dc.auth_key.is_some();
        SessionData {
            home_dc: home,
            self_id,
            self_hash,
            api_id,
            dcs: self
                .dcs()
                .iter()
                .filter(|(id, dc)| keep(**id, dc))
                .map(|(id, dc)| (*id, record(dc)))
                .collect(),
        }
    }

    /// Custom servers have a key of their own, which grammers does not know: agree on the auth key before it dials.
    pub async fn ensure_key(&self, dc: i32, settings: &Settings) -> Result<(), Failure> {
        let Some(server_key) = &settings.server_key else {
            return Ok(());
        };
        if self.has_key(dc) {
            return Ok(());
        }
        let address = self
            .dcs()
            .get(&dc)
            .map(|dc| address(dc, settings.use_ipv6()))
            .ok_or_else(|| Failure::network(format!("data centre {dc} is not configured")))?;
        let limit = settings.timing.connect_limit;
        let key = exchange_key((&self.ways, dc, address), server_key, limit)
            .await
            .map_err(|error| Failure::network(error.to_string()))?;
        if let Some(dc) = self.dcs().get_mut(&dc) {
            // Another call may have been faster; the first key stays.
            dc.auth_key.get_or_insert(key);
        }
        self.changed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes what grammers learned, except a key in place of one we have.
    fn learn(&self, new: &DcOption) -> Result<(), KeyVeto> {
        let mut dcs = self.dcs();
        let Some(known) = dcs.get_mut(&new.id) else {
            dcs.insert(new.id, new.clone());
            return Ok(());
        };
        match (&known.auth_key, &new.auth_key) {
            (Some(old), Some(new)) if old != new => return Err(KeyVeto),
            (None, Some(new)) => {
                known.auth_key = Some(*new);
                self.changed.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        if !self.pinned.contains(&new.id) {
            (known.ipv4, known.ipv6) = (new.ipv4, new.ipv6);
        }
        Ok(())
    }
}

impl Session for PoolSession {
    type Error = KeyVeto;

    fn home_dc_id(&self) -> Result<i32, KeyVeto> {
        Ok(self.home())
    }

    fn set_home_dc_id(&self, dc_id: i32) -> BoxFuture<'_, Result<(), KeyVeto>> {
        self.set_home(dc_id);
        Box::pin(async { Ok(()) })
    }

    fn dc_option(&self, dc_id: i32) -> Result<Option<DcOption>, KeyVeto> {
        let dc = self.dcs().get(&dc_id).cloned();
        if let Some(dc) = &dc {
            // It is about to be dialled at one of these.
            self.ways.note(dc_id, dc.ipv4.into());
            self.ways.note(dc_id, dc.ipv6.into());
        }
        Ok(dc)
    }

    fn set_dc_option(&self, dc_option: &DcOption) -> BoxFuture<'_, Result<(), KeyVeto>> {
        let learned = self.learn(dc_option);
        Box::pin(async { learned })
    }

    fn peer(&self, _peer: PeerId) -> BoxFuture<'_, Result<Option<PeerInfo>, KeyVeto>> {
        Box::pin(async { Ok(None) })
    }

    fn cache_peer(&self, _peer: PeerInfo) -> BoxFuture<'_, Result<(), KeyVeto>> {
        Box::pin(async { Ok(()) })
    }

    fn updates_state(&self) -> BoxFuture<'_, Result<UpdatesState, KeyVeto>> {
        Box::pin(async { Ok(UpdatesState::default()) })
    }

    fn set_update_state(&self, _update: UpdateState) -> BoxFuture<'_, Result<(), KeyVeto>> {
        Box::pin(async { Ok(()) })
    }
}

fn option(id: i32, record: &DcRecord) -> DcOption {
    let mut ipv6 = record.ipv6;
    if ipv6.ip() == &Ipv6Addr::UNSPECIFIED {
        ipv6 = SocketAddrV6::new(record.ipv4.ip().to_ipv6_mapped(), record.ipv4.port(), 0, 0);
    }
    DcOption {
        id,
        ipv4: record.ipv4,
        ipv6,
        auth_key: None,
    }
}

fn address(dc: &DcOption, use_ipv6: bool) -> SocketAddr {
    if use_ipv6 {
        dc.ipv6.into()
    } else {
        dc.ipv4.into()
    }
}
