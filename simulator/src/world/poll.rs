//! Poll: what is asked, and who voted for what. The acts are in `voting`.

use grammers_tl_types::{enums, types};

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
    pub(super) fn voted(&self, user: i64) -> bool {
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

    pub(super) fn tl(&self, id: i64) -> enums::Poll {
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
    pub(super) fn results(&self, viewer: i64) -> enums::PollResults {
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
    pub(super) fn min_results(&self) -> enums::PollResults {
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
