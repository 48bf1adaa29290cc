//! Figures: what Prometheus reads. What happened is counted as it happens; what is, is asked for when
//! somebody looks.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::domain::{Account, AccountState, Direction, Event, EventBody, MessageStatus, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    direction: &'static str,
    status: &'static str,
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
    update_age: Family<AccountLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    outbox: Family<AccountLabels, Gauge>,
    flood: Family<AccountLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    history: Family<HistoryLabels, Gauge>,
    frozen: Family<AccountLabels, Gauge>,
    strangers_limited: Family<AccountLabels, Gauge>,
    flood_waits: Family<AccountLabels, Gauge>,
    strangers: Family<AccountLabels, Gauge>,
    websockets: Gauge,
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
        };
        metrics.register();
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
            "Since the last update of an account",
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

    /// One live event was written to one WebSocket.
    pub fn delivered(&self, after: Duration) {
        self.delivery.observe(after.as_secs_f64());
    }

    /// Counts a committed event.
    pub fn count(&self, event: &Event) {
        match &event.body {
            EventBody::MessageReceived { message, .. } | EventBody::MessageSent { message, .. } => {
                let labels = MessageLabels {
                    direction: match message.direction {
                        Direction::Incoming => "incoming",
                        Direction::Outgoing => "outgoing",
                    },
                    status: match message.status {
                        MessageStatus::Received => "received",
                        MessageStatus::Pending => "pending",
                        MessageStatus::Sent => "sent",
                        MessageStatus::Failed => "failed",
                    },
                };
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

    /// What is, as far as it is not counted as it happens. `open`: WebSockets.
    pub(super) fn look(&self, accounts: &[Account], open: usize) {
        let now = Timestamp::now();
        for state in AccountState::ALL {
            let count = accounts
                .iter()
                .filter(|account| account.state == state)
                .count();
            let labels = StateLabels {
                state: state.as_str(),
            };
            self.accounts
                .get_or_create(&labels)
                .set(i64::try_from(count).unwrap_or(i64::MAX));
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
            if let Some(at) = account.last_update_at {
                self.update_age
                    .get_or_create(&labels)
                    .set(now.until(at).as_secs_f64());
            }
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
            if let Some(history) = &account.history {
                for (part, messages) in [("done", history.done), ("total", history.total)] {
                    let labels = HistoryLabels {
                        account: account.id.to_string(),
                        part,
                    };
                    self.history.get_or_create(&labels).set(messages);
                }
            }
        }
        self.websockets.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    pub(super) const fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
