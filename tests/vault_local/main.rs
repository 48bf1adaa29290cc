//! The vault on the local database: sessions come back, cheating is noticed, and a wrong key touches nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use switchboard::{
    config::KeyFileCover,
    domain::AccountId,
    vault::{KeyError, PieceOf, VaultError, rekey},
};

mod key_changes;
#[path = "../support/killed.rs"]
mod killed;
#[allow(dead_code, reason = "the Supabase tests use more of it")]
#[path = "../support/vaults.rs"]
mod vaults;

use vaults::{HASH, LIMIT, Machine, Running, account, bytes};

/// Past the vault.
async fn put_session(running: &Running, id: AccountId, sealed: String) {
    let mut row = running.store.sealed_account(id).await.unwrap().unwrap();
    row.session = Some(sealed);
    let replaced = running.store.replace_sealed(row, None, Vec::new()).await;
    assert!(replaced.unwrap());
}

/// Protects: what is stored comes back after a restart, and the files hold none of it in the open.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_survive_a_restart_and_are_nowhere_in_the_open() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let id = running.add("Support").await;
    let session = bytes("a session that nobody else may read");
    running.vault.save_session(id, &session).await.unwrap();
    let state = bytes("phone code hash of a sign-in");
    running
        .vault
        .save_sign_in_state(id, Some(&state))
        .await
        .unwrap();
    running.stop().await;

    let running = machine.start().await;
    let credentials = running.vault.credentials(id).await.unwrap();
    assert_eq!(credentials.session, Some(session));
    assert_eq!(credentials.api.api_hash.expose(), HASH);
    assert_eq!(running.vault.sign_in_state(id).await.unwrap(), Some(state));
    for file in std::fs::read_dir(machine.directory.path()).unwrap() {
        let contents = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [HASH, "a session that nobody", "phone code hash"] {
            let found = contents
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in a file");
        }
    }
    running.vault.save_sign_in_state(id, None).await.unwrap();
    assert_eq!(running.vault.sign_in_state(id).await.unwrap(), None);
    running.vault.remove(id).await.unwrap();
    assert!(matches!(
        running.vault.credentials(id).await,
        Err(VaultError::UnknownAccount(_))
    ));
    running.stop().await;
}

/// Protects: a working session is given up only when the new one has proved itself.
#[tokio::test(flavor = "multi_thread")]
async fn the_previous_session_is_kept_until_the_new_one_is_confirmed() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let id = running.add("Sales").await;
    running
        .vault
        .save_session(id, &bytes("first"))
        .await
        .unwrap();
    assert!(!running.restore(id).await);
    running.confirm(id).await;
    assert_eq!(running.given_up(id).await, []);
    for attempt in ["second", "third"] {
        running
            .vault
            .save_session(id, &bytes(attempt))
            .await
            .unwrap();
    }
    assert_eq!(running.session(id).await, Some(bytes("third")));
    let third = running.vault.credentials(id).await.unwrap().epoch;
    assert_eq!(running.given_up(id).await, [bytes("second")]);
    assert!(running.restore(id).await);
    assert_eq!(running.session(id).await, Some(bytes("first")));
    let both = [bytes("second"), bytes("third")];
    assert_eq!(running.given_up(id).await, both);
    // What was given up is heard of no more.
    let late = running.vault.restore_previous_session(id, third).await;
    assert!(!late.unwrap());
    running.vault.confirm_session(id, third).await.unwrap();
    let told = bytes("third, with a key more");
    running
        .vault
        .update_session(id, third, &told)
        .await
        .unwrap();
    assert_eq!(running.session(id).await, Some(bytes("first")));

    running
        .vault
        .save_session(id, &bytes("fourth"))
        .await
        .unwrap();
    running.confirm(id).await;
    running.update(id, &bytes("fourth, with a key more")).await;
    assert!(!running.restore(id).await);
    assert_eq!(
        running.session(id).await,
        Some(bytes("fourth, with a key more"))
    );
    assert_eq!(running.given_up(id).await.last(), Some(&bytes("first")));
    running.vault.part(id).await.unwrap();
    assert_eq!(running.session(id).await, None);
    running.stop().await;
}

