//! Oracle: what the service holds and what it told, judged without asking it.
//!
//! Rows come from the database file, opened read-only, or from PostgreSQL by its own client; what was told from a WebSocket that resumes. The service's own
//! answers are no witness: where something is missing, they fetch it.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_types::{BigInt, Bool, Nullable, Text},
    sqlite::SqliteConnection,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use switchboard_simulator::world::ChatEntry;
use tokio::task::JoinHandle;

use super::{
    engine,
    fleet::{Fleet, FleetAccount},
    live::Live,
    wait::LIMIT,
};

/// A message as its row has it.
#[derive(QueryableByName, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Row {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = BigInt)]
    pub chat: i64,
    #[diesel(sql_type = BigInt)]
    pub message_no: i64,
    #[diesel(sql_type = Text)]
    pub text: String,
    #[diesel(sql_type = Bool)]
    pub deleted: bool,
    #[diesel(sql_type = Bool)]
    pub late: bool,
    #[diesel(sql_type = Bool)]
    pub silent: bool,
    /// May be the echo of a reply; not shown yet.
    #[diesel(sql_type = Bool)]
    pub held: bool,
    #[diesel(sql_type = Text)]
    pub status: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub service: Option<String>,
}

#[derive(QueryableByName, Deserialize)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The database file of a service, read-only.
pub struct File(PathBuf);

impl File {
    pub fn of(fleet: &Fleet) -> Self {
        Self(fleet.data_dir().join("switchboard.db"))
    }

    pub fn open(&self) -> SqliteConnection {
        let url = format!("file:{}?mode=ro", self.0.display());
        let mut conn = SqliteConnection::establish(&url).expect("the database can be read");
        // After a kill whoever reads first recovers the log, and others wait.
        conn.batch_execute("PRAGMA busy_timeout = 20000")
            .expect("a connection takes settings");
        conn
    }

    /// Numbered messages of one chat, in their order.
    pub fn chat(&self, account: &str, chat: i64) -> Vec<Row> {
        self.chats(account).remove(&chat).unwrap_or_default()
    }

    /// The same of all chats.
    pub fn chats(&self, account: &str) -> BTreeMap<i64, Vec<Row>> {
        let rows: Vec<Row> = self.rows(&format!(
            "SELECT id, CAST(chat_id AS BIGINT) AS chat, message_no, text, deleted_at IS NOT NULL AS deleted, late, \
             backfilled AS silent, held <> 0 AS held, status, service FROM messages \
             WHERE telegram_account_id = '{account}' AND message_no < 4294967296 ORDER BY message_no"
        ));
        let mut chats: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
        for row in rows {
            chats.entry(row.chat).or_default().push(row);
        }
        chats
    }

    /// Number of the last event that was committed.
    pub fn last_event(&self) -> i64 {
        self.number("SELECT coalesce(max(seq), 0) AS n FROM event_log")
    }

    /// They are in a file, and not in PostgreSQL.
    pub fn is_a_file(&self) -> bool {
        let folder = self.0.parent().expect("a data directory");
        engine::database_of(folder).is_none()
    }

    /// How much is still to be fetched, told or compared.
    pub fn debts(&self) -> i64 {
        self.number(
            "SELECT (SELECT count(*) FROM owed) + (SELECT count(*) FROM stale WHERE pages < 10) \
             + (SELECT count(*) FROM fill_jobs) AS n",
        )
    }

    /// `SELECT … AS n`: one number.
    pub fn number(&self, question: &str) -> i64 {
        let rows: Vec<Count> = self.rows(question);
        rows.first().expect("a row").n
    }

    /// Of a question that both engines understand.
    pub fn rows<T>(&self, question: &str) -> Vec<T>
    where
        T: DeserializeOwned + QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        let folder = self.0.parent().expect("a data directory");
        if let Some(database) = engine::database_of(folder) {
            return engine::rows(&database, question);
        }
        diesel::sql_query(question)
            .load(&mut self.open())
            .expect("the rows can be read")
    }

    /// `None`: they can't be read now, as while PostgreSQL is away.
    pub fn try_rows<T>(&self, question: &str) -> Option<Vec<T>>
    where
        T: DeserializeOwned + QueryableByName<diesel::sqlite::Sqlite> + 'static,
    {
        let folder = self.0.parent().expect("a data directory");
        if let Some(database) = engine::database_of(folder) {
            return engine::try_rows(&database, question);
        }
        diesel::sql_query(question).load(&mut self.open()).ok()
    }
}

/// What is wrong with a chat, beside the ledger; empty: nothing. Service messages are left out; a deleted one that was
/// never seen is no loss, for Telegram does not give it out any more.
pub fn differences(entry: Option<&ChatEntry>, chat: i64, rows: &[Row]) -> Vec<String> {
    let Some(entry) = entry else {
        return vec![format!("the ledger has no chat {chat}")];
    };
    let stored: HashMap<i64, &Row> = rows.iter().map(|row| (row.message_no, row)).collect();
    let mut found = Vec::new();
    for real in entry.messages.iter().filter(|message| !message.service) {
        let id = real.id;
        match stored.get(&i64::from(id)) {
            None if real.deleted => {}
            None => found.push(format!("{chat}/{id} is missing: {:?}", real.text)),
            Some(row) if row.deleted != real.deleted => {
                found.push(format!("{chat}/{id}: deleted is {}", row.deleted));
            }
            Some(row) if !real.deleted && row.text != real.text => {
                found.push(format!(
                    "{chat}/{id} reads {:?}, not {:?}",
                    row.text, real.text
                ));
            }
            Some(_) => {}
        }
    }
    found
}

