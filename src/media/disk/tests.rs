//! The media folder, on a real disk.

use std::os::unix::fs::{FileExt, PermissionsExt};

use super::*;

fn key(name: &str) -> FileKey {
    FileKey::parse(name).unwrap()
}

fn put(disk: &Disk, name: &str, size: usize, accounts: &[AccountId]) {
    let begun = disk.begin(&key(name), size as u64).unwrap().unwrap();
    begun.file.write_all_at(&vec![7; size], 0).unwrap();
    disk.finish(&key(name), size as u64, accounts).unwrap();
}

/// Protects who looks at one file while another is still being put away: the order is that of asking.
#[test]
fn what_is_put_away_late_is_not_used_late() {
    let dir = tempfile::tempdir().unwrap();
    let one = AccountId::random();
    let disk = Disk::open(dir.path(), 1_000, &[one]).unwrap();
    put(&disk, "a", 400, &[one]);
    let begun = disk.begin(&key("b"), 400).unwrap().unwrap();
    begun.file.write_all_at(&[7; 400], 0).unwrap();
    assert!(disk.find(one, &key("a"), Some(400)).is_some());
    disk.finish(&key("b"), 400, &[one]).unwrap();
    put(&disk, "c", 400, &[one]);
    assert!(disk.find(one, &key("a"), None).is_some());
    assert!(disk.find(one, &key("b"), None).is_none());
    let begun = disk.begin(&key("d"), 200).unwrap().unwrap();
    begun.file.write_all_at(&[7; 200], 0).unwrap();
    let _e = disk.begin(&key("e"), 300).unwrap().unwrap();
    assert!(disk.find(one, &key("d"), Some(200)).is_none());
    disk.finish(&key("d"), 200, &[one]).unwrap();
    disk.finish(&key("e"), 300, &[one]).unwrap();
    let _f = disk.begin(&key("f"), 600).unwrap().unwrap();
    assert!(disk.find(one, &key("d"), None).is_some());
    assert!(disk.find(one, &key("e"), None).is_none());
}

/// Protects the bound: the least recently used goes, whatever is being written stays, and nothing is larger than all.
#[test]
fn the_folder_keeps_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let one = AccountId::random();
    let disk = Disk::open(dir.path(), 1_000, &[one]).unwrap();
    put(&disk, "a", 400, &[one]);
    put(&disk, "b", 400, &[one]);
    assert!(disk.find(one, &key("a"), Some(400)).is_some());
    put(&disk, "c", 400, &[one]);
    assert!(disk.find(one, &key("b"), None).is_none());
    assert!(disk.find(one, &key("a"), None).is_some());
    assert!(disk.begin(&key("d"), 1_001).unwrap().is_none());
    let _growing = disk.begin(&key("e"), 900).unwrap().unwrap();
    assert!(disk.begin(&key("f"), 200).unwrap().is_none());
    assert_eq!(disk.total(), 900);
    let folder = dir.path().join("files").join(one.to_string());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// Protects the promise that no half file is taken for a whole one, and that files are nobody else's.
#[test]
fn a_file_of_the_wrong_size_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let one = AccountId::random();
    let disk = Disk::open(dir.path(), 10_000, &[one]).unwrap();
    put(&disk, "a", 400, &[one]);
    let path = disk.file_of(one, &key("a"));
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(disk.find(one, &key("a"), Some(401)).is_none());
    put(&disk, "a", 400, &[one]);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(399)
        .unwrap();
    assert!(disk.find(one, &key("a"), None).is_none());
    assert!(!path.exists());
}

/// Protects a start after anything: whole files are known, parts go on, and what belongs to nobody is gone.
#[test]
fn a_new_start_knows_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (one, gone) = (AccountId::random(), AccountId::random());
    let part = PART_SIZE as usize;
    {
        let disk = Disk::open(dir.path(), 10 << 20, &[one, gone]).unwrap();
        put(&disk, "a", 400, &[one, gone]);
        put(&disk, "b", 400, &[gone]);
        let begun = disk.begin(&key("c"), 2 << 20).unwrap().unwrap();
        begun.file.write_all_at(&vec![1; part + 5], 0).unwrap();
        let other = dir.path().join("part/another-boot");
        make_dir(&other).unwrap();
        fs::write(other.join("d"), b"half").unwrap();
    }
    let disk = Disk::open(dir.path(), 10 << 20, &[one]).unwrap();
    assert!(disk.find(one, &key("a"), Some(400)).is_some());
    assert!(disk.find(one, &key("b"), None).is_none());
    assert!(!dir.path().join("files").join(gone.to_string()).exists());
    assert!(!dir.path().join("part/another-boot").exists());
    assert!(disk.find(one, &key("c"), None).is_none(), "half a file");
    let begun = disk.begin(&key("c"), 2 << 20).unwrap().unwrap();
    assert_eq!(begun.written, part as u64);
}

/// Protects an account's files when another one that has the same goes.
#[test]
fn what_two_accounts_have_stays_with_the_second() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (AccountId::random(), AccountId::random());
    let disk = Disk::open(dir.path(), 10_000, &[one, two]).unwrap();
    put(&disk, "a", 400, &[one]);
    put(&disk, "b", 400, &[one]);
    assert!(disk.find(two, &key("a"), Some(400)).is_some());
    disk.pause(&key("half"), 0);
    disk.forget(one).unwrap();
    assert!(disk.find(two, &key("a"), Some(400)).is_some());
    assert!(disk.find(two, &key("b"), None).is_none());
    assert_eq!(disk.total(), 400);
    disk.forget(two).unwrap();
    assert_eq!(disk.total(), 0);
    assert_eq!(fs::read_dir(dir.path().join("files")).unwrap().count(), 0);
}
