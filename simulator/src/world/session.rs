//! Sessions: which auth key belongs to whom, QR tokens, and how keys lose their owner.

use std::sync::Arc;

use super::{Challenge, Refusal, SignedIn, Standing, World, bad, push::Audience, unauthorised};
use crate::port::{ClientInfo, KeyId};

/// core.telegram.org/method/account.resetAuthorization: a session younger than a day ends no other.
pub const FRESH_SECONDS: i32 = 24 * 3600;

/// What the server knows of one auth key.
#[derive(Clone, Debug)]
pub struct KeyState {
    pub user: Option<i64>,
    /// The code or QR was right; the password is still to come.
    pub awaiting_password: Option<i64>,
    pub challenge: Option<Challenge>,
    /// Name in account.getAuthorizations.
    pub hash: i64,
    pub dc_id: i32,
    pub created: i32,
    pub active: i32,
    pub client: Option<Arc<ClientInfo>>,
    /// What calls are refused with since the sign-in was ended from outside.
    pub ended: Option<Refusal>,
    /// Made by importAuthorization: serves files, not the account.
    pub visitor: bool,
    pub wrong_passwords: u32,
}

/// One QR code on a screen.
#[derive(Clone, Debug)]
pub struct QrToken {
    pub key: KeyId,
    pub expires: i32,
    pub accepted_by: Option<i64>,
}

/// What exportLoginToken and importLoginToken answer.
#[derive(Debug)]
pub enum LoginTokenState {
    Shown { token: Vec<u8>, expires: i32 },
    ElsewhereAt { dc_id: i32, token: Vec<u8> },
    Done(SignedIn),
}

impl World {
    /// The key's entry, made when it is first seen.
    pub fn key_mut(&mut self, key: KeyId, dc_id: i32) -> &mut KeyState {
        let now = self.now();
        let hash = (super::mix(key.0 as u64 ^ self.seed) >> 1) as i64;
        self.keys.entry(key).or_insert_with(|| KeyState {
            user: None,
            awaiting_password: None,
            challenge: None,
            hash,
            dc_id,
            created: now,
            active: now,
            client: None,
            ended: None,
            visitor: false,
            wrong_passwords: 0,
        })
    }

    /// Who is signed in with this key.
    pub fn user_of(&self, key: KeyId) -> Option<i64> {
        self.keys.get(&key)?.user
    }

    /// Like [`Self::user_of`], with the error that a client without gets.
    pub fn require_user(&self, key: KeyId) -> Result<i64, Refusal> {
        let Some(state) = self.keys.get(&key) else {
            return Err(unauthorised("AUTH_KEY_UNREGISTERED"));
        };
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        let Some(user) = state.user else {
            let waiting = state.awaiting_password.is_some();
            return Err(unauthorised(if waiting {
                "SESSION_PASSWORD_NEEDED"
            } else {
                "AUTH_KEY_UNREGISTERED"
            }));
        };
        match self.account(user)?.standing {
            Standing::Banned => Err(unauthorised("USER_DEACTIVATED_BAN")),
            Standing::Deleted => Err(unauthorised("USER_DEACTIVATED")),
            Standing::Good | Standing::Frozen => Ok(user),
        }
    }

    /// Signs a key in; earlier owners of the key lose it.
    pub fn bind_key(&mut self, key: KeyId, dc_id: i32, user: i64) {
        self.unbind_key(key);
        let state = self.key_mut(key, dc_id);
        state.user = Some(user);
        state.awaiting_password = None;
        state.challenge = None;
        state.ended = None;
        state.visitor = false;
        state.wrong_passwords = 0;
        if let Some(account) = self.accounts.get_mut(&user) {
            account.keys.push(key);
        }
        self.revision += 1;
    }

    fn unbind_key(&mut self, key: KeyId) {
        let Some(state) = self.keys.get_mut(&key) else {
            return;
        };
        let Some(user) = state.user.take() else {
            return;
        };
        if let Some(account) = self.accounts.get_mut(&user) {
            account.keys.retain(|k| *k != key);
        }
    }

    /// auth.logOut.
    pub fn log_out(&mut self, key: KeyId) {
        self.unbind_key(key);
        if let Some(state) = self.keys.get_mut(&key) {
            state.awaiting_password = None;
        }
        self.revision += 1;
    }

    /// Ends sign-ins from outside: later calls get 401 with `reason`.
    pub fn end_sessions(
        &mut self,
        user: i64,
        except: Option<KeyId>,
        reason: &'static str,
    ) -> Vec<KeyId> {
        let keys = self
            .accounts
            .get(&user)
            .map(|account| account.keys.clone())
            .unwrap_or_default();
        let ended: Vec<KeyId> = keys
            .into_iter()
            .filter(|key| Some(*key) != except)
            .collect();
        for key in &ended {
            self.end_key(*key, unauthorised(reason));
        }
        if except.is_none() {
            self.end_visits(user, reason);
        }
        ended
    }

    /// Its keys on other data centres end with it.
    fn end_visits(&mut self, user: i64, reason: &'static str) {
        let visits = self.keys.values_mut();
        for key in visits.filter(|key| key.visitor && key.user == Some(user)) {
            key.user = None;
            key.ended = Some(unauthorised(reason));
        }
    }

    /// The wire saw the key on two connections: it is nobody's from now on, and 406 for ever.
    pub fn burn_key(&mut self, key: KeyId) {
        self.end_key(key, Refusal::new(406, "AUTH_KEY_DUPLICATED"));
    }

