//! Sign-in by code and password.

use rand::RngExt;

use super::{
    Refusal, Standing, World, bad, digits, migrate,
    push::Audience,
    sign_in_rules::{CodeKind, SentCode},
    unauthorised,
};
use crate::port::KeyId;
use grammers_tl_types::types;

/// Somebody is in.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn {
    pub user: i64,
}

impl World {
    pub fn send_code(&mut self, dc_id: i32, phone: &str) -> Result<SentCode, Refusal> {
        let phone = digits(phone);
        if phone.len() < 5 || phone.len() > 17 {
            return Err(bad("PHONE_NUMBER_INVALID"));
        }
        if let Some(account) = self
            .user_by_phone(&phone)
            .and_then(|id| self.accounts.get(&id))
        {
            if account.standing == Standing::Banned {
                return Err(bad("PHONE_NUMBER_BANNED"));
            }
            if account.home_dc != dc_id {
                return Err(migrate("PHONE", account.home_dc));
            }
        }
        let kind = self.rules.first_kind;
        if kind == CodeKind::Recaptcha {
            return Err(Refusal::new(403, "RECAPTCHA_CHECK_signup__6Lfkeyid"));
        }
        Ok(self.issue_code(phone, kind))
    }

    fn issue_code(&mut self, phone: String, kind: CodeKind) -> SentCode {
        let now = self.now();
        let length = self.rules.code_length;
        let code = self.rules.fixed_codes.get(&phone).cloned();
        let code = code.unwrap_or_else(|| match kind {
            CodeKind::Word => "harbour".to_owned(),
            CodeKind::Phrase => "green boats sleep".to_owned(),
            _ => (0..length)
                .map(|_| char::from(b'0' + self.rng.random_range(0..10u8)))
                .collect(),
        });
        let hash = self
            .random_bytes::<9>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let sent = SentCode {
            code,
            hash,
            kind,
            expires: now + self.rules.code_seconds,
            resend_at: now + self.rules.resend_seconds,
            wrong: 0,
            proven: false,
        };
        self.issued.push(sent.code.clone());
        if kind == CodeKind::App {
            self.tell_login_code(&phone, &sent.code);
        }
        self.codes.insert(phone, sent.clone());
        self.revision += 1;
        sent
    }

    fn open_code(&mut self, phone: &str, hash: &str) -> Result<&mut SentCode, Refusal> {
        let now = self.now();
        if hash.is_empty() {
            return Err(bad("PHONE_CODE_HASH_EMPTY"));
        }
        let Some(sent) = self.codes.get_mut(&digits(phone)) else {
            return Err(bad("PHONE_CODE_EXPIRED"));
        };
        if sent.hash != hash {
            return Err(bad("PHONE_CODE_HASH_INVALID"));
        }
        if sent.expires <= now {
            return Err(bad("PHONE_CODE_EXPIRED"));
        }
        Ok(sent)
    }

    /// The same sign-in by the next way: app, then SMS, then a call.
    pub fn resend_code(&mut self, phone: &str, hash: &str) -> Result<SentCode, Refusal> {
        let next = match self.open_code(phone, hash)?.kind {
            CodeKind::App => CodeKind::Sms,
            CodeKind::Sms => CodeKind::Call,
            _ => return Err(bad("SEND_CODE_UNAVAILABLE")),
        };
        Ok(self.issue_code(digits(phone), next))
    }

    /// The e-mail address that a number's account is to have gets a code; the number's own one comes after it.
    pub fn send_email_code(
        &mut self,
        (phone, hash): (&str, &str),
        email: &str,
    ) -> Result<SentCode, Refusal> {
        if self.open_code(phone, hash)?.kind != CodeKind::SetUpEmail {
            return Err(bad("EMAIL_NOT_SETUP"));
        }
        let domain = email.split_once('@').map_or("", |(_, domain)| domain);
        match domain {
            "" => Err(bad("EMAIL_INVALID")),
            "throwaway.example" => Err(bad("EMAIL_NOT_ALLOWED")),
            _ => Ok(self.open_code(phone, hash)?.clone()),
        }
    }

    /// # Errors
    /// `CODE_INVALID` for another one than the address got.
    pub fn verify_email(
        &mut self,
        phone: &str,
        hash: &str,
        code: &str,
    ) -> Result<SentCode, Refusal> {
        let limit = self.rules.wrong_codes;
        let sent = self.open_code(phone, hash)?;
        if sent.kind != CodeKind::SetUpEmail {
            return Err(bad("EMAIL_NOT_SETUP"));
        }
        if sent.code != code {
            sent.wrong += 1;
            let expired = sent.wrong >= limit;
            return Err(bad(if expired {
                "EMAIL_VERIFY_EXPIRED"
            } else {
                "CODE_INVALID"
            }));
        }
        Ok(self.issue_code(digits(phone), CodeKind::Sms))
    }

    pub fn cancel_code(&mut self, phone: &str, hash: &str) -> Result<(), Refusal> {
        self.open_code(phone, hash)?;
        self.codes.remove(&digits(phone));
        self.revision += 1;
        Ok(())
    }

