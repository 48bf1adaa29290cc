//! Set-up: the right key and table, the wrong ones told by name, and what goes where.

use std::time::Duration;

use switchboard::vault::VaultError;

use crate::{
    column, machine,
    postgrest::{PUBLISHABLE_KEY, Project, SECRET_KEY, jwt},
    signed_in,
    vaults::{HASH, Machine, account, bytes, until},
};

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
        running.confirm(id).await;
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
        let status = project.gateway.status_of("GET", "telegram_accounts", &key);
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

/// Protects the first minutes of somebody who sets it up: what was mended there is found soon, and not with the next look at all
/// rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_made_while_the_service_runs_is_found_soon() {
    let project = Project::start_bare();
    let mut machine = machine(&project);
    machine.pace.interval = Duration::from_secs(600);
    let running = machine.start().await;
    running.until_offline().await;
    project.run_setup();
    running.add("Waits for its table").await;
    running.synced().await;
    project.sql("revoke all on public.telegram_accounts from service_role");
    running.add("Waits for its grant").await;
    running.until_offline().await;
    project.sql("grant select, insert, update, delete on public.telegram_accounts to service_role");
    running.synced().await;
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
