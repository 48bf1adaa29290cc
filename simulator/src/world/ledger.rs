//! Ledger: what really happened, for tests to compare with what clients believe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Media, World, ids::ChatRef, message::Gid};
use crate::port::KeyId;

/// A snapshot of the world's truth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Account → marked chat id → its messages by rising id.
    pub accounts: BTreeMap<i64, BTreeMap<i64, ChatEntry>>,
    /// Every send of a client, in order; a repeated random id counts up `times`.
    pub sends: Vec<SendEntry>,
    /// Methods that were called, and how often.
    pub methods: BTreeMap<String, u64>,
    /// Account → the auth keys that are signed in to it, each by the name that packets carry.
    pub sessions: BTreeMap<i64, Vec<String>>,
    /// Methods that were called and don't exist here. Tests assert that this is empty.
    pub unknown_methods: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatEntry {
    pub title: String,
    pub messages: Vec<LedgerMessage>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerMessage {
    pub id: i32,
    pub from: i64,
    pub out: bool,
    pub text: String,
    pub date: i32,
    /// Empty when never edited; else each former text, oldest first.
    pub former_texts: Vec<String>,
    pub deleted: bool,
    pub media: Option<String>,
    pub service: bool,
    pub random_id: i64,
    /// Telegram's number of the message that it answers; 0: none.
    pub reply_to: i32,
    /// The forum topic; 0: General, and no forum.
    pub topic: i32,
    /// Whose thread in a monoforum; 0 elsewhere.
    pub thread: i64,
    /// Messages with the same number are one album; 0: none.
    pub album: i64,
    /// What a client uploaded for it.
    pub file: Option<LedgerFile>,
    /// (emoji, by whom), in the order they came.
    pub reactions: Vec<(String, i64)>,
    pub pinned: bool,
    /// Whoever sent it wanted no preview of its links.
    pub no_preview: bool,
}

/// A file as its other side gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerFile {
    pub sha256: String,
    pub size: i64,
    /// As the client said it.
    pub media: Option<Media>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendEntry {
    pub account: i64,
    pub chat_id: i64,
    pub random_id: i64,
    pub message_id: i32,
    pub text: String,
    pub at: i32,
    /// How often this random id came.
    pub times: u32,
}

impl Ledger {
    /// Messages of one chat that are still there.
    pub fn alive(&self, account: i64, chat: ChatRef) -> Vec<&LedgerMessage> {
        let chat = self
            .accounts
            .get(&account)
            .and_then(|chats| chats.get(&chat.marked()));
        chat.map(|chat| {
            chat.messages
                .iter()
                .filter(|message| !message.deleted)
                .collect()
        })
        .unwrap_or_default()
    }
}

fn names(key: &KeyId) -> String {
    format!("{:016x}", key.0)
}

impl World {
    pub fn ledger(&self) -> Ledger {
        Ledger {
            accounts: self
                .accounts
                .keys()
                .map(|account| (*account, self.ledger_of(*account)))
                .collect(),
            sends: self.ledger_sends.clone(),
            methods: self.methods.clone(),
            sessions: self
                .accounts
                .iter()
                .map(|(id, account)| (*id, account.keys.iter().map(names).collect()))
                .collect(),
            unknown_methods: self.unknown_methods.clone(),
        }
    }

    /// Everything one account has.
    pub fn ledger_of(&self, account: i64) -> BTreeMap<i64, ChatEntry> {
        let mut chats: BTreeMap<i64, ChatEntry> = BTreeMap::new();
        let Some(mailbox) = self.accounts.get(&account).map(|account| &account.mailbox) else {
            return chats;
        };
        for (id, copy) in mailbox.copies() {
            let entry = chats.entry(copy.chat.marked()).or_default();
            entry
                .messages
                .extend(self.ledger_message(account, id, copy.gid, copy.deleted));
        }
        for (chat, id) in mailbox.dialogs.keys().filter_map(|chat| match chat {
            ChatRef::Channel(id) => Some((chat, id)),
            _ => None,
        }) {
            let Some(channel) = self.channels.get(id) else {
                continue;
            };
            let entry = chats.entry(chat.marked()).or_default();
            entry
                .messages
                .extend(channel.messages().filter_map(|(id, gid)| {
                    let hidden = channel
                        .hidden
                        .get(&account)
                        .is_some_and(|up_to| id <= *up_to);
                    self.ledger_message(account, id, gid, hidden)
                }));
        }
        for (marked, entry) in &mut chats {
            entry.title = self.title_of(ChatRef::from(*marked));
        }
        chats
    }

    fn ledger_message(
        &self,
        account: i64,
        id: i32,
        gid: Gid,
        dropped: bool,
    ) -> Option<LedgerMessage> {
        let body = self.body(gid)?;
        let kind = body
            .media
            .as_deref()
            .and_then(|media| serde_json::to_value(media).ok());
        let kind = kind.and_then(|value| {
            value
                .get("kind")
                .and_then(|kind| kind.as_str())
                .map(str::to_owned)
        });
        Some(LedgerMessage {
            id,
            from: body.from,
            out: body.from == account,
            text: body.text.clone(),
            date: body.date,
            former_texts: body.former_texts.clone(),
            deleted: body.deleted || dropped,
            media: kind,
            service: body.action.is_some(),
            reply_to: body
                .reply_to
                .and_then(|gid| self.id_for(account, gid))
                .unwrap_or(0),
            topic: body.spot.topic,
            thread: body.spot.thread,
            album: body.form.as_ref().and_then(|form| form.album).unwrap_or(0),
            file: self.ledger_file(body.file),
            reactions: body.reactions.clone(),
            pinned: body.pinned,
            no_preview: body.form.as_ref().is_some_and(|form| form.no_preview),
            random_id: if body.from == account {
                body.random_id
            } else {
                0
            },
        })
    }

    fn ledger_file(&self, id: i64) -> Option<LedgerFile> {
        let file = self.files.get(id).filter(|file| !file.sha256.is_empty())?;
        let whole = file.size("").or_else(|| file.sizes.last())?;
        Some(LedgerFile {
            sha256: file.sha256.clone(),
            size: whole.content.size(),
            media: file.media.clone(),
        })
    }

    pub fn title_of(&self, chat: ChatRef) -> String {
        match chat {
            ChatRef::User(id) => {
                let name = self
                    .users
                    .get(&id)
                    .map(|user| format!("{} {}", user.first_name, user.last_name));
                name.unwrap_or_default().trim().to_owned()
            }
            ChatRef::Group(id) => self
                .groups
                .get(&id)
                .map(|group| group.title.clone())
                .unwrap_or_default(),
            ChatRef::Channel(id) => self
                .channels
                .get(&id)
                .map(|channel| channel.title.clone())
                .unwrap_or_default(),
        }
    }
}
