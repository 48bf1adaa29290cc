//! Sync: keeps the local copies and Supabase's rows alike.
//!
//! The queue is the difference between the local rows and what was last seen there; it is in the database, so
//! nothing is lost when the service is killed. Local changes are pushed at once, the whole table is looked at
//! every minute. While Supabase is away nothing here waits for it.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{
    RemoteChange, VaultConflict, VaultError,
    adopt::adopt,
    compare::{copy_of, guard_against_an_empty_table, is_seen, is_settled, shown_session, waits},
    local::{Local, summary},
    merge::merge,
    rekey,
    shared::Shared,
    supabase::{Pace, RemoteAccount, RemoteError, Supabase},
};
use crate::{
    domain::{AccountId, SecretText},
    store::{RemoteCopy, SealedAccount},
};

/// How often the key file is looked at.
const KEY_LOOK: Duration = Duration::from_secs(2);
/// More changes than this are pushed after one look at the whole table instead of one look each.
const MANY: usize = 50;
/// Someone else changes the same row all the time: the next look goes on.
const ROUNDS: usize = 6;

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

pub(super) struct Sync {
    pub local: Local,
    pub remote: Option<Supabase>,
    pub shared: Arc<Shared>,
    pub pace: Pace,
    /// Rows that were refused or unreadable, so that each is told once.
    troubles: HashMap<AccountId, String>,
    /// At the last look no row there needed an older key.
    remote_clean: bool,
    /// The accounts here, so that a swapped envelope is told by whose it is.
    known: Vec<AccountId>,
    /// A change of key that can't go on now goes on then.
    pub rekey_at: Option<Instant>,
}

impl Sync {
    pub fn new(local: Local, remote: Option<Supabase>, shared: Arc<Shared>, pace: Pace) -> Self {
        Self {
            local,
            remote,
            shared,
            pace,
            troubles: HashMap::new(),
            remote_clean: false,
            known: Vec::new(),
            rekey_at: None,
        }
    }

    /// Runs until the vault is closed. A pass that is cut off by that is like one cut off by a kill: the next
    /// start goes on from the rows.
    ///
    /// `looked` is let go of after the first look at the table, however that ends.
    pub async fn run(mut self, looked: oneshot::Sender<()>) {
        let shared = Arc::clone(&self.shared);
        shared.closing.run_until_cancelled(self.turns(looked)).await;
        shared.closed.cancel();
    }

    /// A panic in here must not end the syncing of every account without a word.
    async fn turns(&mut self, looked: oneshot::Sender<()>) {
        let mut looked = Some(looked);
        loop {
            let turn = AssertUnwindSafe(self.turn(looked.take()));
            if turn.catch_unwind().await.is_err() {
                log::error!(target: "switchboard::vault", "the sync with Supabase failed by a bug and begins anew");
                self.troubles.clear();
                tokio::time::sleep(self.pace.interval).await;
            }
        }
    }

