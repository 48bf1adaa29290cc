//! Disk: the media folder. `files/<account>/<key>` are whole files; the same file of two accounts is one on the disk, linked
//! into both folders. `part/<boot>/<key>` are those on their way: after a crash of the process they go on where they were,
//! after one of the machine (their last bytes may never have been written) from the beginning.

mod index;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use self::index::Index;
use super::old_files::{OldFiles, is_old, old_files};
use crate::{
    domain::{AccountId, FileKey},
    telegram::PART_SIZE,
};

/// Left free on the disk, or a tenth of a small one.
const SPARED: u64 = 256 << 20;

pub(super) struct Disk {
    files: PathBuf,
    parts: PathBuf,
    bound: u64,
    index: Mutex<Index>,
}

/// A file that begins to be written.
pub(super) struct Begun {
    pub file: File,
    /// So much of it is there already.
    pub written: u64,
}

impl Disk {
    /// Looks through the folder and removes what is of no use. `known`: accounts that exist.
    pub fn open(root: &Path, bound: u64, known: &[AccountId]) -> io::Result<Self> {
        let (files, all_parts) = (root.join("files"), root.join("part"));
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let boot = boot.trim();
        let boot = if boot.is_empty() { "unknown" } else { boot };
        let parts = all_parts.join(boot);
        make_dir(&files)?;
        make_dir(&all_parts)?;
        for old in fs::read_dir(&all_parts)? {
            let old = old?.path();
            if old != parts || boot == "unknown" {
                fs::remove_dir_all(&old)?;
            }
        }
        make_dir(&parts)?;
        let disk = Self {
            files,
            parts,
            bound,
            index: Mutex::default(),
        };
        disk.scan(known)?;
        Ok(disk)
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scan(&self, known: &[AccountId]) -> io::Result<()> {
        let mut found: HashMap<FileKey, (SystemTime, u64, Vec<AccountId>)> = HashMap::new();
        for folder in fs::read_dir(&self.files)? {
            let folder = folder?;
            let account = folder.file_name().to_str().and_then(|id| id.parse().ok());
            let Some(account) = account.filter(|id| known.contains(id)) else {
                fs::remove_dir_all(folder.path())?;
                continue;
            };
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                let meta = file.metadata()?;
                let key = file.file_name().to_str().and_then(FileKey::parse);
                let Some(key) = key.filter(|_| meta.is_file()) else {
                    let _ = fs::remove_file(file.path());
                    continue;
                };
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let entry = found.entry(key).or_insert((used, meta.len(), Vec::new()));
                entry.0 = entry.0.max(used);
                entry.2.push(account);
            }
        }
        for part in fs::read_dir(&self.parts)? {
            let part = part?;
            let key = part.file_name().to_str().and_then(FileKey::parse);
            let Some(key) = key.filter(|key| !found.contains_key(key)) else {
                let _ = fs::remove_file(part.path());
                continue;
            };
            let meta = part.metadata()?;
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.insert(key, (used, meta.len(), Vec::new()));
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(_, (used, ..))| *used);
        let mut index = self.lock();
        for (key, (_, size, accounts)) in found {
            index.put(key, size, accounts, true);
        }
        self.make_room(&mut index, 0);
        Ok(())
    }

    fn file_of(&self, account: AccountId, key: &FileKey) -> PathBuf {
        self.files.join(account.to_string()).join(key.as_str())
    }

    fn part_of(&self, key: &FileKey) -> PathBuf {
        self.parts.join(key.as_str())
    }

    /// Removes the least recently used until `size` more fit. `false`: they never will, or not now.
    fn make_room(&self, index: &mut Index, size: u64) -> bool {
        if size > self.bound {
            return false;
        }
        while index.total + size > self.bound {
            let Some((_, key)) = index.order.first_key_value() else {
                return false;
            };
            let key = key.clone();
            self.remove(index, &key);
        }
        true
    }

