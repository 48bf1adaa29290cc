//! The folder of staged files, on a real disk.

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

/// Protects what other nodes are doing in a folder that all of them see: only what was long forgotten goes, and an account that went
/// elsewhere takes its files along.
#[tokio::test]
async fn in_a_shared_folder_what_others_write_stays() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Staging::open_as(dir.path().to_owned(), Seen::InTheFolder).unwrap();
    let (one, other) = (open(), open());
    let account = AccountId::random();
    let mut names = Vec::new();
    for text in ["named", "coming in", "forgotten"] {
        let mut writer = one.begin(account, 100, None).unwrap();
        writer.write(text.as_bytes()).await.unwrap();
        names.push(writer.finish().await.unwrap().keep());
    }
    let long_ago = std::time::SystemTime::now() - 2 * FORGOTTEN;
    for name in [&names[0], &names[2]] {
        one.file(name).unwrap().set_modified(long_ago).unwrap();
    }
    let named = HashSet::from([names[0].clone()]);
    other.sweep(&named).unwrap();
    assert!(one.file(&names[1]).is_ok() && one.file(&names[2]).is_err());
    assert!(other.held(account).is_empty());
    one.part_with(account);
    assert!(one.held(account).is_empty());
    other.adopt(account, &named);
    assert_eq!(other.held(account), names[..1]);
    assert!(other.bring(&names[0], None).await.is_ok());
    other.let_go(other.held(account).into_iter());
    assert_eq!(files(dir.path()), 1);
}

/// Protects a file from being called lost that another node has.
#[tokio::test]
async fn a_file_of_another_node_is_asked_for_there() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (Uuid::new_v4(), Uuid::new_v4());
    let staging = Staging::open_as(dir.path().to_owned(), Seen::ByAsking(own)).unwrap();
    let name = StagedName {
        account: AccountId::random(),
        name: Uuid::new_v4().to_string(),
    };
    let there = staging.bring(&name, Some(other)).await;
    assert!(matches!(there, Err(Missing::At(at)) if at == other));
    for at in [Some(own), None] {
        let lost = staging.bring(&name, at).await;
        assert!(matches!(lost, Err(Missing::Lost)));
    }
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