    async fn turn(&mut self, looked: Option<oneshot::Sender<()>>) {
        self.pull().await;
        drop(looked);
        let mut look = interval(KEY_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = Arc::clone(&self.shared);
        let mut pull_at = Instant::now() + self.pace.interval;
        loop {
            tokio::select! {
                () = shared.wake.notified() => {
                    if self.remote.is_some() && shared.is_online() {
                        self.push().await;
                    }
                }
                () = sleep_until(pull_at) => {
                    self.pull().await;
                    pull_at = Instant::now() + self.pace.interval;
                }
                _ = look.tick() => rekey::step(self).await,
            }
            self.count().await;
        }
    }

    /// Looks at the whole table, takes what is new there, pushes what is new here.
    pub async fn pull(&mut self) {
        let outcome = self.full_pass().await;
        self.report(outcome);
        self.count().await;
    }

    async fn push(&mut self) {
        let outcome = self.push_pass().await;
        self.report(outcome);
    }

    fn report(&self, outcome: Result<(), SyncError>) {
        match outcome {
            Ok(()) if self.remote.is_some() => self.shared.online(),
            Ok(()) => {}
            Err(SyncError::Remote(error)) => self.shared.offline(&error.to_string()),
            // The store says itself what it has; this pass is simply made again.
            Err(SyncError::Here(error)) => {
                log::warn!(target: "switchboard::vault", "sync stopped for now: {error}");
            }
        }
    }

    async fn count(&mut self) {
        if self.remote.is_none() {
            return;
        }
        if let Ok((rows, copies)) = self.load().await {
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
                    settled_here,
                })
                .collect();
            self.shared.count(removals + changes, conflicts);
        }
    }

    /// Nothing is known to need an older key any more, here or there.
    pub async fn is_clean(&mut self) -> bool {
        if self.remote.is_none() {
            return true;
        }
        // The first look pushes, the second one sees what came of it.
        self.pull().await;
        if !self.shared.is_online() {
            return false;
        }
        self.pull().await;
        self.shared.is_online() && self.remote_clean
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
        let Some(remote) = &self.remote else {
            return Ok(());
        };
        let page = remote.all().await?;
        let (rows, copies) = self.load().await?;
        guard_against_an_empty_table(&page, &copies)?;
        self.remote_clean = {
            let keys = self.local.keys().await;
            page.rows.iter().all(|row| {
                !row.sealed_hash().is_some_and(|hash| keys.is_outdated(hash))
                    && !row
                        .session
                        .as_deref()
                        .is_some_and(|text| keys.is_outdated(text))
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
        let rows: HashMap<AccountId, SealedAccount> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        for id in ids {
            if unreadable.contains(&id) {
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
            .filter(|row| waits(row, copies.get(&row.id)))
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
            match self.look(id).await {
                Ok(seen) => self.settle_alone(id, seen).await?,
                Err(SyncError::Remote(RemoteError::Row(why))) => self.trouble(id, why),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn look(&self, id: AccountId) -> Result<Option<RemoteAccount>, SyncError> {
        match &self.remote {
            Some(remote) => Ok(remote.get(id).await?),
            None => Ok(None),
        }
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

    /// Brings one account's rows together, beginning with what was just seen there. Gives what stands against it.
    async fn settle(
        &self,
        id: AccountId,
        mut seen: Option<RemoteAccount>,
    ) -> Result<Option<String>, SyncError> {
        let store = &self.local.store;
        for _ in 0..ROUNDS {
            let row = store.sealed_account(id).await?;
            let copy = store.remote_copy(id).await?;
            seen = match (row, copy, seen) {
                (None, None, None) => return Ok(None),
                (None, None, Some(there)) => match self.add(&there).await? {
                    Ok(()) => Some(there),
                    Err(why) => return Ok(Some(why)),
                },
                (None, Some(_), None) => {
                    store.drop_remote_copy(id).await?;
                    return Ok(None);
                }
                (None, Some(copy), Some(there)) => return self.remove(&copy, &there).await,
                (Some(row), None, None) if row.removed_remotely => return Ok(None),
                (Some(row), Some(copy), None) if !copy.inserting => {
                    return self.note_removal(row).await;
                }
                (Some(row), _, None) => self.insert(&row).await?,
                (Some(row), copy, Some(there)) => {
                    match self.merge(&row, copy.as_ref(), there).await? {
                        Step::Settled => return Ok(None),
                        Step::Again(there) => there,
                    }
                }
            };
        }
        Ok(None)
    }

    async fn add(&self, there: &RemoteAccount) -> Result<Result<(), String>, SyncError> {
        let keys = self.local.keys().await;
        let row = match adopt(&keys, there) {
            Ok(row) => row,
            Err(why) => return Ok(Err(why)),
        };
        let added = RemoteChange::Added(summary(&row));
        // Without a copy of the row there: the next round merges, and so says what could not be taken.
        if self.local.store.replace_sealed(row, None).await? {
            self.shared.announce(added);
        }
        Ok(Ok(()))
    }

    async fn insert(&self, row: &SealedAccount) -> Result<Option<RemoteAccount>, SyncError> {
        let Some(remote) = &self.remote else {
            return Ok(None);
        };
        let ours = RemoteAccount {
            id: row.id,
            label: row.label.clone(),
            api_id: row.api_id,
            api_hash: SecretText::new(row.api_hash.clone()),
            session: shown_session(row).map(str::to_owned),
            is_active: row.is_active,
            created_at: row.created_at,
        };
        // Noted first: a row that is removed here while it is on its way is then removed there too.
        let mut copy = copy_of(&ours);
        copy.inserting = true;
        self.local.store.put_remote_copy(copy).await?;
        match remote.insert(&ours).await? {
            Some(there) => Ok(Some(there)),
            None => Ok(remote.get(row.id).await?),
        }
    }

    async fn remove(
        &self,
        copy: &RemoteCopy,
        there: &RemoteAccount,
    ) -> Result<Option<String>, SyncError> {
        let Some(remote) = &self.remote else {
            return Ok(None);
        };
        if (copy.inserting || is_seen(copy, there)) && remote.remove(there).await? {
            self.local.store.drop_remote_copy(copy.id).await?;
            return Ok(None);
        }
        // Somebody has changed it since; the next look picks it up as it is now.
        self.local.store.drop_remote_copy(copy.id).await?;
        Ok(Some(
            "it was removed here, but changed in Supabase since: it stays there and comes back"
                .to_owned(),
        ))
    }

    async fn note_removal(&self, mut row: SealedAccount) -> Result<Option<String>, SyncError> {
        let id = row.id;
        row.removed_remotely = true;
        // Should a change here be faster, the next look decides again.
        if self.local.store.replace_sealed(row, None).await? {
            self.local.store.drop_remote_copy(id).await?;
            self.shared.announce(RemoteChange::Removed { id });
        }
        Ok(None)
    }

    async fn merge(
        &self,
        row: &SealedAccount,
        copy: Option<&RemoteCopy>,
        there: RemoteAccount,
    ) -> Result<Step, SyncError> {
        let merged = {
            let keys = self.local.keys().await;
            let merged = merge(&keys, &self.known, row, copy, &there);
            let store = &self.local.store;
            if merged.local != *row {
                let written = store
                    .replace_sealed(merged.local.clone(), Some(merged.copy.clone()))
                    .await?;
                if !written {
                    return Ok(Step::Again(Some(there)));
                }
            } else if copy != Some(&merged.copy) {
                store.put_remote_copy(merged.copy.clone()).await?;
            }
            merged
        };
        for news in merged.news {
            self.shared.announce(news);
        }
        let Some(remote) = self.remote.as_ref().filter(|_| !merged.push.is_empty()) else {
            return Ok(Step::Settled);
        };
        match remote.change(&there, &merged.push).await? {
            Some(there) => Ok(Step::Again(Some(there))),
            None => Ok(Step::Again(remote.get(row.id).await?)),
        }
    }
}

enum Step {
    Settled,
    Again(Option<RemoteAccount>),
}
