//! Time: what waits goes out when it is due; and what accounts do on devices that are not there.

use std::time::Duration;

use super::Simulator;
use crate::{
    port::KeyId,
    world::{ChatRef, Draft, Planned, Refusal, World},
};

const TICK: Duration = Duration::from_millis(200);
/// Of no client.
const ELSEWHERE: KeyId = KeyId(0);

/// Sends what is due, until the simulator ends.
pub(super) async fn run(simulator: Simulator) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if simulator.look(|world| !world.due().is_empty()) {
            simulator.with(World::send_due);
        }
    }
}

impl Simulator {
    /// What waits in a chat of an account: number, moment and text, by number.
    pub fn scheduled(&self, user: i64, chat: impl Into<ChatRef>) -> Vec<(i32, i32, String)> {
        let chat = chat.into();
        self.look(|world| {
            let account = world.accounts.get(&user);
            let waiting = account.into_iter().flat_map(|account| &account.scheduled);
            waiting
                .filter(|one| one.chat == chat)
                .map(|one| (one.id, one.at, one.draft.text.clone()))
                .collect()
        })
    }

    /// An account schedules a text on its phone; answers the number that it waits under, if it waits.
    ///
    /// # Errors
    /// As Telegram refuses it.
    pub fn schedule(
        &self,
        user: i64,
        chat: impl Into<ChatRef>,
        text: &str,
        at: i32,
    ) -> Result<Option<i32>, Refusal> {
        let chat = chat.into();
        self.with(|world| {
            let draft = Draft {
                random_id: world.random_i64(),
                ..Draft::text(text)
            };
            match world.schedule(user, ELSEWHERE, chat, draft, at)? {
                Planned::Waits(id) => Ok(Some(id)),
                Planned::Sent(_) => Ok(None),
            }
        })
    }

    /// It changes one on its phone.
    ///
    /// # Errors
    /// As Telegram refuses it.
    pub fn reschedule(
        &self,
        user: i64,
        chat: impl Into<ChatRef>,
        id: i32,
        text: &str,
    ) -> Result<(), Refusal> {
        let at = (chat.into(), id);
        let words = Some((text.to_owned(), Vec::new()));
        self.with(|world| world.edit_scheduled(user, ELSEWHERE, at, words, None))
            .map(|_| ())
    }

    /// It withdraws one on its phone.
    pub fn withdraw(&self, user: i64, chat: impl Into<ChatRef>, id: i32) {
        let chat = chat.into();
        self.with(|world| world.delete_scheduled(user, ELSEWHERE, chat, &[id]));
    }

    /// What stands in a field of an account and is not sent, as Telegram has it.
    pub fn draft(&self, user: i64, chat: impl Into<ChatRef>) -> Option<String> {
        let chat = chat.into();
        self.look(|world| {
            let dialog = world.accounts.get(&user)?.mailbox.dialogs.get(&chat)?;
            dialog.draft.as_ref().map(|(text, _)| text.clone())
        })
    }

    /// The same of a topic of a forum.
    pub fn topic_draft(&self, user: i64, forum: i64, topic: i32) -> Option<String> {
        let chat: ChatRef = forum.into();
        self.look(|world| {
            let dialog = world.accounts.get(&user)?.mailbox.dialogs.get(&chat)?;
            dialog
                .topic_drafts
                .get(&topic)
                .map(|(text, _)| text.clone())
        })
    }

    /// Something is typed in a topic on its phone, or taken away.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn type_topic_draft(
        &self,
        user: i64,
        forum: i64,
        topic: i32,
        text: &str,
    ) -> Result<(), Refusal> {
        self.with(|world| world.save_draft(user, forum.into(), topic, text, None))
    }

    /// Something is typed on its phone, or taken away.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn type_draft(
        &self,
        user: i64,
        chat: impl Into<ChatRef>,
        text: &str,
    ) -> Result<(), Refusal> {
        let chat = chat.into();
        self.with(|world| world.save_draft(user, chat, 0, text, None))
    }
}
