//! Answers that are lost on the way from PostgreSQL: what was committed is not done once more, and what was not is done once.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use switchboard::{
    domain::ChatId,
    store::{NoSink, ServerUrl, Store, StoreConfig, StoreHandle},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream, unix},
    sync::Notify,
};

use crate::{
    basics::reply,
    engine, rows,
    world::{World, message, new, until},
};

/// `COMMIT` as the writer says it: a simple query of the protocol, with its length.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// What becomes of the next `COMMIT`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Passes,
    /// It is carried out, and the line breaks before anybody hears.
    Unheard,
    /// The line breaks before it arrives.
    Lost,
    /// The line breaks, and it arrives when it is let through.
    Late,
}

const FATES: [Fate; 4] = [Fate::Passes, Fate::Unheard, Fate::Lost, Fate::Late];

/// A way to the server that somebody stands on.
struct Way {
    port: u16,
    fate: AtomicU8,
    through: Notify,
    /// A late one has been answered.
    over: Notify,
}

impl Way {
    async fn to(directory: String) -> Arc<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Arc::new(Self {
            port: socket.local_addr().unwrap().port(),
            fate: AtomicU8::new(0),
            through: Notify::new(),
            over: Notify::new(),
        });
        let own = Arc::clone(&way);
        tokio::spawn(async move {
            while let Ok((line, _)) = socket.accept().await {
                let far = UnixStream::connect(format!("{directory}/.s.PGSQL.5432"));
                tokio::spawn(Arc::clone(&own).carry(line, far.await.unwrap()));
            }
        });
        way
    }

    fn next(&self, fate: Fate) {
        let at = FATES.iter().position(|one| *one == fate).unwrap();
        self.fate.store(at.try_into().unwrap(), Ordering::SeqCst);
    }

    async fn carry(self: Arc<Self>, line: TcpStream, far: UnixStream) {
        let (mut near_in, mut near_out) = line.into_split();
        let (mut far_in, mut far_out) = far.into_split();
        let answers = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut far_in, &mut near_out).await;
            far_in
        });
        let mut bytes = vec![0; 256 << 10];
        while let Ok(read) = near_in.read(&mut bytes).await {
            let said = &bytes[..read];
            let commits = said.windows(COMMIT.len()).any(|part| part == COMMIT);
            let fate = match commits {
                true => FATES[usize::from(self.fate.swap(0, Ordering::SeqCst))],
                false => Fate::Passes,
            };
            match fate {
                Fate::Passes => {
                    if read == 0 || far_out.write_all(said).await.is_err() {
                        break;
                    }
                }
                Fate::Unheard => {
                    // Nothing of what comes back is passed on.
                    answers.abort();
                    far_out.write_all(said).await.unwrap();
                    far_out.shutdown().await.unwrap();
                    break;
                }
                Fate::Lost => {
                    answers.abort();
                    break;
                }
                Fate::Late => {
                    drop(near_in);
                    self.late(far_out, said, answers).await;
                    return;
                }
            }
        }
        let _ = far_out.shutdown().await;
    }

    async fn late(
        &self,
        mut far_out: unix::OwnedWriteHalf,
        said: &[u8],
        answers: tokio::task::JoinHandle<unix::OwnedReadHalf>,
    ) {
        // The one who waits there is hung up on; the server is not.
        answers.abort();
        self.through.notified().await;
        let _ = far_out.write_all(said).await;
        let _ = far_out.shutdown().await;
        self.over.notify_one();
    }
}

/// A store whose way to the server is that one.
async fn on_the_way(world: &World) -> (Arc<Way>, StoreHandle) {
    let url = engine::url(&world.path);
    let (database, directory) = url
        .strip_prefix("postgres:///")
        .and_then(|rest| rest.split_once("?host="))
        .unwrap();
    let directory = directory.strip_suffix("&user=postgres").unwrap();
    let way = Way::to(directory.to_owned()).await;
    let port = way.port;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable");
    let config = StoreConfig {
        server: Some(ServerUrl::parse(&url, None).unwrap()),
        ..StoreConfig::at(&world.path)
    };
    let opened = tokio::task::spawn_blocking(move || Store::open(config, Arc::new(NoSink)));
    (way, opened.await.unwrap().unwrap())
}

/// Protects against the second of two: a reply without a key is one reply, whatever becomes of the commit and of its answer, and whoever
/// gave it is told so.
#[actix::test]
async fn what_was_committed_without_a_word_is_not_done_again() {
    let dir = TempDir::new().unwrap();
    let world = World::at(StoreConfig::at(dir.path().join("switchboard.db")));
    let account = world.account().await;
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "hello"))])
        .await;
    let conversation = world.conversation(account.id, chat).await;
    let (way, store) = on_the_way(&world).await;
    for fate in [Fate::Passes, Fate::Unheard, Fate::Lost, Fate::Late] {
        let text = format!("answer {fate:?}");
        way.next(fate);
        let giving = store.queue_reply(reply(conversation.id, &text, None));
        let late = async {
            if fate != Fate::Late {
                return;
            }
            // It comes when the next one is at it, and waits for what the first one holds.
            until("the next one to wait", async || {
                let waits =
                    "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
                match rows::number(&world.path, waits) {
                    0 => Err("nobody waits".to_owned()),
                    _ => Ok(()),
                }
            })
            .await;
            way.through.notify_one();
            way.over.notified().await;
        };
        let (queued, ()) = tokio::join!(giving, late);
        let queued = queued.unwrap_or_else(|error| panic!("{fate:?}: {error}"));
        assert_eq!(queued.message.text, text);
        // An event of it follows what became of the old line.
        let count = |of: &str| {
            rows::number(
                &world.path,
                &format!("SELECT count(*) AS n FROM {of} WHERE m.text = '{text}'"),
            )
        };
        until("the old line to be over", async || {
            let open = rows::number(
                &world.path,
                "SELECT count(*) AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' OR state = 'active' AND query LIKE '%commit_marks%' AND pid <> pg_backend_pid()",
            );
            match open {
                0 => Ok(()),
                open => Err(open.to_string()),
            }
        })
        .await;
        assert_eq!(count("messages m"), 1, "{fate:?}");
        assert_eq!(
            count("order_messages o JOIN messages m ON m.id = o.message_row"),
            1,
            "{fate:?}"
        );
        assert_eq!(
            count("event_log e JOIN messages m ON m.id = e.message_row"),
            1,
            "{fate:?}"
        );
        let row = queued.message.id.0;
        let known = format!("SELECT count(*) AS n FROM messages WHERE id = {row}");
        assert_eq!(rows::number(&world.path, &known), 1, "{fate:?}");
    }
    store.close().await;
}

/// Protects a writer that writes for months from those that begin meanwhile: its mark is no left-over.
#[actix::test]
async fn the_mark_of_a_writer_that_goes_on_is_kept() {
    let dir = TempDir::new().unwrap();
    let world = World::at(StoreConfig::at(dir.path().join("switchboard.db")));
    let account = world.account().await;
    engine::change(&world.path, "UPDATE commit_marks SET at = 1;");
    let chat = ChatId::user(7);
    world
        .record(account.id, vec![new(message(chat, 1, "hello"))])
        .await;
    let (_, second) = on_the_way(&world).await;
    let conversation = world.conversation(account.id, chat).await;
    let answer = reply(conversation.id, "answer", None);
    second.queue_reply(answer).await.unwrap();
    let marks = rows::number(&world.path, "SELECT count(*) AS n FROM commit_marks");
    assert_eq!(marks, 2);
    second.close().await;
}
