//! Upgrades: a database of the schema before spans becomes one of today's, whole.

use std::sync::Arc;

use diesel::{
    Connection, QueryResult, QueryableByName, RunQueryDsl, connection::SimpleConnection,
    sql_types::BigInt, sqlite::SqliteConnection,
};
use switchboard::{
    domain::{AccountId, ChatId, Span},
    store::{HistoryStretch, MessagesFrom, PageEnd, StoreConfig},
};
use tempfile::TempDir;

use crate::world::{World, batch, message, new};

/// Every migration of the schema before spans, in its order.
const BEFORE: [(&str, &str); 6] = [
    (
        "20261121000000",
        include_str!("../../migrations/2026-11-21-000000_start/up.sql"),
    ),
    (
        "20261121000100",
        include_str!("../../migrations/2026-11-21-000100_sealed/up.sql"),
    ),
    (
        "20261121000200",
        include_str!("../../migrations/2026-11-21-000200_access/up.sql"),
    ),
    (
        "20261121000300",
        include_str!("../../migrations/2026-11-21-000300_counted/up.sql"),
    ),
    (
        "20261121000400",
        include_str!("../../migrations/2026-11-21-000400_media/up.sql"),
    ),
    (
        "20261121000500",
        include_str!("../../migrations/2026-11-21-000500_webhook_lanes/up.sql"),
    ),
];

/// By request a million: `UPGRADE_MESSAGES=1000000 cargo test --release --test store spans_is_whole`.
fn messages() -> i64 {
    let asked = std::env::var("UPGRADE_MESSAGES").ok();
    asked.map_or(100_000, |text| text.parse().unwrap())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn count(conn: &mut SqliteConnection, text: &str) -> i64 {
    counted(conn, text).unwrap()
}

fn counted(conn: &mut SqliteConnection, text: &str) -> QueryResult<i64> {
    Ok(diesel::sql_query(text).get_result::<Count>(conn)?.n)
}

/// One account: private chat 7 with even numbers, private chat 8 with odd ones, a channel that is whole, and one that
/// lacks a message.
fn old_database(path: &std::path::Path, id: AccountId, messages: i64) {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    for (_, sql) in BEFORE {
        conn.batch_execute(sql).unwrap();
    }
    conn.batch_execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);",
    )
    .unwrap();
    for (version, _) in BEFORE {
        conn.batch_execute(&format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');"
        ))
        .unwrap();
    }
    let chats = [
        (1, 7, 0),
        (2, 8, 0),
        (3, -1_000_000_000_070_i64, 70),
        (4, -1_000_000_000_080, 80),
    ];
    conn.batch_execute(&format!(
        "INSERT INTO accounts (id, label, colour, is_active, state, state_since, created_at, dialog_cursor) \
         VALUES ('{id}', 'Support', 1, 1, 'online', 0, 0, '{{\"finished\":true}}'); \
         INSERT INTO account_positions VALUES (1, 5, 0, 0, 0); \
         INSERT INTO channel_positions VALUES (1, 70, 9); INSERT INTO channel_positions VALUES (1, 80, 9);"
    ))
    .unwrap();
    for (row, chat, _) in chats {
        conn.batch_execute(&format!(
            "INSERT INTO conversations (id, telegram_account_id, chat_id, account_no, chat, kind, title, find_key, can_send, \
             history_complete, top_message) VALUES ({row}, '{id}', '{chat}', 1, {chat}, 'private', 'Chat', 'chat', 1, {row} = 1, 0);"
        ))
        .unwrap();
    }
    let insert = |conn: &mut SqliteConnection,
                  row: i64,
                  chat: i64,
                  scope: i64,
                  step: i64,
                  first: i64,
                  count: i64| {
        conn.batch_execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) \
             INSERT INTO messages (account_no, scope, message_no, conversation_id, telegram_account_id, chat_id, \
             message_id, direction, text, timestamp, status, backfilled) \
             SELECT 1, {scope}, {first} + i * {step}, {row}, '{id}', '{chat}', {first} + i * {step}, 'incoming', \
             'text ' || i, ({first} + i * {step}) * 1000, 'received', i < 100 FROM n; \
             UPDATE conversations SET last_message_at = {count} * 1000, \
             last_message = (SELECT max(id) FROM messages) WHERE id = {row};"
        ))
        .unwrap();
    };
    let quarter = messages / 4;
    insert(&mut conn, 1, 7, 0, 2, 2, quarter);
    insert(&mut conn, 2, 8, 0, 2, 1, quarter);
    insert(&mut conn, 3, chats[2].1, 70, 1, 10, quarter);
    insert(&mut conn, 4, chats[3].1, 80, 1, 10, quarter);
    conn.batch_execute("DELETE FROM messages WHERE scope = 80 AND message_no = 500;")
        .unwrap();
}

