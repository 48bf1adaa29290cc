//! Cut: what a disk has after the power went off at a moment of the record. What was synced is there, whole; of the rest any
//! part may be: all, nothing, some writes without others, some sectors of a write without others. The record is made by
//! shim.c.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{BufReader, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rand::{RngExt, rngs::StdRng};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// One deed of the record.
#[derive(Clone, Debug)]
pub enum Deed {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
    Sync,
    Create,
    Rename(PathBuf),
    Unlink,
    Link(PathBuf),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub path: PathBuf,
    pub deed: Deed,
}

/// Everything that happened, in its order.
pub fn read(record: &Path) -> Vec<Entry> {
    let file = fs::File::open(record).expect("a record");
    let mut file = BufReader::new(file);
    let mut entries = Vec::new();
    let mut head = [0; 32];
    while file.read_exact(&mut head).is_ok() {
        let number = |at: usize| {
            let bytes = head[at * 8..at * 8 + 8].try_into().expect("eight bytes");
            i64::from_ne_bytes(bytes)
        };
        let size = |at: usize| usize::try_from(number(at)).expect("a size");
        let mut path = vec![0; size(1)];
        file.read_exact(&mut path).expect("a path");
        let has_bytes = matches!(number(0), 1 | 5 | 7);
        let mut bytes = vec![0; if has_bytes { size(3) } else { 0 }];
        file.read_exact(&mut bytes).expect("its bytes");
        let text = |bytes: Vec<u8>| PathBuf::from(String::from_utf8(bytes).expect("UTF-8"));
        let deed = match number(0) {
            1 => Deed::Write { at: size(2), bytes },
            2 => Deed::Truncate(size(2)),
            3 => Deed::Sync,
            4 => Deed::Create,
            5 => Deed::Rename(text(bytes)),
            6 => Deed::Unlink,
            7 => Deed::Link(text(bytes)),
            other => panic!("a record of kind {other}"),
        };
        let path = text(path);
        entries.push(Entry { path, deed });
    }
    entries
}

/// A file, whatever it is called.
#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    /// Since the last sync.
    pending: Vec<(usize, Option<Vec<u8>>)>,
}

impl Inode {
    fn sync(&mut self) {
        for (at, bytes) in std::mem::take(&mut self.pending) {
            apply(&mut self.durable, at, bytes.as_deref());
        }
    }

    /// What is there after a cut.
    fn left(&self, chance: &mut StdRng) -> Vec<u8> {
        let mut left = self.durable.clone();
        let manner = chance.random_range(0..4);
        let kept = chance.random_range(0..=self.pending.len());
        for (number, (at, bytes)) in self.pending.iter().enumerate() {
            let whole = match manner {
                0 => return left,
                1 => number < kept,
                _ => chance.random_ratio(1, 2),
            };
            match bytes {
                Some(bytes) if manner == 3 || !whole && number == kept => {
                    torn(&mut left, *at, bytes, chance);
                }
                _ if whole => apply(&mut left, *at, bytes.as_deref()),
                _ => {}
            }
        }
        left
    }
}

fn apply(to: &mut Vec<u8>, at: usize, bytes: Option<&[u8]>) {
    match bytes {
        None => to.resize(at, 0),
        Some(bytes) => {
            let end = at + bytes.len();
            if to.len() < end {
                to.resize(end, 0);
            }
            to[at..end].copy_from_slice(bytes);
        }
    }
}

fn torn(to: &mut Vec<u8>, at: usize, bytes: &[u8], chance: &mut StdRng) {
    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
        if chance.random_ratio(1, 2) {
            apply(to, at + number * SECTOR, Some(sector));
        }
    }
}

/// A change of names that no sync has made sure of.
#[derive(Clone)]
enum Name {
    Is(PathBuf, usize),
    IsNot(PathBuf),
}

/// A disk, as far as the record was played.
#[derive(Default, Clone)]
pub struct Disk {
    inodes: Vec<Inode>,
    names: HashMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    pending_names: Vec<Name>,
}

