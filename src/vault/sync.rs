//! Sync: Supabase as the home of the accounts; keeps the local copies and the rows there alike.
//!
//! The queue is the difference between the local rows and what was last seen there; it is in the database, so
//! nothing is lost when the service is killed. While Supabase is away nothing here waits for it.

mod settle;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    RemoteChange, VaultConflict, VaultError, VaultKind,
    compare::{gone_together, guard_against_an_empty_table, is_settled, waits},
    dispute,
    home::Home,
    local::Local,
    shared::Shared,
    supabase::{RemoteAccount, RemoteError, Supabase},
};
use crate::{
    domain::AccountId,
    store::{RemoteCopy, SealedAccount},
};

/// More changes than this are pushed after one look at the whole table instead of one look each.
const MANY: usize = 50;
const GONE_TOGETHER: &str = "its row was deleted in Supabase together with most of the others, so nothing was stopped: put the \
                             rows back, or remove the account here, too";

pub(super) enum SyncError {
    Remote(RemoteError),
    Here(VaultError),
}

impl From<RemoteError> for SyncError {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}

impl From<VaultError> for SyncError {
    fn from(error: VaultError) -> Self {
        Self::Here(error)
    }
}

impl From<crate::store::StoreError> for SyncError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Here(error.into())
    }
}

/// Supabase as the accounts' home.
pub(super) struct Sync {
    local: Local,
    remote: Supabase,
    shared: Arc<Shared>,
    /// Rows that were refused or unreadable, so that each is told once.
    troubles: HashMap<AccountId, String>,
    /// Rows that went together: left alone until they are back, or removed here, too.
    held: HashSet<AccountId>,
    /// At the last look no row there needed an older key.
    resealed: bool,
    /// It answered, and what it said a person has to mend.
    refused: bool,
    /// The accounts here, so that a swapped envelope is told by whose it is.
    known: Vec<AccountId>,
}

impl Home for Sync {
    const KIND: VaultKind = VaultKind::Supabase;

    async fn pull(&mut self) {
        let outcome = self.full_pass().await;
        self.report(outcome);
        self.count().await;
    }

    fn is_refused(&self) -> bool {
        self.refused
    }

    async fn push(&mut self) {
        if self.shared.is_online() {
            let outcome = self.push_pass().await;
            self.report(outcome);
        }
        self.count().await;
    }

    async fn reseal(&mut self) -> bool {
        // The first look pushes, the second one sees what came of it.
        self.pull().await;
        if !self.shared.is_online() {
            return false;
        }
        self.pull().await;
        self.shared.is_online() && self.resealed
    }
}

impl Sync {
    pub fn new(local: Local, remote: Supabase, shared: Arc<Shared>) -> Self {
        Self {
            local,
            remote,
            shared,
            troubles: HashMap::new(),
            held: HashSet::new(),
            resealed: false,
            refused: false,
            known: Vec::new(),
        }
    }

    fn report(&mut self, outcome: Result<(), SyncError>) {
        self.refused = matches!(&outcome, Err(SyncError::Remote(RemoteError::Refused(_))));
        match outcome {
            Ok(()) => self.shared.online(),
            Err(SyncError::Remote(error)) => self.shared.offline(&error.into_fault()),
            // The store says itself what it has; this pass is simply made again.
            Err(SyncError::Here(error)) => {
                log::warn!(target: "switchboard::vault", "sync stopped for now: {error}");
            }
        }
    }

    /// Tells how much waits for Supabase, and what waits for a person.
    async fn count(&mut self) {
        let Ok((rows, copies)) = self.load().await else {
            return;
        };
        let removals = copies.values().filter(|copy| copy.delete_wanted).count();
        let changes = rows
            .iter()
            .filter(|row| waits(row, copies.get(&row.id)))
            .count();
        let told = rows
            .iter()
            .filter_map(|row| Some((row.id, row.conflict.as_ref()?, true)));
        let troubles = self.troubles.iter().map(|(id, what)| (*id, what, false));
        let conflicts = told
            .chain(troubles)
            .map(|(account_id, what, settled_here)| VaultConflict {
                account_id,
                what: what.clone(),
                codes: dispute::codes(what),
                settled_here,
            })
            .collect();
        self.shared.count(removals + changes, conflicts);
    }

