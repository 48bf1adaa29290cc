//! Mailbox: what one account has of private chats and basic groups, and the log its differences are made from.

use std::collections::{BTreeMap, HashMap};

use super::{encrypted::Encrypted, ids::ChatRef, message::Gid};

/// One account's messages, dialogs and update position.
#[derive(Clone, Debug, Default)]
pub struct Mailbox {
    /// Message id - 1 → the message. Ids rise by one for every message of private chats and basic groups.
    copies: Vec<MailCopy>,
    pub dialogs: HashMap<ChatRef, Dialog>,
    pub pts: i32,
    pub qts: i32,
    pub seq: i32,
    log: Vec<(i32, MailEvent)>,
    /// What came through secret chats and was not confirmed yet, by rising qts.
    pub encrypted: Vec<Encrypted>,
    /// Pinned dialogs, first on top.
    pub pinned: Vec<ChatRef>,
}

#[derive(Clone, Copy, Debug)]
pub struct MailCopy {
    pub gid: Gid,
    /// The chat as this account sees it.
    pub chat: ChatRef,
    pub deleted: bool,
}

/// What an account has of one chat.
#[derive(Clone, Debug, Default)]
pub struct Dialog {
    /// Ids of its messages, rising. Empty for channels, which keep their own.
    pub ids: Vec<i32>,
    pub read_inbox: i32,
    pub read_outbox: i32,
    pub unread: i32,
    pub folder: i32,
    pub draft: Option<(String, i32)>,
    /// Of a forum's topics, by their numbers.
    pub topic_drafts: BTreeMap<i32, (String, i32)>,
    pub unread_mark: bool,
    /// 0: not muted.
    pub muted_until: i32,
}

/// What happened in a mailbox, in the order of pts.
#[derive(Clone, Debug, PartialEq)]
pub enum MailEvent {
    New(i32),
    Edit(i32),
    Delete(Vec<i32>),
    ReadInbox {
        chat: ChatRef,
        max_id: i32,
        unread: i32,
    },
    ReadOutbox {
        chat: ChatRef,
        max_id: i32,
    },
    Folder {
        chat: ChatRef,
        folder: i32,
    },
    Pin {
        chat: ChatRef,
        id: i32,
        pinned: bool,
    },
}

impl MailEvent {
    /// By how much the event moves pts.
    pub fn weight(&self) -> i32 {
        match self {
            Self::Delete(ids) => ids.len() as i32,
            _ => 1,
        }
    }
}

impl Mailbox {
    pub fn new() -> Self {
        Self {
            pts: 1,
            qts: 0,
            seq: 1,
            ..Self::default()
        }
    }

    /// Puts a message in and answers its id; the caller logs it.
    pub fn put(&mut self, gid: Gid, chat: ChatRef, incoming: bool) -> i32 {
        self.copies.push(MailCopy {
            gid,
            chat,
            deleted: false,
        });
        let id = self.copies.len() as i32;
        let dialog = self.dialogs.entry(chat).or_default();
        dialog.ids.push(id);
        if incoming {
            dialog.unread += 1;
        } else {
            dialog.read_inbox = id;
            dialog.unread = 0;
        }
        id
    }

    /// Notes an event and answers the pts after it.
    pub fn record(&mut self, event: MailEvent) -> i32 {
        self.pts += event.weight();
        self.log.push((self.pts, event));
        self.pts
    }

    pub fn copy(&self, id: i32) -> Option<MailCopy> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.copies.get(index).copied().filter(|copy| !copy.deleted)
    }

    /// Every message it ever had, with its id; deleted ones too.
    pub fn copies(&self) -> impl Iterator<Item = (i32, MailCopy)> + '_ {
        (1..).zip(self.copies.iter().copied())
    }

    /// Takes a message out; false when there is none.
    pub fn remove(&mut self, id: i32) -> bool {
        let Some(copy) = id
            .checked_sub(1)
            .and_then(|index| self.copies.get_mut(index as usize))
        else {
            return false;
        };
        if copy.deleted {
            return false;
        }
        copy.deleted = true;
        if let Some(dialog) = self.dialogs.get_mut(&copy.chat) {
            if let Ok(at) = dialog.ids.binary_search(&id) {
                dialog.ids.remove(at);
            }
            if id > dialog.read_inbox && dialog.unread > 0 {
                dialog.unread -= 1;
            }
        }
        true
    }

    pub fn top_id(&self) -> i32 {
        self.copies.len() as i32
    }

    /// Encrypted messages after `qts`.
    pub fn encrypted_since(&self, qts: i32) -> &[Encrypted] {
        let start = self.encrypted.partition_point(|sealed| sealed.qts <= qts);
        self.encrypted.get(start..).unwrap_or(&[])
    }

    /// Events after `pts`, at most `limit`, each with the pts after it; and whether there are more.
    pub fn since(&self, pts: i32, limit: usize) -> (&[(i32, MailEvent)], bool) {
        let start = self.log.partition_point(|(at, _)| *at <= pts);
        let rest = self.log.get(start..).unwrap_or(&[]);
        let end = rest.len().min(limit);
        (rest.get(..end).unwrap_or(&[]), end < rest.len())
    }
}
