//! Tokens: which ones count, as the store's watch sees them: of several nodes each has its own, so that what one revokes is refused at all
//! of them within a second. When a token was last used each node notes for itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{
    DESK_LIFETIME,
    secrets::{new_token, sha256_hex},
};
use crate::{
    domain::{SecretText, Timestamp},
    store::{DESK, NewToken, StoreError, StoreHandle, TokenRecord, TokenTable, TokenWatch},
};

/// The last use is written down at most this often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    store: StoreHandle,
    watch: TokenWatch,
    noted: Arc<Mutex<HashMap<i64, Instant>>>,
}

impl Tokens {
    /// # Errors
    /// When the store can't be read.
    pub fn open(store: StoreHandle) -> Result<Self, StoreError> {
        Ok(Self {
            watch: store.watch_tokens()?,
            store,
            noted: Arc::default(),
        })
    }

    #[must_use]
    pub const fn watch(&self) -> &TokenWatch {
        &self.watch
    }

    /// Was this a token once?
    pub async fn ended(&self, text: &SecretText) -> bool {
        let hash = sha256_hex(text.expose());
        self.store.knows_token(hash).await.unwrap_or(false)
    }

    /// A token for a browser; its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn make_desk(&self, launched_by: Option<i64>) -> Result<SecretText, StoreError> {
        let text = new_token();
        let token = NewToken {
            name: "desk".to_owned(),
            scope: DESK.to_owned(),
            hash: sha256_hex(text.expose()),
            expires_at: Some(Timestamp::now().plus(DESK_LIFETIME)),
            launched_by,
            accounts: None,
        };
        self.store.add_token(token).await?;
        Ok(text)
    }

    /// Notes the use, in the background.
    pub fn used(&self, token: &TokenRecord) {
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let due = noted
                .get(&token.id)
                .is_none_or(|at| at.elapsed() >= NOTED_EVERY);
            if !due {
                return;
            }
            noted.insert(token.id, Instant::now());
        }
        let (store, id) = (self.store.clone(), token.id);
        let expires_at = (token.scope == DESK).then(|| Timestamp::now().plus(DESK_LIFETIME));
        actix_web::rt::spawn(async move {
            if let Err(error) = store.token_used(id, expires_at).await {
                log::warn!(target: "switchboard::web", "token={id} its use could not be noted: {error}");
            }
        });
    }
}

/// Looks at every token, so that the time it takes tells nothing.
pub(super) fn find<'a>(table: &'a TokenTable, text: &SecretText) -> Option<&'a TokenRecord> {
    let hash = sha256_hex(text.expose());
    let mut found = u64::MAX;
    for (index, token) in (0_u64..).zip(&table.tokens) {
        let same: Choice = token.hash.as_bytes().ct_eq(hash.as_bytes());
        found.conditional_assign(&index, same);
    }
    table.tokens.get(usize::try_from(found).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: i64, text: &str) -> TokenRecord {
        TokenRecord {
            id,
            name: String::new(),
            scope: "read".to_owned(),
            hash: sha256_hex(text),
            created_at: Timestamp::from_millis(0),
            last_used_at: None,
            expires_at: None,
            revoked_at: None,
            launched_by: None,
            owner: None,
            accounts: None,
            generation: 0,
        }
    }

    /// Protects every route: only the whole, right text is a token.
    #[test]
    fn a_token_is_found_by_its_whole_text() {
        let table = TokenTable {
            locked: true,
            tokens: vec![token(1, "swb_one"), token(2, "swb_two")],
        };
        let id = |text: &str| find(&table, &SecretText::new(text)).map(|token| token.id);
        assert_eq!(id("swb_two"), Some(2));
        assert_eq!(id("swb_tw"), None);
        assert_eq!(id(""), None);
        assert_eq!(id(&table.tokens[0].hash), None);
    }
}
