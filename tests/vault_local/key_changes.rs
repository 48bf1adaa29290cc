//! The master key and its passphrase change while the vault is at work, and survive being killed anywhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use switchboard::{
    config::KeyFileCover,
    domain::SecretText,
    vault::{KeyError, KeySource, Keyring, VaultError, rekey},
};

use crate::{
    killed::{self, Struck},
    vaults::{self, LIMIT, Machine, Running, bytes},
};

/// Kills, until so many of them struck in the middle.
const ROUNDS: u64 = 60;
const HALFWAY: u64 = 3;

/// Protects an account that starts in the moment in which the old key is dropped: what is stored opens at every moment, so
/// nobody is asked to sign in again because of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_opens_at_every_moment_of_a_change_of_key() {
    let machine = Machine::new(None);
    let running = Arc::new(machine.start().await);
    let mut ids = Vec::new();
    for number in 0..3 {
        let id = running.add(&format!("Account {number}")).await;
        let session = bytes("precious");
        running.vault.save_session(id, &session).await.unwrap();
        ids.push(id);
    }
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let (running, over) = (Arc::clone(&running), Arc::clone(&over));
            let id = ids[reader % ids.len()];
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !over.load(Ordering::Relaxed) {
                    let read = running.vault.credentials(id).await;
                    let read = read.unwrap_or_else(|error| panic!("read {reads}: {error}"));
                    assert_eq!(read.session, Some(bytes("precious")));
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for _ in 0..6 {
        let changed = rekey(machine.source(), &KeyFileCover::AsItIs, LIMIT).await;
        changed.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0, "nothing was read meanwhile");
    }
    let Some(running) = Arc::into_inner(running) else {
        panic!("somebody still reads");
    };
    running.stop().await;
}

/// Protects: the master key changes while the vault is at work, and the old one is then worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_changes_while_the_vault_is_at_work() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let id = running.add(&format!("Account {number}")).await;
        running
            .vault
            .save_session(id, &bytes("session"))
            .await
            .unwrap();
        ids.push(id);
    }
    let old_key = std::fs::read(machine.key_file()).unwrap();
    let source = machine.source();
    let change = tokio::spawn(async move { rekey(source, &KeyFileCover::AsItIs, LIMIT).await });
    let mut round = 0;
    while !change.is_finished() {
        round += 1;
        for id in &ids {
            let session = bytes(&format!("session {round}"));
            running.update(*id, &session).await;
            assert!(running.session(*id).await.is_some());
        }
    }
    let rekeyed = change.await.unwrap().unwrap();
    assert_eq!(running.vault.key_id().await, rekeyed.to);
    for row in running.store.sealed_accounts().await.unwrap() {
        for envelope in [Some(row.api_hash), row.session, row.previous_session]
            .into_iter()
            .flatten()
        {
            assert!(envelope.starts_with(&format!("v1.{}.", rekeyed.to)));
        }
    }
    running.stop().await;
    let running = machine.start().await;
    for id in ids {
        assert_eq!(
            running.session(id).await,
            Some(bytes(&format!("session {round}")))
        );
    }
    running.stop().await;
    std::fs::write(machine.key_file(), old_key).unwrap();
    assert!(machine.try_start().await.is_err());
}

/// Protects: a change of the master key that is killed anywhere loses nothing and is finished by the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_key_survives_being_killed_anywhere() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        let id = running.add(&format!("Account {number}")).await;
        running
            .vault
            .save_session(id, &bytes("precious"))
            .await
            .unwrap();
        ids.push(id);
    }
    running.stop().await;
    let (mut halfway, mut finished) = (0, 0);
    let keys = || -> Vec<String> {
        let ring = Keyring::load(machine.source()).unwrap();
        ring.ids().into_iter().map(str::to_owned).collect()
    };
    let mut old = keys();
    for round in 0..ROUNDS {
        // Early, in the middle and late, at moments nobody chose.
        let pause = Duration::from_micros(rand::random::<u64>() % (5_000 + 3_000 * round));
        let helper = "key_changes::changes_the_key_in_a_process_of_its_own";
        let directory = machine.directory.path().as_os_str();
        let struck = killed::kill(helper, &[("VAULT_TEST_DIRECTORY", directory)], pause);
        let now = keys();
        assert!(now.len() <= 2, "one change at a time");
        // Both keys: it had begun, and was not through.
        halfway += u64::from(struck == Struck::Within && now.len() == 2);
        finished += u64::from(now.len() == 1 && now != old);
        old = now;
        if halfway >= HALFWAY && round >= 11 {
            break;
        }
    }
    println!(
        "{halfway} kills struck between the old key and the new one, {finished} changes were through before"
    );
    assert!(halfway >= HALFWAY, "no kill struck in the middle");
    // At last one is let through, and every session is still there.
    let running = machine.start().await;
    rekey(machine.source(), &KeyFileCover::AsItIs, LIMIT)
        .await
        .unwrap();
    for id in ids {
        assert_eq!(running.session(id).await, Some(bytes("precious")));
    }
    running.stop().await;
    assert_eq!(Keyring::load(machine.source()).unwrap().ids().len(), 1);
}

/// Not a test: what the one above kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_change_of_key_survives_being_killed_anywhere"]
async fn changes_the_key_in_a_process_of_its_own() {
    let Some(directory) = std::env::var_os("VAULT_TEST_DIRECTORY") else {
        return;
    };
    let directory = std::path::Path::new(&directory);
    let running = vaults::start_in(directory, None, vaults::quick())
        .await
        .unwrap();
    let source = vaults::source_in(directory);
    let change = rekey(source, &KeyFileCover::AsItIs, LIMIT);
    killed::within(change).await.unwrap();
    drop(running);
}

