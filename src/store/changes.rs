//! Changes: word to the other nodes that rows changed of which each keeps a copy in memory, or which somebody waits for.

use std::sync::Arc;

use diesel::QueryResult;
use tokio::sync::watch;

use super::{
    engine::Conn,
    sql::{One, sql},
};

/// Where nodes hear that rows changed of which others keep a copy in memory.
pub(super) const CHANGED: &str = "switchboard_changed";

/// Rows of which each node keeps a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    Owners,
    Webhooks,
    /// What was done in Supabase.
    Vault,
    /// Not the rows of a copy: something that one node at a time does was let go of.
    Work,
}

impl Changed {
    const COPIED: [Self; 3] = [Self::Owners, Self::Webhooks, Self::Vault];

    const fn word(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::Webhooks => "webhooks",
            Self::Vault => "vault",
            Self::Work => "work",
        }
    }
}

/// The other nodes hear of it with the commit.
pub(super) fn tell(conn: &mut Conn, changed: Changed) -> QueryResult<()> {
    if conn.gathers() {
        sql("SELECT count(pg_notify(?, ?)) AS n")
            .text(CHANGED)
            .text(changed.word())
            .get_result::<One>(conn)?;
    }
    Ok(())
}

/// What changed, for those who keep copies.
#[derive(Clone)]
pub(super) struct Changes(Arc<[watch::Sender<u64>; 4]>);

impl Changes {
    pub fn new() -> Self {
        Self(Arc::new([0; 4].map(watch::Sender::new)))
    }

    pub fn of(&self, changed: Changed) -> &watch::Sender<u64> {
        let [owners, webhooks, vault, work] = &*self.0;
        match changed {
            Changed::Owners => owners,
            Changed::Webhooks => webhooks,
            Changed::Vault => vault,
            Changed::Work => work,
        }
    }

    pub fn note(&self, changed: Changed) {
        self.of(changed).send_modify(|count| *count += 1);
    }

    /// Perhaps all that is copied.
    pub fn note_copied(&self) {
        Changed::COPIED
            .into_iter()
            .for_each(|changed| self.note(changed));
    }

    pub fn heard(&self, word: &str) {
        let all = Changed::COPIED.into_iter().chain([Changed::Work]);
        all.filter(|changed| changed.word() == word)
            .for_each(|changed| self.note(changed));
    }
}