    async fn load(
        &mut self,
    ) -> Result<(Vec<SealedAccount>, HashMap<AccountId, RemoteCopy>), SyncError> {
        let rows = self.local.store.sealed_accounts().await?;
        let copies = self.local.store.remote_copies().await?;
        self.known = rows.iter().map(|row| row.id).collect();
        Ok((
            rows,
            copies.into_iter().map(|copy| (copy.id, copy)).collect(),
        ))
    }

    async fn full_pass(&mut self) -> Result<(), SyncError> {
        let page = self.remote.all().await?;
        let (rows, copies) = self.load().await?;
        guard_against_an_empty_table(&page, &copies)?;
        let gone = gone_together(&page, &copies);
        // Once held, a row stays so while it is away, also when those that went with it are back.
        self.held.extend(gone);
        self.held.retain(|id| {
            copies.get(id).is_some_and(|copy| !copy.delete_wanted)
                && page.rows.iter().all(|row| row.id != *id)
        });
        self.resealed = {
            let keys = self.local.keys().await;
            page.rows.iter().all(|row| {
                !row.sealed_hash().is_some_and(|hash| keys.is_outdated(hash))
                    && ![
                        row.session.as_deref(),
                        row.proxies.iter().flatten().next().map(String::as_str),
                    ]
                    .into_iter()
                    .flatten()
                    .any(|text| keys.is_outdated(text))
            })
        };
        let unreadable: HashSet<AccountId> = page.unreadable.iter().map(|(id, _)| *id).collect();
        for (id, why) in &page.unreadable {
            self.trouble(*id, format!("the row in Supabase can't be used: {why}"));
        }
        let mut there: HashMap<AccountId, RemoteAccount> =
            page.rows.into_iter().map(|row| (row.id, row)).collect();
        let mut ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
        ids.extend(copies.keys().copied());
        ids.extend(there.keys().copied());
        ids.sort_unstable();
        ids.dedup();
        // A row that is gone on both sides troubles nobody any more.
        self.troubles
            .retain(|id, _| unreadable.contains(id) || ids.binary_search(id).is_ok());
        let rows: HashMap<AccountId, SealedAccount> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        for id in ids {
            if unreadable.contains(&id) {
                continue;
            }
            if self.held.contains(&id) {
                self.trouble(id, GONE_TOGETHER.to_owned());
                continue;
            }
            let seen = there.remove(&id);
            if is_settled(rows.get(&id), copies.get(&id), seen.as_ref()) {
                self.troubles.remove(&id);
                continue;
            }
            self.settle_alone(id, seen).await?;
        }
        Ok(())
    }

    async fn push_pass(&mut self) -> Result<(), SyncError> {
        let (rows, copies) = self.load().await?;
        let mut ids: Vec<AccountId> = rows
            .iter()
            .filter(|row| waits(row, copies.get(&row.id)) && !self.held.contains(&row.id))
            .map(|row| row.id)
            .collect();
        ids.extend(
            copies
                .values()
                .filter(|copy| copy.delete_wanted)
                .map(|copy| copy.id),
        );
        if ids.len() > MANY {
            return self.full_pass().await;
        }
        for id in ids {
            match self.remote.get(id).await {
                Ok(seen) => self.settle_alone(id, seen).await?,
                Err(RemoteError::Row(why)) => self.trouble(id, why),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// One account's trouble stays its own.
    async fn settle_alone(
        &mut self,
        id: AccountId,
        seen: Option<RemoteAccount>,
    ) -> Result<(), SyncError> {
        match self.settle(id, seen).await {
            Ok(None) => {
                self.troubles.remove(&id);
                Ok(())
            }
            Ok(Some(why)) | Err(SyncError::Remote(RemoteError::Row(why))) => {
                self.trouble(id, why);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn trouble(&mut self, id: AccountId, what: String) {
        if self.troubles.get(&id) != Some(&what) {
            self.shared.announce(RemoteChange::Conflict {
                id,
                what: what.clone(),
            });
            self.troubles.insert(id, what);
        }
    }
}
