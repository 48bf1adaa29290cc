//! Accounts: their sign-ins and keys, and what Telegram does to them.

use super::Simulator;
use crate::{
    port::KeyId,
    world::{Refusal, SignInRules, Standing, World},
};

impl Simulator {
    /// How sign-ins behave from now on: code length, expiry, tries.
    pub fn set_rules(&self, rules: SignInRules) {
        self.with(|world| world.rules = rules);
    }

    /// An auth key that is signed in already, for clients that start with a session.
    pub fn seed_session(&self, user: i64, dc_id: i32) -> [u8; 256] {
        let mut key: [u8; 256] = self.with(World::random_bytes);
        // A leading zero would trip clients that drop it.
        key[0] |= 1;
        let id = self.wire.install_key(dc_id, key);
        self.with(|world| {
            world.bind_key(id, dc_id, user);
            // Another program has used it for a while.
            world.key_mut(id, dc_id).created -= 2 * crate::world::FRESH_SECONDS;
        });
        key
    }

    /// The auth keys that are signed in to an account.
    pub fn keys_of(&self, user: i64) -> Vec<KeyId> {
        self.look(|world| {
            world
                .accounts
                .get(&user)
                .map(|account| account.keys.clone())
                .unwrap_or_default()
        })
    }

    /// What an account says of a forgotten password: whether an e-mail address can replace it, and when a reset is done.
    pub fn set_recovery(&self, user: i64, by_email: bool, reset_at: Option<i32>) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                (account.recovery, account.reset_at) = (by_email, reset_at);
            }
        });
    }

    /// How the codes to come go out.
    pub fn send_codes_by(&self, kind: crate::world::CodeKind) {
        self.with(|world| world.rules.first_kind = kind);
    }

    /// The code that was last sent to a number.
    pub fn code_for(&self, phone: &str) -> Option<String> {
        let phone = crate::world::digits(phone);
        self.look(|world| world.codes.get(&phone).map(|sent| sent.code.clone()))
    }

    /// Every code that was ever told to anybody, as it was written.
    pub fn issued_codes(&self) -> Vec<String> {
        self.look(|world| world.issued.clone())
    }

    /// Scans a QR code with an account's phone. `token`: the `tg://login?token=…` address, or the token in base64.
    ///
    /// # Errors
    /// When the token is unknown, expired or was accepted before.
    pub fn accept_qr(&self, token: &str, by: i64) -> Result<(), Refusal> {
        use base64::Engine as _;
        let text = token
            .rsplit_once("token=")
            .map_or(token, |(_, token)| token)
            .trim_end_matches('=');
        let url_safe: String = text.replace('+', "-").replace('/', "_");
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(url_safe);
        let bytes = bytes.map_err(|_| crate::world::bad("AUTH_TOKEN_INVALID"))?;
        self.accept_qr_bytes(&bytes, by)
    }

    /// Like [`Self::accept_qr`], with the bare token.
    ///
    /// # Errors
    /// When the token is unknown, expired or was accepted before.
    pub fn accept_qr_bytes(&self, token: &[u8], by: i64) -> Result<(), Refusal> {
        self.with(|world| world.accept_login_token(token, by))
            .map(|_| ())
    }

    /// Signs an account out everywhere, as another device would: 401 SESSION_REVOKED.
    pub fn revoke_sessions(&self, user: i64) {
        self.end_sessions(user, "SESSION_REVOKED");
    }

    /// Signs an account out everywhere with this 401: SESSION_EXPIRED, AUTH_KEY_UNREGISTERED, ….
    pub fn end_sessions(&self, user: i64, reason: &'static str) {
        let keys = self.with(|world| world.end_sessions(user, None, reason));
        self.engine.cut(&keys);
    }

    pub fn ban(&self, user: i64) {
        self.set_standing(user, Standing::Banned);
    }

    /// For thirty days.
    pub fn freeze(&self, user: i64) {
        const DAYS: i32 = 30;
        self.set_standing(user, Standing::Frozen);
        self.with(|world| {
            let now = world.now();
            if let Ok(account) = world.account_mut(user) {
                account.frozen = Some((now, now + DAYS * 24 * 3600));
            }
        });
    }

    /// From now on (or no longer) it may write to nobody who never wrote to it: 400 PEER_FLOOD.
    pub fn limit_strangers(&self, user: i64, limited: bool) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                account.strangers_limited = limited;
            }
            world.revision += 1;
        });
    }

    /// Whether others are warned that this account uses an unofficial app.
    pub fn set_marked(&self, user: i64, marked: bool) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&user) {
                user.marked = marked;
            }
            world.revision += 1;
        });
    }

    /// What a message to this person costs whom it never wrote to, in stars; 0: nothing.
    pub fn set_price(&self, person: i64, stars: i64) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&person) {
                user.price = stars;
            }
            world.revision += 1;
        });
    }

    /// The account is gone; others see a deleted account.
    pub fn delete_account(&self, user: i64) {
        self.with(|world| {
            if let Some(user) = world.users.get_mut(&user) {
                user.deleted = true;
            }
        });
        self.set_standing(user, Standing::Deleted);
    }

    /// Takes a ban or a freeze back.
    pub fn pardon(&self, user: i64) {
        self.set_standing(user, Standing::Good);
    }

    fn set_standing(&self, user: i64, standing: Standing) {
        self.with(|world| {
            if let Ok(account) = world.account_mut(user) {
                account.standing = standing;
                account.frozen = None;
            }
            world.revision += 1;
        });
        if matches!(standing, Standing::Banned | Standing::Deleted) {
            self.engine.cut(&self.keys_of(user));
        }
    }
}
