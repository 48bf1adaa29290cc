//! Contacts: the address books of accounts, as Telegram told them last.

use std::time::Instant;

use diesel::{
    QueryResult, QueryableByName,
    sql_types::{Nullable, Text},
};

use super::{
    Page, Result, StoreHandle,
    account_row::KnownAccount,
    cursor::{Cursor, List, page_size},
    engine::Conn,
    heard::{Topic, Worth},
    job_error::JobResult,
    message_row::account_of,
    sql::{Flag, Number, id_list, sql},
    tx::Tx,
};
use crate::domain::{
    AccountId, ChatId, ContactListMark, Conversation, ConversationId, ListedContact, Peer,
    Timestamp, folded,
};

/// Of whose contacts, and which.
#[derive(Clone, Debug)]
pub struct ContactQuery {
    pub account: AccountId,
    /// Part of the name or the username.
    pub q: Option<String>,
    pub cursor: Option<String>,
    /// 0: the default of 50. At most 200.
    pub limit: u32,
    /// The accounts that may be named as knowing somebody; `None`: all.
    pub visible: Option<Vec<AccountId>>,
}

/// An address book, as Telegram told it.
#[derive(Clone, Debug)]
pub struct ContactBook {
    /// With whether the account is in their address book, too.
    pub contacts: Vec<(ChatId, bool)>,
    pub peers: Vec<Peer>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Number)]
    peer_id: i64,
    #[diesel(sql_type = Flag)]
    mutual: bool,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    username: Option<String>,
    #[diesel(sql_type = Nullable<Number>)]
    conversation: Option<i64>,
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Text)]
    find_key: String,
}

#[derive(QueryableByName)]
struct Knows {
    #[diesel(sql_type = Number)]
    chat: i64,
    #[diesel(sql_type = Text)]
    account: String,
}

#[derive(QueryableByName)]
struct Mark {
    #[diesel(sql_type = Number)]
    hash: i64,
    #[diesel(sql_type = Number)]
    fetched_at: i64,
}

/// In the order of which contacts are listed.
fn contact_key(peer: &Peer) -> String {
    match &peer.username {
        Some(username) => folded(&format!("{} @{username}", peer.name)),
        None => folded(&peer.name),
    }
}

