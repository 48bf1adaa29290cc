//! The store on PostgreSQL beside its floor, the same rows copied by a bare loop, and beside the store on SQLite.

use std::{path::Path, sync::Arc, time::Instant};

use futures_util::SinkExt as _;
use switchboard::store::{ServerUrl, StoreConfig};
use tokio_postgres::{Client, NoTls};

use crate::{cluster::Cluster, message, ours};

/// A server as it comes, but for what only a machine of its own would be given.
fn server() -> Cluster {
    Cluster::start_with(|_| vec!["fsync=on".to_owned(), "max_wal_size=4GB".to_owned()])
}

async fn client(cluster: &Cluster, database: &str) -> Client {
    let url = format!(
        "host={} user=postgres dbname={database}",
        cluster.directory.display()
    );
    let (client, connection) = tokio_postgres::connect(&url, NoTls)
        .await
        .expect("connects");
    actix::spawn(async move {
        connection.await.expect("stays");
    });
    client
}

/// Rows of a finished store in pieces of `size`, as COPY reads them.
async fn pieces(client: &Client, table: &str, order: &str, size: i32) -> Vec<bytes::Bytes> {
    use futures_util::TryStreamExt as _;
    let text = format!("COPY (SELECT * FROM switchboard.{table} ORDER BY {order}) TO STDOUT");
    let rows = client.copy_out(&text).await.expect("copies");
    let lines: Vec<bytes::Bytes> = rows.try_collect().await.expect("rows");
    let size = usize::try_from(size).unwrap_or(1);
    lines
        .chunks(size)
        .map(|chunk| chunk.concat().into())
        .collect()
}

async fn copied(client: &Client, table: &str, piece: &bytes::Bytes) {
    let sink = client
        .copy_in(&format!("COPY bare.{table} FROM STDIN"))
        .await
        .expect("copies");
    let mut sink = std::pin::pin!(sink);
    sink.send(piece.clone()).await.expect("sends");
    sink.finish().await.expect("copied");
}

/// The floor's tables: the store's own, with all that the server looks after in them. `LIKE` leaves out to which conversation a
/// message has to belong.
const TABLES: &str = "DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare; \
     CREATE TABLE bare.messages (LIKE switchboard.messages INCLUDING ALL); \
     ALTER TABLE bare.messages ADD FOREIGN KEY (conversation_id) REFERENCES switchboard.conversations (id); \
     CREATE TABLE bare.event_log (LIKE switchboard.event_log INCLUDING ALL); \
     CREATE TABLE bare.messages_search (LIKE switchboard.messages_search INCLUDING ALL);";

/// Rows a second of a bare loop: the very rows that the store has written by the end of its time, in tables like its own, a commit for
/// each piece. These are those of messages, of events, and of the search index as far as it was fed (each commit has its share). What a
/// bare loop has no word for it is spared: that conversations, accounts, positions and spans are changed, and that events are numbered.
async fn floor(client: &Client, size: i32) -> f64 {
    client.batch_execute(TABLES).await.expect("tables");
    let messages = pieces(client, "messages", "id", size).await;
    let events = pieces(client, "event_log WHERE kind = 1", "seq", size).await;
    let count = async |table: &str| -> i64 {
        let text = format!("SELECT count(*) FROM switchboard.{table}");
        client.query_one(&text, &[]).await.expect("counted").get(0)
    };
    let (rows, found) = (count("messages").await, count("messages_search").await);
    let share = (found * i64::from(size) + rows - 1) / rows.max(1);
    let share = i32::try_from(share.max(1)).unwrap_or(size);
    let found = pieces(client, "messages_search", "place", share).await;
    let mut found = found.iter();
    let began = Instant::now();
    for (messages, events) in messages.iter().zip(&events) {
        client.batch_execute("BEGIN").await.expect("begins");
        copied(client, "messages", messages).await;
        copied(client, "event_log", events).await;
        if let Some(found) = found.next() {
            copied(client, "messages_search", found).await;
        }
        client.batch_execute("COMMIT").await.expect("commits");
    }
    rows as f64 / began.elapsed().as_secs_f64()
}

pub async fn part(dir: &Path) {
    let cluster = Arc::new(server());
    println!("writing on PostgreSQL, 3 accounts, fsync on (rows/s)");
    println!(
        "{:>8} {:>12} {:>12} {:>8} {:>12} {:>10}",
        "batch", "bare COPY", "store", "share", "SQLite", "of SQLite"
    );
    for (size, rows) in [(1, 3_000), (10, 15_000), (100, 60_000), (500, 90_000)] {
        let database = format!("bench{size}");
        cluster.sql("postgres", &format!("create database {database}"));
        let url = format!(
            "postgres:///{database}?host={}&user=postgres",
            cluster.directory.display()
        );
        let config = StoreConfig {
            server: Some(ServerUrl::parse(&url, None).expect("an address")),
            ..StoreConfig::at(dir.join("none.db"))
        };
        let store = ours(config, message, size, rows).await;
        let client = client(&cluster, &database).await;
        let bare = floor(&client, size).await;
        let file = StoreConfig::at(dir.join(format!("beside{size}.db")));
        let sqlite = ours(file, message, size, rows).await;
        println!(
            "{size:>8} {bare:>12.0} {store:>12.0} {:>7.0}% {sqlite:>12.0} {:>9.0}%",
            store / bare * 100.0,
            store / sqlite * 100.0
        );
    }
}
