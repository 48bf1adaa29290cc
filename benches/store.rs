//! The store beside its floor: the same rows written by a bare loop over SQLite, in the same run.
//!
//! `cargo bench --bench store [-- write|latency|read|postgres]`. `STORE_BENCH_MESSAGES` and `STORE_BENCH_CONVERSATIONS` set the
//! size of the reading part (the figures of the README are of 5,000,000 and 20,000), `STORE_BENCH_SECONDS` the length
//! of the paced part.

use std::{
    ffi::CString,
    path::Path,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use libsqlite3_sys as ffi;
use switchboard::{
    domain::{Account, AccountId, ConversationId, Event},
    store::{
        ConversationFilter, EventSink, MessagesFrom, NewAccount, SearchQuery, Store, StoreConfig,
        StoreHandle,
    },
};

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/support/cluster.rs"]
mod cluster;
#[path = "store/messages.rs"]
mod messages;
#[path = "store/postgres.rs"]
mod on_postgres;
#[path = "service/processor.rs"]
mod processor;

use messages::{Made, batch, batch_of, formatted, message, pictured, text};
use processor::processor;

const ACCOUNTS: usize = 3;
const CHATS: i64 = 300;

#[derive(Default)]
struct Counter(AtomicUsize);

impl EventSink for Counter {
    fn committed(&self, events: Vec<Arc<Event>>) {
        self.0.fetch_add(events.len(), Ordering::Relaxed);
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

async fn account(store: &StoreHandle) -> Account {
    store
        .create_account(NewAccount {
            id: AccountId::random(),
            label: "Bench".to_owned(),
            colour: 0,
            api_id: None,
            phone_masked: None,
            is_active: true,
            created_at: None,
        })
        .await
        .expect("a new store takes an account")
}

/// Rows a second of a bare loop: one table like ours with its two indexes, nothing else.
fn floor(path: &Path, size: i32, rows: i32) -> f64 {
    let c = |text: &str| CString::new(text).expect("no zero bytes");
    let mut db = ptr::null_mut();
    let mut insert = ptr::null_mut();
    // SAFETY: pointers come from SQLite and are used on this thread only, statements before their connection closes.
    unsafe {
        assert_eq!(
            ffi::sqlite3_open(c(&path.to_string_lossy()).as_ptr(), &raw mut db),
            ffi::SQLITE_OK
        );
        let run = |sql: &str| {
            let code =
                ffi::sqlite3_exec(db, c(sql).as_ptr(), None, ptr::null_mut(), ptr::null_mut());
            assert_eq!(code, ffi::SQLITE_OK, "{sql}");
        };
        run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
        run(
            "CREATE TABLE m (id INTEGER PRIMARY KEY, account INT, scope INT, number INT, chat INT, owner TEXT, \
             text TEXT, at INT); CREATE UNIQUE INDEX n ON m (account, scope, number); \
             CREATE INDEX t ON m (chat, at, number);",
        );
        let sql = c(
            "INSERT INTO m (account, scope, number, chat, owner, text, at) VALUES (?, 0, ?, ?, ?, ?, ?)",
        );
        ffi::sqlite3_prepare_v2(db, sql.as_ptr(), -1, &raw mut insert, ptr::null_mut());
        let owner = c("00000000-0000-4000-8000-000000000000");
        let began = Instant::now();
        for first in (0..rows).step_by(size as usize) {
            run("BEGIN IMMEDIATE");
            for id in first..first + size {
                let text = c(&text(id as u64));
                ffi::sqlite3_bind_int64(insert, 1, i64::from(id % 3));
                ffi::sqlite3_bind_int64(insert, 2, i64::from(id));
                ffi::sqlite3_bind_int64(insert, 3, i64::from(id) * 7919 % CHATS);
                ffi::sqlite3_bind_text(insert, 4, owner.as_ptr(), -1, ffi::SQLITE_TRANSIENT());
                ffi::sqlite3_bind_text(insert, 5, text.as_ptr(), -1, ffi::SQLITE_TRANSIENT());
                ffi::sqlite3_bind_int64(insert, 6, 1_700_000_000 + i64::from(id));
                assert_eq!(ffi::sqlite3_step(insert), ffi::SQLITE_DONE);
                ffi::sqlite3_reset(insert);
            }
            run("COMMIT");
        }
        let took = began.elapsed();
        ffi::sqlite3_finalize(insert);
        ffi::sqlite3_close(db);
        f64::from(rows) / took.as_secs_f64()
    }
}

async fn ours(place: StoreConfig, made: Made, size: i32, rows: i32) -> f64 {
    let sink = Arc::new(Counter::default());
    let store = Store::open(place, Arc::clone(&sink) as _).expect("opens");
    let mut writers = Vec::new();
    let began = Instant::now();
    for _ in 0..ACCOUNTS {
        let store = store.clone();
        writers.push(actix::spawn(async move {
            let account = account(&store).await;
            let mine = rows / ACCOUNTS as i32;
            for first in (1..mine).step_by(size as usize) {
                let at = 1_700_000_000 + i64::from(first / 100);
                store
                    .record_batch(batch_of(made, account.id, first, size, CHATS, at))
                    .await
                    .expect("recorded");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    let took = began.elapsed();
    let events = sink.0.load(Ordering::Relaxed);
    store.close().await;
    events as f64 / took.as_secs_f64()
}

async fn write_part(dir: &Path) {
    println!("writing, {ACCOUNTS} accounts, WAL, synchronous=FULL (rows/s)");
    println!(
        "{:>8} {:>12} {:>12} {:>8} {:>18} {:>14} {:>20} {:>19}",
        "batch",
        "bare loop",
        "store",
        "share",
        "bare CPU µs/row",
        "store",
        "formatted of plain",
        "pictures of plain"
    );
    for (size, rows) in [(1, 6_000), (10, 30_000), (100, 150_000), (500, 300_000)] {
        let before = processor(std::process::id());
        let bare = floor(&dir.join(format!("floor{size}.db")), size, rows);
        let between = processor(std::process::id());
        let file = |name: &str| StoreConfig::at(dir.join(format!("{name}{size}.db")));
        let store = ours(file("ours"), message, size, rows).await;
        let after = processor(std::process::id());
        let marked = ours(file("formatted"), formatted, size, rows).await;
        let pictures = ours(file("pictures"), pictured, size, rows).await;
        let share = |spent: Duration| spent.as_secs_f64() * 1e6 / f64::from(rows);
        println!(
            "{size:>8} {bare:>12.0} {store:>12.0} {:>7.0}% {:>18.1} {:>14.1} {:>19.0}% {:>18.0}%",
            store / bare * 100.0,
            share(between - before),
            share(after - between),
            marked / store * 100.0,
            pictures / store * 100.0
        );
    }
}

/// Percentiles of durations.
fn told(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!(
        "{name:<44} n={:<6} p50 {:>7.3} ms  p99 {:>7.3} ms  max {:>7.3} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

async fn latency_part(dir: &Path) {
    let seconds = setting("STORE_BENCH_SECONDS", 10);
    let store = Store::open(
        StoreConfig::at(dir.join("latency.db")),
        Arc::new(Counter::default()),
    )
    .expect("opens");
    let account = account(&store).await;
    let mut ticks = actix::clock::interval(Duration::from_millis(20));
    let mut times = Vec::new();
    for id in 1..=(seconds * 50) as i32 {
        ticks.tick().await;
        let began = Instant::now();
        store
            .record_batch(batch(
                account.id,
                id,
                1,
                CHATS,
                1_700_000_000 + i64::from(id),
            ))
            .await
            .expect("recorded");
        times.push(began.elapsed());
    }
    println!("paced, 50 messages/s, commit included");
    told("record_batch of one message", times);
    store.close().await;
}

async fn fill(store: &StoreHandle, messages: u64, conversations: u64) -> Vec<Account> {
    let mut accounts = Vec::new();
    for _ in 0..ACCOUNTS {
        accounts.push(account(store).await);
    }
    let began = Instant::now();
    let mut first = 1;
    let chats = (conversations / ACCOUNTS as u64).max(1) as i64;
    while u64::try_from(first).unwrap_or(0) * (ACCOUNTS as u64) < messages {
        for account in &accounts {
            let at = 1_600_000_000 + i64::from(first) * 20;
            store
                .record_batch(batch(account.id, first, 1000, chats, at))
                .await
                .expect("recorded");
        }
        first += 1000;
    }
    println!(
        "filled with {messages} messages in {conversations} conversations: {:.1?}",
        began.elapsed()
    );
    let began = Instant::now();
    // The word of the first message ever is in the index last, because the index is fed in order of arrival.
    let newest = text((first - 1) as u64);
    loop {
        let query = SearchQuery {
            q: format!("{newest} "),
            limit: 1,
            ..SearchQuery::default()
        };
        if !store
            .search(query)
            .await
            .expect("searched")
            .items
            .is_empty()
        {
            break;
        }
        actix::clock::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "search index complete after another {:.1?}",
        began.elapsed()
    );
    accounts
}

async fn timed<F: Future>(times: &mut Vec<Duration>, work: F) -> F::Output {
    let began = Instant::now();
    let value = work.await;
    times.push(began.elapsed());
    value
}

async fn read_part(dir: &Path) {
    let messages = setting("STORE_BENCH_MESSAGES", 300_000);
    let conversations = setting("STORE_BENCH_CONVERSATIONS", 20_000);
    let path = std::env::var_os("STORE_BENCH_FILE").map_or_else(|| dir.join("read.db"), Into::into);
    let there = path.exists();
    let store = Store::open(StoreConfig::at(&path), Arc::new(Counter::default())).expect("opens");
    let accounts = if there {
        store.list_accounts().await.expect("listed")
    } else {
        fill(&store, messages, conversations).await
    };
    let mut times = Vec::new();
    for _ in 0..300 {
        let filter = ConversationFilter::default();
        timed(&mut times, store.list_conversations(filter))
            .await
            .expect("listed");
    }
    told("first page of conversations", times);
    let mut times = Vec::new();
    for round in 0..300 {
        let filter = ConversationFilter {
            account_ids: accounts
                .get(round % ACCOUNTS)
                .map(|account| account.id)
                .into_iter()
                .collect(),
            unread: round % 2 == 0,
            ..ConversationFilter::default()
        };
        timed(&mut times, store.list_conversations(filter))
            .await
            .expect("listed");
    }
    told("first page of one account, or unread", times);
    let mut times = Vec::new();
    for round in 0..500_u64 {
        let id = ConversationId(1 + (round * 7919 % conversations) as i64);
        if timed(
            &mut times,
            store.list_messages(id, MessagesFrom::Newest, 50),
        )
        .await
        .is_err()
        {
            times.pop();
        }
    }
    told("first page of a chat", times);
    for (name, q) in [
        ("search for a common word", "hello"),
        ("search for a common word, whole", "hello "),
        ("search for the commonest beginning", "wab"),
        ("search for a rare word", "wzzb "),
    ] {
        let mut times = Vec::new();
        for _ in 0..50 {
            let query = SearchQuery {
                q: q.to_owned(),
                ..SearchQuery::default()
            };
            timed(&mut times, store.search(query))
                .await
                .expect("searched");
        }
        told(name, times);
    }
    let mut times = Vec::new();
    for _ in 0..50 {
        timed(&mut times, store.list_accounts())
            .await
            .expect("listed");
    }
    told("list of accounts", times);
    store.close().await;
}

fn main() {
    let wanted = |part: &str| {
        let parts: Vec<String> = std::env::args()
            .skip(1)
            .filter(|arg| !arg.starts_with('-'))
            .collect();
        parts.is_empty() || parts.iter().any(|asked| asked == part)
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    actix::System::new().block_on(async {
        if wanted("write") {
            write_part(dir.path()).await;
        }
        if wanted("latency") {
            latency_part(dir.path()).await;
        }
        if wanted("read") {
            read_part(dir.path()).await;
        }
        if wanted("postgres") {
            on_postgres::part(dir.path()).await;
        }
    });
}
