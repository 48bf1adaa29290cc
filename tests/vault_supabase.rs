//! The vault on a real PostgREST and PostgreSQL: what Supabase, its bad days and people in its table editor do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::time::{Duration, Instant};

use switchboard::{
    config::KeyFileCover,
    domain::AccountId,
    vault::{RemoteChange, VaultError, rekey},
};

#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "support/postgrest.rs"]
mod postgrest;
#[allow(dead_code, reason = "shared by several test binaries")]
#[path = "support/vaults.rs"]
mod vaults;

use postgrest::{Fault, PUBLISHABLE_KEY, Project, SECRET_KEY, jwt};
use vaults::{HASH, LIMIT, Machine, Running, account, bytes, until};

fn machine(project: &Project) -> Machine {
    Machine::new(Some((project.url(), SECRET_KEY.to_owned())))
}

async fn signed_in(running: &Running, label: &str, session: &str) -> AccountId {
    let id = running.add(label).await;
    running
        .vault
        .save_session(id, &bytes(session))
        .await
        .unwrap();
    running.vault.confirm_session(id).await.unwrap();
    id
}

fn column(project: &Project, id: AccountId, column: &str) -> String {
    project.sql(&format!(
        "select {column} from public.telegram_accounts where id = '{id}'"
    ))
}

fn set(project: &Project, id: AccountId, assignment: &str) {
    project.sql(&format!(
        "update public.telegram_accounts set {assignment} where id = '{id}'"
    ));
}

/// Protects: the table gets label, api_id and sealed values only; no secret is in an address; each kind of key is sent
/// as Supabase wants it.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_go_to_supabase_sealed_with_either_kind_of_key() {
    let project = Project::start();
    for key in [SECRET_KEY.to_owned(), jwt("service_role")] {
        project.gateway.forget_requests();
        let machine = Machine::new(Some((project.url(), key.clone())));
        let running = machine.start().await;
        let id = signed_in(
            &running,
            "Support, (team) \"A\" & co. 100%_*",
            "the session itself",
        )
        .await;
        running.synced().await;
        assert_eq!(column(&project, id, "api_id"), "4321");
        assert!(column(&project, id, "api_hash").starts_with("v1."));
        assert!(column(&project, id, "session_string").starts_with("v1."));
        assert_eq!(column(&project, id, "is_active"), "t");
        running
            .vault
            .save_session(id, &bytes("the next session"))
            .await
            .unwrap();
        running.vault.confirm_session(id).await.unwrap();
        let mut renamed = account("Another name");
        renamed.id = id;
        running.vault.put_account(renamed).await.unwrap();
        running.synced().await;
        assert_eq!(column(&project, id, "account_label"), "Another name");
        let dump = project.dump();
        assert!(
            !dump.contains(HASH) && !dump.contains("session itself"),
            "{dump}"
        );
        for request in project.gateway.seen() {
            assert!(!request.target.contains(&key) && !request.target.contains(HASH));
            assert!(
                request
                    .header("user-agent")
                    .unwrap()
                    .starts_with("switchboard/")
            );
            let bearer = request.header("authorization");
            assert_eq!(bearer.is_some(), key != SECRET_KEY);
            if matches!(request.method.as_str(), "PATCH" | "DELETE") {
                assert!(
                    request.target.contains(&format!("id=eq.{id}")),
                    "{}",
                    request.target
                );
            }
        }
        running.vault.remove(id).await.unwrap();
        until("the row is gone", async || {
            column(&project, id, "id").is_empty().then_some(())
        })
        .await;
        running.stop().await;
    }
}

/// Protects: a key that would see an empty table ends the start with its name; the table's own protection holds.
#[tokio::test(flavor = "multi_thread")]
async fn the_anon_and_the_publishable_key_are_refused_by_name() {
    let project = Project::start();
    for (key, named) in [
        (PUBLISHABLE_KEY.to_owned(), "publishable"),
        (jwt("anon"), "anon key"),
    ] {
        let status = project.gateway.status_with("telegram_accounts", &key);
        assert!(matches!(status, 401 | 403), "{status}");
        let machine = Machine::new(Some((project.url(), key)));
        match machine.try_start().await.map(|_| ()) {
            Err(VaultError::Refused(text)) => assert!(text.contains(named), "{text}"),
            other => panic!("{other:?}"),
        }
        assert!(!machine.key_file().exists());
    }
}

