//! What both engines have to agree on, and what is PostgreSQL's alone.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, sql_query, sql_types::Text, sqlite::SqliteConnection,
};
use switchboard::{
    domain::ChatId,
    store::{NoSink, SearchQuery, Store, StoreConfig, StoreError},
};
use tempfile::TempDir;

use crate::{
    engine, rows,
    world::{World, message, new, new_account, until},
};

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    t: String,
}

const COLUMNS: &str = "SELECT t.name || '.' || c.name || ' ' || CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytes' \
     WHEN 'BOOLEAN' THEN CASE c.name WHEN 'held' THEN 'whole' ELSE 'flag' END ELSE 'whole' END || \
     CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' or null' END AS t \
     FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' \
     AND t.name NOT LIKE 'messages_search%' AND t.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'";

const THEIR_COLUMNS: &str = "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'text' THEN 'text' \
     WHEN 'bytea' THEN 'bytes' WHEN 'boolean' THEN 'flag' WHEN 'bigint' THEN 'whole' WHEN 'integer' THEN 'whole' \
     ELSE data_type END || CASE is_nullable WHEN 'YES' THEN ' or null' ELSE '' END AS t FROM information_schema.columns \
     WHERE table_schema = 'switchboard' AND table_name NOT LIKE 'messages_search%' AND table_name NOT IN ('nodes', 'account_leases', 'node_calls', 'node_call_parts', 'event_counter', 'message_blocks', 'work_leases', 'entry_codes', 'vault_news', 'commit_marks') AND table_name NOT LIKE '\\_\\_diesel%'";

const INDEXES: &str = "SELECT name || CASE WHEN sql LIKE 'CREATE UNIQUE%' THEN ' unique' ELSE '' END AS t FROM sqlite_schema \
     WHERE type = 'index' AND sql IS NOT NULL";

const THEIR_INDEXES: &str = "SELECT c.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END AS t FROM pg_index i \
     JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = 'switchboard' AND NOT i.indisprimary AND c.relname NOT LIKE 'messages_search%' \
     AND c.relname NOT LIKE 'account_leases%' AND c.relname NOT LIKE 'node_calls%' AND c.relname NOT LIKE 'entry_codes%' \
     AND c.relname NOT IN (SELECT conname FROM pg_constraint)";

pub fn of_file(path: &Path, query: &str) -> BTreeSet<String> {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy()).unwrap();
    let found: Vec<Word> = sql_query(query).load(&mut conn).unwrap();
    found.into_iter().map(|word| word.t).collect()
}

/// Protects the next change of the schema: a table, column or index of one engine is missing in the other. Only PostgreSQL is served by
/// several nodes, which have tables of their own.
#[actix::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let file = Store::open(StoreConfig::at(&path), Arc::new(NoSink)).unwrap();
    file.close().await;
    let world = World::new();
    for (ours, theirs) in [(COLUMNS, THEIR_COLUMNS), (INDEXES, THEIR_INDEXES)] {
        let ours = of_file(&path, ours);
        let theirs: BTreeSet<String> = rows::texts(&world.path, theirs).into_iter().collect();
        assert!(ours.len() > 30);
        let of_one: Vec<_> = ours.symmetric_difference(&theirs).collect();
        assert!(of_one.is_empty(), "in one engine alone: {of_one:#?}");
    }
    world.store.close().await;
}

/// Protects rows from a version that does not know them, and a schema from two that make it at once.
#[actix::test]
async fn a_schema_is_made_once_and_a_newer_one_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("switchboard.db");
    let opened: Vec<_> = (0..3)
        .map(|_| {
            let config = engine::placed(StoreConfig::at(&path));
            std::thread::spawn(move || Store::open(config, Arc::new(NoSink)))
        })
        .collect();
    for one in opened {
        one.join().unwrap().unwrap().close().await;
    }
    engine::change(
        &path,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000');",
    );
    let refused = Store::open(engine::placed(StoreConfig::at(&path)), Arc::new(NoSink));
    assert!(
        matches!(&refused, Err(StoreError::SchemaTooNew { found, .. }) if found == "20990101000000"),
        "{:?}",
        refused.err()
    );
}

