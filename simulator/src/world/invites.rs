//! Invites: links into chats that have no public name, and who only may ask to come in.

use super::{Refusal, World, bad, ids::ChatRef};

/// One link, known by its hash.
#[derive(Clone, Debug)]
pub struct Invite {
    pub chat: ChatRef,
    /// The chat's admins decide who comes in.
    pub on_request: bool,
    /// Who asked.
    pub asked: Vec<i64>,
}

impl World {
    pub fn add_invite(&mut self, chat: ChatRef, on_request: bool) -> String {
        let bytes: [u8; 8] = self.random_bytes();
        let hash: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let invite = Invite {
            chat,
            on_request,
            asked: Vec::new(),
        };
        self.invites.insert(hash.clone(), invite);
        hash
    }

    pub fn invite(&self, hash: &str) -> Result<&Invite, Refusal> {
        if hash.is_empty() {
            return Err(bad("INVITE_HASH_EMPTY"));
        }
        self.invites
            .get(hash)
            .ok_or_else(|| bad("INVITE_HASH_EXPIRED"))
    }

    /// By such a link. `Err` also when the chat's admins were asked.
    pub fn join_by(&mut self, hash: &str, user: i64) -> Result<ChatRef, Refusal> {
        let chat = self.invite(hash)?.chat;
        if self.is_member(chat, user) {
            return Err(bad("USER_ALREADY_PARTICIPANT"));
        }
        if let Some(invite) = self.invites.get_mut(hash)
            && invite.on_request
        {
            if !invite.asked.contains(&user) {
                invite.asked.push(user);
            }
            return Err(bad("INVITE_REQUEST_SENT"));
        }
        self.join(chat, user, user)?;
        Ok(chat)
    }

    pub fn is_member(&self, chat: ChatRef, user: i64) -> bool {
        match chat {
            ChatRef::User(_) => false,
            ChatRef::Group(id) => self
                .groups
                .get(&id)
                .is_some_and(|group| group.members.contains(&user)),
            ChatRef::Channel(id) => self
                .channels
                .get(&id)
                .is_some_and(|channel| channel.members.contains(&user)),
        }
    }
}
