//! Check: the file, Telegram's ledger and what listeners were told, held against each other. Reads, and changes nothing.
//!
//! The file is read before the ledger: what the file has, the ledger has to have by then.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Text},
};
use serde::Deserialize;
use switchboard_simulator::{Simulator, world::ChatEntry};

use super::{
    compare::{Chats, TELEGRAM, holes_in_spans, invented, untold},
    desk::Programs,
    facts::Facts,
    findings::Findings,
    judge::{AtTelegram, Judge},
    listen::Listener,
    process,
};
use crate::support::{
    fleet::FleetAccount,
    oracle::{File, Row, differences},
};

/// Beyond these something grows that should not.
const MEMORY_MIB: u64 = 700;
const DESCRIPTORS: u64 = 1_500;
const THREADS: u64 = 120;
/// Of one kind in one look.
const SHOWN: usize = 5;

#[derive(QueryableByName, Deserialize)]
struct One {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName, Deserialize)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

#[derive(QueryableByName, Deserialize)]
struct Span {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = BigInt)]
    chat: i64,
    #[diesel(sql_type = BigInt)]
    low: i64,
    #[diesel(sql_type = BigInt)]
    high: i64,
}

/// `SELECT … AS n`.
pub fn count(file: &File, query: &str) -> i64 {
    file.number(query)
}

pub struct Checks {
    pub telegram: Simulator,
    pub accounts: Vec<FleetAccount>,
    pub file: Arc<File>,
    pub sockets: Vec<Listener>,
    pub hooks: Vec<Listener>,
    pub programs: Programs,
    /// Accounts, by their place, of which Telegram forgot random ids.
    pub forgotten: Arc<Mutex<HashSet<usize>>>,
    pub findings: Findings,
    pub facts: Facts,
}

impl Checks {
    fn ledger(&self, account: &FleetAccount) -> Chats<ChatEntry> {
        let mut ledger = self.telegram.ledger_of(account.user);
        ledger.remove(&TELEGRAM);
        ledger
    }

    fn found(&self, what: Vec<String>) {
        for one in what.into_iter().take(SHOWN) {
            self.findings.add(&one);
        }
    }

    /// What holds at every moment, whatever goes wrong.
    pub fn at_any_time(&self, pids: &[u32]) {
        let spans = self.spans();
        let rows: Vec<Chats<Vec<Row>>> = self
            .accounts
            .iter()
            .map(|account| self.file.chats(&account.id))
            .collect();
        let mut at_telegram = AtTelegram::default();
        for (index, account) in self.accounts.iter().enumerate() {
            let ledger = self.ledger(account);
            self.found(invented(account, &ledger, &rows[index]));
            self.found(holes_in_spans(account, &ledger, &rows[index], &spans));
            at_telegram.gather(index, &ledger);
        }
        let forgetful = self.forgetful();
        let orders = self.programs.orders();
        self.found(at_telegram.doubled(&orders, &forgetful, &self.facts));
        self.log_and_sums();
        for listener in self.sockets.iter().chain(&self.hooks) {
            let mut fold = listener.fold();
            let wrong = std::mem::take(&mut fold.wrong);
            self.found(
                wrong
                    .iter()
                    .map(|wrong| format!("{}: {wrong}", listener.name))
                    .collect(),
            );
            if !listener.at_least_once {
                let missing = fold.missing();
                self.found(
                    missing
                        .iter()
                        .map(|seq| format!("{} was never told of event {seq}", listener.name))
                        .collect(),
                );
            }
        }
        for pid in pids {
            self.process(*pid);
        }
    }

    fn process(&self, pid: u32) {
        let Some(taken) = process::taken(pid) else {
            return;
        };
        self.findings.say(&format!("the service: {taken:?}"));
        if taken.memory_mib > MEMORY_MIB
            || taken.descriptors > DESCRIPTORS
            || taken.threads > THREADS
        {
            self.findings
                .add(&format!("the service takes too much: {taken:?}"));
        }
    }

