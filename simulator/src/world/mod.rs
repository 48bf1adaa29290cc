//! World: users, chats, messages and update positions of a simulated Telegram.
//!
//! Receives: questions and changes, one at a time, from `dispatch` (clients) and `control` (people, scripts).
//! Sends:    what is to be pushed, collected in [`World::take_outgoing`].
//! Promises: one seed gives one world; ids, pts and access hashes behave as Telegram's do; nothing is forgotten.
//! Does not: know sockets, wait, or look at any clock but its own.

mod backup;
mod change;
mod channel_acts;
mod chats;
mod clock;
mod difference;
mod encrypted;
mod files;
mod forum;
mod ids;
mod invites;
mod ledger;
mod lookup;
mod mailbox;
mod marks;
mod message;
mod migration;
mod notices;
mod page;
mod picture;
mod pins;
mod poll;
mod post;
mod presence;
mod push;
mod refusal;
pub mod samples;
mod scheduled;
mod seen;
mod session;
mod sign_in_rules;
mod signin;
mod srp;
#[cfg(test)]
mod tests;
mod topics;
mod uploads;
mod user;
pub mod view;
mod voting;

use std::collections::{BTreeMap, HashMap};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

pub use backup::Backup;
pub use chats::{Channel, ChannelEvent, Group};
pub use clock::Clock;
pub use difference::DIFFERENCE_LIMIT;
pub use files::{Content, Files, Size, StoredFile, Stretch, Wanted, file_hash};
pub use ids::{ChatRef, access_hash, min_hash, mix};
pub use invites::Invite;
pub use ledger::{ChatEntry, Ledger, LedgerFile, LedgerMessage, SendEntry};
pub use mailbox::{Dialog, MailCopy, MailEvent, Mailbox};
pub use marks::{FOR_EVER, folder_update};
pub use message::{Action, Body, Draft, Form, Forward, Gid, Media, utf16_len};
pub use notices::TELEGRAM;
pub use page::Page;
pub use picture::dimensions;
pub use poll::Poll;
pub use post::Posted;
pub use push::{Audience, Outgoing, PushKind};
pub use refusal::{Refusal, bad, forbidden, migrate, unauthorised};
pub use scheduled::{Planned, Scheduled, WHEN_ONLINE};
pub use session::{FRESH_SECONDS, KeyState, LoginTokenState, QrToken};
pub use sign_in_rules::{CodeKind, SentCode, SignInRules};
pub use signin::SignedIn;
pub use srp::{Challenge, GENERATOR, Password, padded, prime};
pub use topics::{GENERAL, Spot, Topic};
pub use uploads::{Taken, Taking, Uploads};
pub use user::{Account, Standing, User, digits};

use crate::port::KeyId;

/// First ids that are given out; far from each other so that a mixed-up id shows.
const FIRST_USER: i64 = 100_001;
const FIRST_BOT: i64 = 500_001;
const FIRST_GROUP: i64 = 700_001;
const FIRST_CHANNEL: i64 = 1_900_001;