/// Waits until the file is what the ledger is, and nothing is owed any more.
pub async fn until_faithful(fleet: &Fleet, account: &FleetAccount, chats: &[i64]) {
    until(fleet, account, chats, File::debts).await;
}

/// Waits until these chats are what the ledger has of them; others may owe what they can't get.
pub async fn until_same(fleet: &Fleet, account: &FleetAccount, chats: &[i64]) {
    until(fleet, account, chats, |_| 0).await;
}

async fn until(fleet: &Fleet, account: &FleetAccount, chats: &[i64], debts: impl Fn(&File) -> i64) {
    let file = File::of(fleet);
    let start = Instant::now();
    loop {
        let ledger = fleet.telegram.ledger_of(account.user);
        let stored = file.chats(&account.id);
        let rows = |chat| stored.get(chat).map_or(&[][..], Vec::as_slice);
        let mut wrong: Vec<String> = chats
            .iter()
            .flat_map(|chat| differences(ledger.get(chat), *chat, rows(chat)))
            .collect();
        let debts = debts(&file);
        if wrong.is_empty() && debts == 0 {
            return;
        }
        wrong.truncate(10);
        assert!(
            start.elapsed() < LIMIT,
            "the file never became the ledger: {debts} debts, {wrong:#?}\n{}",
            fleet
                .service()
                .log()
                .lines()
                .rev()
                .take(30)
                .collect::<Vec<_>>()
                .join("\n")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

type Heard = Arc<Mutex<Vec<Value>>>;

/// A dashboard that comes back after each cut, from where it was.
pub struct Listener {
    heard: Heard,
    task: JoinHandle<()>,
    after: i64,
}

impl Listener {
    /// From now on.
    pub async fn start(address: &str) -> Self {
        let live = Live::open(address, None).await;
        let now = live.hello["data"]["seq"].as_i64().unwrap();
        Self::resume(address, now).await
    }

    /// From where another one was.
    pub async fn resume(address: &str, after: i64) -> Self {
        let mut live = Live::open(address, Some(after)).await;
        let heard = Heard::default();
        let told = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Some(frame) = live.until_broken().await {
                assert_ne!(
                    frame["event"], "resync",
                    "the event log was pruned too early"
                );
                told.lock().unwrap().push(frame);
            }
        });
        Self { heard, task, after }
    }

    /// Until the service, killed, has ended it, and everything that it had written was read.
    pub async fn until_cut(&self) {
        let start = Instant::now();
        while !self.task.is_finished() {
            assert!(start.elapsed() < LIMIT, "the socket is still open");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Number of the last event that was heard.
    pub fn seq(&self) -> i64 {
        let heard = self.heard.lock().unwrap();
        let last = heard.iter().rev().find_map(|frame| frame["seq"].as_i64());
        last.unwrap_or(self.after)
    }

    /// Numbers of the messages of a chat that were told as received, in the order of the telling, with `late`.
    pub fn received(&self, account: &str, chat: i64) -> Vec<(i32, bool)> {
        received_in(&self.heard.lock().unwrap(), account, chat)
    }

    /// The same, once all of these were told.
    pub async fn until_told(&self, account: &str, chat: i64, wanted: &[i32]) -> Vec<(i32, bool)> {
        until_told(|| self.received(account, chat), chat, wanted).await
    }
}

/// Numbers of a chat's messages that these events tell as received, in their order, with `late`.
pub fn received_in(events: &[Value], account: &str, chat: i64) -> Vec<(i32, bool)> {
    let chat = chat.to_string();
    events
        .iter()
        .filter(|event| event["event"] == "message_received")
        .map(|event| &event["data"]["message"])
        .filter(|message| message["account_id"] == account && message["chat_id"] == chat.as_str())
        .map(|message| {
            let number = message["message_id"].as_str().unwrap().parse().unwrap();
            (number, message["late"].as_bool().unwrap())
        })
        .collect()
}

/// What was told, once all of these are in it.
pub async fn until_told(
    told: impl Fn() -> Vec<(i32, bool)>,
    chat: i64,
    wanted: &[i32],
) -> Vec<(i32, bool)> {
    let start = Instant::now();
    loop {
        let told = told();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|number| !told.iter().any(|(one, _)| one == *number))
            .take(10)
            .collect();
        if missing.is_empty() {
            return told;
        }
        assert!(
            start.elapsed() < LIMIT,
            "{chat} was never told of {missing:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Each of these was told once, and the late ones in the order of their numbers.
pub fn assert_told_once(told: &[(i32, bool)], wanted: &[i32], chat: i64) {
    let mut count: BTreeMap<i32, u32> = BTreeMap::new();
    for (number, _) in told {
        *count.entry(*number).or_default() += 1;
    }
    for number in wanted {
        let times = count.get(number).copied().unwrap_or(0);
        assert_eq!(times, 1, "{chat}/{number} was told {times} times: {told:?}");
    }
    let late: Vec<i32> = told
        .iter()
        .filter(|(_, late)| *late)
        .map(|(number, _)| *number)
        .collect();
    assert!(late.is_sorted(), "{chat} was told out of order: {late:?}");
}
