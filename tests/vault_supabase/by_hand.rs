//! By hand: what people do in the table editor arrives here, and a slip of theirs costs little.

use switchboard::{
    domain::{AccountId, SecretText},
    vault::RemoteChange,
};

use crate::{
    column, machine,
    postgrest::Project,
    set, signed_in,
    vaults::{HASH, bytes, until},
};

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

/// Protects a table from before proxies: without their column accounts are added, sealed, signed in, changed and read; their
/// ways stay on this machine; and when the column is made, they get there, sealed.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_proxies_works_as_before() {
    let project = Project::start();
    project.sql("alter table public.telegram_accounts drop column proxies");
    project.sql("notify pgrst, 'reload schema'");
    let running = machine(&project).start().await;
    let id = signed_in(&running, "Before proxies", "kept").await;
    running.synced().await;
    assert!(column(&project, id, "api_hash").starts_with("v1."));
    let way = SecretText::new("socks5://desk:secret@127.0.0.1:1080");
    running.vault.set_proxies(id, Some(&way)).await.unwrap();
    set(&project, id, "account_label = 'After'");
    until("the change by hand", async || {
        let known = running.vault.accounts().await.unwrap().remove(0);
        (known.label == "After").then_some(())
    })
    .await;
    let credentials = running.vault.credentials(id).await.unwrap();
    assert_eq!(
        credentials.proxies.as_ref().map(SecretText::expose),
        Some(way.expose())
    );
    assert_eq!(running.session(id).await, Some(bytes("kept")));

    project.sql("alter table public.telegram_accounts add column proxies text");
    project.sql("notify pgrst, 'reload schema'");
    until("the ways to be there", async || {
        column(&project, id, "proxies")
            .starts_with("v1.")
            .then_some(())
    })
    .await;
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
    let told = async || {
        let conflicts = running.vault.status().conflicts;
        let mut told: Vec<_> = conflicts
            .iter()
            .map(|conflict| (conflict.account_id, conflict.settled_here))
            .collect();
        told.sort_unstable();
        told
    };
    let mut both = vec![(broken, false), (open, true)];
    both.sort_unstable();
    until("both wait for a person", async || {
        (told().await == both).then_some(())
    })
    .await;
    project.sql(&format!(
        "delete from public.telegram_accounts where id = '{broken}'"
    ));
    until("a row that is gone is told no more", async || {
        (told().await == [(open, true)]).then_some(())
    })
    .await;
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

/// Protects: a slip that deletes most rows stops no account, and is told; a row that is back is followed again.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_together_stop_nothing() {
    let project = Project::start();
    let running = machine(&project).start().await;
    let mut ids = Vec::new();
    for label in ["One", "Two", "Three", "Four"] {
        ids.push(signed_in(&running, label, "kept").await);
    }
    running.synced().await;
    let left = ids[0];
    project.sql("create table public.kept as select * from public.telegram_accounts");
    project.sql(&format!(
        "delete from public.telegram_accounts where id <> '{left}'"
    ));
    let told = async || running.vault.status().conflicts.len();
    until("three are told", async || (told().await == 3).then_some(())).await;
    for account in running.vault.accounts().await.unwrap() {
        assert!(account.is_active && !account.removed_remotely);
    }
    project.sql(
        "insert into public.telegram_accounts select * from public.kept on conflict do nothing",
    );
    until("nothing is told any more", async || {
        (told().await == 0).then_some(())
    })
    .await;
    set(&project, ids[2], "account_label = 'Followed'");
    until("a row that is back is followed", async || {
        let known = running.vault.accounts().await.unwrap();
        let one = known.iter().find(|account| account.id == ids[2])?;
        (one.label == "Followed").then_some(())
    })
    .await;
    running.stop().await;
}

/// Protects a replaced session from staying signed in at Telegram: another machine's sign-in takes its place, and its end
/// is ordered here.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_replaced_there_is_given_up_here() {
    let project = Project::start();
    let here = machine(&project);
    let mut running = here.start().await;
    let id = signed_in(&running, "Sales", "ours").await;
    running.synced().await;
    let there = machine(&project);
    std::fs::copy(here.key_file(), there.key_file()).unwrap();
    let elsewhere = there.start().await;
    elsewhere
        .vault
        .save_session(id, &bytes("theirs"))
        .await
        .unwrap();
    elsewhere.confirm(id).await;
    running
        .hears("the other session", |change| match change {
            RemoteChange::SessionReplaced { id: of } if *of == id => Some(()),
            _ => None,
        })
        .await;
    assert_eq!(running.session(id).await, Some(bytes("theirs")));
    assert_eq!(running.given_up(id).await, [bytes("ours")]);
    elsewhere.stop().await;
    running.stop().await;
}