    fn end_key(&mut self, key: KeyId, refusal: Refusal) {
        self.unbind_key(key);
        if let Some(state) = self.keys.get_mut(&key) {
            state.awaiting_password = None;
            state.ended = Some(refusal);
        }
        self.revision += 1;
    }

    /// account.resetAuthorization: one other session, by its hash. One that is signed in for less than a day may not.
    pub fn end_session_by_hash(
        &mut self,
        by: KeyId,
        user: i64,
        hash: i64,
    ) -> Result<KeyId, Refusal> {
        let signed_in = self.keys.get(&by).map_or(0, |state| state.created);
        if self.now() - signed_in < FRESH_SECONDS {
            return Err(Refusal::new(406, "FRESH_RESET_AUTHORISATION_FORBIDDEN"));
        }
        let account = self.account(user)?;
        let key = account
            .keys
            .iter()
            .copied()
            .find(|key| self.keys.get(key).is_some_and(|s| s.hash == hash));
        let Some(key) = key else {
            return Err(bad("HASH_INVALID"));
        };
        self.end_key(key, unauthorised("SESSION_REVOKED"));
        Ok(key)
    }

    /// A new QR code for this key, unless the last one was already accepted.
    pub fn export_login_token(
        &mut self,
        key: KeyId,
        dc_id: i32,
    ) -> Result<LoginTokenState, Refusal> {
        self.key_mut(key, dc_id);
        let accepted = self
            .qr_tokens
            .iter()
            .find(|(_, token)| token.key == key && token.accepted_by.is_some());
        if let Some((bytes, _)) = accepted {
            let bytes = bytes.clone();
            return self.import_login_token(key, dc_id, &bytes);
        }
        if let Some(user) = self
            .keys
            .get(&key)
            .and_then(|state| state.awaiting_password)
        {
            return self.finish_qr(key, dc_id, user);
        }
        let now = self.now();
        self.qr_tokens
            .retain(|_, token| token.key != key && token.expires + 300 > now);
        let token = self.random_bytes::<32>().to_vec();
        let expires = now + self.rules.qr_seconds;
        self.qr_tokens.insert(
            token.clone(),
            QrToken {
                key,
                expires,
                accepted_by: None,
            },
        );
        self.revision += 1;
        Ok(LoginTokenState::Shown { token, expires })
    }

    /// The same key asks again, or the account's own data centre is asked with the token.
    pub fn import_login_token(
        &mut self,
        key: KeyId,
        dc_id: i32,
        token: &[u8],
    ) -> Result<LoginTokenState, Refusal> {
        let Some(found) = self.qr_tokens.get(token) else {
            return Err(bad("AUTH_TOKEN_INVALID"));
        };
        let Some(user) = found.accepted_by else {
            if found.expires <= self.now() {
                return Err(bad("AUTH_TOKEN_EXPIRED"));
            }
            return Ok(LoginTokenState::Shown {
                token: token.to_vec(),
                expires: found.expires,
            });
        };
        let home_dc = self.account(user)?.home_dc;
        if home_dc != dc_id {
            return Ok(LoginTokenState::ElsewhereAt {
                dc_id: home_dc,
                token: token.to_vec(),
            });
        }
        self.qr_tokens.remove(token);
        self.finish_qr(key, dc_id, user)
    }

    fn finish_qr(&mut self, key: KeyId, dc_id: i32, user: i64) -> Result<LoginTokenState, Refusal> {
        if self.account(user)?.password.is_some() {
            self.key_mut(key, dc_id).awaiting_password = Some(user);
            return Err(unauthorised("SESSION_PASSWORD_NEEDED"));
        }
        self.bind_key(key, dc_id, user);
        self.announce_sign_in(key, user);
        Ok(LoginTokenState::Done(SignedIn { user }))
    }

    /// Somebody who is signed in scanned the code.
    pub fn accept_login_token(&mut self, token: &[u8], by: i64) -> Result<KeyId, Refusal> {
        let now = self.now();
        self.account(by)?;
        let Some(found) = self.qr_tokens.get_mut(token) else {
            return Err(bad("AUTH_TOKEN_INVALID"));
        };
        if found.expires <= now {
            return Err(bad("AUTH_TOKEN_EXPIRED"));
        }
        if found.accepted_by.is_some() {
            return Err(bad("AUTH_TOKEN_ALREADY_ACCEPTED"));
        }
        found.accepted_by = Some(by);
        let key = found.key;
        self.push_short(
            Audience::Key(key),
            grammers_tl_types::enums::Update::LoginToken,
        );
        self.revision += 1;
        Ok(key)
    }

    pub fn export_authorization(&mut self, user: i64) -> (i64, Vec<u8>) {
        let bytes = self.random_bytes::<64>().to_vec();
        self.exported.insert(bytes.clone(), user);
        (user, bytes)
    }

    pub fn import_authorization(
        &mut self,
        key: KeyId,
        dc_id: i32,
        id: i64,
        bytes: &[u8],
    ) -> Result<SignedIn, Refusal> {
        if self.exported.get(bytes) != Some(&id) {
            return Err(bad("AUTH_BYTES_INVALID"));
        }
        self.exported.remove(bytes);
        let home = self.account(id)?.home_dc;
        let state = self.key_mut(key, dc_id);
        state.user = Some(id);
        state.ended = None;
        state.visitor = home != dc_id;
        self.revision += 1;
        Ok(SignedIn { user: id })
    }
}
