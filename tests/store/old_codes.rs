//! A database from before codes were masked: its rows, its index and its unused pages lose them when it is opened.

use std::path::Path;

use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query,
    sql_types::Text, sqlite::SqliteConnection,
};
use switchboard::{
    domain::{Account, Change, ChatId, IncomingMessage, Media, MediaKind},
    store::{MessagesFrom, SearchQuery, StoreConfig},
};
use tempfile::TempDir;

use crate::{
    leak_scan::Secrets,
    world::{World, message, new, own, person, until},
};

const TELEGRAM: ChatId = ChatId::user(777_000);
const FRIEND: ChatId = ChatId::user(7);
const GROUP: ChatId = ChatId::group(9);
/// Takes back what the upgrade did to the schema.
const DOWN: &str = include_str!("../../migrations/2026-11-28-000100_masked/down.sql");

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    value: String,
}

fn lines(path: &Path, query: &str) -> Vec<String> {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    conn.batch_execute(
        "CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'messages_search', 'row');",
    )
    .unwrap();
    let lines = sql_query(query).load::<Line>(&mut conn).unwrap();
    lines.into_iter().map(|line| line.value).collect()
}

fn run(path: &Path, statements: &str) {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    conn.batch_execute(statements).unwrap();
}

/// Every code that a file of the directory, or a word of the index, still holds.
fn leaks(path: &Path, codes: &[&str]) -> Vec<String> {
    let mut secrets = Secrets::default();
    for code in codes {
        secrets.text("a code", code);
    }
    let words = lines(path, "SELECT term AS value FROM temp.words").join(" ");
    let mut found = secrets.find("the index", words.as_bytes());
    found.extend(secrets.find_in_files(path.parent().unwrap(), &[]));
    found
}

fn at(id: i32, chat: ChatId, text: &str) -> Change {
    new(message(chat, id, text))
}

