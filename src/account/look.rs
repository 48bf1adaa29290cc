//! A look at the chat before what makes messages goes out again after long. Telegram answers a repeated random id with the first
//! message at any later time (core.telegram.org/api/updates), but not every server that speaks its language remembers so
//! long: there the repeat would be a second message.

use std::time::Duration;

use crate::{
    domain::{Change, Order, Outcome, Repeat, Timestamp, Tries},
    telegram::{CallError, HistoryPage, HistoryRange, LinkHandle, Urgency},
};

/// From here on a random id may be forgotten.
const REMEMBERED: Duration = Duration::from_secs(3 * 3600);
/// A page of history, and how many are looked through. In a chat that is busier than that it stays unclear.
const PAGE: i32 = 100;
const PAGES: u32 = 5;

pub enum Look {
    /// It is not there, or there is no need to look.
    Send,
    /// There is a message of ours that may be it.
    Unclear,
    Later(Outcome),
}

pub async fn look(link: &LinkHandle, order: &Order) -> Look {
    match order.kind().repeat() {
        Repeat::SameIds if is_of_long_ago(&order.tries, Timestamp::now()) => {}
        Repeat::SameIds | Repeat::Freely => return Look::Send,
    }
    look_for(link, order).await
}

/// Is what a call before this one made in its chat? Whatever came of ours since may be it.
pub async fn look_for(link: &LinkHandle, order: &Order) -> Look {
    // Of what waits there it may be any.
    if order.schedule().is_some() {
        match link.scheduled(order.chat).await {
            Ok((_, waiting)) if waiting.is_empty() => {}
            Ok(_) => return Look::Unclear,
            Err(error) => return without_a_look(error),
        }
    }
    // Nothing below was sent after the first call.
    let above = order.tries.above.unwrap_or(0);
    let mut before = 0;
    for _ in 0..PAGES {
        let range = HistoryRange {
            before,
            min_id: above,
            limit: PAGE,
        };
        let page = match link.history(order.chat, range, Urgency::Person).await {
            Ok(page) => page,
            Err(error) => return without_a_look(error),
        };
        if has_own(&page, above) {
            return Look::Unclear;
        }
        match page.oldest_id {
            Some(oldest) if !page.complete && oldest > above + 1 => before = oldest,
            _ => return Look::Send,
        }
    }
    Look::Unclear
}

/// By the wall clock, which also counts while the service does not run. One that was set back proves nothing.
fn is_of_long_ago(tries: &Tries, now: Timestamp) -> bool {
    tries.state.may_have_arrived()
        && tries
            .last_at
            .is_some_and(|at| at > now || now.until(at) > REMEMBERED)
}

fn has_own(page: &HistoryPage, above: i32) -> bool {
    page.batch.changes.iter().any(|change| match change {
        Change::Message(message) => message.outgoing && message.message_id > above,
        _ => false,
    })
}

fn without_a_look(error: CallError) -> Look {
    match error {
        CallError::FloodWait(wait) => Look::Later(Outcome::SlowMode { wait }),
        // Whoever can't read there can't write there either: the send says so in Telegram's words.
        CallError::Rejected { .. } | CallError::Unresolvable => Look::Send,
        CallError::Unreadable
        | CallError::SignedOut(_)
        | CallError::Network(_)
        | CallError::StoreAway(_)
        | CallError::TimedOut => Look::Later(Outcome::NotSent {
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OrderState;

    /// Protects against the double: only what surely is not there, or was tried a moment ago, goes out without a look.
    #[test]
    fn what_may_have_arrived_long_ago_is_looked_for() {
        let now = Timestamp::now();
        let ago = |hours: u64| Timestamp::from_millis(now.millis() - hours as i64 * 3_600_000);
        let tries = |state, last_at| Tries {
            state,
            last_at,
            ..Tries::default()
        };
        for (state, last_at, looked) in [
            (OrderState::Queued, Some(ago(48)), false),
            (OrderState::Unanswered, None, false),
            (OrderState::Unanswered, Some(ago(1)), false),
            (OrderState::Unanswered, Some(ago(4)), true),
            (OrderState::InFlight, Some(ago(4)), true),
            (OrderState::Unanswered, Some(now.plus(REMEMBERED)), true),
        ] {
            assert_eq!(
                is_of_long_ago(&tries(state, last_at), now),
                looked,
                "{state:?} {last_at:?}"
            );
        }
    }
}
