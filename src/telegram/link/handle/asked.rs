//! Asked: what an account asks of Telegram by its link. Reading calls go in their turn.

use std::sync::Arc;

use super::{
    super::{
        ContactList, DialogCursor, DialogPage, HistoryPage, HistoryRange, LookedUp, Recipient,
        Urgency, fetch, orders, people, regard, resolve, reveal, scheduled, send, sessions, topics,
    },
    LinkHandle,
};
use crate::{
    domain::{
        Batch, ChatId, DeviceSession, IncomingMessage, Order, Outcome, Peer, SecretText, SelfUser,
        Wanted,
    },
    telegram::CallError,
};

impl LinkHandle {
    /// One attempt; repeats of what makes messages go out with the same random ids, which Telegram answers with the first
    /// messages.
    pub async fn carry_out(&self, order: &Order) -> Outcome {
        orders::carry_out(&self.shared, order).await
    }

    /// One page of the dialog list, at most 100 rows; `None` begins at the top.
    ///
    /// # Errors
    /// See [`CallError`]; the same cursor may be used again.
    pub async fn dialogs_page(
        &self,
        cursor: Option<DialogCursor>,
        limit: i32,
        urgency: Urgency,
    ) -> Result<DialogPage, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(urgency, async move {
            fetch::dialogs_page(&shared, cursor, limit).await
        })
        .await
    }

    /// A page of a chat's history.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn history(
        &self,
        chat: ChatId,
        range: HistoryRange,
        urgency: Urgency,
    ) -> Result<HistoryPage, CallError> {
        if urgency == Urgency::Person {
            self.hurry(chat);
        }
        let shared = Arc::clone(&self.shared);
        self.reading(urgency, async move {
            fetch::history(&shared, chat, range).await
        })
        .await
    }

    /// Messages by their ids (at most 100): what history alone does not give back. Ids that no longer exist come back
    /// as a `Change::Deleted`. `channel` is `None` for private chats and basic groups.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn messages_by_id(
        &self,
        channel: Option<ChatId>,
        ids: &[i32],
        urgency: Urgency,
    ) -> Result<Batch, CallError> {
        let shared = Arc::clone(&self.shared);
        let ids = ids.to_vec();
        self.reading(urgency, async move {
            fetch::messages_by_id(&shared, channel, ids).await
        })
        .await
    }

    /// The text of one message as Telegram has it, with the code that was taken out of it here. For whoever asked, and
    /// for nothing else. `None`: Telegram no longer has it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reveal(
        &self,
        chat: ChatId,
        message_id: i32,
    ) -> Result<Option<SecretText>, CallError> {
        reveal::text(&self.shared, chat, message_id).await
    }

    /// Where the account is signed in, this session first.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn sessions(&self) -> Result<Vec<DeviceSession>, CallError> {
        sessions::list(&self.shared).await
    }

    /// Ends another session, by its number. False: there is none of that number.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn end_session(&self, hash: i64) -> Result<bool, CallError> {
        sessions::end(&self.shared, hash).await
    }

    /// Marks a chat read up to `max_id`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn mark_read(&self, chat: ChatId, max_id: i32) -> Result<(), CallError> {
        send::mark_read(&self.shared, chat, max_id).await
    }

    /// Finds whom a person means; the peer's access hash is to be stored before writing to it.
    ///
    /// # Errors
    /// [`CallError::Unresolvable`] when there is no such peer.
    pub async fn resolve(&self, recipient: &Recipient) -> Result<Peer, CallError> {
        resolve::resolve(&self.shared, recipient).await
    }

    /// The account's address book; `None`: it is the one with this hash.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn contacts(&self, hash: i64) -> Result<Option<ContactList>, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(Urgency::Person, async move {
            people::contacts(&shared, hash).await
        })
        .await
    }

    /// Puts a number into the address book. `None`: nobody is found behind it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn add_contact(
        &self,
        phone: &SecretText,
        names: (String, String),
    ) -> Result<Option<Peer>, CallError> {
        people::add_contact(&self.shared, phone, names).await
    }

    /// Whom or what a person means; nothing is joined.
    ///
    /// # Errors
    /// [`CallError::Unresolvable`] when there is no such peer.
    pub async fn look_up(&self, recipient: &Recipient) -> Result<LookedUp, CallError> {
        people::look_up(&self.shared, recipient).await
    }

    /// What a person wants of whoever writes to them unasked; `None`: nothing.
    ///
    /// # Errors
    /// [`CallError::Unresolvable`] when it is nobody known.
    pub async fn wanted(&self, chat: ChatId) -> Result<Option<Wanted>, CallError> {
        regard::wanted(&self.shared, chat).await
    }

    /// Does Telegram warn whoever looks at this person that they use an unofficial app?
    ///
    /// # Errors
    /// [`CallError::Unresolvable`] when there is no such person.
    pub async fn is_marked(&self, recipient: &Recipient) -> Result<bool, CallError> {
        regard::is_marked(&self.shared, recipient).await
    }

    /// Comes into a chat; `None`: its admins were asked. Once more does no harm.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn join(&self, recipient: &Recipient) -> Result<Option<Peer>, CallError> {
        people::join(&self.shared, recipient).await
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn me(&self) -> Result<SelfUser, CallError> {
        resolve::me(&self.shared).await.map(|(user, _)| user)
    }

    /// Who is signed in, with the phone number, which is kept nowhere.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn me_with_phone(&self) -> Result<(SelfUser, Option<SecretText>), CallError> {
        resolve::me(&self.shared).await
    }

    /// Has the account Premium, and so larger files and longer captions?
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn is_premium(&self) -> Result<bool, CallError> {
        resolve::is_premium(&self.shared).await
    }

    /// What waits in a chat for its time, with whom it names.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn scheduled(
        &self,
        chat: ChatId,
    ) -> Result<(Batch, Vec<IncomingMessage>), CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(Urgency::Person, async move {
            scheduled::list(&shared, chat).await
        })
        .await
    }

    /// What topics of a forum are called (at most 100), and what stands in their fields.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn topics(&self, chat: ChatId, ids: Vec<i32>) -> Result<Batch, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(Urgency::Sync, async move {
            topics::by_id(&shared, chat, ids).await
        })
        .await
    }

    /// What stands in fields and is not sent: all of it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn all_drafts(&self) -> Result<Batch, CallError> {
        let shared = Arc::clone(&self.shared);
        self.reading(
            Urgency::Sync,
            async move { topics::all_drafts(&shared).await },
        )
        .await
    }

    /// Shows "typing…" for a few seconds.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn set_typing(&self, chat: ChatId) -> Result<(), CallError> {
        send::set_typing(&self.shared, chat).await
    }

    /// Signs out at Telegram; the key is worthless afterwards.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn log_out(&self) -> Result<(), CallError> {
        self.shared
            .call(grammers_client::tl::functions::auth::LogOut {})
            .await?;
        Ok(())
    }
}
