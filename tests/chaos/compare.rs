//! Compare: an account's rows beside Telegram's ledger, and beside what a listener was told.

use std::collections::{BTreeMap, HashMap, HashSet};

use switchboard_simulator::world::ChatEntry;

use super::listen::Listener;
use crate::support::{fleet::FleetAccount, oracle::Row};

/// Telegram itself; its chat has codes.
pub const TELEGRAM: i64 = 777_000;

pub type Chats<T> = BTreeMap<i64, T>;

/// Rows and texts that never were.
pub fn invented(
    account: &FleetAccount,
    ledger: &Chats<ChatEntry>,
    rows: &Chats<Vec<Row>>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (chat, rows) in rows.iter().filter(|(chat, _)| **chat != TELEGRAM) {
        let real: HashMap<i64, _> = ledger
            .get(chat)
            .into_iter()
            .flat_map(|entry| {
                entry
                    .messages
                    .iter()
                    .map(|message| (i64::from(message.id), message))
            })
            .collect();
        for row in rows {
            let place = format!("account {}: {chat}/{}", account.id, row.message_no);
            match real.get(&row.message_no) {
                None => wrong.push(format!("{place} never was")),
                Some(real) if real.service => {}
                Some(real) if row.text == real.text || real.former_texts.contains(&row.text) => {}
                Some(real) => wrong.push(format!(
                    "{place} reads {:?} and never did: {:?}",
                    row.text, real.text
                )),
            }
        }
    }
    wrong
}

/// Inside a span everything that exists is stored. Of an open one that holds up to where its scope's position is, which at rest
/// is all of it.
pub fn holes_in_spans(
    account: &FleetAccount,
    ledger: &Chats<ChatEntry>,
    rows: &Chats<Vec<Row>>,
    spans: &HashMap<(String, i64), Vec<(i64, i64)>>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (chat, entry) in ledger {
        let Some(spans) = spans.get(&(account.id.clone(), *chat)) else {
            continue;
        };
        let stored: HashSet<i64> = rows
            .get(chat)
            .into_iter()
            .flatten()
            .map(|row| row.message_no)
            .collect();
        for message in entry.messages.iter().filter(|message| !message.deleted) {
            let number = i64::from(message.id);
            let within = spans
                .iter()
                .find(|(low, high)| (*low..=*high).contains(&number));
            if let (Some(span), false) = (within, stored.contains(&number)) {
                wrong.push(format!(
                    "account {}: {chat}/{number} ({:?}) is not stored, though the span {span:?} has it",
                    account.id, message.text
                ));
            }
        }
    }
    wrong
}

/// Where somebody who listened believes something else than the file.
pub fn untold(account: &FleetAccount, rows: &Chats<Vec<Row>>, listener: &Listener) -> Vec<String> {
    let fold = listener.fold();
    let mut wrong = Vec::new();
    for (chat, row) in rows
        .iter()
        .flat_map(|(chat, rows)| rows.iter().map(move |row| (chat, row)))
    {
        if row.silent || row.held || *chat == TELEGRAM {
            continue;
        }
        let mut told = |what: &str| {
            let (name, number) = (&listener.name, row.message_no);
            wrong.push(format!(
                "{name}, account {}: {chat}/{number} (row {}) {what}",
                account.id, row.id
            ));
        };
        let Some(heard) = fold.messages.get(&row.id) else {
            // Deleted before anybody could be told.
            if !row.deleted {
                told("was never told");
            }
            continue;
        };
        if row.status == "received" && heard.received != 1 && !(row.deleted && heard.received == 0)
        {
            told(&format!("was told as received {} times", heard.received));
        }
        if heard.deleted != row.deleted {
            told(&format!(
                "is deleted: {}, and was told so: {}",
                row.deleted, heard.deleted
            ));
        }
        if !row.deleted && (heard.text != row.text || heard.status != row.status) {
            told(&format!(
                "is {:?} ({}), and was told as {:?} ({})",
                row.text, row.status, heard.text, heard.status
            ));
        }
    }
    wrong
}
