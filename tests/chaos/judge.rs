//! Judge: what programs asked for, held against Telegram's ledger and the rows: each once, with the words and the files that
//! were asked for, edited and deleted as they were told to be.

mod deeds;

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Text},
};
use serde::Deserialize;
use switchboard_simulator::world::{ChatEntry, LedgerMessage};

use super::{
    facts::Facts,
    placed::{Known, Order, Work},
};
use crate::support::oracle::File;

/// What can become of an order through what goes wrong here; anything else is a discrepancy.
const REASONS: [&str; 12] = [
    // Telegram lets a frozen account read, and nothing else.
    "FROZEN_METHOD_INVALID",
    "account_frozen",
    "no_definite_answer",
    "MESSAGE_NOT_MODIFIED",
    // The message was deleted before its turn came.
    "MESSAGE_ID_INVALID",
    "message_deleted",
    "PEER_FLOOD",
    "WORKER_BUSY_TOO_LONG_RETRY",
    "account_unavailable",
    "RANDOM_ID_DUPLICATE",
    "USER_DEACTIVATED",
    "AUTH_KEY_UNREGISTERED",
];

#[derive(QueryableByName, Deserialize)]
struct Made {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    message_no: i64,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    error_code: Option<String>,
}

/// An order about a message that was not carried out.
#[derive(QueryableByName, Deserialize, Clone)]
struct Left {
    #[diesel(sql_type = BigInt)]
    message: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    error_code: String,
}

/// One message of ours at Telegram.
#[derive(Clone)]
struct There {
    chat: i64,
    message: LedgerMessage,
}

impl There {
    /// As it was sent.
    fn first_text(&self) -> &str {
        let former = self.message.former_texts.first();
        former.unwrap_or(&self.message.text)
    }
}

/// What accounts have at Telegram of what programs made.
#[derive(Default)]
pub struct AtTelegram {
    /// Account and first text.
    texts: HashMap<(usize, String), Vec<There>>,
    /// Account and SHA-256.
    files: HashMap<(usize, String), Vec<There>>,
    /// Account, chat and number.
    numbers: HashMap<(usize, i64, i64), There>,
}

impl AtTelegram {
    pub fn gather(&mut self, account: usize, ledger: &BTreeMap<i64, ChatEntry>) {
        for (chat, entry) in ledger {
            for message in entry.messages.iter().filter(|message| message.out) {
                let there = There {
                    chat: *chat,
                    message: message.clone(),
                };
                let text = there.first_text().to_owned();
                if let Some(file) = &message.file {
                    let place = (account, file.sha256.clone());
                    self.files.entry(place).or_default().push(there.clone());
                }
                if text.starts_with('r') {
                    let place = (account, text);
                    self.texts.entry(place).or_default().push(there.clone());
                }
                let number = (account, *chat, i64::from(message.id));
                self.numbers.insert(number, there);
            }
        }
    }

    /// What is there more often than it was asked for.
    pub fn doubled(
        &self,
        orders: &[Order],
        forgetful: &HashSet<usize>,
        facts: &Facts,
    ) -> Vec<String> {
        let mut texts: HashMap<(usize, &str), usize> = HashMap::new();
        let mut files: HashMap<(usize, &str), usize> = HashMap::new();
        for order in orders {
            if matches!(order.work, Work::Reply | Work::Files(_) | Work::Forward) {
                *texts.entry((order.account, &order.text)).or_default() += 1;
            }
            if let Work::Files(sums) = &order.work {
                for sum in sums {
                    *files.entry((order.account, sum)).or_default() += 1;
                }
            }
        }
        // A file that was forwarded is there again.
        for order in orders.iter().filter(|order| order.work == Work::Forward) {
            let of = orders.iter().find_map(|first| match &first.work {
                Work::Files(sums) if first.text == order.text => sums.first(),
                _ => None,
            });
            if let Some(sum) = of {
                *files.entry((order.account, sum)).or_default() += 1;
            }
        }
        let mut wrong = Vec::new();
        let both = [(&self.texts, &texts), (&self.files, &files)];
        for ((account, what), there) in both.iter().flat_map(|(there, _)| there.iter()) {
            let asked = |map: &HashMap<(usize, &str), usize>| {
                map.get(&(*account, what.as_str())).copied().unwrap_or(0)
            };
            let wanted = asked(&texts).max(asked(&files));
            if there.len() <= wanted {
                continue;
            }
            let ids: HashSet<i64> = there.iter().map(|one| one.message.random_id).collect();
            if forgetful.contains(account) && ids.len() <= wanted {
                facts.once("a random id that was forgotten made a second message");
                continue;
            }
            let places: Vec<_> = there
                .iter()
                .map(|one| (one.chat, one.message.id, one.message.random_id))
                .collect();
            wrong.push(format!(
                "{what:?} of account {account} is at Telegram {} times, asked for {wanted} times: {places:?}",
                there.len()
            ));
        }
        wrong
    }
}