async fn indexed(world: &World, word: &str) {
    until("the word in the index", || async {
        let query = SearchQuery {
            q: word.to_owned(),
            ..SearchQuery::default()
        };
        let found = world.store.search(query).await.unwrap();
        match found.items.len() {
            0 => Err("nothing".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

/// Protects whoever upgrades: codes stored before are in no row, no index and no unused page afterwards, also of deleted
/// messages and forwards; the words stay, and nothing else changes.
#[actix::test]
async fn an_older_database_loses_its_codes_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await;
    let codes = [
        "604918273",
        "718293645",
        "193746528",
        "837465192",
        "564738291",
        "291837465",
    ];
    let preview = IncomingMessage {
        media: Some(Media {
            name: Some(format!("login/{}", codes[4])),
            ..Media::of(MediaKind::WebPage)
        }),
        ..message(TELEGRAM, 6, &format!("https://t.me/login/{}", codes[4]))
    };
    let mut batch = crate::world::batch(
        account.id,
        vec![
            at(1, FRIEND, "my number is 555000111"),
            at(2, TELEGRAM, &format!("Login code: {}. Keep it.", codes[0])),
            at(3, TELEGRAM, "New login on 12/10/2026 at 10:11:12"),
            at(4, TELEGRAM, &format!("Login code: {}. Keep it.", codes[1])),
            at(5, TELEGRAM, &format!("Web login code.\n{} gone", codes[2])),
            new(preview),
            // Forwards: by the account into a group, and by somebody else of a code never seen here.
            new(own(
                GROUP,
                7,
                &format!("Login code: {}. Keep it.", codes[0]),
            )),
            at(8, GROUP, &format!("Login code: {}. Keep it.", codes[3])),
            at(9, FRIEND, "Login code: 555000222 of the door"),
            at(10, FRIEND, "last words"),
        ],
    );
    batch.peers = vec![person(7, "Contact one"), person(777_000, "Telegram")];
    world.store.record_batch(batch).await.unwrap();
    let deleted = Change::Deleted {
        channel: None,
        message_ids: vec![5],
    };
    world.record(account.id, vec![deleted]).await;
    indexed(&world, "last").await;
    world.store.close().await;
    run(&path, DOWN);
    // A row that is gone is still in its page.
    let gone = codes[5];
    run(
        &path,
        &format!(
            "DELETE FROM __diesel_schema_migrations WHERE version = '20261128000100'; \
             INSERT INTO meta (key, value) VALUES ('gone', 'was {gone}'); DELETE FROM meta WHERE key = 'gone';"
        ),
    );
    for code in codes {
        assert!(!leaks(&path, &[code]).is_empty(), "{code} was never there");
    }

    let world = World::at(StoreConfig::at(&path));
    assert_eq!(leaks(&path, &codes), [""; 0]);
    let query = "SELECT masked || ' ' || text AS value FROM messages ORDER BY message_no";
    assert_eq!(
        lines(&path, query),
        [
            "0 my number is 555000111",
            "1 Login code: •••••. Keep it.",
            "0 New login on 12/10/2026 at 10:11:12",
            "1 Login code: •••••. Keep it.",
            "1 Web login code.\n••••• gone",
            "1 https://t.me/login/•••••",
            "1 Login code: •••••. Keep it.",
            "1 Login code: •••••. Keep it.",
            "0 Login code: 555000222 of the door",
            "0 last words",
        ]
    );
    assert_eq!(
        lines(
            &path,
            "SELECT media AS value FROM messages WHERE media IS NOT NULL"
        ),
        [""; 0]
    );
    assert_eq!(
        lines(&path, "SELECT value FROM meta WHERE key = 'old_codes'"),
        [""; 0]
    );
    still_works(&world, &account).await;

    // Once: what is stored from now on is as it is told.
    world
        .record(account.id, vec![at(11, TELEGRAM, "kept as told 555000333")])
        .await;
    let world = world.reopened().await;
    assert_eq!(
        world.texts(account.id, TELEGRAM).await[0],
        "kept as told 555000333"
    );
}

/// Conversations show the masked text, and the search finds words and no code.
async fn still_works(world: &World, account: &Account) {
    let telegram = world.conversation(account.id, TELEGRAM).await;
    let last = telegram.last_message.unwrap();
    assert_eq!(last.text, "https://t.me/login/•••••");
    assert!(last.masked);
    let page = world
        .store
        .list_messages(telegram.id, MessagesFrom::Newest, 50)
        .await
        .unwrap();
    assert!(page.messages.iter().any(|message| message.masked));
    for (q, count) in [("keep", 4), ("604918273", 0), ("gone", 0), ("555000222", 1)] {
        let query = SearchQuery {
            q: q.to_owned(),
            ..SearchQuery::default()
        };
        let found = world.store.search(query).await.unwrap();
        assert_eq!(found.items.len(), count, "{q}");
    }
}

/// Protects an upgrade that a crash cut short behind the rows: the next start cleans the pages.
#[actix::test]
async fn an_upgrade_that_was_cut_short_goes_on_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let world = World::at(StoreConfig::at(&path));
    let account = world.account().await;
    let code = "604918273";
    world
        .record(
            account.id,
            vec![
                at(1, TELEGRAM, &format!("was {code} here")),
                at(2, FRIEND, "last words"),
            ],
        )
        .await;
    indexed(&world, "last").await;
    world.store.close().await;
    run(
        &path,
        "DELETE FROM messages_search WHERE rowid IN (SELECT (timestamp / 60000 << 37) | id FROM messages WHERE message_no = 1); \
         UPDATE messages SET text = 'was' WHERE message_no = 1; \
         INSERT INTO meta (key, value) VALUES ('old_codes', 'pages');",
    );
    assert!(!leaks(&path, &[code]).is_empty(), "the pages hold nothing");
    let world = World::at(StoreConfig::at(&path));
    assert_eq!(leaks(&path, &[code]), [""; 0]);
    assert_eq!(
        lines(&path, "SELECT value FROM meta WHERE key = 'old_codes'"),
        [""; 0]
    );
    world.store.close().await;
}
