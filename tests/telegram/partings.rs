//! Signing a session out on a connection of its own, and what Telegram says to it.

use std::time::Duration;

use switchboard::telegram::{LinkExit, LoginLost, Parting, SessionData, SignOutAs};
use switchboard_simulator::{
    Fault,
    wire::{FaultScope, WireFault},
};

use crate::ground::{Book, Ground, api};

const PATIENCE: Duration = Duration::from_millis(50);

pub fn as_is() -> SignOutAs {
    SignOutAs {
        api_id: api().api_id,
        ..SignOutAs::default()
    }
}

async fn sign_out(ground: &Ground, session: SessionData) -> Parting {
    let lease = ground.telegram.lease(&session, PATIENCE).await.unwrap();
    ground
        .telegram
        .sign_out(session, as_is(), (lease, Box::new(())))
        .await
}

/// Protects sealed sessions from being kept or dropped wrongly: each answer is told for what it means.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_to_a_log_out_is_told_apart() {
    let ground = Ground::start().await;
    let session = ground.session();
    assert_eq!(ground.sim.keys_of(ground.user).len(), 1);
    assert_eq!(sign_out(&ground, session.clone()).await, Parting::Done);
    assert!(ground.sim.keys_of(ground.user).is_empty());
    let over = |reason| Parting::AlreadyOver(LinkExit::NeedsLogin { reason });
    let again = sign_out(&ground, session).await;
    assert_eq!(again, over(LoginLost::Unregistered));

    let revoked = ground.session();
    ground.sim.revoke_sessions(ground.user);
    let told = sign_out(&ground, revoked).await;
    assert_eq!(told, over(LoginLost::Revoked));

    let session = ground.session();
    let faults = [
        (406, "AUTH_KEY_DUPLICATED", over(LoginLost::DuplicatedKey)),
        (420, "FLOOD_WAIT_31", Parting::Wait(Duration::from_secs(31))),
    ];
    for (code, name, expected) in faults {
        let fault = Fault::error(code, name).on("auth.logOut").times(1);
        ground.sim.set_fault(fault);
        assert_eq!(sign_out(&ground, session.clone()).await, expected);
    }
    for broken in [
        WireFault::RefuseConnects,
        WireFault::CloseOnAccept,
        WireFault::SilentConnects,
    ] {
        let fault = ground
            .sim
            .wire()
            .set_fault(FaultScope::All, broken.clone(), None);
        let told = sign_out(&ground, session.clone()).await;
        assert!(
            matches!(told, Parting::Unreachable(_)),
            "{broken:?}: {told:?}"
        );
        ground.sim.wire().clear_fault(fault);
    }
    assert_eq!(ground.sim.keys_of(ground.user).len(), 1);
    ground.sim.destroy_keys(ground.user);
    assert_eq!(sign_out(&ground, session).await, Parting::KeyUnknown);
}

/// Protects a key from being burnt: while a link uses it nobody else dials with it, and the next may once it has hung up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_signed_out_only_when_its_link_has_hung_up() {
    let ground = Ground::start().await;
    let wire = ground.sim.wire();
    wire.set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    let session = ground.session();
    let first = ground.link_over(session.clone()).await;
    assert!(ground.telegram.lease(&session, PATIENCE).await.is_none());
    let mut second = ground.open(session.clone(), None, Book::default());
    let in_vain = tokio::time::timeout(PATIENCE, second.handle.me());
    assert!(!matches!(in_vain.await, Ok(Ok(_))), "two links on one key");

    first.handle.clone().close().await;
    second.until("the line", |seen| seen.connected > 0).await;
    second.handle.clone().close().await;
    let lease = ground.telegram.lease(&session, crate::ground::LIMIT).await;
    let told = ground
        .telegram
        .sign_out(session, as_is(), (lease.unwrap(), Box::new(())))
        .await;
    assert_eq!(told, Parting::Done);
}
