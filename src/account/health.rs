//! Health: what Telegram's answers say of the account itself is stored, told and logged.

use crate::{
    domain::{AccountId, HealthFact, Order, Outcome, Timestamp},
    store::StoreHandle,
};

/// What one attempt says of the account. `stranger`: it went to somebody who never wrote to it.
pub fn fact_of(order: &Order, outcome: &Outcome, stranger: bool) -> Option<HealthFact> {
    let chat = order.chat;
    match outcome {
        Outcome::Done { .. } if stranger => Some(HealthFact::StrangerTaken { chat }),
        Outcome::Refused(error) => match error.code.as_str() {
            "PEER_FLOOD" => Some(HealthFact::StrangersRefused),
            code => {
                let stars = code.strip_prefix("ALLOW_PAYMENT_REQUIRED_")?;
                let stars = stars.parse().ok()?;
                Some(HealthFact::Paid { chat, stars })
            }
        },
        _ => None,
    }
}

/// A store that is away is no reason to wait: Telegram will say it again.
pub async fn learn(store: &StoreHandle, id: AccountId, fact: HealthFact) {
    match store.learn_health(id, fact.clone()).await {
        Ok(None) => {}
        Ok(Some(account)) => {
            let label = &account.label;
            let word = fact.as_str();
            match fact {
                HealthFact::Frozen(_) => {
                    let frozen = account.health.frozen.unwrap_or_default();
                    let shown = |at: Option<Timestamp>| {
                        at.map_or_else(|| "unknown".to_owned(), |at| at.to_string())
                    };
                    log::warn!(
                        target: "switchboard::account",
                        "account={id} label={label:?} health={word} since={} until={}", shown(frozen.since), shown(frozen.until)
                    );
                }
                HealthFact::StrangersRefused => {
                    log::warn!(target: "switchboard::account", "account={id} label={label:?} health={word}");
                }
                HealthFact::TooFast(_) => {
                    let now = account.health.learned_per_minute;
                    let now = now.map_or_else(|| "as_set".to_owned(), |now| now.to_string());
                    log::info!(target: "switchboard::account", "account={id} label={label:?} health={word} per_minute={now}");
                }
                HealthFact::Paid { stars, .. } => {
                    log::info!(target: "switchboard::account", "account={id} label={label:?} health={word} stars={stars}");
                }
                _ => {
                    log::info!(target: "switchboard::account", "account={id} label={label:?} health={word}")
                }
            }
        }
        Err(error) => {
            log::warn!(target: "switchboard::account", "account={id} its health could not be stored: {error}");
        }
    }
}
