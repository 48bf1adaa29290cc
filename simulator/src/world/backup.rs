//! Backup: what happened in chats up to a moment, so that the world can be put back to it, as a server that was restored
//! from a copy of an earlier day. Keys and people stay as they are.

use std::collections::{BTreeMap, HashMap};

use super::{Body, Channel, Gid, Group, Mailbox, World, ids::ChatRef};

/// (chat, random id) → message
type Sent = HashMap<(ChatRef, i64), Gid>;

/// Everything that was said and done in chats.
#[derive(Clone, Debug)]
pub struct Backup {
    bodies: Vec<Body>,
    mailboxes: BTreeMap<i64, (Mailbox, Sent)>,
    groups: BTreeMap<i64, Group>,
    channels: BTreeMap<i64, Channel>,
}

impl World {
    pub fn backup(&self) -> Backup {
        let mailboxes = self.accounts.iter().map(|(id, account)| {
            let kept = (account.mailbox.clone(), account.sent.clone());
            (*id, kept)
        });
        Backup {
            bodies: self.bodies.clone(),
            mailboxes: mailboxes.collect(),
            groups: self.groups.clone(),
            channels: self.channels.clone(),
        }
    }

    /// Accounts that were made since begin empty.
    pub fn restore(&mut self, backup: Backup) {
        let mut mailboxes = backup.mailboxes;
        for (id, account) in &mut self.accounts {
            let kept = mailboxes.remove(id);
            (account.mailbox, account.sent) =
                kept.unwrap_or_else(|| (Mailbox::new(), HashMap::new()));
        }
        self.bodies = backup.bodies;
        self.groups = backup.groups;
        self.channels = backup.channels;
        self.revision += 1;
    }
}
