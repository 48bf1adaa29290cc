//! After a cut: what was promised is there, and what is there is sound.

use std::{collections::HashMap, path::PathBuf};

use diesel::sql_types::Text;
use switchboard::vault::{KeySource, Keyring, Vault, VaultConfig};

use super::*;

#[derive(QueryableByName)]
struct Lying {
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = Text)]
    staged: String,
}

/// What the disk is after one cut, and what it has to have.
pub struct After<'a> {
    pub data: PathBuf,
    pub from: PathBuf,
    pub at: u64,
    pub disk: &'a Disk,
    pub promises: &'a [(u64, Promise)],
}

impl After<'_> {
    pub async fn check(&self) {
        let name = format!("a cut after {} deeds", self.at);
        let kept = self.promises.iter().filter(|(at, _)| *at <= self.at);
        let kept: Vec<&Promise> = kept.map(|(_, promise)| promise).collect();
        let file = self.data.join("switchboard.db");
        {
            let mut conn = SqliteConnection::establish(&file.to_string_lossy()).unwrap();
            let sound = rows::texts_in(
                &mut conn,
                "SELECT integrity_check AS t FROM pragma_integrity_check",
            );
            assert_eq!(sound, ["ok"], "{name}");
            let keys = "SELECT count(*) AS n FROM pragma_foreign_key_check";
            assert_eq!(rows::number_in(&mut conn, keys), 0, "{name}");
            self.rows(&mut conn, &kept, &name);
            self.staged(&mut conn, &name);
        }
        self.sessions(&kept, &name).await;
        self.media(&name);
    }

    pub fn rows(&self, conn: &mut SqliteConnection, kept: &[&Promise], name: &str) {
        let last = rows::number_in(conn, "SELECT coalesce(max(seq), 0) AS n FROM event_log");
        let rows = rows::texts_in(
            conn,
            "SELECT id || ' ' || text AS t FROM messages ORDER BY id",
        );
        let rows: HashMap<i64, String> = rows
            .into_iter()
            .filter_map(|line| {
                let (id, text) = line.split_once(' ')?;
                Some((id.parse().ok()?, text.to_owned()))
            })
            .collect();
        for promise in kept {
            match promise {
                Promise::Event(seq) => assert!(
                    *seq <= last,
                    "{name}: event {seq} was told, {last} is there"
                ),
                Promise::Reply(row, text) | Promise::Message(row, text) => {
                    assert_eq!(rows.get(row), Some(text), "{name}: row {row}");
                }
                Promise::Session(_) => {}
            }
        }
    }

    /// What an order is to send lies there whole.
    pub fn staged(&self, conn: &mut SqliteConnection, name: &str) {
        let lying: Vec<Lying> = diesel::sql_query(
            "SELECT a.id AS account, f.staged FROM order_files f JOIN accounts a ON a.no = f.account_no \
             WHERE f.put_up IS NULL",
        )
        .load(conn)
        .unwrap();
        for one in lying {
            let place = Path::new("staged").join(&one.account).join(&one.staged);
            let was = self.disk.now(&self.from.join(&place));
            let is = std::fs::read(self.data.join(&place)).ok();
            // What was sent meanwhile is gone; the order's end may not have been written.
            if was.is_some() {
                assert!(is == was, "{name}: {place:?} is not what was staged");
            }
        }
    }

    /// They open, with the key that is there.
    pub async fn sessions(&self, kept: &[&Promise], name: &str) {
        let file = self.data.join("switchboard.db");
        let store = Store::open(StoreConfig::at(file), Arc::new(NoSink)).unwrap();
        let key = KeySource::File(self.data.join("master.key"));
        let config = VaultConfig {
            keyring: Keyring::load(key).unwrap_or_else(|error| panic!("{name}: {error}")),
            remote: None,
            runtime: tokio::runtime::Handle::current(),
        };
        let vault = Vault::open(config, store.clone())
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for promise in kept {
            if let Promise::Session(account) = promise {
                let id: AccountId = account.parse().unwrap();
                let credentials = vault.credentials(id).await;
                let session = credentials.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(session.session.is_some(), "{name}: {account}");
            }
        }
        vault.close().await;
        store.close().await;
    }

    /// A file under its whole name is whole.
    pub fn media(&self, name: &str) {
        let files = self.data.join("media/files");
        let Ok(accounts) = std::fs::read_dir(&files) else {
            return;
        };
        for account in accounts {
            for file in std::fs::read_dir(account.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let place = path.strip_prefix(&self.data).unwrap();
                let was = self.disk.now(&self.from.join(place));
                let is = std::fs::read(&path).unwrap();
                // Too short is seen and fetched again.
                let whole = was.is_none_or(|was| was == is || was.len() != is.len());
                assert!(whole, "{name}: {place:?} has other bytes");
            }
        }
    }
}