/// Protects whoever shares a transaction with a write that the database refuses: PostgreSQL takes back everything of such a
/// transaction, and answers its end as if nothing were wrong.
#[actix::test]
async fn a_write_that_is_refused_takes_nobody_along() {
    let world = World::new();
    let made = |label: &str| {
        world.store.create_account(switchboard::store::NewAccount {
            label: label.to_owned(),
            ..new_account()
        })
    };
    engine::change(
        &world.path,
        "ALTER TABLE accounts ADD CHECK (label <> 'refused');",
    );
    for _ in 0..10 {
        let (first, refused, last) = tokio::join!(made("first"), made("refused"), made("last"));
        assert!(
            matches!(refused, Err(StoreError::Broken { .. })),
            "{refused:?}"
        );
        assert_eq!(
            (first.unwrap().label, last.unwrap().label),
            ("first".to_owned(), "last".to_owned())
        );
    }
    let stored = rows::texts(&world.path, "SELECT label AS t FROM accounts");
    assert_eq!(stored.len(), 20, "{stored:?}");
    world.store.close().await;
}

/// Protects a person who looks for something from having to know which engine keeps it.
#[actix::test]
async fn the_same_words_find_the_same_messages() {
    let dir = TempDir::new().unwrap();
    let file = Store::open(
        StoreConfig::at(dir.path().join("switchboard.db")),
        Arc::new(NoSink),
    )
    .unwrap();
    let world = World::new();
    let texts = [
        "Grüße aus KÖLN, bis bald!",
        "ёлка и Ёжик в тумане",
        "see https://example.com/path?x=1&y=2 now",
        "it's O'Brien's back\\slash and a \"quote\"",
        "日本語のテキスト 東京",
        "e-mail: someone.else+tag@example.com",
        "price 1,299.00 € (−20%)",
        "naïve cafe\u{301} ﬁne",
        "👍🏽 emoji only words 🇩🇪",
        "İstanbul ıssız STRASSE straße",
        "long_snake_case and camelCase",
    ];
    let asked = [
        "koln",
        "KÖLN bis",
        "елка",
        "ёж",
        "example.com",
        "path x",
        "o'brien",
        "back\\slash",
        "\"quote",
        "quo",
        "日本",
        "東京",
        "someone.else",
        "tag@exa",
        "1,299",
        "20%",
        "cafe",
        "fine",
        "emoji wor",
        "🇩🇪",
        "istanbul",
        "strasse",
        "straße",
        "snake",
        "snake_case",
        "camel",
        "a'); DROP TABLE messages",
        "' & !x | y",
        ":*",
    ];
    for store in [&file, &world.store] {
        let account = store.create_account(new_account()).await.unwrap();
        let changes = texts
            .iter()
            .zip(1..)
            .map(|(text, number)| new(message(ChatId::user(7), number, text)))
            .collect();
        store
            .record_batch(crate::world::batch(account.id, changes))
            .await
            .unwrap();
    }
    let found = async |store: &switchboard::store::StoreHandle, q: &str| {
        let query = SearchQuery {
            q: q.to_owned(),
            account_ids: Vec::new(),
            limit: 50,
            cursor: None,
        };
        let page = store.search(query).await;
        page.map(|page| {
            let hits = page.items.into_iter();
            hits.map(|hit| (hit.message.text, hit.highlights))
                .collect::<Vec<_>>()
        })
        .map_err(|error| error.to_string())
    };
    for store in [&file, &world.store] {
        until("the index to be fed", async || {
            match found(store, "camelcase").await.unwrap().len() {
                1 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    }
    let mut hits = 0;
    for q in asked {
        let (ours, theirs) = (found(&file, q).await, found(&world.store, q).await);
        assert_eq!(ours, theirs, "{q}");
        hits += ours.map_or(0, |ours| ours.len());
    }
    assert!(hits > 20, "{hits}");
    file.close().await;
    world.store.close().await;
}
