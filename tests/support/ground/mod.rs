//! Ground: what the service stands on, made unsteady: a clock that jumps, a disk that is full or read-only, a record of every
//! write and sync. A library in C stands between the service and the C library; no rights are needed for it.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use super::place;

pub mod cut;

/// Where the fields of `struct control` in shim.c lie.
const CLOCK: u64 = 0;
const CLOCK_READ: u64 = 8;
const DISK: u64 = 16;
const REFUSED: u64 = 24;
const OPERATIONS: u64 = 32;
const LENGTH: u64 = 4096;

/// How the disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disk {
    Well,
    /// What is there can be written over; nothing can grow.
    Full,
    ReadOnly,
}

/// Steers the ground of one data directory.
pub struct Ground {
    control: File,
    folder: PathBuf,
    dir: TempDir,
}

impl Ground {
    pub fn under(folder: &Path) -> Self {
        let dir = place::off_the_disk();
        let control = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(dir.path().join("control"))
            .unwrap();
        control.set_len(LENGTH).unwrap();
        Self {
            control,
            folder: folder.to_owned(),
            dir,
        }
    }

    /// To a process of another user.
    pub fn lend(&self, uid: u32, gid: u32) {
        for path in [self.dir.path().to_owned(), self.dir.path().join("control")] {
            std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// For whoever is to stand on it.
    pub fn env(&self) -> Vec<(String, String)> {
        let control = self.dir.path().join("control");
        [
            ("LD_PRELOAD", shim().display()),
            ("SHIM_CONTROL", control.display()),
            ("SHIM_FOLDER", self.folder.display()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .to_vec()
    }

    /// The same, and everything is recorded.
    pub fn recording(&self) -> Vec<(String, String)> {
        let mut env = self.env();
        env.push((
            "SHIM_RECORD".to_owned(),
            self.record().display().to_string(),
        ));
        env
    }

    pub fn record(&self) -> PathBuf {
        self.dir.path().join("record")
    }

    /// The time of day is wrong by so many seconds.
    pub fn set_clock(&self, seconds: i64) {
        self.set(CLOCK, seconds * 1_000_000_000);
    }

    /// How often somebody asked for it while it was wrong.
    pub fn clock_read(&self) -> u64 {
        self.get(CLOCK_READ)
    }

    pub fn set_disk(&self, disk: Disk) {
        let number = match disk {
            Disk::Well => 0,
            Disk::Full => 1,
            Disk::ReadOnly => 2,
        };
        self.set(DISK, number);
    }

    /// How often the disk refused something.
    pub fn refused(&self) -> u64 {
        self.get(REFUSED)
    }

    /// How many deeds stand in the record.
    pub fn operations(&self) -> u64 {
        self.get(OPERATIONS)
    }

    /// The same, for another task to ask.
    pub fn operations_of(&self) -> impl Fn() -> u64 + Send + use<> {
        let control = self.control.try_clone().unwrap();
        move || read(&control, OPERATIONS)
    }

    fn set(&self, at: u64, value: i64) {
        self.control.write_all_at(&value.to_ne_bytes(), at).unwrap();
    }

    fn get(&self, at: u64) -> u64 {
        read(&self.control, at)
    }
}

fn read(control: &File, at: u64) -> u64 {
    let mut bytes = [0; 8];
    control.read_exact_at(&mut bytes, at).unwrap();
    u64::from_ne_bytes(bytes)
}

/// Made once for each test binary.
fn shim() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = kept.join(format!("ground-{}.so", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/ground/shim.c");
        let made = Command::new("cc")
            .args(["-O1", "-shared", "-fPIC", "-pthread", "-o"])
            .arg(&library)
            .args([source, "-ldl"])
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "this test needs a C compiler, as the build does"
        );
        // Whoever has loaded it keeps it; a name for each process would only heap up.
        let name = kept.join("ground.so");
        std::fs::rename(&library, &name).unwrap();
        name
    })
}
