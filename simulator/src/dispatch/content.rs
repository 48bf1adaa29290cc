//! Content: media without files that clients send, votes and lists of tasks.

use std::time::{SystemTime, UNIX_EPOCH};

use grammers_tl_types::{enums, functions::messages as f, types};

use super::Call;
use crate::world::{Form, Gid, Page, Poll, Refusal, World, bad, view::Detail};

/// What the server makes of media that has no file; `None`: it is another kind.
pub fn told(media: &enums::InputMedia) -> Result<Option<Form>, Refusal> {
    use enums::InputMedia as M;
    let said = |told: enums::MessageMedia| Form {
        told: Some(told),
        ..Form::default()
    };
    Ok(Some(match media {
        M::Venue(venue) => said(
            types::MessageMediaVenue {
                geo: point(&venue.geo_point)?,
                title: venue.title.clone(),
                address: venue.address.clone(),
                provider: venue.provider.clone(),
                venue_id: venue.venue_id.clone(),
                venue_type: venue.venue_type.clone(),
            }
            .into(),
        ),
        M::GeoLive(live) => said(
            types::MessageMediaGeoLive {
                geo: point(&live.geo_point)?,
                heading: live.heading,
                period: live.period.unwrap_or(0),
                proximity_notification_radius: live.proximity_notification_radius,
            }
            .into(),
        ),
        M::Dice(dice) => {
            if dice.emoticon.is_empty() {
                return Err(bad("EMOTICON_EMPTY"));
            }
            said(
                types::MessageMediaDice {
                    value: thrown(),
                    emoticon: dice.emoticon.clone(),
                    game_outcome: None,
                }
                .into(),
            )
        }
        M::Todo(list) => said(
            types::MessageMediaToDo {
                todo: list.todo.clone(),
                completions: None,
            }
            .into(),
        ),
        M::WebPage(page) => Form {
            page: Some(Page {
                url: page.url.clone(),
                known: None,
            }),
            ..Form::default()
        },
        M::Poll(poll) => Form {
            poll: Some(asked(poll)?),
            ..Form::default()
        },
        _ => return Ok(None),
    }))
}

/// One to six.
fn thrown() -> i32 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    now.subsec_nanos() as i32 / 1000 % 6 + 1
}

fn point(point: &enums::InputGeoPoint) -> Result<enums::GeoPoint, Refusal> {
    match point {
        enums::InputGeoPoint::Point(point) => Ok(types::GeoPoint {
            long: point.long,
            lat: point.lat,
            access_hash: 0,
            accuracy_radius: point.accuracy_radius,
        }
        .into()),
        enums::InputGeoPoint::Empty => Err(bad("MEDIA_EMPTY")),
    }
}

fn asked(media: &types::InputMediaPoll) -> Result<Poll, Refusal> {
    let enums::Poll::Poll(poll) = &media.poll;
    let words = |text: &enums::TextWithEntities| match text {
        enums::TextWithEntities::Entities(text) => text.text.clone(),
    };
    let answers: Vec<String> = poll
        .answers
        .iter()
        .map(|answer| match answer {
            enums::PollAnswer::Answer(answer) => words(&answer.text),
            enums::PollAnswer::InputPollAnswer(answer) => words(&answer.text),
        })
        .collect();
    if answers.len() < 2 || answers.iter().any(String::is_empty) {
        return Err(bad("POLL_ANSWERS_INVALID"));
    }
    let right = media.correct_answers.iter().flatten().next();
    let right = right.and_then(|right| u8::try_from(*right).ok());
    if poll.quiz && right.is_none_or(|right| usize::from(right) >= answers.len()) {
        return Err(bad("QUIZ_CORRECT_ANSWERS_EMPTY"));
    }
    Ok(Poll {
        question: words(&poll.question),
        answers,
        right: right.filter(|_| poll.quiz),
        solution: media.solution.clone(),
        multiple: poll.multiple_choice,
        public: poll.public_voters,
        closed: poll.closed,
        votes: Vec::new(),
    })
}

fn message(world: &World, call: &Call, peer: &enums::InputPeer, id: i32) -> Result<Gid, Refusal> {
    let chat = world.resolve_peer(call.user, peer)?;
    world
        .find(call.user, chat, id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))
}

fn standing(world: &World, call: &Call, gid: Gid) -> enums::Updates {
    let update = world.poll_update(call.user, gid).into_iter().collect();
    world.with_cast(
        call.user,
        update,
        &world.cast_of(call.user, &[]),
        Detail::Full,
    )
}

pub fn send_vote(
    world: &mut World,
    call: &Call,
    r: f::SendVote,
) -> Result<enums::Updates, Refusal> {
    let gid = message(world, call, &r.peer, r.msg_id)?;
    world.vote(call.user, gid, &r.options, Some(call.key()))?;
    Ok(standing(world, call, gid))
}

pub fn get_poll_results(
    world: &mut World,
    call: &Call,
    r: f::GetPollResults,
) -> Result<enums::Updates, Refusal> {
    let gid = message(world, call, &r.peer, r.msg_id)?;
    Ok(standing(world, call, gid))
}