impl Disk {
    pub fn play(&mut self, entry: &Entry) {
        let path = &entry.path;
        match &entry.deed {
            Deed::Create => {
                let inode = self.inodes.len();
                self.inodes.push(Inode::default());
                self.call(path.clone(), inode);
            }
            Deed::Write { at, bytes } => {
                let inode = self.inode(path);
                self.inodes[inode].pending.push((*at, Some(bytes.clone())));
            }
            Deed::Truncate(length) => {
                let inode = self.inode(path);
                self.inodes[inode].pending.push((*length, None));
            }
            Deed::Sync => self.sync(path),
            Deed::Rename(to) => {
                let inode = self.inode(path);
                self.forget(path);
                self.call(to.clone(), inode);
            }
            Deed::Link(to) => {
                let inode = self.inode(path);
                self.call(to.clone(), inode);
            }
            Deed::Unlink => self.forget(path),
        }
    }

    /// One that was there before the record began is empty as far as it knows.
    fn inode(&mut self, path: &Path) -> usize {
        if let Some(inode) = self.names.get(path) {
            return *inode;
        }
        let inode = self.inodes.len();
        self.inodes.push(Inode::default());
        self.names.insert(path.to_owned(), inode);
        self.durable_names.insert(path.to_owned(), inode);
        inode
    }

    fn call(&mut self, path: PathBuf, inode: usize) {
        self.names.insert(path.clone(), inode);
        self.pending_names.push(Name::Is(path, inode));
    }

    fn forget(&mut self, path: &Path) {
        self.names.remove(path);
        self.pending_names.push(Name::IsNot(path.to_owned()));
    }

    /// Of a file: what is in it, and that it came to be. Of a folder: which names it has.
    fn sync(&mut self, path: &Path) {
        let inode = self.names.get(path).copied();
        if let Some(inode) = inode {
            self.inodes[inode].sync();
        }
        let made_sure = |name: &Name| match name {
            Name::Is(at, of) => at.parent() == Some(path) || Some(*of) == inode,
            Name::IsNot(at) => at.parent() == Some(path),
        };
        let (sure, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pending_names)
            .into_iter()
            .partition(made_sure);
        self.pending_names = rest;
        for name in sure {
            name_is(&mut self.durable_names, name);
        }
    }

    /// A file as programs see it before the cut.
    pub fn now(&self, path: &Path) -> Option<Vec<u8>> {
        let inode = *self.names.get(path)?;
        let mut whole = self.inodes[inode].clone();
        whole.sync();
        Some(whole.durable)
    }

    /// What lies in a folder before the record begins.
    pub fn holding(folder: &Path) -> Self {
        let mut disk = Self::default();
        for file in fs::read_dir(folder).expect("a folder") {
            let path = file.expect("a file").path();
            if path.is_file() {
                let inode = disk.inode(&path);
                disk.inodes[inode].durable = fs::read(&path).expect("a file");
            }
        }
        disk
    }

    /// The power is gone: what is left goes into another folder.
    pub fn cut(&self, from: &Path, to: &Path, chance: &mut StdRng) {
        let mut names = self.durable_names.clone();
        // A journal of names loses its end.
        let kept = chance.random_range(0..=self.pending_names.len());
        for name in &self.pending_names[..kept] {
            name_is(&mut names, name.clone());
        }
        for (path, inode) in names {
            // Shared memory of processes that are no more.
            if path.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let place = to.join(path.strip_prefix(from).expect("below the folder"));
            fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
            let mut file = fs::File::options()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(place)
                .expect("a file");
            let bytes = self.inodes[inode].left(chance);
            std::io::Write::write_all(&mut file, &bytes).expect("room");
        }
    }
}

fn name_is(names: &mut BTreeMap<PathBuf, usize>, name: Name) {
    match name {
        Name::Is(path, inode) => names.insert(path, inode),
        Name::IsNot(path) => names.remove(&path),
    };
}
