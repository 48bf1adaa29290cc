//! Disputes: rows changed on both sides, and rows that somebody has tampered with.

use crate::{
    column, machine,
    postgrest::{Fault, Project},
    set, signed_in,
    vaults::{HASH, account, bytes, until},
};

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
    running.confirm(one).await;
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

/// Protects: once a person says that what is here is right, it goes there, whatever stands there: a session that can't
/// be trusted, none at all, a label, an api_id.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_kept_at_a_word_of_a_person() {
    let project = Project::start();
    let mut running = machine(&project).start().await;
    let id = signed_in(&running, "Support", "precious").await;
    let other = signed_in(&running, "Sales", "of another").await;
    running.synced().await;
    let columns = "account_label, api_id, api_hash, session_string";
    let good = column(&project, id, columns);
    let swapped = column(&project, other, "session_string");
    for put in [
        format!("session_string = '{swapped}'"),
        "session_string = null".to_owned(),
        "session_string = 'v1.00000000.AAAA'".to_owned(),
        format!("api_id = 5, api_hash = '{HASH}'"),
        "api_hash = 'v1.00000000.AAAA'".to_owned(),
        "api_hash = 'FEDCBA9876543210fedcba9876543210'".to_owned(),
    ] {
        set(&project, id, &put);
        running.hears_conflict(id).await;
        assert_ne!(column(&project, id, columns), good, "left alone: {put}");
        // As the dashboard does it: the label as it is.
        running
            .vault
            .describe(id, Some("Support"), None)
            .await
            .unwrap();
        until(&put, async || {
            let settled = running.vault.status().conflicts.is_empty();
            (settled && column(&project, id, columns) == good).then_some(())
        })
        .await;
        assert_eq!(running.session(id).await, Some(bytes("precious")));
    }
    running.stop().await;
}
