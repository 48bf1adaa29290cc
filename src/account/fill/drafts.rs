//! Drafts: what stands unsent in the fields of all chats and topics.

use std::collections::HashSet;

use super::{Fill, Halt};
use crate::domain::{Change, ChatDraft, ChatId, Timestamp};

impl Fill {
    /// What stands unsent anywhere. The list of chats says it of no topic, and what was typed or taken away on another device
    /// while this one was away is told by nothing.
    pub(super) async fn fetch_drafts(&self) -> Result<(), Halt> {
        let known = self.store.drafted_fields(self.account_id).await?;
        let mut batch = match self.link.all_drafts().await {
            Ok(batch) => batch,
            Err(error) if self.is_definite(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let told: HashSet<(ChatId, Option<i32>)> = batch
            .changes
            .iter()
            .filter_map(drafted)
            .map(|(field, _)| field)
            .collect();
        // The same words are the same draft.
        batch.changes.retain(|change| {
            let said = drafted(change);
            said.is_none_or(|said| {
                known
                    .iter()
                    .all(|(field, text)| (*field, text.as_str()) != said)
            })
        });
        let gone = known.iter().map(|(field, _)| *field);
        let gone = gone.filter(|field| !told.contains(field));
        let empty = ChatDraft::empty(Timestamp::from_seconds(0));
        batch
            .changes
            .extend(gone.map(|(chat, topic_id)| Change::Drafted {
                chat,
                topic_id,
                draft: empty.clone(),
            }));
        self.store.record_batch(batch).await?;
        Ok(())
    }
}

fn drafted(change: &Change) -> Option<((ChatId, Option<i32>), &str)> {
    match change {
        Change::Drafted {
            chat,
            topic_id,
            draft,
        } => Some(((*chat, *topic_id), &draft.text)),
        _ => None,
    }
}
