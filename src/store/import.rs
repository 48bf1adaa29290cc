//! Importing: messages that a file tells of. They are history and never news; what is stored already, or was deleted, stays as
//! it is.

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    message_row::MessageRecord,
    record::Recording,
    tx::{Tx, scope_of},
};
use crate::domain::{AccountId, IncomingMessage, Peer};

/// What became of messages of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// Were not here.
    pub added: u64,
    /// Were here.
    pub known: u64,
    /// Another message has the number: the file is of another account, or not true.
    pub differing: u64,
}

impl std::ops::AddAssign for Imported {
    fn add_assign(&mut self, more: Self) {
        self.added += more.added;
        self.known += more.known;
        self.differing += more.differing;
    }
}

impl Tx<'_> {
    fn import(
        &mut self,
        account: AccountId,
        people: &[Peer],
        messages: &[IncomingMessage],
    ) -> JobResult<Imported> {
        let account = self.living_account(account)?;
        for peer in people {
            // Whatever Telegram said of somebody is better than what a file says.
            if self.known_peer(account.no, peer.id)?.is_none() {
                self.put_peer(&account, peer)?;
            }
        }
        let mut recording = Recording::of_history(account);
        let mut imported = Imported::default();
        for message in messages {
            let key = (recording.account.no, scope_of(message.chat));
            let number = i64::from(message.message_id);
            match MessageRecord::find(self.conn, key.0, key.1, number)? {
                Some(record) if is_same(&record, message) => imported.known += 1,
                Some(_) => imported.differing += 1,
                None => {
                    self.record_message(&mut recording, message, None, false)?;
                    imported.added += 1;
                }
            }
        }
        self.tell_touched(recording)?;
        Ok(imported)
    }
}

/// Texts are edited, and files have times of other zones: one of both is enough.
fn is_same(record: &MessageRecord, message: &IncomingMessage) -> bool {
    let fields = &record.fields;
    fields.chat_id == message.chat.to_string()
        && (fields.timestamp == message.date.millis() || fields.text == message.text)
}

impl StoreHandle {
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write; then none of these is stored.
    pub async fn import(
        &self,
        account: AccountId,
        people: Vec<Peer>,
        messages: Vec<IncomingMessage>,
    ) -> Result<Imported> {
        self.job("import", move |tx| tx.import(account, &people, &messages))
            .await
    }
}
