//! Figures: what Prometheus reads. What happened is counted as it happens; what is, is asked for when
//! somebody looks. Each series that there can be is there from the first look on: a rule must not have to wait for the first
//! failure to learn that there was none.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{
    domain::{Account, AccountState, Direction, Event, EventBody, MessageStatus, Timestamp},
    store::Room,
    vault::{VaultState, VaultStatus},
};

/// What messages are told as.
const MESSAGES: [(Direction, MessageStatus); 4] = [
    (Direction::Incoming, MessageStatus::Received),
    (Direction::Outgoing, MessageStatus::Pending),
    (Direction::Outgoing, MessageStatus::Sent),
    (Direction::Outgoing, MessageStatus::Failed),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    direction: &'static str,
    status: &'static str,
}

impl MessageLabels {
    const fn of(direction: Direction, status: MessageStatus) -> Self {
        Self {
            direction: match direction {
                Direction::Incoming => "incoming",
                Direction::Outgoing => "outgoing",
            },
            status: match status {
                MessageStatus::Received => "received",
                MessageStatus::Pending => "pending",
                MessageStatus::Sent => "sent",
                MessageStatus::Failed => "failed",
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccountLabels {
    account: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HistoryLabels {
    account: String,
    part: &'static str,
}

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    messages: Family<MessageLabels, Counter>,
    reconnects: Family<AccountLabels, Counter>,
    delivery: Histogram,
    accounts: Family<StateLabels, Gauge>,
    update_age: Family<AccountLabels, Gauge<f64, AtomicU64>>,
    outbox: Family<AccountLabels, Gauge>,
    flood: Family<AccountLabels, Gauge<f64, AtomicU64>>,
    history: Family<HistoryLabels, Gauge>,
    frozen: Family<AccountLabels, Gauge>,
    strangers_limited: Family<AccountLabels, Gauge>,
    flood_waits: Family<AccountLabels, Gauge>,
    strangers: Family<AccountLabels, Gauge>,
    websockets: Gauge,
    started: Gauge<f64, AtomicU64>,
    store_usable: Gauge,
    database_bytes: Gauge,
    disk_free_bytes: Gauge,
    vault_online: Gauge,
    vault_queued: Gauge,
    vault_conflicts: Gauge,
}

/// What a look needs besides the accounts.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// WebSockets.
    pub open: usize,
    /// Can the database be written and read?
    pub usable: bool,
    pub room: Option<Room>,
    pub vault: VaultStatus,
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            messages: Family::default(),
            reconnects: Family::default(),
            delivery: Histogram::new([
                0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
            ]),
            accounts: Family::default(),
            update_age: Family::default(),
            outbox: Family::default(),
            flood: Family::default(),
            history: Family::default(),
            frozen: Family::default(),
            strangers_limited: Family::default(),
            flood_waits: Family::default(),
            strangers: Family::default(),
            websockets: Gauge::default(),
            started: Gauge::default(),
            store_usable: Gauge::default(),
            database_bytes: Gauge::default(),
            disk_free_bytes: Gauge::default(),
            vault_online: Gauge::default(),
            vault_queued: Gauge::default(),
            vault_conflicts: Gauge::default(),
        };
        for (direction, status) in MESSAGES {
            let labels = MessageLabels::of(direction, status);
            drop(metrics.messages.get_or_create(&labels));
        }
        let millis = Timestamp::now().millis();
        metrics.started.set(millis as f64 / 1_000.0);
        metrics.register();
        metrics.register_surroundings();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "switchboard_accounts",
            "Accounts by state",
            self.accounts.clone(),
        );
        registry.register(
            "switchboard_messages",
            "Messages by direction and status",
            self.messages.clone(),
        );
        registry.register(
            "switchboard_reconnects",
            "Lines that were lost",
            self.reconnects.clone(),
        );
        registry.register(
            "switchboard_update_age_seconds",
            "Since the last update of an account; before the first, since it was added",
            self.update_age.clone(),
        );
        registry.register(
            "switchboard_outbox_pending",
            "Replies that wait",
            self.outbox.clone(),
        );
        registry.register(
            "switchboard_delivery_seconds",
            "Read from Telegram's socket to written to a WebSocket",
            self.delivery.clone(),
        );
        registry.register(
            "switchboard_websockets",
            "Open dashboards",
            self.websockets.clone(),
        );
        registry.register(
            "switchboard_flood_wait_seconds",
            "How long an account still has to wait",
            self.flood.clone(),
        );
        registry.register(
            "switchboard_history_messages",
            "Messages of an account that fetches its whole history: done, and with those still expected",
            self.history.clone(),
        );
        registry.register(
            "switchboard_account_frozen",
            "1: Telegram has frozen the account",
            self.frozen.clone(),
        );
        registry.register(
            "switchboard_account_strangers_limited",
            "1: Telegram refuses its messages to people who never wrote to it",
            self.strangers_limited.clone(),
        );
        registry.register(
            "switchboard_flood_waits_day",
            "Flood waits of the last 24 hours",
            self.flood_waits.clone(),
        );
        registry.register(
            "switchboard_strangers_day",
            "People it wrote to in the last 24 hours who never wrote to it",
            self.strangers.clone(),
        );
    }

