//! Adopt: an account that only Supabase has gets its sealed row here.

use super::{
    cipher::{Binding, Purpose},
    keyring::Keyring,
    local::{from_epoch, next_epoch},
    supabase::RemoteAccount,
};
use crate::{domain::SecretBytes, store::SealedAccount};

/// An account that was added in Supabase by hand, or by another machine with the same keys. The row for here comes
/// without a session when that one can't be trusted; merging then says why.
pub(super) fn adopt(keys: &Keyring, remote: &RemoteAccount) -> Result<SealedAccount, String> {
    let to = |purpose| Binding {
        account: remote.id,
        api_id: remote.api_id,
        purpose,
    };
    if remote.api_id <= 0 {
        return Err("api_id in Supabase is no positive number".to_owned());
    }
    let api_hash = match remote.sealed_hash() {
        Some(envelope) => {
            keys.open(envelope, &to(Purpose::ApiHash))
                .map_err(|error| format!("api_hash in Supabase: {error}"))?;
            envelope.to_owned()
        }
        None if is_plain_hash(remote.api_hash.expose()) => {
            let typed = SecretBytes::new(remote.api_hash.expose().as_bytes().to_vec());
            keys.seal(&to(Purpose::ApiHash), next_epoch(0), typed.expose())
                .map_err(|error| format!("api_hash can't be sealed: {error}"))?
        }
        None => {
            return Err(
                "api_hash in Supabase is neither sealed nor 32 hexadecimal digits".to_owned(),
            );
        }
    };
    let session = remote
        .session
        .as_deref()
        .and_then(|envelope| Some((envelope, keys.open(envelope, &to(Purpose::Session)).ok()?)));
    Ok(SealedAccount {
        id: remote.id,
        label: remote.label.clone(),
        api_id: remote.api_id,
        api_hash,
        epoch: session
            .as_ref()
            .map_or(0, |(_, opened)| from_epoch(opened.epoch)),
        session: session.map(|(envelope, _)| envelope.to_owned()),
        previous_session: None,
        sign_in: None,
        // Merging takes them, or says why not.
        proxies: None,
        is_active: remote.is_active,
        created_at: remote.created_at,
        revision: 0,
        removed_remotely: false,
        conflict: None,
        overrule: false,
    })
}

/// As my.telegram.org shows it.
pub(super) fn is_plain_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
