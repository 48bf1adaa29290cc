//! Poll: what is asked, and who voted for what.

use grammers_tl_types::{enums, types};

use super::{
    Refusal, World, bad,
    ids::ChatRef,
    message::{Form, Gid, Media},
    push::Audience,
    view::file_id,
};
use crate::port::KeyId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    pub question: String,
    pub answers: Vec<String>,
    /// The right answer of a quiz.
    pub right: Option<u8>,
    pub solution: Option<String>,
    pub multiple: bool,
    /// Everybody sees who voted for what.
    pub public: bool,
    pub closed: bool,
    /// Who, for which answer, in the order they came.
    pub votes: Vec<(i64, u8)>,
}

impl Poll {
    fn voted(&self, user: i64) -> bool {
        self.votes.iter().any(|(by, _)| *by == user)
    }

    pub fn media(&self, viewer: i64, id: i64) -> enums::MessageMedia {
        types::MessageMediaPoll {
            poll: self.tl(id),
            results: self.results(viewer),
            attached_media: None,
        }
        .into()
    }

    fn tl(&self, id: i64) -> enums::Poll {
        let answers = self.answers.iter().zip(0u8..).map(|(answer, option)| {
            types::PollAnswer {
                text: words(answer),
                option: vec![option],
                media: None,
                added_by: None,
                date: None,
            }
            .into()
        });
        types::Poll {
            id,
            closed: self.closed,
            public_voters: self.public,
            multiple_choice: self.multiple,
            quiz: self.right.is_some(),
            open_answers: false,
            revoting_disabled: false,
            shuffle_answers: false,
            hide_results_until_close: false,
            creator: false,
            subscribers_only: false,
            question: words(&self.question),
            answers: answers.collect(),
            close_period: None,
            close_date: None,
            countries_iso2: None,
            hash: 0,
        }
        .into()
    }

    /// How it stands is told to those who voted; once it is closed, to all.
    fn results(&self, viewer: i64) -> enums::PollResults {
        let told = self.closed || self.voted(viewer);
        let solution = self.solution.clone().filter(|_| told);
        types::PollResults {
            min: false,
            has_unread_votes: false,
            can_view_stats: false,
            results: told.then(|| self.counts(Some(viewer))),
            total_voters: Some(self.voters()),
            recent_voters: None,
            solution_entities: solution.as_ref().map(|_| Vec::new()),
            solution,
            solution_media: None,
        }
        .into()
    }

    /// The same for everybody.
    fn min_results(&self) -> enums::PollResults {
        types::PollResults {
            min: true,
            has_unread_votes: false,
            can_view_stats: false,
            results: Some(self.counts(None)),
            total_voters: Some(self.voters()),
            recent_voters: None,
            solution: None,
            solution_entities: None,
            solution_media: None,
        }
        .into()
    }

    fn counts(&self, viewer: Option<i64>) -> Vec<enums::PollAnswerVoters> {
        let count = |option: u8| {
            let of = |vote: &&(i64, u8)| vote.1 == option;
            let voters: Vec<i64> = self.votes.iter().filter(of).map(|vote| vote.0).collect();
            types::PollAnswerVoters {
                chosen: viewer.is_some_and(|viewer| voters.contains(&viewer)),
                correct: viewer.is_some() && self.right == Some(option),
                option: vec![option],
                voters: Some(voters.len() as i32),
                recent_voters: Some(Vec::new()),
            }
            .into()
        };
        (0u8..).take(self.answers.len()).map(count).collect()
    }

    fn voters(&self) -> i32 {
        let mut who: Vec<i64> = self.votes.iter().map(|vote| vote.0).collect();
        who.sort_unstable();
        who.dedup();
        who.len() as i32
    }
}

fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities {
        text: text.to_owned(),
        entities: Vec::new(),
    }
    .into()
}