/// Protects: what a person forgot to set up is said in words that lead to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_and_a_missing_grant_are_told_apart() {
    let project = Project::start_bare();
    let running = machine(&project).start().await;
    let reason = running.until_offline().await;
    assert!(
        reason.contains("no table") && reason.contains("docs/supabase.sql"),
        "{reason}"
    );
    running.stop().await;
    project.run_setup();
    project.run_setup();
    project.sql("revoke all on public.telegram_accounts from service_role");
    let running = machine(&project).start().await;
    let reason = running.until_offline().await;
    assert!(
        reason.contains("42501") && reason.contains("grant"),
        "{reason}"
    );
    project.sql("grant select, insert, update, delete on public.telegram_accounts to service_role");
    running.add("Works now").await;
    running.synced().await;
    running.stop().await;
}

/// Protects: Supabase cuts lists at 1,000 rows without a word; every account is found all the same, and hashes
/// typed in by hand are sealed in place.
#[tokio::test(flavor = "multi_thread")]
async fn more_accounts_than_one_answer_holds_are_all_found() {
    let project = Project::start();
    project.sql(&format!(
        "insert into public.telegram_accounts (account_label, api_id, api_hash)
         select 'Account ' || n, n, '{HASH}' from generate_series(1, 1203) n"
    ));
    let mut machine = machine(&project);
    machine.pace.page = 5000;
    let running = machine.start().await;
    until("all accounts are here", async || {
        (running.vault.accounts().await.unwrap().len() == 1203).then_some(())
    })
    .await;
    until("all are sealed there", async || {
        let open = project
            .sql("select count(*) from public.telegram_accounts where api_hash not like 'v1.%'");
        (open == "0").then_some(())
    })
    .await;
    let some = running.vault.accounts().await.unwrap().swap_remove(700);
    let credentials = running.vault.credentials(some.id).await.unwrap();
    assert_eq!(credentials.api.api_hash.expose(), HASH);
    assert!(
        project
            .gateway
            .seen()
            .iter()
            .all(|request| !request.target.contains(HASH))
    );
    running.stop().await;
}

/// Protects: what people do in the table editor arrives here.
#[tokio::test(flavor = "multi_thread")]
async fn changes_by_hand_are_picked_up() {
    let project = Project::start();
    let mut running = machine(&project).start().await;
    let id = signed_in(&running, "Before", "kept").await;
    running.synced().await;
    set(&project, id, "is_active = false, account_label = 'After'");
    running
        .hears("a switch", |change| {
            (*change
                == RemoteChange::Switched {
                    id,
                    is_active: false,
                })
            .then_some(())
        })
        .await;
    let known = running.vault.accounts().await.unwrap().remove(0);
    assert!(!known.is_active && known.label == "After" && known.has_session);
    project.sql(&format!(
        "insert into public.telegram_accounts (account_label, api_id, api_hash) values ('By hand', 7, '{HASH}')"
    ));
    let added = running
        .hears("a new account", |change| match change {
            RemoteChange::Added(account) => Some(account.clone()),
            _ => None,
        })
        .await;
    assert!(added.label == "By hand" && !added.has_session);
    running.synced().await;
    assert!(column(&project, added.id, "api_hash").starts_with("v1."));
    set(
        &project,
        added.id,
        "api_id = 8, api_hash = 'FEDCBA9876543210fedcba9876543210'",
    );
    running
        .hears("other credentials", |change| {
            (*change == RemoteChange::ApiChanged { id: added.id }).then_some(())
        })
        .await;
    running.synced().await;
    let api = running.vault.credentials(added.id).await.unwrap().api;
    assert_eq!(
        (api.api_id, api.api_hash.expose()),
        (8, "FEDCBA9876543210fedcba9876543210")
    );
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{}'",
        added.id
    ));
    running
        .hears("a removal", |change| {
            (*change == RemoteChange::Removed { id: added.id }).then_some(())
        })
        .await;
    assert!(
        running
            .vault
            .accounts()
            .await
            .unwrap()
            .iter()
            .any(|account| account.removed_remotely)
    );
    assert_eq!(running.session(id).await, Some(bytes("kept")));
    running.stop().await;
}

