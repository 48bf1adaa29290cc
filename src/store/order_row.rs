//! Order rows: what is kept of an order until it is done, and which messages it makes or concerns.

use std::time::Duration;

use diesel::{QueryResult, QueryableByName};

use super::{
    engine::Conn,
    schema::{order_messages, orders},
    sql::sql,
};
use crate::domain::{Held, OrderId, OrderState, Timestamp, Tries, Wait, Waiting};

#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = orders)]
pub(in crate::store) struct OrderRow {
    pub id: i64,
    pub conversation_id: i64,
    pub kind: String,
    pub payload: Option<String>,
    state: String,
    pub above: Option<i64>,
    pub attempts: i32,
    unanswered_ms: i64,
    last_at: Option<i64>,
    wait_of: Option<String>,
    wait_ms: Option<i64>,
    held: Option<String>,
    pub retry_at: Option<i64>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

/// `select_orders!("FROM orders o WHERE …")`: the one way orders are read.
macro_rules! select_orders {
    ($rest:expr) => {
        concat!(
            "SELECT o.id, o.conversation_id, o.kind, o.payload, o.state, o.above, o.attempts, o.unanswered_ms, o.last_at, \
             o.wait_of, o.wait_ms, o.held, o.retry_at, o.error_code, o.error_message ",
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

/// The kinds whose messages come back as echoes, as [`OrderKind::makes_messages`](crate::domain::OrderKind) tells them.
macro_rules! makes_messages {
    () => {
        "('text', 'media', 'forward')"
    };
}
pub(in crate::store) use makes_messages;

/// The kinds that stand beside the words, as [`OrderKind::lane`](crate::domain::OrderKind) tells them.
macro_rules! marks {
    () => {
        "('react', 'mute', 'archive', 'mark_unread', 'block', 'report', 'draft')"
    };
}
pub(in crate::store) use marks;

impl OrderRow {
    pub fn load(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Self>> {
        Ok(sql(select_orders!("FROM orders o WHERE o.id = ?"))
            .number(id.0)
            .load::<Self>(conn)?
            .pop())
    }

    /// The order that is to make this message.
    pub fn making(conn: &mut Conn, message_row: i64) -> QueryResult<Option<Self>> {
        Ok(sql(select_orders!(
            "FROM order_messages om JOIN orders o ON o.id = om.order_id \
             WHERE om.message_row = ? AND om.random_id IS NOT NULL"
        ))
        .number(message_row)
        .load::<Self>(conn)?
        .pop())
    }

    pub const fn order_id(&self) -> OrderId {
        OrderId(self.id)
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
                whose: match self.held.as_deref().or(self.wait_of.as_deref()) {
                    Some("chat") => Waiting::Chat,
                    Some("strangers") => Waiting::Pace(Held::Strangers),
                    Some("minute") => Waiting::Pace(Held::Minute),
                    Some("file") => Waiting::File,
                    _ => Waiting::Account,
                },
                length: millis(length),
            }),
            retry_at: self.retry_at.map(Timestamp::from_millis),
        }
    }
}

/// A message of an order.
#[derive(QueryableByName, Clone, Copy, Debug)]
#[diesel(table_name = order_messages)]
pub(in crate::store) struct OrderMessage {
    pub order_id: i64,
    pub message_row: i64,
    /// `None`: the order concerns the message, and does not make it.
    pub random_id: Option<i64>,
}

impl OrderMessage {
    pub fn of(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<Self>> {
        sql("SELECT order_id, message_row, random_id FROM order_messages WHERE order_id = ? ORDER BY ordinal")
            .number(order.0)
            .load(conn)
    }

    pub fn by_random_id(
        conn: &mut Conn,
        account_no: i64,
        random_id: i64,
    ) -> QueryResult<Option<Self>> {
        Ok(sql(
            "SELECT order_id, message_row, random_id FROM order_messages WHERE account_no = ? AND random_id = ?",
        )
        .number(account_no)
        .number(random_id)
        .load(conn)?
        .pop())
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
        // `held` says which pace, or that it is its file.
        Waiting::Chat | Waiting::Pace(_) | Waiting::File => "chat",
    }
}

/// For an order that waits for the account's own pace, or for its file.
pub(in crate::store) const fn held_text(whose: Waiting) -> Option<&'static str> {
    match whose {
        Waiting::Pace(Held::Strangers) => Some("strangers"),
        Waiting::Pace(Held::Minute) => Some("minute"),
        Waiting::File => Some("file"),
        Waiting::Account | Waiting::Chat => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Lane, OrderKind};

    /// Protects the lists of states and kinds inside the statements from falling behind the types.
    #[test]
    fn the_statements_mean_the_same_states_and_kinds_as_the_types() {
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
        for kind in OrderKind::ALL {
            let quoted = format!("'{}'", kind.as_str());
            let makes = makes_messages!().contains(&quoted);
            assert_eq!(makes, kind.makes_messages(), "{kind:?}");
            let beside = marks!().contains(&quoted);
            assert_eq!(beside, kind.lane() == Lane::Marks, "{kind:?}");
        }
    }
}