impl Tx<'_> {
    fn put_contacts(
        &mut self,
        id: AccountId,
        (hash, asked_at): (i64, Instant),
        book: Option<&ContactBook>,
    ) -> JobResult<()> {
        let account = self.living_account(id)?;
        let worth = (self.state.heard).worth(Topic::Contacts(account.no), asked_at);
        // It is another one by now: nobody is taken out, and the next who looks asks again.
        let overtaken = worth == Worth::Overtaken;
        if let Some(book) = book {
            for peer in &book.peers {
                self.put_peer(&account, peer)?;
            }
            if !overtaken {
                sql("DELETE FROM contacts WHERE account_no = ?")
                    .number(account.no)
                    .run(self.conn)?;
            }
            for (chat, mutual) in &book.contacts {
                self.put_contact(&account, *chat, *mutual)?;
            }
        }
        match overtaken {
            true => Ok(()),
            false => self.mark_contacts(&account, hash),
        }
    }

    fn mark_contacts(&mut self, account: &KnownAccount, hash: i64) -> JobResult<()> {
        sql("INSERT INTO contact_lists (account_no, hash, fetched_at) VALUES (?, ?, ?) \
             ON CONFLICT (account_no) DO UPDATE SET hash = excluded.hash, fetched_at = excluded.fetched_at")
        .number(account.no)
        .number(hash)
        .number(self.now.millis())
        .run(self.conn)?;
        Ok(())
    }

    /// The next who looks gets it from Telegram, whole; what is here is shown where that can't be.
    pub fn forget_contact_list(&mut self, account: &KnownAccount) -> JobResult<()> {
        let topic = Topic::Contacts(account.no);
        self.state.heard.note(topic, Instant::now());
        sql("UPDATE contact_lists SET hash = 0, fetched_at = 0 WHERE account_no = ?")
            .number(account.no)
            .run(self.conn)?;
        Ok(())
    }

    /// Only whom a name is known of: nobody else could be listed.
    fn put_contact(&mut self, account: &KnownAccount, chat: ChatId, mutual: bool) -> JobResult<()> {
        let Some(known) = self.known_peer(account.no, chat)? else {
            return Ok(());
        };
        let key = contact_key(&known.peer);
        sql("INSERT INTO contacts (account_no, peer_id, mutual, find_key) VALUES (?, ?, ?, ?) \
             ON CONFLICT (account_no, peer_id) DO UPDATE SET mutual = excluded.mutual, find_key = excluded.find_key")
        .number(account.no)
        .number(chat.marked())
        .flag(mutual)
        .text(&key)
        .run(self.conn)?;
        Ok(())
    }

    /// What is known of a peer changed: as a contact it is found by what it is called now.
    pub fn rename_contact(&mut self, account_no: i64, peer: &Peer) -> QueryResult<()> {
        sql("UPDATE contacts SET find_key = ? WHERE account_no = ? AND peer_id = ?")
            .text(&contact_key(peer))
            .number(account_no)
            .number(peer.id.marked())
            .run(self.conn)
            .map(drop)
    }

    fn add_contact(&mut self, id: AccountId, peer: &Peer) -> JobResult<()> {
        let account = self.living_account(id)?;
        self.put_peer(&account, peer)?;
        self.put_contact(&account, peer.id, false)?;
        // What Telegram has is another list now.
        let topic = Topic::Contacts(account.no);
        self.state.heard.note(topic, Instant::now());
        sql("DELETE FROM contact_lists WHERE account_no = ?")
            .number(account.no)
            .run(self.conn)?;
        Ok(())
    }

    fn open_conversation(&mut self, id: AccountId, peer: &Peer) -> JobResult<Conversation> {
        let account = self.living_account(id)?;
        self.put_peer(&account, peer)?;
        let key = self.conversation_for(&account, peer.id)?;
        self.show_conversation(key)
    }
}

/// Which accounts know each of these chats: as a contact, or from a conversation.
fn knowing(
    conn: &mut Conn,
    chats: &[i64],
    visible: Option<&[AccountId]>,
) -> QueryResult<Vec<Knows>> {
    let chats = id_list(chats);
    let rows = sql(
        "SELECT j.value AS chat, a.id AS account FROM json_each(?) j JOIN accounts a ON a.removed_at IS NULL \
         WHERE EXISTS (SELECT 1 FROM contacts c WHERE c.account_no = a.no AND c.peer_id = j.value) \
         OR EXISTS (SELECT 1 FROM conversations v WHERE v.account_no = a.no AND v.chat = j.value) ORDER BY a.no",
    )
    .text(&chats)
    .load::<Knows>(conn)?;
    let sees = |row: &Knows| {
        let account = account_of(&row.account);
        visible.is_none_or(|visible| visible.contains(&account))
    };
    Ok(rows.into_iter().filter(sees).collect())
}