/// Protects ten years of messages: nothing is lost by the upgrade, what can't be sure to be whole is owed once, and what
/// was stored silently is not told as news.
#[actix::test]
async fn a_database_from_before_spans_is_whole_after_the_upgrade() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let id = AccountId::random();
    old_database(&path, id, messages());
    let world = World::at(StoreConfig::at(&path));
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    assert_eq!(
        count(&mut conn, "SELECT count(*) AS n FROM messages"),
        messages() - 1
    );
    let quarter = i32::try_from(messages() / 4).unwrap();
    let spans = async |chat: ChatId| {
        let conversation = world.conversation(id, chat).await.id;
        let spans = world.store.spans(conversation).await.unwrap();
        spans.iter().collect::<Vec<_>>()
    };
    // A channel that lacks no number is whole; the others are sure of their ends alone.
    assert_eq!(
        spans(ChatId::channel(70)).await,
        [Span::closed(10, 9 + quarter)]
    );
    assert_eq!(
        spans(ChatId::channel(80)).await,
        [Span::closed(10, 10), Span::closed(9 + quarter, 9 + quarter)]
    );
    assert_eq!(
        spans(ChatId::user(7)).await,
        [Span::closed(1, 2), Span::closed(2 * quarter, 2 * quarter)]
    );
    assert_eq!(count(&mut conn, "SELECT count(*) AS n FROM owed"), 3);
    // The list is read once more, and says what came since.
    assert_eq!(world.store.dialog_sync_cursor(id).await.unwrap(), None);
    // What is stored can be read at once, gaps or not.
    let conversation = world.conversation(id, ChatId::user(7)).await.id;
    let page = world
        .store
        .list_messages_across(conversation, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    assert_eq!(page.messages.len(), 50);
    let page = world
        .store
        .list_messages(conversation, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    assert_eq!(
        page.ends,
        Some(PageEnd::Gap {
            above: 2,
            before: 2 * quarter
        })
    );
    // A live message goes on where the stream is, and hides nothing below.
    world
        .record(
            id,
            vec![new(message(ChatId::user(8), 2 * quarter + 9, "live"))],
        )
        .await;
    let all = spans(ChatId::user(8)).await;
    assert_eq!(all.last(), Some(&Span::open(2 * quarter + 1, 2 * quarter)));
    // The rest is fetched, and nothing that was there before is told.
    let mut before = 2 * quarter;
    while before > 4 {
        let numbers: Vec<i32> = (1..=5_000)
            .map(|n| before - 2 * n)
            .filter(|number| *number > 2)
            .collect();
        let oldest = *numbers.last().unwrap();
        let changes = numbers
            .iter()
            .map(|number| new(message(ChatId::user(7), *number, "text")))
            .collect();
        let mut history = batch(id, changes);
        (history.backfilled, history.position) = (true, None);
        let stretch = HistoryStretch {
            chat: ChatId::user(7),
            batch: Arc::new(history),
            before,
            above: 2,
            oldest: Some(oldest),
            complete: oldest == 4,
            asked: world.store.holes(id).await.unwrap(),
            left: None,
            archive: false,
        };
        world.store.record_stretch(stretch).await.unwrap();
        before = oldest;
    }
    assert_eq!(spans(ChatId::user(7)).await, [Span::closed(1, 2 * quarter)]);
    world.ear.names();
    let parts = i64::from(quarter) / 200 + 1;
    for part in 0..=parts {
        if world.store.tell_owed(conversation, 3).await.unwrap() {
            break;
        }
        assert!(part < parts, "the telling never ends");
    }
    assert!(!world.ear.names().contains(&"message_received"));
    assert_eq!(
        count(
            &mut conn,
            "SELECT count(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
        ),
        0
    );
}

/// Every migration, in its order: version and text.
fn migrations() -> Vec<(String, String)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut all: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let version = name.split('_').next().unwrap().replace('-', "");
            let text = std::fs::read_to_string(path.join("up.sql")).unwrap();
            (version, text)
        })
        .collect();
    all.sort();
    all
}