/// Protects: with Supabase gone the service starts and works; what changed meanwhile survives a restart and is pushed.
#[tokio::test(flavor = "multi_thread")]
async fn without_supabase_the_service_runs_and_catches_up_later() {
    let project = Project::start();
    let machine = machine(&project);
    let running = machine.start().await;
    let (kept, gone) = (
        signed_in(&running, "Kept", "first").await,
        signed_in(&running, "Gone", "first").await,
    );
    running.synced().await;
    running.stop().await;

    project.gateway.always(Some(Fault::HangUp));
    let running = machine.start().await;
    running.until_offline().await;
    assert_eq!(running.session(kept).await, Some(bytes("first")));
    running
        .vault
        .save_session(kept, &bytes("second"))
        .await
        .unwrap();
    running.vault.confirm_session(kept).await.unwrap();
    running.vault.remove(gone).await.unwrap();
    let fresh = signed_in(&running, "Fresh", "fresh").await;
    until("three changes wait", async || {
        (running.vault.status().queued == 3).then_some(())
    })
    .await;
    let before = column(&project, kept, "session_string");
    running.stop().await;

    let running = machine.start().await;
    running.until_offline().await;
    project.gateway.always(None);
    running.synced().await;
    assert_ne!(column(&project, kept, "session_string"), before);
    assert_eq!(column(&project, gone, "count(*)"), "0");
    assert_eq!(column(&project, fresh, "account_label"), "Fresh");
    running.stop().await;

    // A second machine with the same key finds what the first has pushed.
    let second = Machine::new(machine.remote.clone());
    std::fs::copy(machine.key_file(), second.key_file()).unwrap();
    let running = second.start().await;
    assert_eq!(running.session(kept).await, Some(bytes("second")));
    assert_eq!(running.session(fresh).await, Some(bytes("fresh")));
    running.stop().await;
}

/// Protects: a machine without the right master key does not start on somebody's accounts, and changes none.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_sealed_with_another_key_refuse_the_first_start() {
    let project = Project::start();
    let running = machine(&project).start().await;
    signed_in(&running, "Sealed", "elsewhere").await;
    running.synced().await;
    let key = running.vault.key_id().await;
    running.stop().await;
    let before = project.dump();
    let stranger = machine(&project);
    match stranger.try_start().await.map(|_| ()) {
        Err(VaultError::Refused(text)) => assert!(text.contains(&key), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(!stranger.key_file().exists());
    assert_eq!(project.dump(), before);
}

/// Protects: a row that both sides have changed is named and left alone on both, until a person decides here.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_on_both_sides_is_noticed_and_not_overwritten() {
    let project = Project::start();
    let machine = machine(&project);
    let mut running = machine.start().await;
    let mut named = account("Original");
    let id = named.id;
    running.vault.put_account(named.clone()).await.unwrap();
    running.synced().await;
    project.gateway.always(Some(Fault::Unavailable));
    running.until_offline().await;
    named.label = "Ours".to_owned();
    running.vault.put_account(named.clone()).await.unwrap();
    set(&project, id, "account_label = 'Theirs', is_active = false");
    project.gateway.always(None);
    let what = running.hears_conflict(id).await;
    assert!(what.contains("label"), "{what}");
    let known = running.vault.accounts().await.unwrap().remove(0);
    assert_eq!(known.label, "Ours");
    assert!(!known.is_active, "what only they changed is taken");
    assert_eq!(column(&project, id, "account_label"), "Theirs");
    running.stop().await;

    let running = machine.start().await;
    assert_eq!(column(&project, id, "account_label"), "Theirs");
    named.is_active = false;
    running.vault.put_account(named).await.unwrap();
    running.synced().await;
    assert_eq!(column(&project, id, "account_label"), "Ours");
    running.stop().await;
}

/// Protects: an envelope in the table that was altered, swapped, put back or sealed elsewhere is refused by name, and
/// the session here stays in use.
#[tokio::test(flavor = "multi_thread")]
async fn tampering_in_the_table_is_told_apart() {
    let project = Project::start();
    let mut running = machine(&project).start().await;
    let one = signed_in(&running, "One", "first of one").await;
    let two = signed_in(&running, "Two", "of two").await;
    running.synced().await;
    let older = column(&project, one, "session_string");
    running
        .vault
        .save_session(one, &bytes("second of one"))
        .await
        .unwrap();
    running.vault.confirm_session(one).await.unwrap();
    running.synced().await;
    let good = column(&project, one, "session_string");
    let mut altered = good.clone().into_bytes();
    altered[70] = if altered[70] == b'x' { b'y' } else { b'x' };
    let strange = format!("v1.0badc0de{}", &good[11..]);
    for (put, told) in [
        (format!("'{older}'"), "older"),
        (
            format!("'{}'", String::from_utf8(altered).unwrap()),
            "altered",
        ),
        (
            format!("'{}'", column(&project, two, "session_string")),
            "belongs to account",
        ),
        (format!("'{strange}'"), "key 0badc0de"),
        (
            format!("'{}'", column(&project, one, "api_hash")),
            "holds an api_hash",
        ),
        ("null".to_owned(), "removed in Supabase"),
    ] {
        set(&project, one, &format!("session_string = {put}"));
        let what = running.hears_conflict(one).await;
        assert!(what.contains(told), "{what} is not {told}");
        assert_eq!(running.session(one).await, Some(bytes("second of one")));
        let there = column(
            &project,
            one,
            "coalesce(quote_literal(session_string), 'null')",
        );
        assert_eq!(there, put, "left as it is");
        set(&project, one, &format!("session_string = '{good}'"));
        until("the conflict is over", async || {
            let row = running.store.sealed_account(one).await.unwrap().unwrap();
            row.conflict.is_none().then_some(())
        })
        .await;
    }
    set(&project, one, "api_id = 5");
    let what = running.hears_conflict(one).await;
    assert!(what.contains("api_id"), "{what}");
    assert_eq!(running.session(two).await, Some(bytes("of two")));
    running.stop().await;
}