    fn register_surroundings(&mut self) {
        let registry = &mut self.registry;
        let version: Family<VersionLabels, Gauge> = Family::default();
        let labels = VersionLabels {
            version: env!("CARGO_PKG_VERSION"),
        };
        version.get_or_create(&labels).set(1);
        registry.register(
            "switchboard_version",
            "1, with the version that runs",
            version,
        );
        registry.register(
            "switchboard_started_seconds",
            "When the service was started, in Unix time",
            self.started.clone(),
        );
        for (name, help, gauge) in [
            (
                "switchboard_store_usable",
                "1: the database can be written and read",
                &self.store_usable,
            ),
            (
                "switchboard_database_bytes",
                "The database and its log",
                &self.database_bytes,
            ),
            (
                "switchboard_disk_free_bytes",
                "What is left on the disk of the database",
                &self.disk_free_bytes,
            ),
            (
                "switchboard_vault_online",
                "1: the vault is reached; the local one always is",
                &self.vault_online,
            ),
            (
                "switchboard_vault_queued",
                "Accounts with a change that Supabase does not have yet",
                &self.vault_queued,
            ),
            (
                "switchboard_vault_conflicts",
                "Accounts that differ here and in Supabase and wait for a person",
                &self.vault_conflicts,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }

    /// One live event was written to one WebSocket.
    pub fn delivered(&self, after: Duration) {
        self.delivery.observe(after.as_secs_f64());
    }

    /// Counts a committed event.
    pub fn count(&self, event: &Event) {
        match &event.body {
            EventBody::MessageReceived { message, .. } | EventBody::MessageSent { message, .. } => {
                let labels = MessageLabels::of(message.direction, message.status);
                self.messages.get_or_create(&labels).inc();
            }
            EventBody::AccountStatus { account } if account.state == AccountState::Reconnecting => {
                let labels = AccountLabels {
                    account: account.id.to_string(),
                };
                self.reconnects.get_or_create(&labels).inc();
            }
            _ => {}
        }
    }

    /// What is, whether the accounts can be read or not.
    pub(super) fn look_around(&self, around: &Surroundings) {
        self.websockets.set(whole(around.open));
        self.store_usable.set(i64::from(around.usable));
        if let Some(room) = around.room {
            self.database_bytes.set(whole(room.database));
            self.disk_free_bytes.set(whole(room.free));
        }
        let online = around.vault.state == VaultState::Online;
        self.vault_online.set(i64::from(online));
        self.vault_queued.set(whole(around.vault.queued));
        self.vault_conflicts
            .set(whole(around.vault.conflicts.len()));
    }

    /// What is, as far as it is not counted as it happens.
    pub(super) fn look(&self, accounts: &[Account]) {
        let now = Timestamp::now();
        for state in AccountState::ALL {
            let count = accounts
                .iter()
                .filter(|account| account.state == state)
                .count();
            let labels = StateLabels {
                state: state.as_str(),
            };
            self.accounts.get_or_create(&labels).set(whole(count));
        }
        self.update_age.clear();
        self.outbox.clear();
        self.flood.clear();
        self.history.clear();
        self.frozen.clear();
        self.strangers_limited.clear();
        self.flood_waits.clear();
        self.strangers.clear();
        for account in accounts {
            let labels = AccountLabels {
                account: account.id.to_string(),
            };
            drop(self.reconnects.get_or_create(&labels));
            let at = account.last_update_at.unwrap_or(account.created_at);
            self.update_age
                .get_or_create(&labels)
                .set(now.until(at).as_secs_f64());
            self.outbox
                .get_or_create(&labels)
                .set(account.outbox_pending);
            let wait = match (account.state, account.retry_at) {
                (AccountState::Limited, Some(until)) => until.until(now),
                _ => Duration::ZERO,
            };
            self.flood.get_or_create(&labels).set(wait.as_secs_f64());
            let health = &account.health;
            for (family, number) in [
                (&self.frozen, i64::from(health.frozen.is_some())),
                (
                    &self.strangers_limited,
                    i64::from(health.strangers_limited.is_some()),
                ),
                (&self.flood_waits, i64::from(health.flood_waits.count)),
                (&self.strangers, i64::from(health.strangers_today)),
            ] {
                family.get_or_create(&labels).set(number);
            }
            let history = account.history.as_ref();
            let (done, total) = history.map_or((0, 0), |history| (history.done, history.total));
            for (part, messages) in [("done", done), ("total", total)] {
                let labels = HistoryLabels {
                    account: account.id.to_string(),
                    part,
                };
                self.history.get_or_create(&labels).set(messages);
            }
        }
    }

    pub(super) const fn registry(&self) -> &Registry {
        &self.registry
    }
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
