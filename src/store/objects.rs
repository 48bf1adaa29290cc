//! Objects: Telegram's own form of messages that are more than their row, and quotes of what is masked.

use diesel::{OptionalExtension, QueryResult, sql_types::Binary};

use super::{
    Result, StoreHandle,
    job_error::JobResult,
    record::Recording,
    sql::{Number, One, hot_sql, sql},
    tx::{Tx, scope_of},
};
use crate::domain::{IncomingMessage, MessageObject, MessageRowId, is_telegram_itself, mask_codes};

impl Tx<'_> {
    /// Of a row that is new.
    pub fn add_first_object(&mut self, row: i64, object: &MessageObject) -> QueryResult<()> {
        hot_sql!(
            "INSERT INTO message_objects (message_row, layer, object) VALUES (?, ?, ?) \
             ON CONFLICT (message_row) DO NOTHING"
        )
        .number(row)
        .number(object.layer)
        .bytes(&object.bytes)
        .gather(self.conn)
    }

    /// `false`: the row has one already, and keeps it.
    pub fn add_object(&mut self, row: i64, object: &MessageObject) -> QueryResult<bool> {
        let rows = sql(
            "INSERT INTO message_objects (message_row, layer, object) VALUES (?, ?, ?) \
             ON CONFLICT (message_row) DO NOTHING",
        )
        .number(row)
        .number(object.layer)
        .bytes(&object.bytes)
        .run(self.conn)?;
        Ok(rows > 0)
    }

    /// A newer version of the message is all that counts.
    pub fn replace_object(&mut self, row: i64, object: Option<&MessageObject>) -> QueryResult<()> {
        sql("DELETE FROM message_objects WHERE message_row = ?")
            .number(row)
            .run(self.conn)?;
        if let Some(object) = object {
            self.add_object(row, object)?;
        }
        Ok(())
    }

    /// The message as it may be stored: a quote of a masked one, that Telegram does not show to be one, may hold its code.
    /// `None`: as it is.
    pub fn without_code(
        &mut self,
        recording: &Recording,
        message: &IncomingMessage,
    ) -> JobResult<Option<IncomingMessage>> {
        let here = message.reply_to.map(|number| (message.chat, number));
        let (Some(quote), Some((chat, number))) = (&message.quote, message.quoted.or(here)) else {
            return Ok(None);
        };
        // There everything quoted was masked before it came here.
        if is_telegram_itself(chat) {
            return Ok(None);
        }
        let without = |quote| IncomingMessage {
            quote,
            object: None,
            ..message.clone()
        };
        if recording.masked.contains(&(chat, number)) {
            return Ok(Some(without(None)));
        }
        let known = sql("SELECT masked AS n FROM messages WHERE account_no = ? AND scope = ? AND message_no = ?")
            .number(recording.account.no)
            .number(scope_of(chat))
            .number(number)
            .load::<One>(self.conn)?
            .pop();
        Ok(match known {
            Some(known) => (known.n != 0).then(|| without(None)),
            // Nobody will know this quote by the message, should that come later.
            None if message.quoted.is_some() => mask_codes(quote).map(|bare| without(Some(bare))),
            None => None,
        })
    }

    /// This message is masked: whatever quoted it before it was known loses the quote. What quotes it is younger.
    pub fn drop_quotes_of(&mut self, key: (i64, i64), message: &IncomingMessage) -> JobResult<()> {
        if is_telegram_itself(message.chat) {
            return Ok(());
        }
        let conversation = self.conversation(key)?.fields.id;
        for text in [
            "DELETE FROM message_objects WHERE message_row IN (SELECT id FROM messages INDEXED BY messages_by_conversation \
             WHERE conversation_id = ? AND timestamp >= ? AND reply_to = ? AND quote IS NOT NULL)",
            "UPDATE messages INDEXED BY messages_by_conversation SET quote = NULL \
             WHERE conversation_id = ? AND timestamp >= ? AND reply_to = ? AND quote IS NOT NULL",
        ] {
            sql(text)
                .number(conversation)
                .number(message.date.millis())
                .number(message.message_id)
                .run(self.conn)?;
        }
        Ok(())
    }
}

#[derive(diesel::QueryableByName)]
struct ObjectRow {
    #[diesel(sql_type = Number)]
    layer: i64,
    #[diesel(sql_type = Binary)]
    object: Vec<u8>,
}

impl StoreHandle {
    /// Telegram's own form of a message, where one is kept.
    ///
    /// # Errors
    /// As every read.
    pub async fn object_of(&self, row: MessageRowId) -> Result<Option<MessageObject>> {
        self.read("object_of", move |conn| {
            let found = sql("SELECT layer, object FROM message_objects WHERE message_row = ?")
                .number(row.0)
                .get_result::<ObjectRow>(conn)
                .optional()?;
            Ok(found.and_then(|row| {
                Some(MessageObject {
                    layer: i32::try_from(row.layer).ok()?,
                    bytes: row.object,
                })
            }))
        })
        .await
    }

    /// The object as Telegram gives it now, with new file references. A message that has none keeps none: whoever
    /// stored it had a reason.
    ///
    /// # Errors
    /// As every write.
    pub async fn renew_object(&self, row: MessageRowId, object: MessageObject) -> Result<()> {
        self.job("renew_object", move |tx| {
            sql("UPDATE message_objects SET layer = ?, object = ? WHERE message_row = ?")
                .number(object.layer)
                .bytes(&object.bytes)
                .number(row.0)
                .run(tx.conn)?;
            Ok(())
        })
        .await
    }
}
