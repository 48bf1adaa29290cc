//! Town: one account with chats of every kind, and what was said, changed and told in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use switchboard_simulator::{
    PersonSpec,
    wire::{FaultId, FaultScope, WireFault},
};

use super::{
    fleet::{Fleet, FleetAccount},
    oracle::{Listener, assert_told_once, until_faithful},
};

/// Marked ids of channels lie below this.
pub const CHANNELS: i64 = -1_000_000_000_000;

/// One account with chats of every kind.
#[derive(Clone)]
pub struct Town {
    pub account: FleetAccount,
    pub person: i64,
    /// As people write to them, and as the account sees them.
    pub chats: Vec<(i64, i64)>,
}

/// What people said.
pub struct Said {
    /// Chat and number as the writer sees them.
    pub written: Vec<(i64, i32)>,
    /// Chat and numbers as the account sees them.
    pub seen: BTreeMap<i64, Vec<i32>>,
}

impl Town {
    pub async fn build(fleet: &Fleet) -> Self {
        let account = fleet.accounts[0].clone();
        let telegram = &fleet.telegram;
        let person = telegram.add_person(PersonSpec::new("Contact one"));
        let group = telegram.add_group("Basic group", &[person, account.user]);
        let supergroup = telegram.add_supergroup("Supergroup", &[person, account.user]);
        let channel = telegram.add_channel("Channel", &[person, account.user]);
        let shared = |chat| (chat, chat);
        let town = Self {
            chats: vec![
                (account.user, person),
                shared(group),
                shared(supergroup),
                shared(channel),
            ],
            account,
            person,
        };
        town.say(fleet, "before", 5);
        town.until_faithful(fleet).await;
        town
    }

    pub fn say(&self, fleet: &Fleet, what: &str, count: usize) -> Said {
        let before = self.numbers(fleet);
        let mut written = Vec::new();
        for number in 0..count {
            for (chat, _) in &self.chats {
                let text = format!("{what} {number}");
                written.push((*chat, fleet.telegram.say(self.person, *chat, &text)));
            }
        }
        let mut seen = BTreeMap::new();
        for (chat, numbers) in self.numbers(fleet) {
            let known = before.get(&chat).cloned().unwrap_or_default();
            seen.insert(chat, numbers.difference(&known).copied().collect());
        }
        Said { written, seen }
    }

    pub fn numbers(&self, fleet: &Fleet) -> BTreeMap<i64, BTreeSet<i32>> {
        let all = fleet.telegram.ledger_of(self.account.user);
        self.chats
            .iter()
            .map(|(_, seen)| {
                let entry = all.get(seen);
                let numbers = entry.map(|entry| entry.messages.iter().map(|one| one.id).collect());
                (*seen, numbers.unwrap_or_default())
            })
            .collect()
    }

    /// Every third is edited, every third deleted.
    pub fn change(&self, fleet: &Fleet, said: &Said) {
        for (index, (chat, number)) in said.written.iter().enumerate() {
            match (index / self.chats.len()) % 3 {
                0 => fleet
                    .telegram
                    .edit(self.person, *chat, *number, &format!("edited {index}"))
                    .unwrap(),
                1 => fleet.telegram.delete(self.person, *chat, &[*number]),
                _ => {}
            }
        }
    }

    /// What was said and is still there, as the account sees it.
    pub fn alive(&self, fleet: &Fleet, said: &Said) -> BTreeMap<i64, Vec<i32>> {
        let all = fleet.telegram.ledger_of(self.account.user);
        let alive = |chat: &i64, number: &i32| {
            let entry = all.get(chat);
            entry.is_some_and(|entry| {
                let mut messages = entry.messages.iter();
                messages.any(|one| one.id == *number && !one.deleted)
            })
        };
        said.seen
            .iter()
            .map(|(chat, numbers)| {
                let there = numbers.iter().filter(|number| alive(chat, number));
                (*chat, there.copied().collect())
            })
            .collect()
    }

    pub async fn until_faithful(&self, fleet: &Fleet) {
        let seen: Vec<i64> = self.chats.iter().map(|(_, seen)| *seen).collect();
        until_faithful(fleet, &self.account, &seen).await;
    }

    pub async fn assert_told(&self, listener: &Listener, said: &Said) {
        for (chat, numbers) in &said.seen {
            let told = listener.until_told(&self.account.id, *chat, numbers).await;
            assert_told_once(&told, numbers, *chat);
        }
    }

    /// Told once, and as what came while the account was away.
    pub async fn assert_told_late(&self, listener: &Listener, said: &Said) {
        self.assert_told(listener, said).await;
        for (chat, numbers) in &said.seen {
            let told = listener.received(&self.account.id, *chat);
            let live: Vec<_> = told
                .iter()
                .filter(|(number, late)| numbers.contains(number) && !late)
                .collect();
            assert!(live.is_empty(), "{chat} was told as if live: {live:?}");
        }
    }
}

pub async fn sign_in_again(fleet: &Fleet, account: &FleetAccount) {
    let path = format!("/accounts/{}/login", account.id);
    let session = fleet.session_string(account.user);
    fleet.api.post(&path, json!({ "session": session })).await;
    fleet.wait_for_state(&account.id, "online").await;
}

/// Nothing reaches the account until this fault is cleared.
pub fn go_away(fleet: &Fleet, user: i64) -> FaultId {
    let (telegram, wire) = (&fleet.telegram, fleet.telegram.wire());
    let scope = FaultScope::Key(telegram.keys_of(user)[0]);
    let away = wire.set_fault(scope, WireFault::RefuseConnects, None);
    // It keeps out whoever comes back too early; what has to strike is the cut.
    wire.may_miss(away);
    wire.set_fault(scope, WireFault::Cut { reset: false }, None);
    telegram.cut(user);
    away
}

pub fn calls(fleet: &Fleet, method: &str) -> u64 {
    let ledger = fleet.telegram.ledger();
    ledger.methods.get(method).copied().unwrap_or(0)
}