    fn log_and_sums(&self) {
        let mut wrong = Vec::new();
        let gaps = count(
            &self.file,
            "SELECT coalesce(max(seq) - min(seq) + 1 - count(*), 0) AS n FROM event_log",
        );
        if gaps != 0 {
            wrong.push(format!("the event log has {gaps} gaps"));
        }
        let sums = count(
            &self.file,
            "SELECT count(*) AS n FROM accounts a WHERE a.unread <> \
             (SELECT coalesce(sum(c.unread), 0) FROM conversations c WHERE c.account_no = a.no)",
        );
        if sums != 0 {
            wrong.push(format!(
                "{sums} accounts count other unread messages than their chats"
            ));
        }
        let shapes = count(
            &self.file,
            "SELECT count(*) AS n FROM spans s WHERE s.low > s.high + CAST(s.open AS INTEGER) OR EXISTS (SELECT 1 FROM spans t \
             WHERE t.conversation_id = s.conversation_id AND t.low <> s.low AND t.low <= t.high AND t.low <= s.high AND t.high >= s.low)",
        );
        if shapes != 0 {
            wrong.push(format!("{shapes} spans lie over each other"));
        }
        self.found(wrong);
    }

    /// Closed ones.
    fn spans(&self) -> HashMap<(String, i64), Vec<(i64, i64)>> {
        let all: Vec<Span> = self.file.rows(
            "SELECT c.telegram_account_id AS account, c.chat, s.low, s.high FROM spans s \
             JOIN conversations c ON c.id = s.conversation_id WHERE NOT s.open",
        );
        let mut spans: HashMap<_, Vec<_>> = HashMap::new();
        for span in all {
            spans
                .entry((span.account, span.chat))
                .or_default()
                .push((span.low, span.high));
        }
        spans
    }

    /// What keeps things from being at rest; empty: nothing.
    pub fn unrest(&self) -> Vec<String> {
        let mut why = Vec::new();
        if !self.programs.idle() {
            why.push("programs still repeat their calls".to_owned());
        }
        for (what, query) in [
            (
                "orders are not settled",
                "SELECT count(*) AS n FROM orders WHERE state NOT IN ('failed', 'given_up')",
            ),
            (
                "messages are held back",
                "SELECT count(*) AS n FROM messages WHERE held <> 0",
            ),
        ] {
            let n = count(&self.file, query);
            if n > 0 {
                why.push(format!("{n} {what}"));
            }
        }
        let away: Vec<Word> = self.file.rows(
            "SELECT id || ' is ' || state || ' since ' || CAST(state_since AS TEXT) || ': ' || coalesce(state_reason, 'no reason') AS t \
             FROM accounts WHERE state <> 'online' AND removed_at IS NULL ORDER BY id",
        );
        why.extend(away.into_iter().map(|one| format!("account {}", one.t)));
        let debts = self.file.debts();
        if debts > 0 {
            why.push(format!("{debts} stretches are owed or not compared"));
        }
        if why.is_empty() {
            why = self.unfaithful();
        }
        if why.is_empty() {
            why = self.unheard();
        }
        why
    }

    /// Where the file is not what Telegram has.
    pub fn unfaithful(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for account in &self.accounts {
            let rows = self.file.chats(&account.id);
            for (chat, entry) in self.ledger(account) {
                let rows = rows.get(&chat).map_or(&[][..], Vec::as_slice);
                let differences = differences(Some(&entry), chat, rows);
                wrong.extend(
                    differences
                        .into_iter()
                        .map(|one| format!("account {}: {one}", account.id)),
                );
            }
        }
        wrong
    }

