//! Voting: votes are given and taken back, polls are closed, and everybody hears how they stand.

use grammers_tl_types::{enums, types};

use super::{
    Refusal, World, bad,
    ids::ChatRef,
    message::{Form, Gid, Media},
    poll::Poll,
    push::Audience,
    view::file_id,
};
use crate::port::KeyId;

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
