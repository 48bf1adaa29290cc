//! Polls: the question, what can be chosen, and how it stands.

use std::fmt::Write as _;

use grammers_client::tl;
use tl::enums::{PollAnswer, PollAnswerVoters, PollResults, TextWithEntities};

use super::{clean, date};
use crate::domain::{Poll, PollOption};

/// Telegram itself has thirty at most.
const MOST: usize = 200;

pub(super) fn words(TextWithEntities::Entities(text): TextWithEntities) -> String {
    clean::block(text.text)
}

pub(super) fn poll(poll: tl::enums::Poll, results: PollResults) -> Poll {
    let tl::enums::Poll::Poll(asked) = poll;
    let options = asked
        .answers
        .into_iter()
        .take(MOST)
        .map(|answer| match answer {
            PollAnswer::Answer(answer) => PollOption {
                text: words(answer.text),
                key: hex(&answer.option),
                ..PollOption::default()
            },
            PollAnswer::InputPollAnswer(answer) => PollOption {
                text: words(answer.text),
                ..PollOption::default()
            },
        });
    let mut poll = Poll {
        id: asked.id.to_string(),
        question: words(asked.question),
        options: options.collect(),
        quiz: asked.quiz,
        multiple: asked.multiple_choice,
        anonymous: !asked.public_voters,
        closed: asked.closed,
        closes_at: asked.close_date.map(date),
        ..Poll::default()
    };
    count(&mut poll, results);
    poll
}

/// Results that come without their poll.
pub(super) fn results(id: i64, results: PollResults) -> Poll {
    let mut poll = Poll {
        id: id.to_string(),
        results_only: true,
        ..Poll::default()
    };
    count(&mut poll, results);
    poll
}

fn count(poll: &mut Poll, results: PollResults) {
    let PollResults::Results(results) = results;
    poll.min = results.min;
    poll.voters = results.total_voters.map(clean::count);
    poll.explanation = results.solution.map(clean::block).and_then(super::some);
    for PollAnswerVoters::Voters(told) in results.results.into_iter().flatten().take(MOST) {
        let key = hex(&told.option);
        let at = poll.options.iter().position(|option| option.key == key);
        let option = match at {
            Some(at) => poll.options.get_mut(at),
            None if poll.results_only => {
                poll.options.push(PollOption {
                    key,
                    ..PollOption::default()
                });
                poll.options.last_mut()
            }
            None => None,
        };
        let Some(option) = option else { continue };
        option.votes = told.voters.map(clean::count);
        option.mine = told.chosen;
        option.correct = (poll.quiz || told.correct).then_some(told.correct);
    }
    // Which answer is right is told to those who have answered.
    let known = poll
        .options
        .iter()
        .any(|option| option.correct == Some(true));
    if !known {
        poll.options
            .iter_mut()
            .for_each(|option| option.correct = None);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(64).fold(String::new(), |mut text, byte| {
        // Writing to a string has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