    /// How many events all listeners together were told, and how many message numbers are to be fetched or compared: at Telegram's
    /// pace that takes minutes.
    pub fn standing(&self) -> (usize, i64) {
        let listeners = self.sockets.iter().chain(&self.hooks);
        let told = listeners.map(|listener| listener.fold().seqs.len()).sum();
        let left = "SELECT (SELECT coalesce(sum(high - low), 0) FROM owed) + (SELECT coalesce(sum(high - low), 0) FROM stale) AS n";
        (told, count(&self.file, left))
    }

    /// Who has not heard of everything that is in the log.
    fn unheard(&self) -> Vec<String> {
        let last = count(
            &self.file,
            "SELECT coalesce(max(seq), 0) AS n FROM event_log",
        );
        let mut why = Vec::new();
        for listener in &self.sockets {
            let heard = listener.fold().last;
            if heard < last {
                why.push(format!("{} has heard {heard} of {last}", listener.name));
            }
        }
        // A webhook is not told of sign-ins under way.
        let told: Vec<One> = self
            .file
            .rows("SELECT seq AS n FROM event_log WHERE kind <> 8 ORDER BY seq");
        for listener in &self.hooks {
            let fold = listener.fold();
            let missing: Vec<i64> = told
                .iter()
                .map(|one| one.n)
                .filter(|seq| !fold.seqs.contains(seq))
                .collect();
            if let Some(first) = missing.first() {
                why.push(format!(
                    "{} lacks {} events, from {first} on",
                    listener.name,
                    missing.len()
                ));
            }
        }
        why
    }

    /// What holds once nothing goes wrong and nothing is under way.
    pub fn at_rest(&self) {
        for account in &self.accounts {
            let rows = self.file.chats(&account.id);
            for listener in self.sockets.iter().chain(&self.hooks) {
                self.found(untold(account, &rows, listener));
            }
        }
        for listener in self.sockets.iter().chain(&self.hooks) {
            let pending: Vec<String> = listener
                .fold()
                .orders
                .iter()
                .filter(|(_, status)| *status == "pending")
                .map(|(id, _)| {
                    format!("{} was told last that order {id} is pending", listener.name)
                })
                .collect();
            self.found(pending);
        }
        self.orders();
        if self.file.is_a_file() {
            self.whole();
        }
        let unknown = self.telegram.unknown_methods();
        if !unknown.is_empty() {
            self.findings
                .add(&format!("the simulated Telegram does not know {unknown:?}"));
        }
        let repeated = self.telegram.look(|world| {
            world
                .ledger_sends
                .iter()
                .filter(|send| send.times > 1)
                .count()
        });
        self.facts.expect("a send was repeated");
        if repeated > 0 {
            self.facts.once("a send was repeated");
        }
        let holes = count(
            &self.file,
            "SELECT coalesce(sum(holes), 0) AS n FROM accounts",
        );
        self.facts.expect("a hole was filled");
        if holes > 0 {
            self.facts.once("a hole was filled");
        }
    }

    /// As SQLite itself sees it.
    fn whole(&self) {
        let integrity: Vec<Word> = self
            .file
            .rows("SELECT integrity_check AS t FROM pragma_integrity_check");
        self.found(
            integrity
                .into_iter()
                .map(|one| one.t)
                .filter(|text| text != "ok")
                .collect(),
        );
        let keys = count(
            &self.file,
            "SELECT count(*) AS n FROM pragma_foreign_key_check",
        );
        if keys > 0 {
            self.findings
                .add(&format!("{keys} rows name rows that are not there"));
        }
    }

    fn orders(&self) {
        let mut at_telegram = AtTelegram::default();
        let mut users = Vec::new();
        for (index, account) in self.accounts.iter().enumerate() {
            at_telegram.gather(index, &self.ledger(account));
            users.push(account.user);
        }
        let judge = Judge::new(&self.file, &at_telegram, &users, &self.facts);
        self.found(judge.all(&self.programs.orders()));
    }

    /// Accounts of which Telegram forgot random ids.
    fn forgetful(&self) -> HashSet<usize> {
        self.forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
