//! Peers: names and access hashes, one row per account and peer.
//!
//! A hash is never erased, and partial (`min`) data never replaces full data.

use std::sync::Arc;

use diesel::{QueryResult, QueryableByName};

use super::{
    Result, StoreHandle,
    account_row::KnownAccount,
    engine::Conn,
    heard::{Topic, Worth},
    job_error::JobResult,
    known_peer::KnownPeer,
    record::Recording,
    schema::peers,
    sql::sql,
    tx::Tx,
};
use crate::domain::{AccountId, ChatId, Peer, PeerFlags};

#[derive(QueryableByName, Clone, Debug)]
#[diesel(table_name = peers)]
struct PeerRow {
    peer_id: i64,
    access_hash: Option<i64>,
    name: String,
    username: Option<String>,
    is_self: bool,
    bot: bool,
    broadcast: bool,
    can_send: bool,
    min: bool,
    deleted: bool,
}

impl From<PeerRow> for Peer {
    fn from(row: PeerRow) -> Self {
        Self {
            id: ChatId::from_marked(row.peer_id),
            access_hash: row.access_hash,
            name: row.name,
            username: row.username,
            flags: PeerFlags {
                is_self: row.is_self,
                bot: row.bot,
                broadcast: row.broadcast,
                can_send: row.can_send,
                min: row.min,
                deleted: row.deleted,
            },
        }
    }
}

macro_rules! select_peers {
    ($rest:expr) => {
        concat!(
            "SELECT p.peer_id, p.access_hash, p.name, p.username, p.is_self, p.bot, p.broadcast, p.can_send, p.min, \
             p.deleted FROM peers p ",
            $rest
        )
    };
}

fn load(conn: &mut Conn, account_no: i64, peer: i64) -> QueryResult<Option<Peer>> {
    Ok(
        sql(select_peers!("WHERE p.account_no = ? AND p.peer_id = ?"))
            .number(account_no)
            .number(peer)
            .load::<PeerRow>(conn)?
            .pop()
            .map(Into::into),
    )
}

/// What is stored after `new` was met, given what was stored before.
fn merge(old: Option<&Peer>, new: &Peer) -> Peer {
    let Some(old) = old else {
        return new.clone();
    };
    let hash = match (new.access_hash, new.flags.min, old.flags.min) {
        // A min hash works in fewer places than the full one that is there.
        (Some(_), true, false) => old.access_hash.or(new.access_hash),
        (Some(hash), ..) => Some(hash),
        (None, ..) => old.access_hash,
    };
    if new.flags.min && !old.flags.min {
        return Peer {
            access_hash: hash,
            ..old.clone()
        };
    }
    Peer {
        access_hash: hash,
        ..new.clone()
    }
}

fn save(conn: &mut Conn, account_no: i64, peer: &Peer) -> QueryResult<()> {
    let key = peer.username.as_ref().map(|name| name.to_lowercase());
    sql(
        "INSERT INTO peers (account_no, peer_id, access_hash, name, username, username_key, is_self, bot, broadcast, \
         can_send, min, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (account_no, peer_id) DO UPDATE SET access_hash = excluded.access_hash, name = excluded.name, \
         username = excluded.username, username_key = excluded.username_key, is_self = excluded.is_self, \
         bot = excluded.bot, broadcast = excluded.broadcast, can_send = excluded.can_send, min = excluded.min, \
         deleted = excluded.deleted",
    )
    .number(account_no)
    .number(peer.id.marked())
    .number_or_null(peer.access_hash)
    .text(&peer.name)
    .text_or_null(peer.username.as_deref())
    .text_or_null(key.as_deref())
    .flag(peer.flags.is_self)
    .flag(peer.flags.bot)
    .flag(peer.flags.broadcast)
    .flag(peer.flags.can_send)
    .flag(peer.flags.min)
    .flag(peer.flags.deleted)
    .run(conn)?;
    Ok(())
}

