//! Tokens: which ones count. The store is asked at most twice a second, so that a token made or revoked by the
//! command line counts at once for people.

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
    store::{NewToken, StoreError, StoreHandle, TokenRecord},
    web::Scope,
};

/// The scope of a browser that came by a launch link: everything, until it expires.
pub const DESK: &str = "desk";
const FRESH: Duration = Duration::from_millis(500);
/// Guessing must not become a load on the store.
const NEW: Duration = Duration::from_millis(20);
/// How long the last answer of the store holds while the store can't be read.
const STALE: Duration = Duration::from_secs(30);
/// The last use is written down at most this often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// A token that counts.
#[derive(Clone, Debug)]
pub struct KnownToken {
    pub id: i64,
    pub name: String,
    pub scope: Scope,
    pub desk: bool,
    hash: String,
}

/// When the tokens were read, and what they were.
type Snapshot = (Instant, Arc<[KnownToken]>);

/// Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    store: StoreHandle,
    cache: Arc<Mutex<Option<Snapshot>>>,
    noted: Arc<Mutex<HashMap<i64, Instant>>>,
}

impl Tokens {
    #[must_use]
    pub fn new(store: StoreHandle) -> Self {
        Self {
            store,
            cache: Arc::default(),
            noted: Arc::default(),
        }
    }

    /// # Errors
    /// When the store can't be read and nothing recent is known.
    pub async fn valid(&self) -> Result<Arc<[KnownToken]>, StoreError> {
        self.not_older_than(FRESH).await
    }

    /// For a token that is not known: perhaps it was made this moment.
    ///
    /// # Errors
    /// When the store can't be read and nothing recent is known.
    pub async fn valid_now(&self) -> Result<Arc<[KnownToken]>, StoreError> {
        self.not_older_than(NEW).await
    }

    async fn not_older_than(&self, age: Duration) -> Result<Arc<[KnownToken]>, StoreError> {
        let cached = self.cached();
        if let Some((at, tokens)) = &cached
            && at.elapsed() < age
        {
            return Ok(Arc::clone(tokens));
        }
        match self.store.valid_tokens().await {
            Ok(records) => {
                let tokens: Arc<[KnownToken]> = records.into_iter().filter_map(known).collect();
                *self.cache.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Instant::now(), Arc::clone(&tokens)));
                Ok(tokens)
            }
            Err(error) => match cached {
                Some((at, tokens)) if at.elapsed() < STALE => Ok(tokens),
                _ => Err(error),
            },
        }
    }

    /// Is there any token that a person made?
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn any(&self) -> Result<bool, StoreError> {
        Ok(any(&self.valid().await?))
    }

    /// Makes a token; its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// When it can't be stored.
    pub async fn make(
        &self,
        name: &str,
        scope: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<SecretText, StoreError> {
        let text = new_token();
        let token = NewToken {
            name: name.to_owned(),
            scope: scope.to_owned(),
            hash: sha256_hex(text.expose()),
            expires_at,
        };
        self.store.add_token(token).await?;
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(text)
    }

    /// Notes the use, in the background.
    pub fn used(&self, token: &KnownToken) {
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
        let expires_at = token.desk.then(|| Timestamp::now().plus(DESK_LIFETIME));
        actix_web::rt::spawn(async move {
            if let Err(error) = store.token_used(id, expires_at).await {
                log::warn!(target: "switchboard::web", "token={id} its use could not be noted: {error}");
            }
        });
    }

    fn cached(&self) -> Option<Snapshot> {
        self.cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn known(record: TokenRecord) -> Option<KnownToken> {
    let desk = record.scope == DESK;
    let scope = if desk {
        Scope::Admin
    } else {
        Scope::parse(&record.scope)?
    };
    Some(KnownToken {
        id: record.id,
        name: record.name,
        scope,
        desk,
        hash: record.hash,
    })
}

/// Browsers that came by a launch link don't count: they go with the tokens.
pub(super) fn any(known: &[KnownToken]) -> bool {
    known.iter().any(|token| !token.desk)
}

/// Looks at every token, so that the time it takes tells nothing.
pub(super) fn find<'a>(known: &'a [KnownToken], text: &SecretText) -> Option<&'a KnownToken> {
    let hash = sha256_hex(text.expose());
    let mut found = u64::MAX;
    for (index, token) in (0_u64..).zip(known) {
        let same: Choice = token.hash.as_bytes().ct_eq(hash.as_bytes());
        found.conditional_assign(&index, same);
    }
    known.get(usize::try_from(found).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: i64, text: &str) -> KnownToken {
        KnownToken {
            id,
            name: text.to_owned(),
            scope: Scope::Read,
            desk: false,
            hash: sha256_hex(text),
        }
    }

    /// Protects every route: only the whole, right text is a token.
    #[test]
    fn a_token_is_found_by_its_whole_text() {
        let known = [token(1, "swb_one"), token(2, "swb_two")];
        let id = |text: &str| find(&known, &SecretText::new(text)).map(|token| token.id);
        assert_eq!(id("swb_two"), Some(2));
        assert_eq!(id("swb_tw"), None);
        assert_eq!(id(""), None);
        assert_eq!(id(&known[0].hash), None);
    }
}