impl World {
    fn poll_of(&self, gid: Gid) -> Option<Poll> {
        let body = self.body(gid).filter(|body| !body.deleted)?;
        let form = body.form.as_ref().and_then(|form| form.poll.clone());
        form.or_else(|| match body.media.as_deref()? {
            Media::Poll { question, answers } => Some(Poll {
                question: question.clone(),
                answers: answers.clone(),
                ..Poll::default()
            }),
            _ => None,
        })
    }

    fn put_poll(&mut self, gid: Gid, poll: Poll) {
        if let Some(body) = self.body_mut(gid) {
            let form = body.form.get_or_insert_with(|| Box::new(Form::default()));
            form.poll = Some(poll);
        }
    }

    /// Votes, or takes the vote back when no answer is named. Everybody hears how the poll stands.
    pub fn vote(
        &mut self,
        by: i64,
        gid: Gid,
        options: &[Vec<u8>],
        key: Option<KeyId>,
    ) -> Result<(), Refusal> {
        let mut poll = self.poll_of(gid).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        if poll.closed {
            return Err(bad("MESSAGE_POLL_CLOSED"));
        }
        let chosen: Option<Vec<u8>> = options
            .iter()
            .map(|option| match option[..] {
                [one] if usize::from(one) < poll.answers.len() => Some(one),
                _ => None,
            })
            .collect();
        let chosen = chosen.ok_or_else(|| bad("OPTION_INVALID"))?;
        if chosen.len() > 1 && !poll.multiple {
            return Err(bad("OPTIONS_TOO_MUCH"));
        }
        if poll.right.is_some() && poll.voted(by) {
            return Err(bad("REVOTE_NOT_ALLOWED"));
        }
        poll.votes.retain(|(user, _)| *user != by);
        poll.votes
            .extend(chosen.into_iter().map(|option| (by, option)));
        self.put_poll(gid, poll);
        self.tell_votes(by, gid, key);
        Ok(())
    }

    /// Nobody votes any more.
    pub fn close_poll(&mut self, by: i64, gid: Gid) -> Result<(), Refusal> {
        let mut poll = self.poll_of(gid).ok_or_else(|| bad("MESSAGE_ID_INVALID"))?;
        poll.closed = true;
        self.put_poll(gid, poll);
        self.tell_votes(by, gid, None);
        Ok(())
    }

    /// How a poll stands, as the update says it to one user.
    pub fn poll_update(&self, viewer: i64, gid: Gid) -> Option<enums::Update> {
        let poll = self.poll_of(gid)?;
        let poll_id = file_id(self.seed, gid);
        Some(
            types::UpdateMessagePoll {
                peer: None,
                msg_id: None,
                top_msg_id: None,
                poll_id,
                poll: poll.closed.then(|| poll.tl(poll_id)),
                results: poll.results(viewer),
            }
            .into(),
        )
    }

    fn tell_votes(&mut self, by: i64, gid: Gid, key: Option<KeyId>) {
        self.revision += 1;
        let Some(poll) = self.poll_of(gid) else {
            return;
        };
        let poll_id = file_id(self.seed, gid);
        for user in self.viewers(gid) {
            let own = user == by || poll.closed;
            let update = types::UpdateMessagePoll {
                peer: None,
                msg_id: None,
                top_msg_id: None,
                poll_id,
                poll: poll.closed.then(|| poll.tl(poll_id)),
                results: if own {
                    poll.results(user)
                } else {
                    poll.min_results()
                },
            };
            self.push_short(Audience::Account { user, except: key }, update.into());
        }
    }

    /// Accounts that have a message.
    pub(super) fn viewers(&self, gid: Gid) -> Vec<i64> {
        let Some(body) = self.body(gid) else {
            return Vec::new();
        };
        match body.chat {
            ChatRef::Channel(id) => self.channel_accounts(id),
            ChatRef::User(_) | ChatRef::Group(_) => body.copies.iter().map(|copy| copy.0).collect(),
        }
    }
}
