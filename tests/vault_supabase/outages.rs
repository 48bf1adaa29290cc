//! Outages: Supabase away, slow, cut, paused or out of its mind, and back again.

use std::time::{Duration, Instant};

use switchboard::vault::RemoteChange;

use crate::{
    column, machine,
    postgrest::{Fault, Project, SECRET_KEY},
    signed_in,
    vaults::{LIMIT, Machine, bytes, until},
};

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
    running.confirm(kept).await;
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
            running.confirm(id).await;
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
    for (fault, words, code) in [
        (Fault::Paused, "paused", "paused"),
        (
            Fault::EmptyUnauthorized,
            "secret (sb_secret_…) key",
            "key_refused",
        ),
        (Fault::OriginError, "520", "answered"),
        (Fault::TooMany { retry_after: 600 }, "429", "answered"),
        (Fault::TruncatedJson, "cut or no JSON", "unreadable"),
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
        let told = running.vault.status().reason_code;
        assert_eq!(told.as_deref(), Some(code), "{reason}");
    }
    project.gateway.always(None);
    running.synced().await;
    let status = running.vault.status();
    assert_eq!((status.reason, status.reason_code), (None, None));
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

/// Protects: an answer that never ends fills neither memory nor time; what it says by its status is still understood.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_cut_off() {
    let project = Project::start();
    let mut machine = machine(&project);
    machine.pace.tries = 1;
    // The length ends it, not the time, however busy the machine is.
    machine.pace.request = LIMIT;
    let running = machine.start().await;
    running.synced().await;
    for (status, words) in [(200, "answer is too long"), (503, "503"), (403, "403")] {
        project.gateway.always(Some(Fault::Endless(status)));
        until(words, async || {
            let reason = running.vault.status().reason?;
            reason.contains(words).then_some(())
        })
        .await;
    }
    project.gateway.always(None);
    running.add("Works again").await;
    running.synced().await;
    running.stop().await;
}

/// Protects: what may pass by itself is tried again a few times, what a person has to put right only at the next look.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_pass_is_tried_again_at_once() {
    let project = Project::start();
    let mut machine = machine(&project);
    machine.pace.interval = Duration::from_secs(600);
    machine.start().await.stop().await;
    for (fault, tries) in [
        (Fault::HangUp, 4),
        (Fault::Unavailable, 4),
        (Fault::OriginError, 4),
        (Fault::TruncatedJson, 4),
        (Fault::TooMany { retry_after: 0 }, 4),
        (Fault::TooMany { retry_after: 600 }, 1),
        (
            Fault::Json(500, r#"{"code":"40P01","message":"deadlock"}"#),
            3,
        ),
        (Fault::Paused, 1),
        (Fault::EmptyUnauthorized, 1),
        (
            Fault::Json(403, r#"{"code":"42501","message":"denied"}"#),
            1,
        ),
        (
            Fault::Json(404, r#"{"code":"PGRST205","message":"no table"}"#),
            1,
        ),
        (Fault::Json(301, "{}"), 1),
    ] {
        project.gateway.forget_requests();
        project.gateway.always(Some(fault.clone()));
        let running = machine.start().await;
        running.until_offline().await;
        running.stop().await;
        assert_eq!(project.gateway.seen().len(), tries, "{fault:?}");
    }
}
