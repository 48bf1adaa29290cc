//! Examine: what is wrong with key, rows and Supabase, without changing any of them.

use super::{Keyring, SupabaseConfig, local::Local, supabase::Supabase};
use crate::{domain::SecretText, store::StoreHandle};

/// One line of `switchboard check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Good(String),
    Note(String),
    Bad {
        text: String,
        /// The exit code that goes with it.
        code: u8,
    },
}

/// Looks at whatever is given.
pub async fn examine(
    keyring: Option<&Keyring>,
    remote: Option<&SupabaseConfig>,
    store: Option<&StoreHandle>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(keyring), Some(store)) = (keyring, store) {
        rows(keyring, store, &mut findings).await;
    } else if let Some(keyring) = keyring {
        findings.push(key(keyring));
    }
    if let Some(config) = remote {
        findings.push(supabase(config, keyring).await);
    }
    findings
}

fn key(keyring: &Keyring) -> Finding {
    if keyring.is_fresh() {
        return Finding::Note("no master key yet: the first start makes one".to_owned());
    }
    Finding::Good(format!("master key {}", keyring.primary_id()))
}

async fn rows(keyring: &Keyring, store: &StoreHandle, findings: &mut Vec<Finding>) {
    let bad = |text: String, code| Finding::Bad { text, code };
    let checks = match store.key_checks().await {
        Ok(checks) => checks,
        Err(error) => return findings.push(bad(error.to_string(), 1)),
    };
    if let Err(error) = keyring.verify(&checks) {
        return findings.push(bad(error.to_string(), 2));
    }
    findings.push(key(keyring));
    if keyring.is_changing() {
        findings.push(Finding::Note(format!(
            "the master key is being changed ({}); the next start goes on with it",
            keyring.ids().join(" after ")
        )));
    }
    let local = Local {
        store: store.clone(),
        keys: std::sync::Arc::new(tokio::sync::RwLock::new(keyring.clone())),
    };
    let accounts = match local.store.sealed_accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return findings.push(bad(error.to_string(), 1)),
    };
    for row in &accounts {
        if let Err(error) = local.credentials(row.id).await {
            findings.push(bad(error.to_string(), 1));
        }
        if let Some(conflict) = &row.conflict {
            findings.push(Finding::Note(format!("account {}: {conflict}", row.id)));
        }
    }
    findings.push(Finding::Good(format!(
        "{} accounts in the vault",
        accounts.len()
    )));
}

/// Which proxies accounts name for themselves; what can't be opened was told by [`examine`].
pub async fn own_proxies(keyring: &Keyring, store: &StoreHandle) -> Vec<SecretText> {
    let local = Local {
        store: store.clone(),
        keys: std::sync::Arc::new(tokio::sync::RwLock::new(keyring.clone())),
    };
    let mut own = Vec::new();
    for row in store.sealed_accounts().await.unwrap_or_default() {
        if row.proxies.is_some()
            && let Ok(credentials) = local.credentials(row.id).await
        {
            own.extend(credentials.proxies);
        }
    }
    own
}

async fn supabase(config: &SupabaseConfig, keyring: Option<&Keyring>) -> Finding {
    let remote = match Supabase::new(config) {
        Ok(remote) => remote,
        Err(error) => {
            return Finding::Bad {
                text: error.to_string(),
                code: 2,
            };
        }
    };
    match remote.all().await {
        Err(error) => Finding::Bad {
            text: error.to_string(),
            code: 1,
        },
        Ok(page) => {
            let strange = keyring.map(|keyring| super::open::strange_keys(keyring, &page));
            match strange.filter(|strange| !strange.is_empty()) {
                Some(strange) => Finding::Bad {
                    text: format!(
                        "the accounts in Supabase were sealed with master key {}, which is not here",
                        strange.into_iter().collect::<Vec<_>>().join(" and ")
                    ),
                    code: 2,
                },
                None => Finding::Good(format!("Supabase, {} accounts", page.rows.len())),
            }
        }
    }
}
