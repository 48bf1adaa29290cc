//! Compare: is a row here like the one there, and like what was last seen there? Asks, and changes nothing.

use std::collections::{HashMap, HashSet};

use super::supabase::{Page, RemoteAccount, RemoteError};
use crate::{
    domain::{AccountId, VaultFault},
    store::{RemoteCopy, SealedAccount},
};

/// The session that the other side should have: a new sign-in goes there once it has connected.
pub(super) fn shown_session(row: &SealedAccount) -> Option<&str> {
    row.previous_session.as_deref().or(row.session.as_deref())
}

/// Is there something here that the other side does not have?
pub(super) fn is_queued(row: &SealedAccount, copy: Option<&RemoteCopy>) -> bool {
    if row.removed_remotely {
        return false;
    }
    copy.is_none_or(|copy| {
        copy.inserting
            || copy.label != row.label
            || copy.api_id != row.api_id
            || copy.api_hash.as_deref() != Some(row.api_hash.as_str())
            || copy.session.as_deref() != shown_session(row)
            || copy.proxies != row.proxies
            || copy.is_active != row.is_active
    })
}

/// Is the row there just as it was last seen, or as it is here?
pub(super) fn is_seen(copy: &RemoteCopy, remote: &RemoteAccount) -> bool {
    copy.label == remote.label
        && copy.api_id == remote.api_id
        && copy.api_hash.as_deref() == remote.sealed_hash()
        && copy.session == remote.session
        // A table without the column says nothing about it.
        && (remote.proxies.is_none() || remote.proxies.as_ref() == Some(&copy.proxies))
        && copy.is_active == remote.is_active
}

pub(super) fn copy_of(remote: &RemoteAccount) -> RemoteCopy {
    RemoteCopy {
        id: remote.id,
        label: remote.label.clone(),
        api_id: remote.api_id,
        api_hash: remote.sealed_hash().map(str::to_owned),
        session: remote.session.clone(),
        proxies: remote.proxies.clone().flatten(),
        is_active: remote.is_active,
        inserting: false,
        delete_wanted: false,
    }
}

/// Is a change of this row to be pushed? A conflict waits for a person, not for Supabase.
pub(super) fn waits(row: &SealedAccount, copy: Option<&RemoteCopy>) -> bool {
    is_queued(row, copy) && (row.conflict.is_none() || row.overrule)
}

pub(super) fn is_settled(
    row: Option<&SealedAccount>,
    copy: Option<&RemoteCopy>,
    there: Option<&RemoteAccount>,
) -> bool {
    match (row, copy, there) {
        (Some(row), Some(copy), Some(there)) => {
            row.conflict.is_none()
                && !row.overrule
                && !copy.delete_wanted
                && !is_queued(row, Some(copy))
                && is_seen(copy, there)
        }
        _ => false,
    }
}

/// A table that lost all its rows at once was hardly meant so.
pub(super) fn guard_against_an_empty_table(
    page: &Page,
    copies: &HashMap<AccountId, RemoteCopy>,
) -> Result<(), RemoteError> {
    let known = copies
        .values()
        .filter(|copy| !copy.inserting && !copy.delete_wanted)
        .count();
    if known < 2 || !page.rows.is_empty() || !page.unreadable.is_empty() {
        return Ok(());
    }
    Err(RemoteError::Refused(VaultFault::TableEmpty { known }))
}

/// Rows that went with most of the others between two looks: a slip in the editor or a table that was restored, and no
/// decision about each of them.
pub(super) fn gone_together(
    page: &Page,
    copies: &HashMap<AccountId, RemoteCopy>,
) -> HashSet<AccountId> {
    let there: HashSet<AccountId> = page
        .rows
        .iter()
        .map(|row| row.id)
        .chain(page.unreadable.iter().map(|(id, _)| *id))
        .collect();
    let known = copies
        .values()
        .filter(|copy| !copy.inserting && !copy.delete_wanted)
        .map(|copy| copy.id);
    let (known, gone): (Vec<_>, Vec<_>) = known.partition(|id| there.contains(id));
    if gone.len() < 2 || gone.len() <= known.len() {
        return HashSet::new();
    }
    gone.into_iter().collect()
}