/// Protects: with two rows' values swapped in the table, neither account takes the other's.
#[tokio::test(flavor = "multi_thread")]
async fn two_swapped_rows_are_both_refused() {
    let project = Project::start();
    let mut running = machine(&project).start().await;
    let one = signed_in(&running, "One", "of one").await;
    let two = signed_in(&running, "Two", "of two").await;
    running.synced().await;
    let (of_one, of_two) = (
        column(&project, one, "session_string"),
        column(&project, two, "session_string"),
    );
    project.sql(&format!(
        "update public.telegram_accounts set session_string = case id when '{one}' then '{of_two}' else '{of_one}' end"
    ));
    let mut told = vec![running.hears_conflict(one).await];
    until("both are told", async || {
        let row = running.store.sealed_account(two).await.unwrap().unwrap();
        row.conflict
    })
    .await;
    told.extend(
        running
            .store
            .sealed_account(two)
            .await
            .unwrap()
            .unwrap()
            .conflict,
    );
    assert!(
        told[0].contains(&two.to_string()) && told[1].contains(&one.to_string()),
        "{told:?}"
    );
    assert_eq!(running.session(one).await, Some(bytes("of one")));
    assert_eq!(running.session(two).await, Some(bytes("of two")));
    running.stop().await;
}

/// Protects: every bad day of Supabase's front ends in the right rows, written once, and no false conflict.
#[tokio::test(flavor = "multi_thread")]
async fn every_bad_day_ends_well() {
    let project = Project::start();
    let mut machine = machine(&project);
    machine.pace.request = Duration::from_secs(1);
    let mut running = machine.start().await;
    let faults = [
        Fault::CutMidBody,
        Fault::TruncatedJson,
        Fault::HangUp,
        Fault::Unavailable,
        Fault::OriginError,
        Fault::Paused,
        Fault::TooMany { retry_after: 0 },
        Fault::EmptyUnauthorized,
        Fault::Slow(Duration::from_millis(1500)),
        Fault::Json(
            500,
            r#"{"code":"40001","message":"could not serialize access","details":null,"hint":null}"#,
        ),
        Fault::Json(
            504,
            r#"{"code":"PGRST003","message":"Timed out acquiring connection","details":null,"hint":null}"#,
        ),
        Fault::Json(
            404,
            r#"{"code":"PGRST205","message":"Could not find the table","details":null,"hint":null}"#,
        ),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        for run in [1, 2, 5] {
            project.gateway.next(vec![fault.clone(); run]);
            let id = running.add(&format!("{number} and {run}")).await;
            project.gateway.next([fault.clone()]);
            running
                .vault
                .save_session(id, &bytes("through it all"))
                .await
                .unwrap();
            running.vault.confirm_session(id).await.unwrap();
            running.synced().await;
            assert_eq!(
                column(&project, id, "account_label"),
                format!("{number} and {run}")
            );
            let there = column(&project, id, "session_string");
            let row = running.store.sealed_account(id).await.unwrap().unwrap();
            assert_eq!(row.session, Some(there), "{fault:?}");
        }
    }
    while let Ok(change) = running.changes.try_recv() {
        assert!(
            !matches!(change, RemoteChange::Conflict { .. }),
            "{change:?}"
        );
    }
    let rows = project.sql("select count(*) from public.telegram_accounts");
    assert_eq!(
        rows,
        running.vault.accounts().await.unwrap().len().to_string()
    );
    running.stop().await;
}

