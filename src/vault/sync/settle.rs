//! Settle: one account's rows, here and there, brought together.

use super::{Sync, SyncError};
use crate::{
    domain::{AccountId, SecretText},
    store::{RemoteCopy, SealedAccount},
    vault::{
        RemoteChange,
        adopt::adopt,
        compare::{copy_of, is_seen, shown_session},
        farewells::given_up,
        local::summary,
        merge::merge,
        supabase::RemoteAccount,
    },
};

/// Someone else changes the same row all the time: the next look goes on.
const ROUNDS: usize = 6;

impl Sync {
    /// Brings one account's rows together, beginning with what was just seen there. Gives what stands against it.
    pub(super) async fn settle(
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
        let news = added.kind().into_iter().collect();
        if self.local.store.replace_sealed(row, None, news).await? {
            self.shared.announce(added);
        }
        Ok(Ok(()))
    }

    async fn insert(&self, row: &SealedAccount) -> Result<Option<RemoteAccount>, SyncError> {
        let ours = RemoteAccount {
            id: row.id,
            label: row.label.clone(),
            api_id: row.api_id,
            api_hash: SecretText::new(row.api_hash.clone()),
            session: shown_session(row).map(str::to_owned),
            proxies: Some(row.proxies.clone()),
            is_active: row.is_active,
            created_at: row.created_at,
        };
        // Noted first: a row that is removed here while it is on its way is then removed there too.
        let mut copy = copy_of(&ours);
        copy.inserting = true;
        self.local.store.put_remote_copy(copy).await?;
        match self.remote.insert(&ours).await? {
            Some(there) => Ok(Some(there)),
            None => Ok(self.remote.get(row.id).await?),
        }
    }

    async fn remove(
        &self,
        copy: &RemoteCopy,
        there: &RemoteAccount,
    ) -> Result<Option<String>, SyncError> {
        if (copy.inserting || is_seen(copy, there)) && self.remote.remove(there).await? {
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
        let removed = RemoteChange::Removed { id };
        let news = removed.kind().into_iter().collect();
        if self.local.store.replace_sealed(row, None, news).await? {
            self.local.store.drop_remote_copy(id).await?;
            self.shared.announce(removed);
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
                let replaced = merged
                    .news
                    .contains(&RemoteChange::SessionReplaced { id: row.id });
                let ours = row.session.clone().filter(|_| replaced);
                let orders = given_up(&keys, row, ours);
                let (local, copy) = (merged.local.clone(), merged.copy.clone());
                let news = merged.news.iter().filter_map(RemoteChange::kind).collect();
                let written = store.replace_sealed_and_part(local, Some(copy), orders, news);
                match written.await? {
                    Some(orders) => self.shared.parted(&orders),
                    None => return Ok(Step::Again(Some(there))),
                }
            } else if copy != Some(&merged.copy) {
                store.put_remote_copy(merged.copy.clone()).await?;
            }
            merged
        };
        for news in merged.news {
            self.shared.announce(news);
        }
        if merged.push.is_empty() {
            return Ok(Step::Settled);
        }
        match self.remote.change(&there, &merged.push).await? {
            Some(there) => Ok(Step::Again(Some(there))),
            None => Ok(Step::Again(self.remote.get(row.id).await?)),
        }
    }
}

enum Step {
    Settled,
    Again(Option<RemoteAccount>),
}