/// Protects whoever updates from any version in between: whatever schema a database has come to, today's service opens it,
/// and every message in it is there and can be read.
#[actix::test]
async fn a_database_of_every_schema_is_whole_after_the_upgrade() {
    const FEW: i64 = 4_000;
    let all = migrations();
    assert!(all.len() > BEFORE.len());
    for known in BEFORE.len()..=all.len() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("switchboard.db");
        let id = AccountId::random();
        old_database(&path, id, FEW);
        let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
        for (version, text) in &all[BEFORE.len()..known] {
            conn.batch_execute(text).unwrap();
            conn.batch_execute(&format!(
                "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');"
            ))
            .unwrap();
        }
        let world = World::at(StoreConfig::at(&path));
        let versions = "SELECT count(*) AS n FROM __diesel_schema_migrations";
        assert_eq!(count(&mut conn, versions), all.len() as i64, "{known}");
        let messages = "SELECT count(*) AS n FROM messages";
        assert_eq!(count(&mut conn, messages), FEW - 1, "{known}");
        for chat in [
            ChatId::user(7),
            ChatId::user(8),
            ChatId::channel(70),
            ChatId::channel(80),
        ] {
            let conversation = world.conversation(id, chat).await.id;
            let page = world
                .store
                .list_messages_across(conversation, MessagesFrom::Newest, 50)
                .await
                .unwrap();
            assert_eq!(page.messages.len(), 50, "{known}: {chat}");
        }
        let broken =
            "SELECT count(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(count(&mut conn, broken), 0, "{known}");
    }
}

const VERSIONS: &str = "SELECT count(*) AS n FROM __diesel_schema_migrations";

/// Starts the service on an old database, and kills it while it holds the write lock for longer than anything else in a start does.
fn kill_while_locked(path: &std::path::Path) {
    let mut other = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    let known = count(&mut other, VERSIONS);
    let mut service = std::process::Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .env_clear()
        // Nobody is there.
        .env("TELEGRAM_DC", "2@127.0.0.1:9")
        .args(["--listen", "127.0.0.1:0", "--data-dir"])
        .arg(path.parent().unwrap())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    let mut locked = 0;
    while locked < 10 {
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(120),
            "nothing is migrated"
        );
        let free = other.batch_execute("BEGIN IMMEDIATE; ROLLBACK;");
        // The lock may be taken between the two.
        match free.and_then(|()| counted(&mut other, VERSIONS)) {
            // All is done, and nobody looked meanwhile.
            Ok(now) if now != known => break,
            Ok(_) => locked = 0,
            Err(_) => locked += 1,
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    drop(other);
    service.kill().unwrap();
    service.wait().unwrap();
}

/// Protects a database whose upgrade is killed (an impatient person, a power cut): it is as it was before, nothing of it is half new, and
/// the next start brings it on.
#[actix::test]
async fn an_upgrade_that_is_killed_in_the_middle_leaves_the_database_as_it_was() {
    let known = i64::try_from(BEFORE.len()).unwrap();
    let id = AccountId::random();
    // On a busy machine the kill may come when all is done; then it is tried on another.
    let struck = (0..5).find_map(|_| {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("switchboard.db");
        old_database(&path, id, messages());
        kill_while_locked(&path);
        let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
        (count(&mut conn, VERSIONS) == known).then_some((dir, path, conn))
    });
    let (_dir, path, mut conn) = struck.expect("a kill in the middle");
    let new = "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'spans'";
    assert_eq!(count(&mut conn, new), 0);
    let stored = "SELECT count(*) AS n FROM messages";
    assert_eq!(count(&mut conn, stored), messages() - 1);
    drop(conn);
    let world = World::at(StoreConfig::at(&path));
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    assert_eq!(
        count(&mut conn, VERSIONS),
        i64::try_from(migrations().len()).unwrap()
    );
    assert_eq!(count(&mut conn, stored), messages() - 1);
    let conversation = world.conversation(id, ChatId::user(7)).await.id;
    let page = world
        .store
        .list_messages_across(conversation, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    assert_eq!(page.messages.len(), 50);
}
