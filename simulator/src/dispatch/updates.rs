//! updates.*: the position, and what was missed since another one.

use grammers_tl_types::{enums, functions::updates as f, types};

use super::{Call, Effect};
use crate::world::{ChatRef, DIFFERENCE_LIMIT, Refusal, World, bad};

/// "Ordinary users are supposed to pass 10-100": more is not given.
const CHANNEL_LIMIT: usize = 100;

pub fn get_state(
    world: &mut World,
    call: &Call,
    _: f::GetState,
) -> Result<enums::updates::State, Refusal> {
    Ok(world.state_of(call.user)?.into())
}

pub fn get_difference(
    world: &mut World,
    call: &Call,
    r: f::GetDifference,
) -> Result<enums::updates::Difference, Refusal> {
    if r.pts <= 0 {
        return Err(bad("PERSISTENT_TIMESTAMP_EMPTY"));
    }
    let state = world.state_of(call.user)?;
    if r.pts > state.pts {
        return Err(bad("PERSISTENT_TIMESTAMP_INVALID"));
    }
    let mut limit = r
        .pts_limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(DIFFERENCE_LIMIT);
    let mut dated = false;
    let too_long = types::updates::DifferenceTooLong { pts: state.pts };
    match call.faults.next_for_difference(call.user, None) {
        Some(Effect::DifferenceTooLong) => return Ok(too_long.into()),
        Some(Effect::DifferenceSlices { events }) => limit = events,
        Some(Effect::DatedSlices { events }) => {
            limit = events;
            dated = true;
        }
        _ => {}
    }
    if r.pts_total_limit
        .is_some_and(|total| state.pts - r.pts > total)
    {
        return Ok(too_long.into());
    }
    let limit = limit.clamp(1, DIFFERENCE_LIMIT);
    let mut answer = world.difference(call.user, (r.pts, r.qts), r.date, limit)?;
    if let enums::updates::Difference::Slice(slice) = &mut answer
        && dated
    {
        let enums::updates::State::State(between) = &mut slice.intermediate_state;
        between.date = state.date;
    }
    Ok(answer)
}

pub fn get_channel_difference(
    world: &mut World,
    call: &Call,
    r: f::GetChannelDifference,
) -> Result<enums::updates::ChannelDifference, Refusal> {
    let channel = world.resolve_channel(call.user, &r.channel)?;
    let (id, pts) = (channel.id, channel.pts);
    if r.pts <= 0 {
        return Err(bad("PERSISTENT_TIMESTAMP_EMPTY"));
    }
    if r.pts > pts {
        return Err(bad("PERSISTENT_TIMESTAMP_INVALID"));
    }
    if r.limit <= 0 {
        return Err(bad("LIMIT_INVALID"));
    }
    let effect = call.faults.next_for_difference(call.user, Some(id));
    if let Some(Effect::ChannelSlices { events }) = effect {
        let answer = world.channel_difference(call.user, id, r.pts, events)?;
        return Ok(match answer {
            enums::updates::ChannelDifference::Empty(empty) => {
                let (r#final, timeout) = (false, None);
                types::updates::ChannelDifferenceEmpty {
                    r#final,
                    timeout,
                    ..empty
                }
                .into()
            }
            enums::updates::ChannelDifference::Difference(slice) => {
                let (r#final, timeout) = (false, None);
                types::updates::ChannelDifference {
                    r#final,
                    timeout,
                    ..slice
                }
                .into()
            }
            other => other,
        });
    }
    if effect.is_some() {
        let dialog = super::dialogs::dialog_tl(world, call.user, ChatRef::Channel(id));
        let Some(dialog) = dialog else {
            return Err(bad("CHANNEL_PRIVATE"));
        };
        let page = super::history::channel_tail(world, call.user, id, 20);
        let (users, chats, messages) = (page.users, page.chats, page.messages);
        return Ok(types::updates::ChannelDifferenceTooLong {
            r#final: true,
            timeout: Some(30),
            dialog,
            messages,
            chats,
            users,
        }
        .into());
    }
    world.channel_difference(
        call.user,
        id,
        r.pts,
        usize::try_from(r.limit).unwrap_or(100).min(CHANNEL_LIMIT),
    )
}
