//! Old files: those that nobody has opened for long.

use std::{fs, io, path::Path, time::SystemTime};

use crate::domain::{AccountId, FileKey};

/// Files that nobody has opened for long.
#[derive(Clone, Debug, Default)]
pub struct OldFiles {
    pub(super) keys: Vec<FileKey>,
    /// Those that another account has, too, count as well.
    pub bytes: u64,
}

impl OldFiles {
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

/// In the folder of all accounts' files.
pub(super) fn old_files(
    files: &Path,
    account: AccountId,
    before: SystemTime,
) -> io::Result<OldFiles> {
    let mut old = OldFiles::default();
    let folder = match fs::read_dir(files.join(account.to_string())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(old),
        folder => folder?,
    };
    for file in folder {
        let file = file?;
        let key = file.file_name().to_str().and_then(FileKey::parse);
        if let Some(key) = key.filter(|_| is_old(&file.path(), before)) {
            old.bytes += file.metadata()?.len();
            old.keys.push(key);
        }
    }
    Ok(old)
}

/// A file's time is when it was last opened, or came.
pub(super) fn is_old(path: &Path, before: SystemTime) -> bool {
    let used = fs::metadata(path).and_then(|meta| meta.modified());
    used.is_ok_and(|used| used < before)
}
