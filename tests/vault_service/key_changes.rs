//! The master key and its passphrase are changed by commands beside the running service.

use std::process::Command;

use crate::{
    on,
    postgrest::{Project, SECRET_KEY},
    support::{fleet::Fleet, wait},
};

/// Protects: the master key changes by the command while accounts stay online, and `check` agrees before and after.
#[tokio::test(flavor = "multi_thread")]
async fn the_rekey_command_works_beside_the_running_service() {
    let project = Project::start();
    let mut fleet = on(&project).accounts(2).start().await;
    let data = fleet.data_dir();
    let before = std::fs::read(data.join("master.key")).unwrap();
    let (dc, address) = fleet.telegram.dc_addresses()[0];
    let telegram = format!("{dc}@{address}");
    let run = |command: &str| {
        Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args([command, "--data-dir"])
            .arg(&data)
            .env_clear()
            .env("SUPABASE_URL", project.url().as_str())
            .env("SUPABASE_SERVICE_KEY", SECRET_KEY)
            .env("TELEGRAM_DC", &telegram)
            .output()
            .unwrap()
    };
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("in use by process"),
        "{said}"
    );
    let changed = run("rekey");
    assert!(
        changed.status.success(),
        "{}",
        String::from_utf8_lossy(&changed.stderr)
    );
    assert_ne!(std::fs::read(data.join("master.key")).unwrap(), before);
    for account in &fleet.accounts {
        assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    }
    fleet.stop_service();
    let again = run("rekey");
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("2 accounts in the vault"),
        "{said}"
    );
    assert!(said.contains("Supabase, 2 accounts"), "{said}");
    fleet.start_service();
    for account in fleet.accounts.clone() {
        fleet.wait_for_state(&account.id, "online").await;
    }
    fleet.stop_service();
    std::fs::write(data.join("master.key"), before).unwrap();
    let checked = run("check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("was sealed with master key"), "{said}");
}

/// Protects: the passphrase changes by the command while accounts stay online; the old one then starts nothing, and
/// says so, and a command that can't be understood changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_passphrase_is_changed_beside_the_running_service() {
    const OLD: (&str, &str) = ("SWITCHBOARD_MASTER_PASSPHRASE", "the old passphrase");
    const NEW: (&str, &str) = ("SWITCHBOARD_MASTER_PASSPHRASE", "the new passphrase");
    let mut fleet = Fleet::builder().env(OLD.0, OLD.1).accounts(1).start().await;
    let data = fleet.data_dir();
    let run = |command: &str, passphrase: (&str, &str), args: &[&str], new: &str| {
        let file = data.join("new-passphrase");
        std::fs::write(&file, new).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args([command, "--data-dir"])
            .arg(&data)
            .args(args)
            .env_clear()
            .envs([passphrase])
            .env("SWITCHBOARD_NEW_MASTER_PASSPHRASE_FILE", &file)
            .env("TELEGRAM_DC", "2@127.0.0.1:9")
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        output
    };
    let said = |output: &std::process::Output| {
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    };
    let before = std::fs::read(data.join("master.key")).unwrap();
    for (args, new, problem) in [
        (&["--no-passphrase"][..], "words", "choose one"),
        (&[], " \n", "is empty"),
    ] {
        let refused = run("rekey", OLD, args, new);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(problem), "{}", said(&refused));
    }
    assert_eq!(std::fs::read(data.join("master.key")).unwrap(), before);

    let changed = run("rekey", OLD, &[], "the new passphrase\n");
    assert!(changed.status.success(), "{}", said(&changed));
    assert!(said(&changed).contains("every start from now on"));
    let account = fleet.accounts[0].clone();
    assert_eq!(fleet.api.account(&account.id).await["state"], "online");
    wait::until(
        "the running service to say what it noticed",
        || async { fleet.service().log() },
        |log| log.contains("came under another passphrase"),
    )
    .await;
    fleet.stop_service();
    let refused = run("check", OLD, &[], "-");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(
        said(&refused).contains("does not open the master key file"),
        "{}",
        said(&refused)
    );
    fleet.set_env(NEW.0, NEW.1);
    fleet.start_service();
    fleet.wait_for_state(&account.id, "online").await;
}
