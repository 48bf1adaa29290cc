//! Folder: `<data-dir>/staged/<account>/<name>`, or the same in a folder that several nodes share; one file for each that is to go out.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    Shelf, StagedName, StagingError, Writer,
    places::{PartPlace, Places},
    room::Room,
};
use crate::domain::AccountId;

/// In a folder that others write to, what no order names may still be coming in; not after so long without a byte.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// Who else sees what lies here.
#[derive(Clone, Default)]
pub enum Seen {
    /// Nobody: one process has everything.
    #[default]
    Here,
    /// One of several nodes, by this name: the others ask it.
    ByAsking(Uuid),
    /// All nodes: they have the same folder.
    InTheFolder,
    /// All nodes, in the bucket; what lies here is a copy.
    OnTheShelf(Shelf),
}

/// Why a staged file can't be had here.
#[derive(Debug)]
pub enum Missing {
    /// It is gone.
    Lost,
    /// Another node has it.
    At(Uuid),
    /// It may be had later.
    Later(String),
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Staging {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    seen: Seen,
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
        Self::open_as(folder, Seen::Here)
    }

    /// # Errors
    /// When the folder can't be made.
    pub fn open_as(folder: PathBuf, seen: Seen) -> io::Result<Self> {
        make_dir(&folder)?;
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                seen,
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
        match &self.inner.seen {
            Seen::InTheFolder => return self.sweep_among_others(named),
            Seen::OnTheShelf(shelf) => shelf.sweep(named.clone()),
            Seen::Here | Seen::ByAsking(_) => {}
        }
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

    /// What others may still be writing stays, and whose the rest is, is known once this node has accounts.
    fn sweep_among_others(&self, named: &HashSet<StagedName>) -> io::Result<()> {
        for dir in fs::read_dir(&self.inner.folder)? {
            let dir = dir?;
            let account = dir.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(account) = account else { continue };
            for entry in fs::read_dir(dir.path())? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let age = entry.metadata().and_then(|meta| meta.modified());
                let old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > FORGOTTEN));
                if old && !named.contains(&StagedName { account, name }) {
                    // Another node may do the same at this moment.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(())
    }

    /// The account is this node's from now on: what its orders name is sent, and removed, here.
    pub fn adopt(&self, account: AccountId, named: &HashSet<StagedName>) {
        for name in named.iter().filter(|name| name.account == account) {
            let known = self.named();
            if known
                .get(&account)
                .is_some_and(|known| known.contains(&name.name))
            {
                continue;
            }
            drop(known);
            let there = fs::metadata(self.path(name)).ok();
            if let Some(there) = &there {
                // Over the bound all the same: it was promised to go out.
                let _ = self.inner.room.take(account, there.len());
            }
            if there.is_some() || matches!(self.inner.seen, Seen::OnTheShelf(_)) {
                self.note(name);
            }
        }
    }

    /// The account is another node's: what its orders name is sent there. Where only this node has it, it stays here.
    pub fn part_with(&self, account: AccountId) {
        let copies = match &self.inner.seen {
            Seen::Here | Seen::ByAsking(_) => return,
            Seen::InTheFolder => false,
            Seen::OnTheShelf(_) => true,
        };
        for name in self.held(account) {
            let size = fs::metadata(self.path(&name)).map_or(0, |found| found.len());
            self.inner.room.give_back(account, size);
            if copies {
                let _ = fs::remove_file(self.path(&name));
            }
        }
        self.named().remove(&account);
    }

    /// Opens it, wherever it has to come from. `at`: the node that it came in at.
    ///
    /// # Errors
    /// See [`Missing`].
    pub async fn bring(&self, name: &StagedName, at: Option<Uuid>) -> Result<File, Missing> {
        let later = |error: &dyn std::fmt::Display| Missing::Later(error.to_string());
        match self.file(name) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(later(&error)),
        }
        match (&self.inner.seen, at) {
            (Seen::OnTheShelf(shelf), _) => {
                let path = self.path(name);
                if let Some(dir) = path.parent() {
                    make_dir(dir).map_err(|error| later(&error))?;
                }
                match shelf.fetch(name, &path).await {
                    Ok(true) => {}
                    Ok(false) => return Err(Missing::Lost),
                    Err(error) => return Err(later(&error)),
                }
                let file = self.file(name).map_err(|error| later(&error))?;
                let size = file.metadata().map_or(0, |found| found.len());
                let _ = self.inner.room.take(name.account, size);
                self.note(name);
                Ok(file)
            }
            (Seen::ByAsking(own), Some(at)) if *own != at => Err(Missing::At(at)),
            _ => Err(Missing::Lost),
        }
    }

    /// What names this node, where others have to ask it for what lies here.
    #[must_use]
    pub fn at(&self) -> Option<Uuid> {
        match &self.inner.seen {
            Seen::ByAsking(own) => Some(*own),
            _ => None,
        }
    }

    /// Puts it where all nodes see it, if there is such a place.
    pub(super) async fn show(&self, staged: &super::Staged) -> Result<(), StagingError> {
        match &self.inner.seen {
            Seen::OnTheShelf(shelf) => shelf.put(staged.name(), staged.path()).await,
            _ => Ok(()),
        }
    }

    /// It is wanted no more.
    pub(super) fn hide(&self, name: &StagedName) {
        if let Seen::OnTheShelf(shelf) = &self.inner.seen {
            shelf.remove(name);
        }
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

    /// What lies here for orders of accounts that these are not.
    pub fn held_of_others(&self, own: impl Fn(AccountId) -> bool) -> Vec<StagedName> {
        let accounts: Vec<AccountId> = self.named().keys().copied().collect();
        let others = accounts.into_iter().filter(|account| !own(*account));
        others.flat_map(|account| self.held(account)).collect()
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
        self.hide(name);
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
