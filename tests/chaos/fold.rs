//! Fold: what somebody believes who was told these events and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

/// A message as it was told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub account: String,
    pub text: String,
    pub status: String,
    pub deleted: bool,
    /// How often it was told as received.
    pub received: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Fold {
    /// By its row.
    pub messages: HashMap<i64, Told>,
    /// Orders by themselves: how each was told last.
    pub orders: HashMap<i64, String>,
    /// Numbers that were told.
    pub seqs: HashSet<i64>,
    /// The highest, for each account, and over all of them.
    newest: BTreeMap<String, i64>,
    pub last: i64,
    pub first: i64,
    /// By what a receiver of posts knows one that comes again.
    ids: HashMap<i64, String>,
    /// What was told that must not be.
    pub wrong: Vec<String>,
}

impl Fold {
    pub fn from(after: i64) -> Self {
        Self {
            first: after,
            last: after,
            ..Self::default()
        }
    }

    /// Whoever throws away what has come under the same id has each event once.
    pub fn under(&mut self, frame: &Value, id: &str) {
        let Some(seq) = frame["seq"].as_i64() else {
            return;
        };
        let known = self.ids.entry(seq).or_insert_with(|| id.to_owned());
        if known != id {
            self.wrong.push(format!(
                "event {seq} came under another webhook-id than before"
            ));
        }
    }

    /// To be told again is fine where told at least once is promised.
    pub fn take(&mut self, frame: &Value, at_least_once: bool) {
        let Some(seq) = frame["seq"].as_i64() else {
            return;
        };
        if !self.seqs.insert(seq) {
            if !at_least_once {
                self.wrong.push(format!("event {seq} was told twice"));
            }
            return;
        }
        self.last = self.last.max(seq);
        let data = &frame["data"];
        let account = account_of(data);
        let newest = self.newest.entry(account.clone()).or_default();
        if *newest > seq {
            let name = &frame["event"];
            self.wrong.push(format!(
                "event {seq} ({name}) came after {newest} of the account {account:?}"
            ));
        }
        *newest = seq;
        match frame["event"].as_str().unwrap_or_default() {
            "message_deleted" => {
                let ids = data["ids"].as_array().into_iter().flatten();
                for id in ids.filter_map(Value::as_i64) {
                    self.messages.entry(id).or_default().deleted = true;
                }
            }
            "order_updated" => {
                let order = &data["order"];
                let Some(id) = order["id"].as_i64() else {
                    self.wrong.push(format!("event {seq} has no order"));
                    return;
                };
                self.orders.insert(id, text(&order["status"]));
            }
            event if event.starts_with("message_") => {
                let message = &data["message"];
                let Some(id) = message["id"].as_i64() else {
                    self.wrong.push(format!("event {seq} has no message"));
                    return;
                };
                let told = self.messages.entry(id).or_default();
                told.account = account;
                told.text = text(&message["text"]);
                told.status = text(&message["status"]);
                told.deleted = !message["deleted_at"].is_null();
                told.received += u32::from(event == "message_received");
            }
            _ => {}
        }
    }

    /// Every number up to the last was told.
    pub fn missing(&self) -> Vec<i64> {
        (self.first + 1..=self.last)
            .filter(|seq| !self.seqs.contains(seq))
            .collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn account_of(data: &Value) -> String {
    let places = [
        &data["message"]["account_id"],
        &data["account_id"],
        &data["order"]["account_id"],
        &data["conversation"]["account_id"],
        &data["account"]["id"],
    ];
    places
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