/// Protects: a session that is given up can still be ended at Telegram, after a restart, under another master key and
/// without its account; only then it is erased. Nobody gets it back as a session, and no late word brings it back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_kept_sealed_until_it_is_ended() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let id = running.add("Sales").await;
    for session in ["the one that worked", "the one in use"] {
        let session = bytes(session);
        running.vault.save_session(id, &session).await.unwrap();
    }
    let in_use = running.vault.credentials(id).await.unwrap().epoch;
    let parted = running.vault.part(id).await.unwrap();
    assert!(!parted.unreadable);
    assert_eq!(running.session(id).await, None);
    let late = bytes("the one in use, with a key more");
    let vault = &running.vault;
    vault.update_session(id, in_use, &late).await.unwrap();
    vault.confirm_session(id, in_use).await.unwrap();
    assert_eq!(running.session(id).await, None);
    let again = running.vault.part(id).await.unwrap();
    assert_eq!(again.current, None, "there is nothing left to order");
    running.vault.remove(id).await.unwrap();
    running.stop().await;

    let running = machine.start().await;
    let before = running.store.farewells().await.unwrap();
    let rekeyed = rekey(machine.source(), &KeyFileCover::AsItIs, LIMIT)
        .await
        .unwrap();
    for sealed in running.store.farewells().await.unwrap() {
        assert!(sealed.session.starts_with(&format!("v1.{}.", rekeyed.to)));
        assert!(!before.contains(&sealed));
        let mut disguised = vaults::account("Disguised");
        disguised.id = id;
        disguised.api.api_id = sealed.api_id;
        running.vault.put_account(disguised).await.unwrap();
        put_session(&running, id, sealed.session).await;
        let refused = running.vault.credentials(id).await.unwrap_err();
        assert!(
            refused.to_string().contains("a session to be ended"),
            "{refused}"
        );
        running.vault.remove(id).await.unwrap();
    }
    let mut sessions = Vec::new();
    for farewell in running.vault.farewells().await.unwrap() {
        assert_eq!(farewell.account_id, id);
        let session = running.vault.farewell_session(&farewell).await.unwrap();
        sessions.push((Some(farewell.id) == parted.current, session));
        running.vault.erase_farewell(farewell.id).await.unwrap();
    }
    assert_eq!(
        sessions,
        [
            (true, bytes("the one in use")),
            (false, bytes("the one that worked"))
        ]
    );
    assert_eq!(running.store.farewells().await.unwrap(), []);
    running.stop().await;
}

/// Protects: another api_id or label does not cost the session.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_account_keeps_its_session() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let mut changed = account("Before");
    let id = changed.id;
    running.vault.put_account(changed.clone()).await.unwrap();
    running
        .vault
        .save_session(id, &bytes("kept"))
        .await
        .unwrap();
    changed.label = "After".to_owned();
    changed.api.api_id = 99;
    running.vault.put_account(changed).await.unwrap();
    let credentials = running.vault.credentials(id).await.unwrap();
    assert_eq!(credentials.api.api_id, 99);
    assert_eq!(credentials.session, Some(bytes("kept")));
    assert_eq!(running.vault.accounts().await.unwrap()[0].label, "After");
    running.stop().await;
}