/// Protects: the words for each bad day name what a person can do, and never the key.
#[tokio::test(flavor = "multi_thread")]
async fn each_bad_day_has_its_words() {
    let project = Project::start();
    let running = machine(&project).start().await;
    running.synced().await;
    for (fault, words) in [
        (Fault::Paused, "paused"),
        (Fault::EmptyUnauthorized, "secret (sb_secret_…) key"),
        (Fault::OriginError, "520"),
        (Fault::TooMany { retry_after: 600 }, "429"),
        (Fault::TruncatedJson, "cut or no JSON"),
    ] {
        project.gateway.always(Some(fault));
        let reason = until(words, async || {
            running
                .vault
                .status()
                .reason
                .filter(|reason| reason.contains(words))
        })
        .await;
        assert!(!reason.contains(SECRET_KEY), "{reason}");
    }
    project.gateway.always(None);
    running.synced().await;
    assert_eq!(running.vault.status().reason, None);
    running.stop().await;
}

/// Protects: a server that asks for patience gets it.
#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured() {
    let project = Project::start();
    let mut machine = machine(&project);
    machine.pace.interval = Duration::from_secs(600);
    let running = machine.start().await;
    project.gateway.next([Fault::TooMany { retry_after: 2 }]);
    let start = Instant::now();
    running.add("Patient").await;
    running.synced().await;
    assert!(start.elapsed() >= Duration::from_secs(2));
    running.stop().await;
}

/// Protects: a table emptied at one stroke stops no account.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_lost_all_its_rows_changes_nothing_here() {
    let project = Project::start();
    let running = machine(&project).start().await;
    for label in ["One", "Two", "Three"] {
        signed_in(&running, label, "kept").await;
    }
    running.synced().await;
    project.sql("delete from public.telegram_accounts");
    let reason = running.until_offline().await;
    assert!(reason.contains("empty"), "{reason}");
    for account in running.vault.accounts().await.unwrap() {
        assert!(account.is_active && !account.removed_remotely);
    }
    running.stop().await;
}

/// Protects: an account removed here goes there too, unless somebody has changed it meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_account_that_was_changed_there_is_not_deleted_blindly() {
    let project = Project::start();
    let mut running = machine(&project).start().await;
    let id = signed_in(&running, "Contested", "session").await;
    running.synced().await;
    project.gateway.always(Some(Fault::Unavailable));
    running.until_offline().await;
    running.vault.remove(id).await.unwrap();
    set(&project, id, "account_label = 'Still needed'");
    project.gateway.always(None);
    let what = running.hears_conflict(id).await;
    assert!(what.contains("removed here"), "{what}");
    assert_eq!(column(&project, id, "account_label"), "Still needed");
    running.stop().await;
}

/// Protects: a row of a hand-made table that can't be read costs only itself.
#[tokio::test(flavor = "multi_thread")]
async fn one_unreadable_row_costs_only_itself() {
    let project = Project::start();
    project.sql(
        "alter table public.telegram_accounts alter column api_hash drop not null,
             drop constraint telegram_accounts_api_hash, drop constraint telegram_accounts_session;
         alter table public.telegram_accounts alter column created_at type timestamp",
    );
    let mut running = machine(&project).start().await;
    let id = signed_in(&running, "Fine", "fine").await;
    let broken = AccountId::random();
    let open = AccountId::random();
    project.sql(&format!(
        "insert into public.telegram_accounts (id, account_label, api_id, api_hash, session_string)
         values ('{broken}', 'Broken', 1, null, null), ('{open}', 'Open', 2, '{HASH}', 'a session in the open')"
    ));
    let what = running.hears_conflict(broken).await;
    assert!(what.contains("api_hash is missing"), "{what}");
    until("the other one is told", async || {
        let row = running.store.sealed_account(open).await.unwrap()?;
        row.conflict.filter(|what| what.contains("no envelope"))
    })
    .await;
    assert_eq!(running.session(open).await, None);
    assert_eq!(running.session(id).await, Some(bytes("fine")));
    assert_eq!(
        column(&project, open, "session_string"),
        "a session in the open"
    );
    running.stop().await;
}

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
    for round in 0..8_u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "changes_the_key_in_a_process_of_its_own",
                "--ignored",
            ])
            .env("VAULT_TEST_DIRECTORY", machine.directory.path())
            .env("VAULT_TEST_URL", project.url().as_str())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let jitter = rand::random::<u64>() % 100;
        tokio::time::sleep(Duration::from_millis(60 * round + jitter)).await;
        let _ = child.kill();
        child.wait().unwrap();
    }
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
#[ignore = "run by a_change_of_key_with_supabase_survives_being_killed_anywhere"]
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
    rekey(
        vaults::source_in(directory.as_ref()),
        &KeyFileCover::AsItIs,
        LIMIT,
    )
    .await
    .unwrap();
    drop(running);
}
