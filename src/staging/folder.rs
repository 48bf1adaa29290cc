//! Folder: `<data-dir>/staged/<account>/<name>`, one file for each that is to go out.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Semaphore;

use super::{
    StagedName, StagingError, Writer,
    places::{PartPlace, Places},
    room::Room,
};
use crate::domain::AccountId;

/// Cheap to clone.
#[derive(Clone)]
pub struct Staging {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    room: Arc<Room>,
    places: Places,
    /// What orders name, as far as this process knows.
    named: Mutex<HashMap<AccountId, HashSet<String>>>,
    /// Pictures are opened one at a time: each may be a hundred megabytes.
    pictures: Semaphore,
}

impl Staging {
    /// # Errors
    /// When the folder can't be made.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        make_dir(&folder)?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                room: Arc::default(),
                places: Places::default(),
                named: Mutex::default(),
                pictures: Semaphore::new(1),
            }),
        })
    }

    /// Removes what no order names, and counts the rest. At start, before anything comes in.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub fn sweep(&self, named: &HashSet<StagedName>) -> io::Result<()> {
        for entry in fs::read_dir(&self.inner.folder)? {
            let dir = entry?.path();
            let account = dir.file_name().and_then(|name| name.to_str()?.parse().ok());
            let Some(account) = account else {
                fs::remove_dir_all(&dir)?;
                continue;
            };
            self.sweep_account(&dir, account, named)?;
        }
        Ok(())
    }

    fn sweep_account(
        &self,
        dir: &Path,
        account: AccountId,
        named: &HashSet<StagedName>,
    ) -> io::Result<()> {
        let mut kept = false;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = StagedName { account, name };
            if named.contains(&name) {
                self.note(&name);
                // Over the bound all the same: it was promised to go out.
                let _ = self.inner.room.take(account, entry.metadata()?.len());
                kept = true;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        if !kept {
            fs::remove_dir(dir)?;
        }
        Ok(())
    }

    /// A body begins to come in, of at most so many bytes. `expected`: how long it says it is.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn begin(
        &self,
        account: AccountId,
        most: u64,
        expected: Option<u64>,
    ) -> Result<Writer, StagingError> {
        let dir = self.inner.folder.join(account.to_string());
        make_dir(&dir)?;
        Writer::begin(self.clone(), account, &dir, (most, expected))
    }

    fn named(&self) -> MutexGuard<'_, HashMap<AccountId, HashSet<String>>> {
        let named = self.inner.named.lock();
        named.unwrap_or_else(PoisonError::into_inner)
    }

    /// An order names it.
    pub(super) fn note(&self, name: &StagedName) {
        let mut named = self.named();
        let of_account = named.entry(name.account).or_default();
        of_account.insert(name.name.clone());
    }

    /// What lies here for orders of the account.
    #[must_use]
    pub fn held(&self, account: AccountId) -> Vec<StagedName> {
        let named = self.named();
        let of_account = named.get(&account).into_iter().flatten();
        let name = |name: &String| StagedName {
            account,
            name: name.clone(),
        };
        of_account.map(name).collect()
    }

    /// Removes what no order names any more. Ask the store only once this is known to be held: what came later is not
    /// in its answer, and named all the same.
    pub fn let_go(&self, gone: impl Iterator<Item = StagedName>) {
        for name in gone {
            let mut named = self.named();
            if let Some(of_account) = named.get_mut(&name.account) {
                of_account.remove(&name.name);
                if of_account.is_empty() {
                    named.remove(&name.account);
                }
            }
            drop(named);
            self.remove(&name);
        }
    }

    /// Removes all that lies here of an account that is gone.
    pub fn forget(&self, account: AccountId) {
        self.inner.places.forget(account);
        self.let_go(self.held(account).into_iter());
        // Not empty: a body still comes in, and takes its own away when it is refused.
        let _ = fs::remove_dir(self.inner.folder.join(account.to_string()));
    }

    pub(super) fn room(&self) -> &Arc<Room> {
        &self.inner.room
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self, name: &StagedName) -> PathBuf {
        let dir = self.inner.folder.join(name.account.to_string());
        dir.join(&name.name)
    }

    /// # Errors
    /// When it is gone, or can't be read.
    pub fn file(&self, name: &StagedName) -> io::Result<File> {
        File::open(self.path(name))
    }

    fn remove(&self, name: &StagedName) {
        let path = self.path(name);
        let size = fs::metadata(&path).map_or(0, |found| found.len());
        match fs::remove_file(&path) {
            Ok(()) => self.inner.room.give_back(name.account, size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log::warn!(target: "switchboard::staging", "account={} a staged file could not be removed: {error}", name.account);
            }
        }
    }

    /// A place for one part on its way.
    pub async fn part(&self, account: AccountId) -> Option<PartPlace> {
        self.inner.places.take(account).await
    }

    pub(super) fn pictures(&self) -> &Semaphore {
        &self.inner.pictures
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> usize {
        let of = |dir: fs::DirEntry| fs::read_dir(dir.path()).unwrap().count();
        fs::read_dir(dir).unwrap().map(|dir| of(dir.unwrap())).sum()
    }

    /// Protects the disk: what no order names goes at the next start, and what one names stays.
    #[tokio::test]
    async fn a_start_removes_what_no_order_names() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path().to_owned()).unwrap();
        let account = AccountId::random();
        let mut kept = Vec::new();
        for text in ["one", "two"] {
            let mut writer = staging.begin(account, 100, None).unwrap();
            writer.write(text.as_bytes()).await.unwrap();
            kept.push(writer.finish().await.unwrap().keep());
        }
        // Its process dies while a third comes in.
        let mut third = staging.begin(account, 100, None).unwrap();
        third.write(b"three").await.unwrap();
        std::mem::forget(third);
        let again = Staging::open(dir.path().to_owned()).unwrap();
        again.sweep(&HashSet::from([kept[1].clone()])).unwrap();
        assert_eq!(fs::read(again.path(&kept[1])).unwrap(), b"two");
        assert_eq!(files(dir.path()), 1);
        assert_eq!(again.held(account), kept[1..]);
        again.let_go(again.held(account).into_iter());
        assert!(again.held(account).is_empty());
        assert_eq!(files(dir.path()), 0);
    }

    /// Protects against leftovers: a body that breaks off, or is too long, leaves nothing, and a file is nobody else's.
    #[tokio::test]
    async fn a_body_that_breaks_off_leaves_nothing() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::open(dir.path().to_owned()).unwrap();
        let account = AccountId::random();
        let mut writer = staging.begin(account, 4, None).unwrap();
        writer.write(b"1234").await.unwrap();
        let refused = writer.write(b"5").await;
        assert!(matches!(refused, Err(StagingError::TooLarge { most: 4 })));
        drop(writer);
        assert_eq!(files(dir.path()), 0);
        let mut writer = staging.begin(account, 4, None).unwrap();
        writer.write(b"1234").await.unwrap();
        let staged = writer.finish().await.unwrap();
        let mode = fs::metadata(staged.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(staged);
        assert_eq!(files(dir.path()), 0);
        let refused = staging.begin(account, 4, Some(5));
        assert!(matches!(refused, Err(StagingError::TooLarge { most: 4 })));
    }
}