fn to_passphrase(text: &str) -> KeyFileCover {
    KeyFileCover::Passphrase(SecretText::new(text))
}

async fn start_under(machine: &Machine, source: KeySource) -> Result<Running, VaultError> {
    vaults::start_with(source, machine.directory.path(), None, machine.pace).await
}

/// Protects: whoever knows the passphrase can change it, or do without, while the vault is at work; the old passphrase,
/// and a copy of the file from before, are then worth nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_passphrase_changes_while_the_vault_is_at_work() {
    let machine = Machine::new(None);
    let under = |text: &str| vaults::under_passphrase(machine.directory.path(), text);
    let running = start_under(&machine, under("the first one")).await.unwrap();
    let id = running.add("Support").await;
    running
        .vault
        .save_session(id, &bytes("precious"))
        .await
        .unwrap();
    let stolen = std::fs::read(machine.key_file()).unwrap();

    let rekeyed = rekey(under("the first one"), &to_passphrase("the second"), LIMIT)
        .await
        .unwrap();
    assert_eq!(running.vault.key_id().await, rekeyed.to);
    running.update(id, &bytes("precious still")).await;
    assert_eq!(running.session(id).await, Some(bytes("precious still")));
    running.stop().await;
    assert!(matches!(
        start_under(&machine, under("the first one"))
            .await
            .map(|_| ()),
        Err(VaultError::Key(KeyError::WrongPassphrase(_)))
    ));
    let file = std::fs::read(machine.key_file()).unwrap();
    std::fs::write(machine.key_file(), stolen).unwrap();
    assert!(matches!(
        start_under(&machine, under("the first one"))
            .await
            .map(|_| ()),
        Err(VaultError::Key(KeyError::WrongKey { .. }))
    ));
    std::fs::write(machine.key_file(), file).unwrap();

    let running = start_under(&machine, under("the second")).await.unwrap();
    rekey(under("the second"), &KeyFileCover::Nothing, LIMIT)
        .await
        .unwrap();
    running.stop().await;
    let running = machine.start().await;
    rekey(machine.source(), &to_passphrase("the third"), LIMIT)
        .await
        .unwrap();
    assert_eq!(running.session(id).await, Some(bytes("precious still")));
    running.stop().await;
    assert!(matches!(
        machine.try_start().await.map(|_| ()),
        Err(VaultError::Key(KeyError::PassphraseNeeded(_)))
    ));
    let running = start_under(&machine, under("the third")).await.unwrap();
    assert_eq!(running.session(id).await, Some(bytes("precious still")));
    running.stop().await;
}

/// Protects: a change of the passphrase that is killed anywhere leaves the file under the old one or the new one, and
/// every session open to whoever has that.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_passphrase_survives_being_killed_anywhere() {
    const BOTH: [&str; 2] = ["one passphrase", "the other passphrase"];
    let machine = Machine::new(None);
    let under = |number: usize| vaults::under_passphrase(machine.directory.path(), BOTH[number]);
    let running = start_under(&machine, under(0)).await.unwrap();
    let mut ids = Vec::new();
    for number in 0..10 {
        let id = running.add(&format!("Account {number}")).await;
        let session = bytes("precious");
        running.vault.save_session(id, &session).await.unwrap();
        ids.push(id);
    }
    running.stop().await;
    let mut now = 0;
    let (mut within, mut changed) = (0, 0);
    for round in 0..ROUNDS {
        let helper = "key_changes::changes_the_passphrase_in_a_process_of_its_own";
        let env = [
            ("VAULT_TEST_DIRECTORY", machine.directory.path().as_os_str()),
            ("VAULT_TEST_FROM", BOTH[now].as_ref()),
            ("VAULT_TEST_TO", BOTH[1 - now].as_ref()),
        ];
        let pause = Duration::from_millis(rand::random::<u64>() % 3_000);
        let struck = killed::kill(helper, &env, pause);
        within += u64::from(struck == Struck::Within);
        let opens = [0, 1].map(|number| Keyring::load(under(number)).is_ok());
        assert!(
            opens[0] != opens[1],
            "exactly one of them opens it: {opens:?}"
        );
        if !opens[now] {
            now = 1 - now;
            changed += 1;
        }
        if within >= HALFWAY && changed > 0 && round >= 5 {
            break;
        }
    }
    println!(
        "{within} kills struck while the passphrase was changed, {changed} changes were through before"
    );
    assert!(
        within >= HALFWAY && changed > 0,
        "{within} kills within, {changed} changes"
    );
    let running = start_under(&machine, under(now)).await.unwrap();
    rekey(under(now), &to_passphrase("the last"), LIMIT)
        .await
        .unwrap();
    for id in ids {
        assert_eq!(running.session(id).await, Some(bytes("precious")));
    }
    running.stop().await;
}

/// Not a test: what the one above kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_change_of_passphrase_survives_being_killed_anywhere"]
async fn changes_the_passphrase_in_a_process_of_its_own() {
    let Some(directory) = std::env::var_os("VAULT_TEST_DIRECTORY") else {
        return;
    };
    let directory = std::path::Path::new(&directory);
    let from = std::env::var("VAULT_TEST_FROM").unwrap();
    let to = to_passphrase(&std::env::var("VAULT_TEST_TO").unwrap());
    let source = || vaults::under_passphrase(directory, &from);
    let running = vaults::start_with(source(), directory, None, vaults::quick())
        .await
        .unwrap();
    let change = rekey(source(), &to, LIMIT);
    killed::within(change).await.unwrap();
    drop(running);
}