    /// `Ok(None)`: the number has no account yet.
    pub fn sign_in(
        &mut self,
        key: KeyId,
        dc_id: i32,
        phone: &str,
        hash: &str,
        code: &str,
    ) -> Result<Option<SignedIn>, Refusal> {
        let limit = self.rules.wrong_codes;
        if code.is_empty() {
            return Err(bad("PHONE_CODE_EMPTY"));
        }
        let sent = self.open_code(phone, hash)?;
        if sent.wrong >= limit {
            return Err(Refusal::new(420, "FLOOD_WAIT_3600"));
        }
        if sent.code != code {
            sent.wrong += 1;
            let expired = sent.wrong >= limit;
            self.revision += 1;
            return Err(bad(if expired {
                "PHONE_CODE_EXPIRED"
            } else {
                "PHONE_CODE_INVALID"
            }));
        }
        sent.proven = true;
        let Some(user) = self
            .user_by_phone(phone)
            .filter(|id| self.accounts.get(id).is_some_and(|a| a.registered))
        else {
            self.revision += 1;
            return Ok(None);
        };
        self.check_standing(user)?;
        if self.account(user)?.home_dc != dc_id {
            return Err(migrate("USER", self.account(user)?.home_dc));
        }
        self.codes.remove(&digits(phone));
        if self.account(user)?.password.is_some() {
            self.key_mut(key, dc_id).awaiting_password = Some(user);
            self.revision += 1;
            return Err(unauthorised("SESSION_PASSWORD_NEEDED"));
        }
        self.bind_key(key, dc_id, user);
        self.announce_sign_in(key, user);
        Ok(Some(SignedIn { user }))
    }

    pub fn sign_up(
        &mut self,
        key: KeyId,
        dc_id: i32,
        phone: &str,
        hash: &str,
        name: (&str, &str),
    ) -> Result<SignedIn, Refusal> {
        if !self.open_code(phone, hash)?.proven {
            return Err(bad("PHONE_NUMBER_UNOCCUPIED"));
        }
        if name.0.trim().is_empty() {
            return Err(bad("FIRSTNAME_INVALID"));
        }
        self.codes.remove(&digits(phone));
        let user = match self.user_by_phone(phone) {
            Some(user)
                if self
                    .accounts
                    .get(&user)
                    .is_some_and(|account| account.registered) =>
            {
                return Err(bad("PHONE_NUMBER_OCCUPIED"));
            }
            Some(user) => user,
            None => {
                let phone = Some(digits(phone));
                self.add_account(
                    super::User {
                        phone,
                        ..Default::default()
                    },
                    dc_id,
                    false,
                    None,
                )
            }
        };
        if let Some(entry) = self.users.get_mut(&user) {
            (entry.first_name, entry.last_name) = (name.0.to_owned(), name.1.to_owned());
        }
        self.account_mut(user)?.registered = true;
        self.bind_key(key, dc_id, user);
        Ok(SignedIn { user })
    }

    /// Who is asked for a password on this key: whoever gave a right code, or is signed in.
    pub fn password_owner(&self, key: KeyId) -> Result<i64, Refusal> {
        if let Some(user) = self
            .keys
            .get(&key)
            .and_then(|state| state.awaiting_password)
        {
            return Ok(user);
        }
        self.require_user(key)
    }

    /// A fresh challenge; the one before it no longer counts.
    pub fn password_challenge(
        &mut self,
        key: KeyId,
        dc_id: i32,
    ) -> Result<Option<(super::Password, super::Challenge)>, Refusal> {
        let owner = self.password_owner(key)?;
        let Some(password) = self.account(owner)?.password.clone() else {
            return Ok(None);
        };
        let secret: [u8; 256] = self.random_bytes();
        let challenge = password.challenge(self.random_i64(), &secret);
        self.key_mut(key, dc_id).challenge = Some(challenge.clone());
        Ok(Some((password, challenge)))
    }

    pub fn check_password(
        &mut self,
        key: KeyId,
        dc_id: i32,
        answer: Option<&types::InputCheckPasswordSrp>,
    ) -> Result<SignedIn, Refusal> {
        let limit = self.rules.wrong_passwords;
        let owner = self.password_owner(key)?;
        let Some(password) = self.account(owner)?.password.clone() else {
            return Err(bad("PASSWORD_EMPTY"));
        };
        let Some(answer) = answer else {
            return Err(bad("PASSWORD_HASH_INVALID"));
        };
        let state = self.key_mut(key, dc_id);
        if state.wrong_passwords >= limit {
            return Err(Refusal::new(420, "FLOOD_WAIT_600"));
        }
        let challenge = state
            .challenge
            .as_ref()
            .filter(|challenge| challenge.srp_id == answer.srp_id);
        let Some(challenge) = challenge else {
            return Err(bad("SRP_ID_INVALID"));
        };
        if !password.accepts(challenge, &answer.a, &answer.m1) {
            state.wrong_passwords += 1;
            self.revision += 1;
            return Err(bad("PASSWORD_HASH_INVALID"));
        }
        self.check_standing(owner)?;
        self.bind_key(key, dc_id, owner);
        self.announce_sign_in(key, owner);
        Ok(SignedIn { user: owner })
    }

    fn check_standing(&self, user: i64) -> Result<(), Refusal> {
        match self.account(user)?.standing {
            Standing::Banned => Err(unauthorised("USER_DEACTIVATED_BAN")),
            Standing::Deleted => Err(unauthorised("USER_DEACTIVATED")),
            Standing::Good | Standing::Frozen => Ok(()),
        }
    }

    /// The account's other clients hear of the new one.
    pub(super) fn announce_sign_in(&mut self, key: KeyId, user: i64) {
        let now = self.now();
        let Some(hash) = self.keys.get(&key).map(|state| state.hash) else {
            return;
        };
        let update = types::UpdateNewAuthorization {
            unconfirmed: true,
            hash,
            date: Some(now),
            device: Some("another client".to_owned()),
            location: Some("localhost".to_owned()),
        };
        self.push_short(
            Audience::Account {
                user,
                except: Some(key),
            },
            update.into(),
        );
    }
}