/// Everything that is needed once all is at rest.
pub struct Judge<'a> {
    pub at_telegram: &'a AtTelegram,
    /// By the account's place in the fleet.
    pub users: &'a [i64],
    pub facts: &'a Facts,
    made: HashMap<i64, Made>,
    left: HashMap<i64, Vec<Left>>,
}

impl<'a> Judge<'a> {
    pub fn new(
        file: &File,
        at_telegram: &'a AtTelegram,
        users: &'a [i64],
        facts: &'a Facts,
    ) -> Self {
        let made: Vec<Made> = file.rows(
            "SELECT m.id, m.status, m.message_no, o.state, o.error_code FROM messages m \
             LEFT JOIN order_messages om ON om.message_row = m.id AND om.random_id IS NOT NULL \
             LEFT JOIN orders o ON o.id = om.order_id WHERE m.direction = 'outgoing'",
        );
        let left: Vec<Left> = file.rows(
            "SELECT om.message_row AS message, o.kind, coalesce(o.payload, '') AS payload, o.state, \
             coalesce(o.error_code, 'without a reason') AS error_code FROM order_messages om \
             JOIN orders o ON o.id = om.order_id WHERE om.random_id IS NULL ORDER BY o.id",
        );
        let mut lefts: HashMap<i64, Vec<Left>> = HashMap::new();
        for one in left {
            lefts.entry(one.message).or_default().push(one);
        }
        Self {
            at_telegram,
            users,
            facts,
            made: made.into_iter().map(|row| (row.id, row)).collect(),
            left: lefts,
        }
    }

    pub fn all(&self, orders: &[Order]) -> Vec<String> {
        let mut wrong = Vec::new();
        for order in orders {
            wrong.extend(self.order(order));
        }
        let mut about: BTreeMap<i64, Vec<&Order>> = BTreeMap::new();
        for order in orders {
            if let Some(row) = order.concerns() {
                about.entry(row).or_default().push(order);
            }
        }
        for order in orders {
            for row in order.makes() {
                let deeds = about.get(row).map_or(&[][..], Vec::as_slice);
                wrong.extend(self.deeds(order, *row, deeds));
            }
        }
        wrong
    }

    fn order(&self, order: &Order) -> Vec<String> {
        let kind = kind(&order.work);
        match &order.known {
            Known::Nothing => vec![told(order, "nobody knows what became of it")],
            Known::Refused(code) => {
                self.facts.once(&format!("{kind} was refused: {code}"));
                let there = matches!(order.work, Work::Reply | Work::Files(_))
                    && self
                        .at_telegram
                        .texts
                        .contains_key(&(order.account, order.text.clone()));
                there
                    .then(|| told(order, "refused, and at Telegram"))
                    .into_iter()
                    .collect()
            }
            Known::Taken(_) => {
                self.facts.once(&format!("{kind} was taken"));
                let rows = order.makes().iter().enumerate();
                rows.filter_map(|(at, row)| self.made(order, at, *row))
                    .collect()
            }
        }
    }

    /// What is wrong with a message that was made.
    fn made(&self, order: &Order, at: usize, row: i64) -> Option<String> {
        let kind = kind(&order.work);
        let there = match &order.work {
            Work::Files(sums) => self
                .at_telegram
                .files
                .get(&(order.account, sums.get(at)?.clone())),
            _ => self
                .at_telegram
                .texts
                .get(&(order.account, order.text.clone())),
        };
        let places: Vec<(i64, i64)> = there
            .into_iter()
            .flatten()
            .map(|one| (one.chat, i64::from(one.message.id)))
            .collect();
        let Some(made) = self.made.get(&row) else {
            return Some(told(order, &format!("its row {row} is gone")));
        };
        match made.status.as_str() {
            "sent" if places.contains(&(order.chat, made.message_no)) => None,
            "sent" => {
                let number = made.message_no;
                let what = format!("row {row} is sent as {number}, and at Telegram as {places:?}");
                Some(told(order, &what))
            }
            "failed" => {
                let code = made.error_code.as_deref().unwrap_or("without a reason");
                self.facts.once(&format!("{kind} failed: {code}"));
                let may_be_there = made.state.as_deref() == Some("given_up")
                    || matches!(order.work, Work::Forward);
                if !REASONS.contains(&code) {
                    return Some(told(order, &format!("row {row} failed for {code}")));
                }
                (!places.is_empty() && !may_be_there).then(|| {
                    told(
                        order,
                        &format!("row {row} failed ({code}), and at Telegram"),
                    )
                })
            }
            status => Some(told(order, &format!("row {row} is still {status}"))),
        }
    }
}

fn kind(work: &Work) -> &'static str {
    match work {
        Work::Reply => "a reply",
        Work::Files(_) => "a file",
        Work::Forward => "a forward",
        Work::Edit(_) => "an edit",
        Work::Delete(_) => "a deletion",
        Work::React(..) => "a reaction",
        Work::Pin(..) => "a pin",
    }
}

fn told(order: &Order, what: &str) -> String {
    format!(
        "{} {:?} of account {} in {}: {what}",
        kind(&order.work),
        order.text,
        order.account,
        order.chat
    )
}
