//! Prepare: what an account starts from. Everything comes from stored state: nothing survives a restart in memory.
//!
//! A vault or a store that is away for now is waited for, and that is told; it is no reason for a new sign-in, and no
//! crash.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{AccountExit, AccountParts, journal, peers::StoredPeers};
use crate::{
    domain::{
        AccountId, AccountState, Proxy, SecretBytes, StateChange, StateReason, StoreFault,
        Timestamp,
    },
    store::StoreError,
    telegram::{LinkConfig, SessionData},
    vault::{SessionEpoch, VaultError},
};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why the account does not start now.
enum Trouble {
    /// It passes.
    Away(StateReason),
    Exit(AccountExit),
}

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(_) | VaultError::Busy(_) => {
                let detail = error.to_string();
                let fault = Some(StoreFault::of(&detail));
                Self::Away(StateReason::VaultAway { detail, fault })
            }
            VaultError::Closed => Self::Exit(AccountExit::Ordered),
            VaultError::UnknownAccount(_)
            | VaultError::Sealed { .. }
            | VaultError::Key(_)
            | VaultError::Refused(_) => {
                Self::Exit(AccountExit::NeedsLogin(StateReason::SealedUnusable {
                    detail: error.to_string(),
                }))
            }
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.passes() => {
                let detail = error.to_string();
                let fault = Some(StoreFault::of(&detail));
                Self::Away(StateReason::StoreAway { detail, fault })
            }
            StoreError::Closed => Self::Exit(AccountExit::Ordered),
            error => Self::Exit(AccountExit::crashed(error.to_string())),
        }
    }
}

/// Reads it, however long the vault and the store are away, until `ending`.
pub(super) async fn prepare(
    account_id: AccountId,
    parts: AccountParts,
    ending: CancellationToken,
) -> Result<(LinkConfig, SessionEpoch), AccountExit> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let trying = ending.run_until_cancelled(read(account_id, &parts));
        let why = match trying.await {
            None => break,
            Some(Ok(ready)) => return Ok(ready),
            Some(Err(Trouble::Exit(exit))) => return Err(exit),
            Some(Err(Trouble::Away(why))) => why,
        };
        tell(account_id, &parts, attempt, pause, why);
        if ending
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            break;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Err(AccountExit::Ordered)
}

/// Beside the next try: what keeps the account from starting may keep its state from being stored, too.
fn tell(
    account_id: AccountId,
    parts: &AccountParts,
    attempt: u32,
    pause: Duration,
    why: StateReason,
) {
    let change = StateChange {
        state: AccountState::Connecting,
        reason: Some(why),
        retry_at: Some(Timestamp::now().plus(pause)),
        attempt,
    };
    let store = parts.store.clone();
    actix::spawn(async move {
        if let Err(error) = journal::enter(&store, account_id, change, None).await {
            log::warn!(target: "switchboard::account", "account={account_id} waits for what it starts from: {error}");
        }
    });
}

async fn read(
    account_id: AccountId,
    parts: &AccountParts,
) -> Result<(LinkConfig, SessionEpoch), Trouble> {
    let credentials = parts.vault.credentials(account_id).await?;
    let epoch = credentials.epoch;
    let session = read_session(credentials.session).map_err(Trouble::Exit)?;
    // Never without them: an account with proxies does not go out another way.
    let proxies = credentials.proxies.as_ref().map(Proxy::parse_lines);
    let proxies = proxies.transpose().map_err(|error| {
        Trouble::Away(StateReason::ProxiesUnreadable {
            detail: error.to_string(),
        })
    })?;
    let position = parts.store.position(account_id).await?;
    let pace = parts.store.pace(account_id).await?;
    let peers = StoredPeers::new(account_id, parts.store.clone());
    let config = LinkConfig {
        account_id,
        session,
        api: credentials.api,
        position,
        peers: Arc::new(peers),
        pace,
        proxies,
        device: Some(
            parts
                .store
                .device(account_id, parts.telegram.device())
                .await?,
        ),
    };
    Ok((config, epoch))
}

