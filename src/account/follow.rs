//! Follow: where an order goes whose group has become a supergroup. Telegram refuses it for the group, and names the supergroup to
//! whoever asks (core.telegram.org/api/channel#migration).

use super::look::{Look, look_for};
use crate::{
    domain::{MessageError, Order, Outcome},
    telegram::{CHAT_MIGRATED, CallError, LinkHandle},
};

/// What the refusal of an order means in the end. What may have arrived in the group before is looked for there first.
pub async fn follow(link: &LinkHandle, order: &Order, error: MessageError) -> Outcome {
    // What is done to messages of the group stays with them.
    if error.code != CHAT_MIGRATED || !order.kind().makes_messages() {
        return Outcome::Refused(error);
    }
    let to = match link.moved_to(order.chat).await {
        Ok(Some(to)) => to,
        Ok(None) | Err(CallError::Rejected { .. } | CallError::Unresolvable) => {
            return Outcome::Refused(error);
        }
        Err(CallError::FloodWait(wait)) => return Outcome::SlowMode { wait },
        // It was refused, and is once more when the answer can be had.
        Err(passing) => {
            return Outcome::NotSent {
                reason: passing.to_string(),
            };
        }
    };
    if order.tries.state.may_have_arrived() {
        match look_for(link, order).await {
            Look::Send => {}
            Look::Unclear => return Outcome::Refused(error),
            Look::Later(outcome) => return outcome,
        }
    }
    Outcome::Moved { to: Box::new(to) }
}
