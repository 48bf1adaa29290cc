//! Specs: who is to be made.

use serde::{Deserialize, Serialize};

/// A user that clients sign in to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSpec {
    pub phone: String,
    pub first_name: String,
    pub last_name: String,
    pub username: Option<String>,
    /// Its 2FA password.
    pub password: Option<String>,
    pub password_hint: Option<String>,
    /// Data centre that it lives on; signing in elsewhere is sent there.
    pub home_dc: i32,
    /// In which Telegram writes to it; its devices' own when not said.
    pub language: Option<String>,
    /// False: the number has no account yet, signing in asks to sign up.
    pub registered: bool,
    pub premium: bool,
}

impl Default for AccountSpec {
    fn default() -> Self {
        Self {
            phone: String::new(),
            first_name: "Account".to_owned(),
            last_name: String::new(),
            username: None,
            password: None,
            password_hint: None,
            home_dc: super::builder::FIRST_DC,
            language: None,
            registered: true,
            premium: false,
        }
    }
}

impl AccountSpec {
    pub fn new(phone: &str, first_name: &str) -> Self {
        Self {
            phone: phone.to_owned(),
            first_name: first_name.to_owned(),
            ..Self::default()
        }
    }

    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    pub fn username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    pub fn home_dc(mut self, dc_id: i32) -> Self {
        self.home_dc = dc_id;
        self
    }

    pub fn unregistered(mut self) -> Self {
        self.registered = false;
        self
    }
}

/// A human or a bot that no client signs in to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonSpec {
    pub first_name: String,
    pub last_name: String,
    pub username: Option<String>,
    pub phone: Option<String>,
    pub bot: bool,
    /// Only their own contacts find them by their number.
    pub number_hidden: bool,
}

impl PersonSpec {
    pub fn new(first_name: &str) -> Self {
        Self {
            first_name: first_name.to_owned(),
            ..Self::default()
        }
    }

    pub fn username(mut self, username: &str) -> Self {
        self.username = Some(username.to_owned());
        self
    }

    pub fn phone(mut self, phone: &str) -> Self {
        self.phone = Some(phone.to_owned());
        self
    }

    pub fn bot(mut self) -> Self {
        self.bot = true;
        self
    }
}
