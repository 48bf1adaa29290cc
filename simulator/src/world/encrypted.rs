//! Encrypted: what comes through secret chats, as sealed bytes that nobody here can open. It is what moves qts for a
//! person's account; making secret chats and opening what they carry is left to clients that do.

use grammers_tl_types::{enums, types};

use super::{Refusal, World, push::Audience};

/// One sealed message that waits for its account's clients, under the qts it has.
#[derive(Clone, Debug)]
pub struct Encrypted {
    pub qts: i32,
    random_id: i64,
    secret_chat: i32,
    date: i32,
    bytes: Vec<u8>,
}

impl Encrypted {
    pub(super) fn tl(&self) -> enums::EncryptedMessage {
        types::EncryptedMessage {
            random_id: self.random_id,
            chat_id: self.secret_chat,
            date: self.date,
            bytes: self.bytes.clone(),
            file: enums::EncryptedFile::Empty,
        }
        .into()
    }
}

impl World {
    /// A sealed message for an account; answers the qts it moved to.
    pub fn post_encrypted(
        &mut self,
        to: i64,
        secret_chat: i32,
        bytes: Vec<u8>,
    ) -> Result<i32, Refusal> {
        let (random_id, date) = (self.random_i64(), self.now());
        let mailbox = &mut self.account_mut(to)?.mailbox;
        mailbox.qts += 1;
        let sealed = Encrypted {
            qts: mailbox.qts,
            random_id,
            secret_chat,
            date,
            bytes,
        };
        let (qts, message) = (sealed.qts, sealed.tl());
        mailbox.encrypted.push(sealed);
        self.revision += 1;
        let audience = Audience::Account {
            user: to,
            except: None,
        };
        let update = types::UpdateNewEncryptedMessage { message, qts };
        self.push_short(audience, update.into());
        Ok(qts)
    }

    /// The account's clients have all up to this qts: it is not kept any longer. Answers what was let go.
    pub fn received_encrypted(&mut self, user: i64, max_qts: i32) -> Result<Vec<i64>, Refusal> {
        let kept = &mut self.account_mut(user)?.mailbox.encrypted;
        let end = kept.partition_point(|sealed| sealed.qts <= max_qts);
        Ok(kept.drain(..end).map(|sealed| sealed.random_id).collect())
    }
}
