//! Poll: a question with its answers, and what is known of the votes.

use serde::{Deserialize, Serialize};

use super::Timestamp;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Poll {
    /// Telegram's, as text.
    pub id: String,
    pub question: String,
    pub options: Vec<PollOption>,
    /// `None`: not told to who has not voted.
    pub voters: Option<i32>,
    pub quiz: bool,
    pub multiple: bool,
    /// Nobody sees who voted for what.
    pub anonymous: bool,
    pub closed: bool,
    pub closes_at: Option<Timestamp>,
    /// Why the right answer of a quiz is right.
    pub explanation: Option<String>,
    /// Results that say nothing of this account's own votes.
    #[serde(skip)]
    pub min: bool,
    /// Results alone: the rest is as it was.
    #[serde(skip)]
    pub results_only: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PollOption {
    pub text: String,
    pub votes: Option<i32>,
    /// This account's choice.
    pub mine: bool,
    /// `None`: no quiz, or not told yet.
    pub correct: Option<bool>,
    /// What Telegram knows it by, in hex.
    pub key: String,
}

impl Poll {
    /// As it is now, after what was known of it.
    #[must_use]
    pub fn after(mut self, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            return self;
        };
        if self.results_only {
            let results = std::mem::replace(&mut self, before.clone());
            (self.min, self.voters) = (results.min, results.voters.or(self.voters));
            self.explanation = results.explanation.or(self.explanation);
            for option in &mut self.options {
                let told = results.options.iter().find(|told| told.key == option.key);
                if let Some(told) = told {
                    (option.votes, option.mine) = (told.votes.or(option.votes), told.mine);
                    option.correct = told.correct.or(option.correct);
                }
            }
        }
        if std::mem::take(&mut self.min) {
            for option in &mut self.options {
                let known = before.options.iter().find(|known| known.key == option.key);
                if let Some(known) = known {
                    option.mine = known.mine;
                    option.correct = option.correct.or(known.correct);
                }
            }
        }
        self
    }
}
