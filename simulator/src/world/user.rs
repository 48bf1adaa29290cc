//! Users: everybody who can be written to, and the accounts among them that clients sign in to.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{ids::ChatRef, mailbox::Mailbox, message::Gid, scheduled::Scheduled, srp::Password};
use crate::port::KeyId;

#[derive(Clone, Debug, Default)]
pub struct User {
    pub id: i64,
    pub first_name: String,
    pub last_name: String,
    pub username: Option<String>,
    /// Digits only.
    pub phone: Option<String>,
    pub bot: bool,
    pub premium: bool,
    pub deleted: bool,
    /// Until when it is shown as online; in the past: when it was last seen.
    pub online_until: i32,
    pub about: String,
    /// Its profile photo; 0: none.
    pub photo: i64,
    /// Stars that a message from somebody it never wrote to costs; 0: nothing.
    pub price: i64,
    /// Others are warned that it uses an unofficial app.
    pub marked: bool,
    /// Only its own contacts find it by its number.
    pub number_hidden: bool,
}

impl User {
    /// Is this, in small letters, part of a name of it?
    pub fn is_called(&self, words: &str) -> bool {
        let username = self.username.as_deref().unwrap_or_default();
        let names = format!("{} {} {username}", self.first_name, self.last_name);
        names.to_lowercase().contains(words)
    }
}

/// The part of a user that only exists when clients can sign in as it.
#[derive(Debug)]
pub struct Account {
    pub home_dc: i32,
    /// In which Telegram writes to it; `None`: as its devices say.
    pub language: Option<String>,
    /// False: signing in asks to sign up first.
    pub registered: bool,
    pub password: Option<Password>,
    /// A forgotten password can be replaced by e-mail.
    pub recovery: bool,
    /// When a reset of the password is done.
    pub reset_at: Option<i32>,
    pub standing: Standing,
    /// Of a frozen one: since and until when.
    pub frozen: Option<(i32, i32)>,
    /// It wrote to too many strangers: PEER_FLOOD for every further one.
    pub strangers_limited: bool,
    /// Auth keys that are signed in.
    pub keys: Vec<KeyId>,
    pub mailbox: Mailbox,
    pub contacts: BTreeSet<i64>,
    /// Numbers in its address book behind which it was shown nobody.
    pub saved: BTreeSet<String>,
    pub blocked: BTreeSet<i64>,
    /// Chats that it has reported as spam.
    pub reported: BTreeSet<ChatRef>,
    /// Users whose full form this account was given: later ones may come short.
    pub known: HashSet<i64>,
    /// (chat, random id) → message, remembered for ever.
    pub sent: HashMap<(ChatRef, i64), Gid>,
    /// What waits to be sent, and how many ever did: its numbers.
    pub scheduled: Vec<Scheduled>,
    pub next_scheduled: i32,
    /// (chat, random id) → the number that it waits under, remembered for ever.
    pub planned: HashMap<(ChatRef, i64), i32>,
    /// Random ids whose first call still runs.
    pub sending: HashSet<i64>,
}

/// What Telegram thinks of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// 401 USER_DEACTIVATED_BAN.
    Banned,
    /// 401 USER_DEACTIVATED.
    Deleted,
    /// Reads, but every write is 420 FROZEN_METHOD_INVALID.
    Frozen,
}

impl Account {
    pub fn new(home_dc: i32, registered: bool, password: Option<Password>) -> Self {
        Self {
            home_dc,
            language: None,
            registered,
            password,
            recovery: false,
            reset_at: None,
            standing: Standing::Good,
            frozen: None,
            strangers_limited: false,
            keys: Vec::new(),
            mailbox: Mailbox::new(),
            contacts: BTreeSet::new(),
            saved: BTreeSet::new(),
            blocked: BTreeSet::new(),
            reported: BTreeSet::new(),
            known: HashSet::new(),
            sent: HashMap::new(),
            scheduled: Vec::new(),
            next_scheduled: 0,
            planned: HashMap::new(),
            sending: HashSet::new(),
        }
    }
}

/// Phones are compared by their digits alone.
pub fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}
