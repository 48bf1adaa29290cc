//! Order rows: what is kept of a message until it is sent.

use std::time::Duration;

use diesel::{QueryResult, QueryableByName, RunQueryDsl, sqlite::SqliteConnection};

use super::{schema::outbox, sql::sql};
use crate::domain::{OrderState, Timestamp, Tries, Wait, Waiting};

#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = outbox)]
pub(in crate::store) struct OrderRow {
    pub message_row: i64,
    pub random_id: i64,
    state: String,
    pub above: Option<i64>,
    pub attempts: i32,
    unanswered_ms: i64,
    last_at: Option<i64>,
    wait_of: Option<String>,
    wait_ms: Option<i64>,
    pub retry_at: Option<i64>,
}

/// `select_orders!("FROM outbox o WHERE …")`: the one way orders are read.
macro_rules! select_orders {
    ($rest:expr) => {
        concat!(
            "SELECT o.message_row, o.random_id, o.state, o.above, o.attempts, o.unanswered_ms, o.last_at, o.wait_of, \
             o.wait_ms, o.retry_at ",
            $rest
        )
    };
}
pub(in crate::store) use select_orders;

/// The states that go on by themselves, as [`OrderState::is_pending`] tells them.
macro_rules! pending {
    () => {
        "('queued', 'in_flight', 'unanswered')"
    };
}
pub(in crate::store) use pending;

/// The states in which what comes of our own in the chat may be the echo.
macro_rules! in_flight {
    () => {
        "('in_flight', 'unanswered')"
    };
}
pub(in crate::store) use in_flight;

impl OrderRow {
    pub fn load(conn: &mut SqliteConnection, row: i64) -> QueryResult<Option<Self>> {
        Ok(sql(select_orders!("FROM outbox o WHERE o.message_row = ?"))
            .number(row)
            .load::<Self>(conn)?
            .pop())
    }

    pub fn state(&self) -> OrderState {
        state_of(&self.state)
    }

    pub fn tries(&self) -> Tries {
        let millis = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        Tries {
            state: self.state(),
            above: self.above.and_then(|above| i32::try_from(above).ok()),
            count: u32::try_from(self.attempts).unwrap_or(0),
            unanswered: millis(self.unanswered_ms),
            last_at: self.last_at.map(Timestamp::from_millis),
            wait: self.wait_ms.map(|length| Wait {
                whose: match self.wait_of.as_deref() {
                    Some("chat") => Waiting::Chat,
                    _ => Waiting::Account,
                },
                length: millis(length),
            }),
            retry_at: self.retry_at.map(Timestamp::from_millis),
        }
    }
}

pub(in crate::store) const fn state_text(state: OrderState) -> &'static str {
    match state {
        OrderState::Queued => "queued",
        OrderState::InFlight => "in_flight",
        OrderState::Unanswered => "unanswered",
        OrderState::Failed => "failed",
        OrderState::GivenUp => "given_up",
    }
}

pub(in crate::store) fn state_of(text: &str) -> OrderState {
    match text {
        "in_flight" => OrderState::InFlight,
        "unanswered" => OrderState::Unanswered,
        "failed" => OrderState::Failed,
        "given_up" => OrderState::GivenUp,
        _ => OrderState::Queued,
    }
}

pub(in crate::store) const fn waiting_text(whose: Waiting) -> &'static str {
    match whose {
        Waiting::Account => "account",
        Waiting::Chat => "chat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects the lists of states inside the statements from falling behind the type.
    #[test]
    fn the_statements_mean_the_same_states_as_the_type() {
        for state in [
            OrderState::Queued,
            OrderState::InFlight,
            OrderState::Unanswered,
            OrderState::Failed,
            OrderState::GivenUp,
        ] {
            let text = state_text(state);
            assert_eq!(state_of(text), state);
            let quoted = format!("'{text}'");
            assert_eq!(pending!().contains(&quoted), state.is_pending(), "{text}");
            let holds = state.is_pending() && state.may_have_arrived();
            assert_eq!(in_flight!().contains(&quoted), holds, "{text}");
        }
    }
}
