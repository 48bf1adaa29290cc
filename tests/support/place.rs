//! Place: where a test keeps its files.

use std::path::Path;

use tempfile::TempDir;

/// Memory that serves as a disk, where there is enough of it.
pub fn roomy_memory() -> Option<&'static Path> {
    const ROOM: u64 = 2 << 30;
    let dir = Path::new("/dev/shm");
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
