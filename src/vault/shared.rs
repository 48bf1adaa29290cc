//! Shared: what the vault's handle and its task have in common.

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::{RemoteChange, VaultConflict, VaultKind, VaultState, VaultStatus};
use crate::domain::{Timestamp, VaultFault};

/// A receiver that falls further behind reads [`super::Vault::accounts`] instead.
const CHANGES_KEPT: usize = 1024;

pub(super) struct Shared {
    pub status: watch::Sender<VaultStatus>,
    pub changes: broadcast::Sender<RemoteChange>,
    /// Something changed here.
    pub wake: Notify,
    /// There are new sessions to be ended at Telegram.
    pub parting: Notify,
    pub closing: CancellationToken,
    pub closed: CancellationToken,
}

impl Shared {
    pub fn new(kind: VaultKind) -> Self {
        Self {
            status: watch::Sender::new(VaultStatus::starting(kind)),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            wake: Notify::new(),
            parting: Notify::new(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Orders to end sessions were committed.
    pub fn parted(&self, orders: &[i64]) {
        if !orders.is_empty() {
            self.parting.notify_one();
        }
    }

    pub fn is_online(&self) -> bool {
        self.status.borrow().state == VaultState::Online
    }

    pub fn online(&self) {
        let changed = self.status.send_if_modified(|status| {
            let changed = status.state != VaultState::Online;
            if changed {
                status.state = VaultState::Online;
                status.since = Timestamp::now();
                status.reason = None;
                status.reason_code = None;
                status.reason_params = None;
            }
            changed
        });
        if changed {
            log::info!(target: "switchboard::vault", "vault=supabase state=online");
        }
    }

    pub fn offline(&self, fault: &VaultFault) {
        let reason = fault.to_string();
        let (code, params) = fault.told();
        let changed = self.status.send_if_modified(|status| {
            if status.state != VaultState::Offline {
                status.state = VaultState::Offline;
                status.since = Timestamp::now();
            }
            let changed = status.reason.as_ref() != Some(&reason);
            status.reason = Some(reason.clone());
            status.reason_code = Some(code);
            status.reason_params = Some(params);
            changed
        });
        if changed {
            log::warn!(target: "switchboard::vault", "vault=supabase state=offline reason={reason:?}");
        }
    }

    pub fn count(&self, queued: usize, conflicts: Vec<VaultConflict>) {
        self.status.send_if_modified(|status| {
            let changed = status.queued != queued || status.conflicts != conflicts;
            status.queued = queued;
            status.conflicts = conflicts;
            changed
        });
    }

    /// After the commit.
    pub fn announce(&self, change: RemoteChange) {
        match &change {
            RemoteChange::Conflict { id, what } => {
                log::warn!(target: "switchboard::vault", "account={id} conflict={what:?}");
            }
            RemoteChange::Added(account) => {
                log::info!(target: "switchboard::vault", "account={} added in Supabase", account.id);
            }
            RemoteChange::Switched { id, is_active } => {
                log::info!(target: "switchboard::vault", "account={id} is_active={is_active} set in Supabase");
            }
            RemoteChange::Renamed { id, .. } => {
                log::info!(target: "switchboard::vault", "account={id} renamed in Supabase");
            }
            RemoteChange::ApiChanged { id } => {
                log::info!(target: "switchboard::vault", "account={id} api credentials changed in Supabase");
            }
            RemoteChange::ProxiesChanged { id } => {
                log::info!(target: "switchboard::vault", "account={id} proxies changed in Supabase");
            }
            RemoteChange::SessionReplaced { id } => {
                log::info!(target: "switchboard::vault", "account={id} session replaced in Supabase");
            }
            RemoteChange::Removed { id } => {
                log::warn!(target: "switchboard::vault", "account={id} removed in Supabase; its sealed copy stays here");
            }
        }
        // Nobody listening is fine: the rows have it.
        let _ = self.changes.send(change);
    }
}
