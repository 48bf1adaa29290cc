//! Figures: what became of deliveries, and who waits.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{lanes::Lanes, worker::Worker};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HookLabels {
    webhook: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    webhook: String,
    outcome: &'static str,
}

/// What became of one attempt.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Taken,
    Refused,
    /// Refused for so long that the next event had its turn.
    PassedOver,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Taken, Self::Refused, Self::PassedOver];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::PassedOver => "passed_over",
        }
    }
}

/// A webhook's name, and how far it is.
type Watched = (String, Arc<Mutex<Lanes>>);

/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct WebhookFigures {
    attempts: Family<OutcomeLabels, Counter>,
    waiting: Family<HookLabels, Gauge>,
    longest: Family<HookLabels, Gauge<f64, std::sync::atomic::AtomicU64>>,
    watched: Arc<Mutex<Vec<Watched>>>,
}

impl WebhookFigures {
    pub(super) fn count(&self, webhook: &str, outcome: Outcome) {
        let labels = OutcomeLabels {
            webhook: webhook.to_owned(),
            outcome: outcome.as_str(),
        };
        self.attempts.get_or_create(&labels).inc();
    }

    pub(super) fn watch(&self, worker: &Worker) {
        let entry = (worker.name(), worker.lanes());
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    /// It is served no longer, or by another worker.
    pub(super) fn unwatch(&self, worker: &Worker) {
        let lanes = worker.lanes();
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(_, watched)| !Arc::ptr_eq(watched, &lanes));
        // What the last look told stays told otherwise.
        let labels = HookLabels {
            webhook: worker.name(),
        };
        self.waiting.remove(&labels);
        self.longest.remove(&labels);
    }

    /// Over all webhooks: accounts that wait, and the longest time that one of them has not gone on.
    #[must_use]
    pub fn waiting(&self) -> (usize, Duration) {
        self.each().into_iter().fold(
            (0, Duration::ZERO),
            |(all, longest), (_, (count, waits))| (all + count, longest.max(waits)),
        )
    }

    /// Adds them, as they are now, to what Prometheus reads.
    pub fn register(&self, registry: &mut Registry) {
        for (webhook, (count, longest)) in self.each() {
            for outcome in Outcome::ALL {
                let labels = OutcomeLabels {
                    webhook: webhook.clone(),
                    outcome: outcome.as_str(),
                };
                drop(self.attempts.get_or_create(&labels));
            }
            let labels = HookLabels { webhook };
            self.waiting
                .get_or_create(&labels)
                .set(i64::try_from(count).unwrap_or(i64::MAX));
            self.longest
                .get_or_create(&labels)
                .set(longest.as_secs_f64());
        }
        registry.register(
            "switchboard_webhook_attempts",
            "Posts to webhooks by what became of them",
            self.attempts.clone(),
        );
        registry.register(
            "switchboard_webhook_accounts_waiting",
            "Accounts with events that the webhook has not taken",
            self.waiting.clone(),
        );
        registry.register(
            "switchboard_webhook_waiting_seconds",
            "How long the account that waits longest has not gone on",
            self.longest.clone(),
        );
    }

    fn each(&self) -> Vec<(String, (usize, Duration))> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |lanes: &Mutex<Lanes>| {
            let lanes = lanes.lock().unwrap_or_else(PoisonError::into_inner);
            lanes.waiting()
        };
        watched
            .iter()
            .map(|(name, lanes)| (name.clone(), look(lanes)))
            .collect()
    }
}