/// Protects: whoever can write the database can't pass one account's session off as another's, or an old one as new;
/// each way of trying is told by name, and the other accounts work on.
#[tokio::test(flavor = "multi_thread")]
async fn tampering_with_rows_is_told_apart_and_stays_with_its_account() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let (one, two, well) = (
        running.add("One").await,
        running.add("Two").await,
        running.add("Well").await,
    );
    for id in [one, two, well] {
        running.vault.save_session(id, &bytes("old")).await.unwrap();
        running.confirm(id).await;
    }
    let old = running.store.sealed_account(one).await.unwrap().unwrap();
    running
        .vault
        .save_session(one, &bytes("new"))
        .await
        .unwrap();
    let good = running.store.sealed_account(one).await.unwrap().unwrap();
    let of_two = running.store.sealed_account(two).await.unwrap().unwrap();
    let envelope = good.session.clone().unwrap();
    let mut flipped = envelope.clone().into_bytes();
    flipped[60] = if flipped[60] == b'A' { b'B' } else { b'A' };
    let mut strange = envelope.clone();
    strange.replace_range(3..11, "00000000");
    for (session, told) in [
        (
            of_two.session.clone().unwrap(),
            format!("belongs to account {two}"),
        ),
        (
            old.session.clone().unwrap(),
            "older than the copy here".to_owned(),
        ),
        (String::from_utf8(flipped).unwrap(), "altered".to_owned()),
        (strange, "key 00000000".to_owned()),
        (good.api_hash.clone(), "holds an api_hash".to_owned()),
        ("in the open".to_owned(), "no envelope".to_owned()),
    ] {
        put_session(&running, one, session).await;
        match running.vault.credentials(one).await {
            Err(VaultError::Sealed { id, reason }) => {
                assert!(
                    id == one && reason.contains(&told),
                    "{reason} is not {told}"
                );
            }
            other => panic!("taken: {other:?}"),
        }
        assert_eq!(running.session(well).await, Some(bytes("old")));
    }
    let mut row = running.store.sealed_account(one).await.unwrap().unwrap();
    row.session = Some(envelope);
    row.api_id += 1;
    running
        .store
        .replace_sealed(row, None, Vec::new())
        .await
        .unwrap();
    let refused = running
        .vault
        .credentials(one)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("for api_id 4321"), "{refused}");
    running.stop().await;
}

/// Protects: a start with a wrong or missing key says so once and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_refuses_the_start_and_touches_nothing() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let id = running.add("Support").await;
    running
        .vault
        .save_session(id, &bytes("safe"))
        .await
        .unwrap();
    running.stop().await;
    let right = std::fs::read(machine.key_file()).unwrap();
    let other = Machine::new(None);
    other.start().await.stop().await;

    std::fs::remove_file(machine.key_file()).unwrap();
    let refused = machine.try_start().await.map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, VaultError::Key(KeyError::WrongKey { .. })),
        "{refused}"
    );
    assert!(
        !machine.key_file().exists(),
        "no new key beside the old rows"
    );

    std::fs::copy(other.key_file(), machine.key_file()).unwrap();
    let refused = machine.try_start().await.map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, VaultError::Key(KeyError::WrongKey { .. })),
        "{refused}"
    );

    std::fs::write(machine.key_file(), right).unwrap();
    let running = machine.start().await;
    assert_eq!(running.session(id).await, Some(bytes("safe")));
    running.stop().await;
}

/// Protects: without Supabase there is nothing to be away, and nothing is announced.
#[tokio::test(flavor = "multi_thread")]
async fn the_local_vault_is_always_online() {
    let machine = Machine::new(None);
    let mut running = machine.start().await;
    running.add("Alone").await;
    let status = serde_json::to_value(running.vault.status()).unwrap();
    assert_eq!(status["kind"], "local");
    assert_eq!(status["state"], "online");
    assert_eq!(status["queued"], 0);
    assert!(running.changes.try_recv().is_err());
    running.stop().await;
}

/// Protects passwords and codes on their way from node to node: another process with the same key reads them, in their place alone, and
/// none of it can be read beside that.
#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_a_call_opens_in_its_own_place_alone() {
    let machine = Machine::new(None);
    let running = machine.start().await;
    let (call, secret) = (uuid::Uuid::new_v4(), b"the code is 12345");
    let sealed = running
        .vault
        .seal_call(call, PieceOf::Told(3), secret)
        .await
        .unwrap();
    assert!(!sealed.contains("12345"));
    running.stop().await;
    let other = machine.start().await;
    let open = async |call, piece| other.vault.open_call(call, piece, &sealed).await;
    let opened = open(call, PieceOf::Told(3)).await.unwrap();
    assert_eq!(opened.expose(), secret);
    for piece in [PieceOf::Told(2), PieceOf::Asked(3), PieceOf::Call] {
        assert!(open(call, piece).await.is_err(), "{piece:?}");
    }
    assert!(open(uuid::Uuid::new_v4(), PieceOf::Told(3)).await.is_err());
    other.stop().await;
}