    /// The database lies on the same disk: some of it stays free.
    fn disk_has_room(&self, size: u64) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.parts) else {
            return true;
        };
        let block = disk.f_frsize;
        let spared = (disk.f_blocks.saturating_mul(block) / 10).min(SPARED);
        disk.f_bavail.saturating_mul(block) >= size.saturating_add(spared)
    }

    fn remove(&self, index: &mut Index, key: &FileKey) {
        let Some(entry) = index.take(key) else {
            return;
        };
        for account in entry.accounts {
            let _ = fs::remove_file(self.file_of(account, key));
        }
        let _ = fs::remove_file(self.part_of(key));
    }

    /// The whole file, for this account as well from now on. A file that is not as long as it should be is none.
    pub fn find(
        &self,
        account: AccountId,
        key: &FileKey,
        size: Option<u64>,
    ) -> Option<(File, u64)> {
        let mut index = self.lock();
        let entry = index.entries.get(key)?;
        let Some(&owner) = entry.accounts.first() else {
            // On its way: who asks follows it, and that is use of it as well.
            index.touch(key);
            return None;
        };
        let (wanted, shared) = (entry.size, !entry.accounts.contains(&account));
        let path = self.file_of(owner, key);
        let found = File::open(&path)
            .and_then(|file| file.metadata().map(|meta| (file, meta.len())))
            .ok()
            .filter(|(_, len)| *len == wanted && size.is_none_or(|size| size == *len));
        let Some((file, len)) = found else {
            self.remove(&mut index, key);
            return None;
        };
        if shared
            && self.link(&path, account, key).is_ok()
            && let Some(entry) = index.entries.get_mut(key)
        {
            entry.accounts.push(account);
        }
        if index.touch(key) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some((file, len))
    }

    fn link(&self, from: &Path, account: AccountId, key: &FileKey) -> io::Result<()> {
        let to = self.file_of(account, key);
        if let Some(folder) = to.parent() {
            make_dir(folder)?;
        }
        match fs::hard_link(from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        }
    }

    /// Makes room and opens what is there of the file. `None`: there is no room for it.
    pub fn begin(&self, key: &FileKey, size: u64) -> io::Result<Option<Begun>> {
        let mut index = self.lock();
        // What is there of it counts as a part of it.
        index.take(key);
        if !self.make_room(&mut index, size) || !self.disk_has_room(size) {
            drop(fs::remove_file(self.part_of(key)));
            return Ok(None);
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.part_of(key))?;
        let step = u64::from(PART_SIZE);
        let there = file.metadata()?.len();
        // Whole parts alone: the last write may have been cut short.
        let written = if there == size && size > 0 {
            size
        } else {
            there.min(size) / step * step
        };
        file.set_len(written)?;
        index.put(key.clone(), size, Vec::new(), false);
        Ok(Some(Begun { file, written }))
    }

    /// It is whole: from now on it is in the folders of these accounts.
    pub fn finish(&self, key: &FileKey, size: u64, accounts: &[AccountId]) -> io::Result<()> {
        let part = self.part_of(key);
        // A name among the whole files may outlive a power cut that its bytes don't.
        let lies = File::open(&part).and_then(|file| file.sync_data());
        let mut index = self.lock();
        let linked = || -> io::Result<()> {
            lies?;
            for account in accounts {
                self.link(&part, *account, key)?;
            }
            Ok(())
        };
        let done = linked();
        drop(fs::remove_file(&part));
        match done {
            Ok(()) if !accounts.is_empty() => {
                index.put(key.clone(), size, accounts.to_vec(), true);
                Ok(())
            }
            Ok(()) => {
                index.take(key);
                Ok(())
            }
            Err(error) => {
                index.take(key);
                for account in accounts {
                    drop(fs::remove_file(self.file_of(*account, key)));
                }
                Err(error)
            }
        }
    }

    /// Nobody waits for it any more: what is there of it stays until its room is needed.
    pub fn pause(&self, key: &FileKey, written: u64) {
        self.lock().put(key.clone(), written, Vec::new(), true);
    }

    /// Everything goes that is not being written; tells how many files, and of how many bytes. Whoever reads one reads on.
    pub fn clear(&self) -> (usize, u64) {
        let mut index = self.lock();
        let before = index.total;
        let resting: Vec<FileKey> = index.order.values().cloned().collect();
        for key in &resting {
            self.remove(&mut index, key);
        }
        (resting.len(), before - index.total)
    }

    /// It will not come.
    pub fn discard(&self, key: &FileKey) {
        let mut index = self.lock();
        self.remove(&mut index, key);
    }

    /// An account's files that nobody has opened since `before` go; others that have the same keep theirs.
    pub fn retire(&self, account: AccountId, before: SystemTime) -> io::Result<OldFiles> {
        let old = old_files(&self.files, account, before)?;
        for key in &old.keys {
            let mut index = self.lock();
            // Somebody may just have opened it.
            let path = self.file_of(account, key);
            if !is_old(&path, before) {
                continue;
            }
            let Some(entry) = index.entries.get_mut(key) else {
                continue;
            };
            entry.accounts.retain(|id| *id != account);
            if entry.accounts.is_empty() {
                index.take(key);
            }
            fs::remove_file(&path)?;
        }
        Ok(old)
    }

    /// What [`Self::retire`] would remove.
    pub fn old_files(&self, account: AccountId, before: SystemTime) -> io::Result<OldFiles> {
        old_files(&self.files, account, before)
    }

    /// Everything of an account goes, except what others have, too.
    pub fn forget(&self, account: AccountId) -> io::Result<()> {
        let mut index = self.lock();
        let folder = self.files.join(account.to_string());
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut gone = Vec::new();
        for (key, entry) in &mut index.entries {
            let had = entry.accounts.len();
            entry.accounts.retain(|id| *id != account);
            if had > 0 && entry.accounts.is_empty() {
                gone.push(key.clone());
            }
        }
        for key in gone {
            index.take(&key);
        }
        // Whose a part is, nobody can tell.
        let parts: Vec<FileKey> = index
            .entries
            .iter()
            .filter(|(_, entry)| entry.accounts.is_empty() && entry.resting)
            .map(|(key, _)| key.clone())
            .collect();
        for key in parts {
            self.remove(&mut index, &key);
        }
        Ok(())
    }

    pub const fn bound(&self) -> u64 {
        self.bound
    }

    /// Bytes in the folder, those that are promised to files on their way included.
    pub fn total(&self) -> u64 {
        self.lock().total
    }
}

fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}
