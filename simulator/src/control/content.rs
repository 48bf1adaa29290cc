//! Content: people vote, posts are seen, pages are found, numbers are skipped.

use super::Simulator;
use crate::world::{ChatRef, Gid, Refusal, World, bad};

impl Simulator {
    /// An account's numbers go on from further up: nothing stands for those between.
    pub fn skip_numbers(&self, user: i64, by: i32) {
        self.with(|world| {
            if let Some(account) = world.accounts.get_mut(&user) {
                account.mailbox.pts += by;
            }
        });
    }

    /// The same in a channel.
    pub fn skip_channel_numbers(&self, channel: i64, by: i32) {
        self.with(|world| {
            if let ChatRef::Channel(id) = ChatRef::from(channel)
                && let Some(channel) = world.channels.get_mut(&id)
            {
                channel.pts += by;
            }
        });
    }

    /// Votes for answers by their places; none takes the vote back.
    ///
    /// # Errors
    /// When it is no poll, or that vote is not to be had.
    pub fn vote(
        &self,
        by: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        answers: &[u8],
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        let options: Vec<Vec<u8>> = answers.iter().map(|answer| vec![*answer]).collect();
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            world.vote(by, gid, &options, None)
        })
    }

    /// # Errors
    /// When it is no poll.
    pub fn close_poll(&self, by: i64, chat: impl Into<ChatRef>, id: i32) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            world.close_poll(by, gid)
        })
    }

    /// A post was seen so often.
    ///
    /// # Errors
    /// When there is no such post.
    pub fn set_views(&self, chat: impl Into<ChatRef>, id: i32, views: i32) -> Result<(), Refusal> {
        match chat.into() {
            ChatRef::Channel(channel) => self.with(|world| world.set_views(channel, id, views)),
            ChatRef::User(_) | ChatRef::Group(_) => Err(bad("CHANNEL_INVALID")),
        }
    }

    /// The preview of the page that a message names has been fetched.
    ///
    /// # Errors
    /// When the message waits for none.
    pub fn finish_page(
        &self,
        by: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        title: &str,
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let gid = found(world, by, chat, id)?;
            world.finish_page(gid, title, "What it is about")
        })
    }
}

fn found(world: &World, by: i64, chat: ChatRef, id: i32) -> Result<Gid, Refusal> {
    world
        .find(by, chat, id)
        .ok_or_else(|| bad("MESSAGE_ID_INVALID"))
}
