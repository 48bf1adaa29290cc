//! Start: a thousand accounts on a store that is full, from `exec` to all of them online.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};

use super::{all_online, fill, resident};
use crate::support::fleet::Fleet;

pub const ACCOUNTS: usize = 1_000;
const RUNS: usize = 3;
const LIMIT: Duration = Duration::from_secs(3);
/// Rows in one transaction.
const PORTION: u64 = 500_000;
/// Chats of each account.
const CHATS: u64 = 20;

pub async fn run() {
    let asked = std::env::var("SERVICE_BENCH_STORED").ok();
    let stored = asked
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000_000);
    println!(
        "start: {ACCOUNTS} accounts, {stored} messages stored, from exec to the last one online"
    );
    let mut fleet = Fleet::builder().accounts(0).start().await;
    fill(&mut fleet, ACCOUNTS).await;
    fleet.stop_service();
    let file = fleet.data_dir().join("switchboard.db");
    tokio::task::spawn_blocking(move || store(&file, stored, ACCOUNTS))
        .await
        .expect("stored");
    let mut best = Duration::MAX;
    for run in 0..RUNS {
        if run > 0 {
            fleet.stop_service();
        }
        let began = Instant::now();
        fleet.start_service();
        let serves = began.elapsed();
        all_online(&fleet).await;
        let all = began.elapsed();
        best = best.min(all);
        println!(
            "  serves after {serves:.2?}, all online after {all:.2?}, {:.1} MB resident",
            resident(fleet.service().pid()) as f64 / 1024.0
        );
    }
    println!();
    assert!(best <= LIMIT, "slower than {LIMIT:?}");
}

/// Fills the file with messages of years, evenly over its accounts and their chats; all of them found by the search.
pub fn store(file: &Path, messages: u64, accounts: usize) {
    let mut db = SqliteConnection::establish(&file.to_string_lossy()).expect("opens");
    let mut run = |sql: &str| db.batch_execute(sql).expect("written");
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;");
    run(&format!(
        "WITH RECURSIVE chat (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM chat WHERE n < {CHATS}) \
         INSERT INTO conversations (telegram_account_id, chat_id, last_message_at, account_no, chat, kind, title, find_key, can_send) \
         SELECT a.id, CAST(700000 + n AS TEXT), 1700000000000 + n, a.no, 700000 + n, 'private', 'Chat ' || n, 'chat ' || n, 1 \
         FROM accounts a, chat;"
    ));
    for first in (0..messages).step_by(PORTION as usize) {
        let last = (first + PORTION).min(messages);
        run(&format!(
            "WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last} - 1) \
             INSERT INTO messages (id, account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, message_id, \
             direction, text, timestamp, status, backfilled) \
             SELECT 1000000 + i, c.account_no, 0, 1000000 + i, c.id, c.telegram_account_id, c.chat_id, CAST(1000000 + i AS TEXT), \
             'incoming', 'number ' || i || ' of the messages that are stored for long', 1600000000000 + i * 1000, 'received', 0 \
             FROM n JOIN conversations c ON c.id = (SELECT min(id) FROM conversations WHERE chat BETWEEN 700001 AND 700000 + {CHATS}) + i % ({accounts} * {CHATS});"
        ));
    }
    run(
        "INSERT INTO meta (key, value) SELECT 'search_mark', max(id) FROM messages WHERE true \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value; PRAGMA wal_checkpoint(TRUNCATE);",
    );
}