fn list(conn: &mut Conn, query: &ContactQuery) -> JobResult<Page<ListedContact>> {
    let limit = page_size(query.limit);
    let after = match &query.cursor {
        Some(cursor) => Cursor::of(List::Contacts, cursor)?,
        None => [0; 3],
    };
    let account = query.account.to_string();
    let q = query.q.as_deref().map(folded).unwrap_or_default();
    let skipped = after[1];
    // The one before may have another name by now, or be gone: then the page goes by how many there were.
    let place = sql("SELECT c.find_key FROM contacts c JOIN accounts a ON a.no = c.account_no WHERE a.id = ? AND c.peer_id = ?")
        .text(&account)
        .number(after[0])
        .load::<Place>(conn)?
        .pop();
    let (key, peer, offset) = match place {
        Some(place) => (place.find_key, after[0], 0),
        None => (String::new(), 0, skipped),
    };
    let mut rows = sql(
        "SELECT c.peer_id, c.mutual, p.name, p.username, v.id AS conversation FROM contacts c \
         JOIN accounts a ON a.no = c.account_no \
         JOIN peers p ON p.account_no = c.account_no AND p.peer_id = c.peer_id \
         LEFT JOIN conversations v ON v.account_no = c.account_no AND v.chat = c.peer_id \
         WHERE a.id = ? AND a.removed_at IS NULL AND (c.find_key, c.peer_id) > (?, ?) AND instr(c.find_key, ?) > 0 \
         ORDER BY c.find_key, c.peer_id LIMIT ? OFFSET ?",
    )
    .text(&account)
    .text(&key)
    .number(peer)
    .text(q.trim())
    .number(limit as i64 + 1)
    .number(offset)
    .load::<Row>(conn)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| {
        let so_far = skipped + rows.len() as i64;
        Cursor {
            list: List::Contacts,
            key: [row.peer_id, so_far, 0],
        }
        .text()
    });
    let chats: Vec<i64> = rows.iter().map(|row| row.peer_id).collect();
    let known = knowing(conn, &chats, query.visible.as_deref())?;
    let listed = |row: Row| ListedContact {
        account_id: query.account,
        chat_id: ChatId::from_marked(row.peer_id),
        accounts: known
            .iter()
            .filter(|one| one.chat == row.peer_id)
            .map(|one| account_of(&one.account))
            .collect(),
        name: row.name,
        username: row.username,
        mutual: row.mutual,
        conversation_id: row.conversation.map(ConversationId),
    };
    Ok(Page {
        items: rows.into_iter().map(listed).collect(),
        next_cursor,
    })
}

impl StoreHandle {
    /// What is stored of an account's address book, by name.
    ///
    /// # Errors
    /// [`super::StoreError::InvalidCursor`], or as every read.
    pub async fn list_contacts(&self, query: ContactQuery) -> Result<Page<ListedContact>> {
        self.ask("list_contacts", move |conn| list(conn, &query))
            .await
    }

    /// How fresh it is.
    ///
    /// # Errors
    /// As every read.
    pub async fn contact_list_mark(&self, account: AccountId) -> Result<ContactListMark> {
        self.read("contact_list_mark", move |conn| {
            let row = sql("SELECT l.hash, l.fetched_at FROM contact_lists l JOIN accounts a ON a.no = l.account_no WHERE a.id = ?")
                .text(&account.to_string())
                .load::<Mark>(conn)?
                .pop();
            Ok(row.map_or_else(ContactListMark::default, |row| ContactListMark {
                hash: row.hash,
                fetched_at: Some(Timestamp::from_millis(row.fetched_at)),
            }))
        })
        .await
    }

    /// Which accounts know a chat: as a contact, or from a conversation.
    ///
    /// # Errors
    /// As every read.
    pub async fn accounts_knowing(
        &self,
        chat: ChatId,
        visible: Option<Vec<AccountId>>,
    ) -> Result<Vec<AccountId>> {
        self.read("accounts_knowing", move |conn| {
            let rows = knowing(conn, &[chat.marked()], visible.as_deref())?;
            Ok(rows.iter().map(|row| account_of(&row.account)).collect())
        })
        .await
    }

    /// The address book as Telegram told it when it was asked; `None`: it is still the one that is stored.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn put_contacts(
        &self,
        account: AccountId,
        hash: (i64, Instant),
        list: Option<ContactBook>,
    ) -> Result<()> {
        self.job("put_contacts", move |tx| {
            tx.put_contacts(account, hash, list.as_ref())
        })
        .await
    }

    /// Somebody who was put into the address book just now.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn add_contact(&self, account: AccountId, peer: Peer) -> Result<()> {
        self.job("add_contact", move |tx| tx.add_contact(account, &peer))
            .await
    }

    /// The conversation with somebody, or of a chat, made if there was none.
    ///
    /// # Errors
    /// [`super::StoreError::AccountNotFound`], or as every write.
    pub async fn open_conversation(&self, account: AccountId, peer: Peer) -> Result<Conversation> {
        self.job("open_conversation", move |tx| {
            tx.open_conversation(account, &peer)
        })
        .await
    }
}
