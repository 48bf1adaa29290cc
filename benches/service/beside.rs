//! Beside: the same small thing through unmodified grammers, and a commit of one row, while files travel: what the machine, its disk and
//! the simulated Telegram cost alone.

use std::time::{Duration, Instant};

use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use grammers_tl_types::{functions, types};
use switchboard_simulator::{AccountSpec, PersonSpec, Simulator, world::access_hash};

use tempfile::TempDir;

use super::numbered;
use crate::{
    support::fleet::phone,
    world_support::{Library, text_to, told},
};

/// Of its account: the fleet has those below.
const NUMBER: usize = 91;

pub struct Bare {
    library: Library,
    user: i64,
    person: i64,
    count: i64,
}

impl Bare {
    pub async fn start(telegram: &Simulator) -> Self {
        let user = telegram.add_account(AccountSpec::new(&phone(NUMBER), "Bare"));
        let person = telegram.add_person(PersonSpec::new("Contact of the bare one"));
        let library = Library::start(telegram, user);
        library
            .call(&functions::updates::GetState {})
            .await
            .expect("signed in");
        let mut bare = Self {
            library,
            user,
            person,
            count: 0,
        };
        // A message of the person's makes the chat.
        bare.hears(telegram).await;
        bare
    }

    /// From Telegram to the program.
    pub async fn hears(&mut self, telegram: &Simulator) -> Duration {
        self.count += 1;
        let text = format!("bare {}", self.count);
        let said = Instant::now();
        telegram.say(self.person, self.user, &text);
        while !told(&self.library.pushed().await).contains(&text) {}
        said.elapsed()
    }

    /// From the program to Telegram.
    pub async fn says(&mut self, telegram: &Simulator) -> Duration {
        self.count += 1;
        let text = format!("bare {}", self.count);
        let seed = telegram.look(|world| world.seed);
        let peer = types::InputPeerUser {
            user_id: self.person,
            access_hash: access_hash(seed, self.user, self.person.into()),
        };
        let call = text_to(peer.into(), self.count, &text);
        let began = Instant::now();
        let arrived = async {
            let there = telegram.wait_until("the bare reply", Duration::from_secs(60), |world| {
                let ledger = world.ledger_of(self.user);
                let last = ledger
                    .get(&self.person)
                    .and_then(|chat| chat.messages.last());
                last.is_some_and(|message| message.text == text)
            });
            there.await.expect("it is there");
            began.elapsed()
        };
        let (way, answer) = tokio::join!(arrived, self.library.call(&call));
        answer.expect("it may be sent");
        // Nobody else reads them.
        while self.library.updates.try_recv().is_ok() {}
        way
    }
}

/// The floor of every commit: one row, in the write-ahead log, on the disk.
pub struct Disk {
    db: SqliteConnection,
    rows: usize,
    /// Where it lies.
    _dir: TempDir,
}

impl Disk {
    pub fn open() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("floor.db");
        let mut db = SqliteConnection::establish(&file.to_string_lossy()).expect("opens");
        db.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE m (id INTEGER PRIMARY KEY, text TEXT);",
        )
        .expect("a table");
        Self {
            db,
            rows: 0,
            _dir: dir,
        }
    }

    pub fn commit(&mut self) -> Duration {
        self.rows += 1;
        let text = numbered(self.rows);
        let began = Instant::now();
        self.db
            .batch_execute(&format!("INSERT INTO m (text) VALUES ('{text}')"))
            .expect("a row");
        began.elapsed()
    }
}