fn read_session(session: Option<SecretBytes>) -> Result<SessionData, AccountExit> {
    let Some(bytes) = session else {
        return Err(AccountExit::NeedsLogin(StateReason::NeverSignedIn));
    };
    SessionData::from_bytes(bytes.expose()).map_err(|error| {
        AccountExit::NeedsLogin(StateReason::SessionUnusable {
            detail: error.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{Typing, TypingSink},
        domain::{ApiCredentials, SecretText},
        store::{NewAccount, NoSink, Store, StoreConfig, StoreHandle},
        telegram::{Telegram, TelegramConfig},
        vault::{KeySource, Keyring, Vault, VaultAccount, VaultConfig},
    };

    const LIMIT: Duration = Duration::from_secs(30);

    struct Nobody;

    impl crate::account::UploadSink for Nobody {
        fn uploaded(&self, _: crate::account::UploadProgress) {}
    }

    impl crate::account::CopySource for Nobody {
        fn stage(
            &self,
            _: crate::domain::MessageRowId,
            _: AccountId,
        ) -> futures_util::future::BoxFuture<
            'static,
            Result<crate::staging::Guised, crate::domain::Outcome>,
        > {
            Box::pin(std::future::pending())
        }

        fn bring(
            &self,
            _: crate::staging::StagedName,
            _: u64,
            _: uuid::Uuid,
        ) -> futures_util::future::BoxFuture<'static, bool> {
            Box::pin(std::future::ready(false))
        }
    }

    impl TypingSink for Nobody {
        fn typing(&self, _: Typing) {}
    }

    /// A signed-in account, its store with one reader that gives up soon.
    async fn signed_in(dir: &std::path::Path) -> (AccountId, AccountParts) {
        let config = StoreConfig {
            readers: 1,
            read_limit: Duration::from_millis(500),
            ..StoreConfig::at(dir.join("switchboard.db"))
        };
        let store = Store::open(config, Arc::new(NoSink)).unwrap();
        let vault = VaultConfig {
            keyring: Keyring::load(KeySource::File(dir.join("master.key"))).unwrap(),
            remote: None,
            runtime: tokio::runtime::Handle::current(),
        };
        let vault = Vault::open(vault, store.clone()).await.unwrap();
        let id = AccountId::random();
        let new = NewAccount {
            id,
            label: "Sales".to_owned(),
            colour: 0,
            api_id: Some(1),
            phone_masked: None,
            is_active: true,
            created_at: None,
        };
        let account = store.create_account(new).await.unwrap();
        let kept = VaultAccount {
            id,
            label: account.label,
            api: ApiCredentials {
                api_id: 1,
                api_hash: SecretText::new("0123456789abcdef0123456789abcdef"),
            },
            is_active: true,
            created_at: account.created_at,
        };
        vault.put_account(kept).await.unwrap();
        let address = std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 1);
        let session = SessionData::with_key(2, address, [1; 256], 1);
        vault.save_session(id, &session.to_bytes()).await.unwrap();
        let parts = AccountParts {
            store,
            bells: crate::account::Bells::default(),
            vault,
            ownership: crate::nodes::Ownership::Sole,
            telegram: Telegram::start(TelegramConfig::default()).unwrap(),
            typing: Arc::new(Nobody),
            uploads: Arc::new(Nobody),
            copies: Arc::new(Nobody),
            staging: crate::staging::Staging::open(dir.join("staged")).unwrap(),
            reply_patience: LIMIT,
        };
        (id, parts)
    }

    /// Takes the only reader until the answer is dropped.
    async fn hold_reader(store: &StoreHandle) -> std::sync::mpsc::Sender<()> {
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let (tell, taken) = tokio::sync::oneshot::channel();
        let store = store.clone();
        actix::spawn(async move {
            let holding = store.read("hold", move |_| {
                let _ = tell.send(());
                let _ = held.recv();
                Ok(())
            });
            drop(holding.await);
        });
        taken.await.unwrap();
        let_go
    }

    /// Protects a good login from a vault that is slow for a while: the start waits for it and says so.
    #[actix::test]
    async fn a_start_waits_for_a_vault_that_is_away() {
        let dir = tempfile::tempdir().unwrap();
        let (id, parts) = signed_in(dir.path()).await;
        let reader = hold_reader(&parts.store).await;
        let ending = CancellationToken::new();
        let preparing = prepare(id, parts.clone(), ending.clone());
        tokio::pin!(preparing);
        let early = tokio::time::timeout(Duration::from_secs(2), &mut preparing).await;
        assert!(early.is_err(), "{:?}", early.unwrap().err());
        drop(reader);
        let ready = tokio::time::timeout(LIMIT, preparing).await.unwrap();
        assert!(ready.is_ok(), "{:?}", ready.err());
        let told = parts.store.get_account(id).await.unwrap().unwrap();
        assert_eq!(told.state, AccountState::Connecting);
        assert!(told.attempt >= 1 && told.retry_at.is_some(), "{told:?}");
        assert!(told.state_reason.unwrap().contains("vault"));

        // A person's stop is heard meanwhile.
        let _reader = hold_reader(&parts.store).await;
        let preparing = prepare(id, parts.clone(), ending.clone());
        ending.cancel();
        let stopped = tokio::time::timeout(LIMIT, preparing).await.unwrap();
        assert_eq!(stopped.err(), Some(AccountExit::Ordered));
    }

    /// Protects the crash budget and the login: only what a person has to put right ends an account.
    #[test]
    fn what_passes_is_no_end() {
        let away = StoreError::Unavailable {
            reason: "database is locked".to_owned(),
        };
        let late = StoreError::NoAnswer {
            call: "position",
            after: Duration::from_secs(1),
        };
        for error in [away, late] {
            let vault = VaultError::from(StoreError::Unavailable {
                reason: error.to_string(),
            });
            assert!(matches!(Trouble::from(vault), Trouble::Away(_)));
            assert!(matches!(Trouble::from(error), Trouble::Away(_)));
        }
        let sealed = VaultError::Sealed {
            id: AccountId::random(),
            reason: "it was altered".to_owned(),
        };
        let exit = Trouble::from(sealed);
        assert!(matches!(exit, Trouble::Exit(AccountExit::NeedsLogin(_))));
        let closed = Trouble::from(StoreError::Closed);
        assert!(matches!(closed, Trouble::Exit(AccountExit::Ordered)));
    }
}
