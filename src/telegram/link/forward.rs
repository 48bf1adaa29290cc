//! Forwarding: Telegram copies the messages itself. Those of one order go in one call, so that albums stay albums.

use grammers_client::tl;

use super::{
    outcome::{made_in, not_sent, outcome, planned_in, refused, unknown},
    resolve::input_peer,
    shared::Shared,
};
use crate::{
    domain::{ChatId, NewForward, Outcome, Schedule},
    telegram::{CallError, error::meaning},
};

pub(super) async fn forward(shared: &Shared, chat: ChatId, forward: &NewForward) -> Outcome {
    let peers = async {
        let from_peer = input_peer(shared, forward.from).await?;
        Ok::<_, CallError>((from_peer, input_peer(shared, chat).await?))
    };
    let (from_peer, to_peer) = match peers.await {
        Ok(peers) => peers,
        Err(CallError::Unresolvable) => {
            return refused("PEER_ID_INVALID", meaning("PEER_ID_INVALID"));
        }
        Err(passing) => return not_sent(&passing.to_string()),
    };
    let random_ids: Vec<i64> = forward
        .makes
        .iter()
        .map(|making| making.random_id)
        .collect();
    let request = tl::functions::messages::ForwardMessages {
        silent: false,
        background: false,
        with_my_score: false,
        drop_author: forward.hide_origin,
        drop_media_captions: false,
        noforwards: false,
        allow_paid_floodskip: false,
        from_ephemeral: false,
        from_peer,
        id: forward.message_ids.clone(),
        random_id: random_ids.clone(),
        to_peer,
        top_msg_id: forward.topic_id,
        reply_to: None,
        schedule_date: forward.schedule.map(Schedule::seconds),
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        video_timestamp: None,
        allow_paid_stars: None,
        suggested_post: None,
    };
    shared.hurry(chat);
    match shared.try_call(&request).await {
        Ok(updates) => match planned_in(&updates, &random_ids) {
            Some(planned) => planned,
            None => made(updates, &random_ids),
        },
        Err(failure) => outcome(failure),
    }
}

fn made(updates: tl::enums::Updates, random_ids: &[i64]) -> Outcome {
    match made_in(updates, random_ids) {
        made if made.is_empty() => unknown("Telegram's answer names none of the messages"),
        made => Outcome::Done { made },
    }
}
