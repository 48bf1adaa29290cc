//! Master key: changed while the same rows lie here and in Supabase.

use std::time::Duration;

use switchboard::{
    config::KeyFileCover,
    vault::{Keyring, RemoteChange, rekey},
};

use crate::{
    killed::{self, Struck},
    machine,
    postgrest::{Fault, Project, SECRET_KEY},
    signed_in,
    vaults::{self, LIMIT, bytes},
};

/// Kills, until so many of them struck in the middle.
const ROUNDS: u64 = 60;
const HALFWAY: u64 = 3;

/// Protects: a new master key reaches the table too, and while the table is away the old key is kept.
#[tokio::test(flavor = "multi_thread")]
async fn the_master_key_changes_in_supabase_too() {
    let project = Project::start();
    let machine = machine(&project);
    let running = machine.start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(signed_in(&running, &format!("Account {number}"), "precious").await);
    }
    running.synced().await;
    let old = running.vault.key_id().await;
    project.gateway.always(Some(Fault::Paused));
    running.until_offline().await;
    let waits = rekey(
        machine.source(),
        &KeyFileCover::AsItIs,
        Duration::from_secs(4),
    )
    .await;
    assert!(waits.is_err(), "the old key is still needed there");
    project.gateway.always(None);
    let rekeyed = rekey(machine.source(), &KeyFileCover::AsItIs, LIMIT)
        .await
        .unwrap();
    assert_eq!(rekeyed.from, old);
    let left = project.sql(&format!(
        "select count(*) from public.telegram_accounts where api_hash like '%{old}%' or session_string like '%{old}%'"
    ));
    assert_eq!(left, "0");
    for id in &ids {
        assert_eq!(running.session(*id).await, Some(bytes("precious")));
    }
    running.stop().await;
    let running = machine.start().await;
    assert!(
        running
            .store
            .sealed_accounts()
            .await
            .unwrap()
            .iter()
            .all(|row| row.conflict.is_none())
    );
    running.stop().await;
}

/// Protects: a change of the master key that is killed anywhere, with rows here and there under both keys, loses no
/// session and is finished by the next start.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_key_with_supabase_survives_being_killed_anywhere() {
    let project = Project::start();
    let machine = machine(&project);
    let running = machine.start().await;
    let mut ids = Vec::new();
    for number in 0..25 {
        ids.push(signed_in(&running, &format!("Account {number}"), "precious").await);
    }
    running.synced().await;
    running.stop().await;
    let url = project.url();
    let mut halfway = 0;
    for round in 0..ROUNDS {
        let helper = "master_key::changes_the_key_in_a_process_of_its_own";
        let env = [
            ("VAULT_TEST_DIRECTORY", machine.directory.path().as_os_str()),
            ("VAULT_TEST_URL", url.as_str().as_ref()),
        ];
        let pause = Duration::from_millis(rand::random::<u64>() % (20 + 30 * round));
        let struck = killed::kill(helper, &env, pause);
        // Both keys: it had begun, and was not through.
        let keys = Keyring::load(machine.source()).unwrap().ids().len();
        halfway += u64::from(struck == Struck::Within && keys == 2);
        if halfway >= HALFWAY && round >= 7 {
            break;
        }
    }
    assert!(halfway >= HALFWAY, "no kill struck in the middle");
    let mut running = machine.start().await;
    let rekeyed = rekey(machine.source(), &KeyFileCover::AsItIs, LIMIT)
        .await
        .unwrap();
    let under_the_new_key = project.sql(&format!(
        "select count(*) from public.telegram_accounts
         where api_hash like 'v1.{0}.%' and session_string like 'v1.{0}.%'",
        rekeyed.to
    ));
    assert_eq!(under_the_new_key, "25");
    for id in ids {
        assert_eq!(running.session(id).await, Some(bytes("precious")));
    }
    while let Ok(change) = running.changes.try_recv() {
        assert!(
            !matches!(change, RemoteChange::Conflict { .. }),
            "{change:?}"
        );
    }
    running.stop().await;
}

/// Not a test: what the one above kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by master_key::a_change_of_key_with_supabase_survives_being_killed_anywhere"]
async fn changes_the_key_in_a_process_of_its_own() {
    let (Ok(directory), Ok(url)) = (
        std::env::var("VAULT_TEST_DIRECTORY"),
        std::env::var("VAULT_TEST_URL"),
    ) else {
        return;
    };
    let remote = Some((url.parse().unwrap(), SECRET_KEY.to_owned()));
    let running = vaults::start_in(directory.as_ref(), remote.as_ref(), vaults::quick())
        .await
        .unwrap();
    let source = vaults::source_in(directory.as_ref());
    let change = rekey(source, &KeyFileCover::AsItIs, LIMIT);
    killed::within(change).await.unwrap();
    drop(running);
}
