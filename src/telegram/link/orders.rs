//! Orders: one attempt at what people want done, by whatever is to be done.

use super::{
    deeds, forward,
    outcome::{not_sent, of_chat},
    send, send_media,
    shared::Shared,
};
use crate::domain::{Order, Outcome, Work};

pub(super) async fn carry_out(shared: &Shared, order: &Order) -> Outcome {
    match attempt(shared, order).await {
        Outcome::Refused(error) => Outcome::Refused(of_chat(order.chat, error)),
        outcome => outcome,
    }
}

async fn attempt(shared: &Shared, order: &Order) -> Outcome {
    match &order.work {
        Work::Text(text) => send::send(shared, order.chat, text).await,
        Work::Media(media) => send_media::send(shared, order.chat, media).await,
        Work::Copy(_) => not_sent("its files are not here yet"),
        Work::Forward(work) => forward::forward(shared, order.chat, work).await,
        Work::Replace(work) => deeds::replace(shared, order.chat, work).await,
        Work::Deed { deed, message_ids } => {
            deeds::carry_out(shared, order.chat, deed, message_ids).await
        }
    }
}
