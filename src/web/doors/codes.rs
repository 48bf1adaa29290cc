//! Codes: what opens something once, kept as a row where other nodes have to know it, too.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use super::secrets::{random_text, sha256_hex};
use crate::{
    domain::SecretText,
    store::{CodeRoom, NewCode, StoreError, StoreHandle},
};

/// One kind of them.
pub struct CodeKind {
    pub name: &'static str,
    pub room: CodeRoom,
    pub lasts: Duration,
}

impl CodeKind {
    /// `whose`: by whom they are counted.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn give(
        &self,
        store: &StoreHandle,
        whose: String,
        what: &impl Serialize,
    ) -> Result<SecretText, StoreError> {
        let text = random_text();
        let code = NewCode {
            hash: sha256_hex(&text),
            kind: self.name,
            whose,
            body: serde_json::to_string(what).map_err(|error| self.unreadable(&error))?,
            lasts: self.lasts,
        };
        store.keep_code(code, self.room).await?;
        Ok(SecretText::new(text))
    }

    /// Uses it up.
    ///
    /// # Errors
    /// When the rows can't be asked.
    pub async fn take<T: DeserializeOwned>(
        &self,
        store: &StoreHandle,
        text: &SecretText,
    ) -> Result<Option<T>, StoreError> {
        let body = store
            .take_code(self.name, sha256_hex(text.expose()))
            .await?;
        body.map(|body| serde_json::from_str(&body).map_err(|error| self.unreadable(&error)))
            .transpose()
    }

    fn unreadable(&self, error: &serde_json::Error) -> StoreError {
        StoreError::Broken {
            call: self.name,
            cause: error.to_string(),
        }
    }
}