impl Tx<'_> {
    pub fn known_peer(&mut self, account_no: i64, id: ChatId) -> JobResult<Option<Arc<KnownPeer>>> {
        let key = (account_no, id.marked());
        if let Some(known) = self.state.peers.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(peer) = load(self.conn, key.0, key.1)? else {
            return Ok(None);
        };
        let known = Arc::new(KnownPeer::of(peer));
        self.state.peers.insert(key, Arc::clone(&known));
        Ok(Some(known))
    }

    /// Has the stream said something else of a peer since this was asked for?
    pub fn is_old_news(&self, recording: &Recording, peer: &Peer) -> bool {
        let topic = Topic::Peer(recording.account.no, peer.id.marked());
        recording.backfilled && self.state.heard.worth(topic, recording.read_at) == Worth::Overtaken
    }

    /// Stores what was met of a peer. Did a name or right of a conversation change with it?
    pub fn put_peer(&mut self, account: &KnownAccount, new: &Peer) -> JobResult<bool> {
        let old = self.known_peer(account.no, new.id)?;
        // Nearly every message brings peers that are known just so.
        if old.as_ref().is_some_and(|known| known.peer == *new) {
            return Ok(false);
        }
        let merged = merge(old.as_ref().map(|known| &known.peer), new);
        if old.as_ref().is_some_and(|known| known.peer == merged) {
            return Ok(false);
        }
        save(self.conn, account.no, &merged)?;
        // Until all of it is known, whatever tells it is welcome.
        if let Some(read_at) = self.read_at.filter(|_| !merged.flags.min) {
            let topic = Topic::Peer(account.no, new.id.marked());
            self.state.heard.note(topic, read_at);
        }
        let is_called = |peer: &Peer| (peer.name.clone(), peer.username.clone());
        if old.is_some_and(|known| is_called(&known.peer) != is_called(&merged)) {
            self.rename_contact(account.no, &merged)?;
        }
        let renamed = self.rename_conversation(account.no, &merged)?;
        self.state.peers.insert(
            (account.no, new.id.marked()),
            Arc::new(KnownPeer::of(merged)),
        );
        Ok(renamed)
    }

    /// The account lost the chat: nothing is written there any more, until Telegram says otherwise.
    pub fn lose_peer(&mut self, account: &KnownAccount, chat: ChatId) -> JobResult<bool> {
        let Some(known) = self.known_peer(account.no, chat)? else {
            let Some(row) = self.find_conversation(account.no, chat.marked())? else {
                return Ok(false);
            };
            let changed = row.fields.can_send;
            row.fields.can_send = false;
            self.mark_conversation((account.no, chat.marked()));
            return Ok(changed);
        };
        let mut lost = known.peer.clone();
        lost.flags.can_send = false;
        lost.flags.min = false;
        self.put_peer(account, &lost)
    }
}

impl StoreHandle {
    /// What is known of a peer.
    ///
    /// # Errors
    /// As every read.
    pub async fn peer(&self, account: AccountId, chat: ChatId) -> Result<Option<Peer>> {
        self.read("peer", move |conn| {
            Ok(sql(select_peers!(
                "JOIN accounts a ON a.no = p.account_no WHERE a.id = ? AND p.peer_id = ?"
            ))
            .text(&account.to_string())
            .number(chat.marked())
            .load::<PeerRow>(conn)?
            .pop()
            .map(Into::into))
        })
        .await
    }

    /// Every channel and supergroup of the account that has an access hash.
    ///
    /// # Errors
    /// As every read.
    pub async fn peers_with_hash(&self, account: AccountId) -> Result<Vec<Peer>> {
        self.read("peers_with_hash", move |conn| {
            let rows = sql(select_peers!(
                "JOIN accounts a ON a.no = p.account_no WHERE a.id = ? AND p.peer_id < -1000000000000 \
                 AND p.access_hash IS NOT NULL"
            ))
            .text(&account.to_string())
            .load::<PeerRow>(conn)?;
            Ok(rows.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// With or without `@`, any case.
    ///
    /// # Errors
    /// As every read.
    pub async fn find_peer_by_username(
        &self,
        account: AccountId,
        username: String,
    ) -> Result<Option<Peer>> {
        self.read("find_peer_by_username", move |conn| {
            let key = username.trim().trim_start_matches('@').to_lowercase();
            Ok(sql(select_peers!(
                "JOIN accounts a ON a.no = p.account_no WHERE a.id = ? AND p.username_key = ?"
            ))
            .text(&account.to_string())
            .text(&key)
            .load::<PeerRow>(conn)?
            .pop()
            .map(Into::into))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Peer {
        Peer {
            id: ChatId::user(7),
            access_hash: Some(11),
            name: "Full".to_owned(),
            username: Some("full".to_owned()),
            flags: PeerFlags {
                can_send: true,
                ..PeerFlags::default()
            },
        }
    }

    #[test]
    fn partial_data_never_replaces_full_data_and_a_hash_is_never_erased() {
        let mut partial = full();
        partial.flags.min = true;
        partial.name = "Partial".to_owned();
        partial.access_hash = Some(99);
        assert_eq!(merge(Some(&full()), &partial), full());
        let mut without = full();
        without.access_hash = None;
        without.name = "Renamed".to_owned();
        let merged = merge(Some(&full()), &without);
        assert_eq!(
            (merged.access_hash, merged.name.as_str()),
            (Some(11), "Renamed")
        );
        assert_eq!(merge(Some(&partial), &full()), full());
        assert_eq!(merge(None, &partial), partial);
    }
}
