//! Place: where a test keeps its files.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use tempfile::TempDir;

/// Memory that serves as a disk, where there is enough of it.
pub fn roomy_memory() -> Option<&'static Path> {
    const ROOM: u64 = 2 << 30;
    // `tests/run` names a folder that it takes away again.
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = std::env::var_os("SWITCHBOARD_TESTS_MEMORY");
        named.map_or_else(|| "/dev/shm".into(), PathBuf::from)
    });
    let dir = FOLDER.as_path();
    let free = rustix::fs::statvfs(dir).ok()?;
    (free.f_bavail * free.f_frsize > ROOM).then_some(dir)
}

/// For a test that is not about the disk, and whose limits should not hang on how busy that is.
pub fn off_the_disk() -> TempDir {
    match roomy_memory() {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    }
}
