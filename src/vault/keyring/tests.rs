//! Tests of the key ring: where keys come from, who may read them, and what a wrong one says.

use std::{fs, os::unix::fs::PermissionsExt};

use base64::{Engine, prelude::BASE64_STANDARD};

use super::*;

fn random_text() -> String {
    BASE64_STANDARD.encode(MasterKey::random().unwrap().expose())
}

fn file_ring(path: &Path) -> Result<Keyring, KeyError> {
    Keyring::load(KeySource::File(path.to_owned()))
}

/// Protects: the key made on first start is on disk only once it is kept, for its owner alone, and is read back.
#[test]
fn a_new_key_is_written_for_the_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    let mut made = file_ring(&path).unwrap();
    assert!(made.is_fresh() && !path.exists());
    made.keep().unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let read = file_ring(&path).unwrap();
    assert!(!read.is_fresh());
    assert_eq!(read.primary_id(), made.primary_id());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// Protects: a key that others can read is not used.
#[test]
fn a_key_file_readable_by_others_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    file_ring(&path).unwrap().keep().unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(file_ring(&path), Err(KeyError::Exposed { .. })));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    file_ring(&path).unwrap();
    if rustix::process::geteuid().is_root() {
        rustix::fs::chown(&path, Some(rustix::fs::Uid::from_raw(65534)), None).unwrap();
        assert!(matches!(
            file_ring(&path),
            Err(KeyError::Owner { owner: 65534, .. })
        ));
    }
}

/// Protects: keys that are short, all alike or typed off an example never seal anything.
#[test]
fn a_weak_key_is_refused() {
    for bytes in [
        vec![0; 32],
        vec![255; 32],
        (0..32).collect::<Vec<u8>>(),
        b"0123456789abcdef".repeat(2)[..31].to_vec(),
        b"secretsecretsecretsecretsecretse".to_vec(),
    ] {
        let text = SecretText::new(BASE64_STANDARD.encode(&bytes));
        let refused = Keyring::load(KeySource::Text(text));
        assert!(matches!(refused, Err(KeyError::Format { .. })), "{bytes:?}");
    }
    let refused = Keyring::load(KeySource::Text(SecretText::new("not base64!")));
    assert!(matches!(refused, Err(KeyError::Format { .. })));
}

/// Protects: several keys in the environment work, the first one seals, the second still opens.
#[test]
fn the_first_of_several_keys_seals_and_the_others_open() {
    let (old, new) = (random_text(), random_text());
    let before = Keyring::load(KeySource::Text(SecretText::new(old.clone()))).unwrap();
    let check = before.make_check().unwrap();
    let both = Keyring::load(KeySource::Text(SecretText::new(format!("{new},{old}")))).unwrap();
    both.verify(std::slice::from_ref(&check)).unwrap();
    assert!(both.is_outdated(&check) && both.is_changing());
    assert_ne!(both.primary_id(), before.primary_id());
}

/// Protects: a wrong key is one clear error that names both keys and shows neither.
#[test]
fn a_wrong_key_is_one_clear_error() {
    let right = Keyring::load(KeySource::Text(SecretText::new(random_text()))).unwrap();
    let text = random_text();
    let wrong = Keyring::load(KeySource::Text(SecretText::new(text.clone()))).unwrap();
    let error = wrong
        .verify(&[right.make_check().unwrap()])
        .unwrap_err()
        .to_string();
    assert!(error.contains(right.primary_id()) && error.contains(wrong.primary_id()));
    assert!(!error.contains(&text) && !format!("{wrong:?}").contains(&text));
}

/// Protects: a passphrase opens its file again, a wrong one is told as such, and none at all is asked for.
#[test]
fn a_passphrase_guards_the_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("master.key");
    let with = |text: &str| KeySource::Passphrase {
        text: SecretText::new(text),
        file: file.clone(),
    };
    let mut made = Keyring::load(with("correct horse")).unwrap();
    made.keep().unwrap();
    let id = made.primary_id().to_owned();
    assert_eq!(
        Keyring::load(with("correct horse")).unwrap().primary_id(),
        id
    );
    assert!(matches!(
        Keyring::load(with("battery staple")),
        Err(KeyError::WrongPassphrase(_))
    ));
    assert!(matches!(
        file_ring(&file),
        Err(KeyError::PassphraseNeeded(_))
    ));
    made.start_change().unwrap();
    let changed = Keyring::load(with("correct horse")).unwrap();
    assert!(changed.is_changing());
    assert_eq!(changed.ids()[1], id);
}

/// Protects: the order of sources that the contract names.
#[test]
fn an_existing_file_comes_before_a_credential_and_that_before_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("master.key");
    let inline = config::MasterKey::Inline(SecretText::new(random_text()));
    let configured = config::MasterKey::File(file.clone());
    let credentials = Some(directory.path());
    assert!(matches!(
        KeySource::choose_with(&inline, credentials),
        KeySource::Text(_)
    ));
    assert!(matches!(
        KeySource::choose_with(&configured, credentials),
        KeySource::File(_)
    ));
    fs::write(directory.path().join(CREDENTIAL), random_text()).unwrap();
    for configured in [&inline, &configured] {
        let chosen = KeySource::choose_with(configured, credentials);
        assert!(matches!(chosen, KeySource::Credential(_)));
        Keyring::load(chosen).unwrap();
    }
    file_ring(&file).unwrap().keep().unwrap();
    assert!(matches!(
        KeySource::choose_with(&configured, credentials),
        KeySource::File(_)
    ));
}
