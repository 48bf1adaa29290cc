//! Sign-ins and farewells that are broken off, for their account goes to another node, which must not meet a connection of theirs.

use std::net::SocketAddr;

use switchboard::telegram::{SignInStep, Timing};
use switchboard_simulator::{
    AccountSpec, Effect, Fault, Simulator,
    wire::{FaultScope, WireFault},
};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    endings::connections,
    ground::{Ground, LIMIT, LINES_THREADS, api, timing},
    logins::{PHONE, begin_with, code, done, phone},
    partings::as_is,
    wait::until,
};

/// The threads that all lines run on do nothing else from now on, each until its end of a channel is dropped.
async fn hold_up_lines(ground: &Ground) -> Vec<std::sync::mpsc::Sender<()>> {
    let (tell, mut begun) = mpsc::unbounded_channel();
    let mut threads = Vec::new();
    for _ in 0..LINES_THREADS {
        let (go_on, held) = std::sync::mpsc::channel();
        let tell = tell.clone();
        ground.telegram.runtime().spawn(async move {
            tell.send(()).unwrap();
            let _ = held.recv();
        });
        threads.push(go_on);
    }
    for _ in 0..LINES_THREADS {
        begun.recv().await.unwrap();
    }
    threads
}

/// Says how many connections were open when it was let go of.
struct Right {
    address: SocketAddr,
    tell: mpsc::UnboundedSender<usize>,
}

impl Drop for Right {
    fn drop(&mut self) {
        let _ = self.tell.send(connections(self.address));
    }
}

/// Protects a session from being burnt when another node goes on with a sign-in that was broken off here: that one has the right to it as
/// soon as this one has let go, which is when its connection is closed, and nobody waits for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_broken_off_has_hung_up_before_another_node_goes_on() {
    let ground = Ground::start().await;
    let other = ground.another();
    let (_, address) = ground.sim.dc_addresses()[0];
    let user = ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    let (tell, mut told) = mpsc::unbounded_channel();
    let right = Box::new(Right { address, tell });
    let sign_in = begin_with(&ground, (phone(), None), right).await.unwrap();
    let saved = sign_in.persist().expect("a waiting code is worth keeping");
    let threads = hold_up_lines(&ground).await;
    drop(sign_in);
    assert_eq!(connections(address), 1, "nothing was held up");
    let open = match told.try_recv() {
        Ok(open) => open,
        Err(_) => {
            drop(threads);
            told.recv().await.unwrap()
        }
    };
    // Whatever it says, the other one goes on.
    let resumed = other
        .resume_sign_in((api(), None, None), saved.expose(), Box::new(()))
        .await
        .unwrap();
    let step = resumed.submit_code(code(&ground)).await.unwrap();
    assert!(matches!(&step, SignInStep::Done(_)), "{step:?}");
    let signed_in = done(step);
    assert_eq!(signed_in.user.id, user);
    // The simulator sees the end of a line a little later.
    let lines = || async { ground.sim.wire().connections() };
    until("the sign-in's line to end", lines, |lines| *lines == open).await;
    let used = other.lease(&signed_in.session, LIMIT).await.unwrap();
    let told = other
        .sign_out(signed_in.session, as_is(), (used, Box::new(())))
        .await;
    assert!(ground.sim.wire().burnt().is_empty(), "{told:?}");
    assert_eq!(open, 0);
}

/// Protects an account from being kept from every node by a step that nobody waits for any more: it is broken off with its sign-in, however
/// long Telegram takes for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_nobody_waits_for_keeps_no_right() {
    let timing = Timing {
        connect_limit: LIMIT * 10,
        ..timing()
    };
    let ground = Ground::with(Simulator::builder().start().await.unwrap(), timing);
    let (_, address) = ground.sim.dc_addresses()[0];
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let (tell, mut told) = mpsc::unbounded_channel();
    let right = Box::new(Right { address, tell });
    let sign_in = begin_with(&ground, (phone(), None), right).await.unwrap();
    ground
        .sim
        .set_fault(Fault::new(Effect::SilentAfter).on("auth.signIn"));
    {
        let step = sign_in.submit_code(code(&ground));
        let asked = || async { ground.sim.ledger().methods.contains_key("auth.signIn") };
        tokio::select! {
            step = step => panic!("{step:?}"),
            _ = until("Telegram to be asked", asked, |asked| *asked) => {}
        }
    }
    drop(sign_in);
    let open = timeout(LIMIT, told.recv()).await;
    assert_eq!(open, Ok(Some(0)));
}

/// Protects the same session where it was being signed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_that_is_broken_off_has_hung_up_before_its_right_is_let_go_of() {
    let ground = Ground::start().await;
    let (_, address) = ground.sim.dc_addresses()[0];
    let (tell, mut told) = mpsc::unbounded_channel();
    let right = Box::new(Right { address, tell });
    let session = ground.session();
    let lease = ground.telegram.lease(&session, LIMIT).await.unwrap();
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::SilentConnects, None);
    let threads = {
        let parting = ground
            .telegram
            .sign_out(session.clone(), as_is(), (lease, right));
        let dialled = async {
            let open = || std::future::ready(connections(address));
            until("its connection", open, |open| *open == 1).await;
            hold_up_lines(&ground).await
        };
        tokio::select! {
            parting = parting => panic!("{parting:?}"),
            threads = dialled => threads,
        }
    };
    assert!(told.try_recv().is_err());
    drop(threads);
    assert_eq!(told.recv().await, Some(0));
    // Nobody here has its key any more.
    ground.telegram.lease(&session, LIMIT).await.unwrap();
}