/// Everything there is.
pub struct World {
    pub seed: u64,
    pub clock: Clock,
    rng: StdRng,
    pub users: BTreeMap<i64, User>,
    pub accounts: BTreeMap<i64, Account>,
    pub groups: BTreeMap<i64, Group>,
    pub channels: BTreeMap<i64, Channel>,
    bodies: Vec<Body>,
    by_phone: HashMap<String, i64>,
    by_username: HashMap<String, ChatRef>,
    pub keys: HashMap<KeyId, KeyState>,
    pub codes: HashMap<String, SentCode>,
    /// Every code that was ever told to anybody, as it was written.
    pub issued: Vec<String>,
    pub qr_tokens: HashMap<Vec<u8>, QrToken>,
    pub invites: BTreeMap<String, Invite>,
    exported: HashMap<Vec<u8>, i64>,
    pub rules: SignInRules,
    pub files: Files,
    outgoing: Vec<Outgoing>,
    pub ledger_sends: Vec<SendEntry>,
    pub methods: BTreeMap<String, u64>,
    pub unknown_methods: BTreeMap<String, u64>,
    /// Rises with everything that happens: tests wait on it.
    pub revision: u64,
    next_group: i64,
    next_channel: i64,
    next_user: i64,
    next_bot: i64,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            seed,
            clock: Clock::system(),
            rng: StdRng::seed_from_u64(seed),
            users: BTreeMap::new(),
            accounts: BTreeMap::new(),
            groups: BTreeMap::new(),
            channels: BTreeMap::new(),
            bodies: Vec::new(),
            by_phone: HashMap::new(),
            by_username: HashMap::new(),
            keys: HashMap::new(),
            codes: HashMap::new(),
            issued: Vec::new(),
            qr_tokens: HashMap::new(),
            invites: BTreeMap::new(),
            exported: HashMap::new(),
            rules: SignInRules::default(),
            files: Files::default(),
            outgoing: Vec::new(),
            ledger_sends: Vec::new(),
            methods: BTreeMap::new(),
            unknown_methods: BTreeMap::new(),
            revision: 0,
            next_group: FIRST_GROUP,
            next_channel: FIRST_CHANNEL,
            next_user: FIRST_USER,
            next_bot: FIRST_BOT,
        };
        world.add_telegram();
        world
    }

    pub fn now(&self) -> i32 {
        self.clock.now()
    }

    /// The next `N` bytes of the world's own chance.
    pub fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.rng.fill_bytes(&mut out);
        out
    }

    pub fn random_i64(&mut self) -> i64 {
        self.rng.random()
    }

    /// Anyone at all: people, bots and accounts start here.
    pub fn add_user(&mut self, mut user: User) -> i64 {
        let counter = if user.bot {
            &mut self.next_bot
        } else {
            &mut self.next_user
        };
        user.id = *counter;
        *counter += 1;
        if let Some(phone) = &mut user.phone {
            *phone = digits(phone);
            self.by_phone.insert(phone.clone(), user.id);
        }
        if let Some(name) = &user.username {
            self.by_username
                .insert(name.to_lowercase(), ChatRef::User(user.id));
        }
        let id = user.id;
        self.users.insert(id, user);
        self.revision += 1;
        id
    }

    /// A user that clients sign in to.
    pub fn add_account(
        &mut self,
        user: User,
        home_dc: i32,
        registered: bool,
        password: Option<&str>,
    ) -> i64 {
        let password = password.map(|text| self.make_password(text, None));
        let id = self.add_user(user);
        self.accounts
            .insert(id, Account::new(home_dc, registered, password));
        id
    }

    pub fn make_password(&mut self, text: &str, hint: Option<String>) -> Password {
        let salt1: [u8; 40] = self.random_bytes();
        let salt2: [u8; 16] = self.random_bytes();
        Password::new(text, salt1.to_vec(), salt2.to_vec(), hint)
    }

    pub fn user_by_phone(&self, phone: &str) -> Option<i64> {
        self.by_phone.get(&digits(phone)).copied()
    }

    pub fn by_username(&self, name: &str) -> Option<ChatRef> {
        self.by_username
            .get(&name.trim_start_matches('@').to_lowercase())
            .copied()
    }

    pub fn body(&self, gid: Gid) -> Option<&Body> {
        self.bodies.get(gid as usize)
    }

    fn body_mut(&mut self, gid: Gid) -> Option<&mut Body> {
        self.bodies.get_mut(gid as usize)
    }

    /// How many messages were ever posted.
    pub fn message_count(&self) -> usize {
        self.bodies.len()
    }

    pub fn account(&self, id: i64) -> Result<&Account, Refusal> {
        self.accounts
            .get(&id)
            .ok_or_else(|| unauthorised("AUTH_KEY_UNREGISTERED"))
    }

    pub fn account_mut(&mut self, id: i64) -> Result<&mut Account, Refusal> {
        self.accounts
            .get_mut(&id)
            .ok_or_else(|| unauthorised("AUTH_KEY_UNREGISTERED"))
    }

    /// `None` for people that nobody signs in to: they have no mailbox.
    fn mailbox_mut(&mut self, user: i64) -> Option<&mut Mailbox> {
        Some(&mut self.accounts.get_mut(&user)?.mailbox)
    }

    /// What is to be pushed, in order; empties the list.
    pub fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }
}
