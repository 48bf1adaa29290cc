//! Every fault of the wire, happening to a real client: grammers with a seeded key, unless only a raw one can tell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod refusals;
#[path = "../wire_support/mod.rs"]
mod wire_support;

use std::{
    io::ErrorKind,
    sync::Arc,
    time::{Duration, Instant},
};

use grammers_mtsender::InvocationError;
use switchboard_simulator::{
    port::{KeyId, Pusher},
    wire::{FaultScope, Moment, Wire, WireConfig, WireFault, WireHandle},
};
use tokio::time::timeout;
use wire_support::{
    backend::{ECHO, ECHOED, LONG, TestBackend},
    client::{RawClient, Transport, call_body},
    library::Library,
    seeded_key, soon, until,
};

/// Long enough to say that nothing comes.
const NOTHING: Duration = Duration::from_millis(250);

pub struct Ground {
    pub wire: WireHandle,
    pub backend: Arc<TestBackend>,
}

impl Ground {
    pub async fn start() -> Self {
        let backend = Arc::new(TestBackend::default());
        let config = WireConfig {
            gzip_over: None,
            ..WireConfig::loopback(&[2, 4])
        };
        let wire = Wire::start(config, Arc::clone(&backend) as _)
            .await
            .unwrap();
        Self { wire, backend }
    }

    pub fn key(&self, number: u8) -> KeyId {
        self.wire.install_key(2, seeded_key(number))
    }

    pub fn library(&self, number: u8) -> Library {
        self.key(number);
        Library::start(2, self.wire.addresses()[0].1, seeded_key(number))
    }

    pub fn set(&self, fault: WireFault) {
        self.wire.set_fault(FaultScope::All, fault, None);
    }

    pub fn once(&self, fault: WireFault) {
        self.wire.set_fault(FaultScope::All, fault, Some(1));
    }
}

pub async fn echo(library: &Library) -> Result<Vec<u8>, InvocationError> {
    soon(
        "an answer or an error",
        library.raw(call_body(ECHO, &[1; 8])),
    )
    .await
}

pub async fn works(library: &Library) {
    assert_eq!(
        echo(library).await.expect("an answer"),
        call_body(ECHOED, &[1; 8])
    );
}

/// Works after calls that still failed because the pool had not noticed the end of its line.
pub async fn works_again(library: &Library) {
    soon("the client to work again", async {
        while echo(library).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub async fn hangs(library: &Library) {
    assert!(
        timeout(NOTHING, library.raw(call_body(ECHO, &[])))
            .await
            .is_err(),
        "something came"
    );
}

/// Protects: a refused port looks refused, only at its data centre, and opens again at the same address.
#[tokio::test(flavor = "multi_thread")]
async fn refused_connections_are_refused_until_cleared() {
    let ground = Ground::start().await;
    let (early, late) = (ground.library(1), ground.library(2));
    works(&early).await;
    let fault = ground
        .wire
        .set_fault(FaultScope::Dc(2), WireFault::RefuseConnects, None);
    let address = ground.wire.addresses()[0].1;
    until("the port to close", || {
        std::net::TcpStream::connect(address).is_err()
    })
    .await;
    let error = echo(&late).await.unwrap_err();
    assert!(
        matches!(&error, InvocationError::Io(error) if error.kind() == ErrorKind::ConnectionRefused),
        "{error:?}"
    );
    // Nobody listens, and nobody else gets the port: it would be taken when it is wanted again.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    let taken = other.bind(address).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    works(&early).await;
    std::net::TcpStream::connect(ground.wire.addresses()[1].1)
        .expect("the other data centre listens");
    assert!(ground.wire.clear_fault(fault));
    works_again(&late).await;
    ground.wire.shutdown().await;
}

/// Protects: a server that accepts and closes, and one that accepts and stays silent, can be played.
#[tokio::test(flavor = "multi_thread")]
async fn accepted_connections_can_be_closed_or_left_silent() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    ground.once(WireFault::CloseOnAccept);
    assert!(matches!(
        echo(&library).await.unwrap_err(),
        InvocationError::Io(_)
    ));
    works_again(&library).await;
    let other = ground.library(2);
    ground.set(WireFault::SilentConnects);
    hangs(&other).await;
    assert_eq!(ground.wire.connections(), 2);
    works(&library).await;
    drop(other);
    until("the silent connection to be noticed as gone", || {
        ground.wire.connections() == 1
    })
    .await;
    ground.wire.shutdown().await;
}

/// Protects: faults of one key strike that key alone, also where they need the first packet to know it.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_one_key_leave_others_alone() {
    let ground = Ground::start().await;
    let (victim, other) = (ground.library(1), ground.library(2));
    let key = ground.key(1);
    for fault in [
        WireFault::RefuseConnects,
        WireFault::CloseOnAccept,
        WireFault::TransportError { code: -429 },
    ] {
        ground
            .wire
            .set_fault(FaultScope::Key(key), fault.clone(), None);
        assert!(echo(&victim).await.is_err(), "{fault:?}");
        works(&other).await;
        ground.wire.clear_faults();
    }
    ground
        .wire
        .set_fault(FaultScope::Key(key), WireFault::SilentConnects, None);
    hangs(&victim).await;
    works(&other).await;
    ground.wire.shutdown().await;
}

/// Protects: a half-open line stays open, carries nothing, and never heals; a new one works.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_line_stays_open_and_dead() {
    let ground = Ground::start().await;
    let mut library = ground.library(1);
    let key = ground.key(1);
    works(&library).await;
    ground
        .wire
        .set_fault(FaultScope::Key(key), WireFault::HalfOpen, None);
    ground.wire.push(key, &0x0100_00aa_u32.to_le_bytes());
    hangs(&library).await;
    assert!(library.updates.try_recv().is_err());
    ground.wire.clear_faults();
    hangs(&library).await;
    assert_eq!(ground.wire.connections(), 1);
    library.handle.disconnect_from_dc(2);
    works_again(&library).await;
    ground.wire.shutdown().await;
}

/// Protects: lines can be cut now, with and without a reset, after a time and after a number of packets.
#[tokio::test(flavor = "multi_thread")]
async fn lines_are_cut_when_told() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    for reset in [false, true] {
        works_again(&library).await;
        ground.set(WireFault::Cut { reset });
        until("the line to be gone", || ground.wire.connections() == 0).await;
    }
    works_again(&library).await;

    let begun = Instant::now();
    let mut raw = RawClient::ready(ground.wire.addresses()[0].1, seeded_key(1)).await;
    ground.set(WireFault::CutEvery { after_ms: 300 });
    raw.hangs_up().await;
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begun.elapsed()
    );
    ground.wire.clear_faults();

    ground.set(WireFault::CutAfterPackets { packets: 5 });
    let mut raw = RawClient::ready(ground.wire.addresses()[0].1, seeded_key(1)).await;
    let calls = ground.backend.methods().len();
    for _ in 3..10 {
        raw.call(ECHO, &[]).await;
    }
    raw.hangs_up().await;
    assert_eq!(
        ground.backend.methods().len() - calls,
        3,
        "two pings came before, nothing after the fifth"
    );
    ground.wire.shutdown().await;
}

/// Protects: a call can be lost before, during and after it is done, and the ledger of calls tells which.
#[tokio::test(flavor = "multi_thread")]
async fn lines_are_cut_around_a_call() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    works(&library).await;
    let mut done = ground
        .backend
        .methods()
        .iter()
        .filter(|method| **method == ECHO)
        .count();
    for (moment, runs) in [(Moment::BeforeProcessing, 0), (Moment::BeforeAnswer, 1)] {
        ground.once(WireFault::CutAround {
            method: Some(ECHO),
            moment,
        });
        assert!(echo(&library).await.is_err(), "{moment:?}");
        done += runs;
        assert_eq!(
            ground
                .backend
                .methods()
                .iter()
                .filter(|method| **method == ECHO)
                .count(),
            done
        );
        works_again(&library).await;
        done = ground
            .backend
            .methods()
            .iter()
            .filter(|method| **method == ECHO)
            .count();
    }
    ground.once(WireFault::CutAround {
        method: Some(ECHO),
        moment: Moment::AfterAnswer,
    });
    works(&library).await;
    until("the line to be gone", || ground.wire.connections() == 0).await;
    ground.wire.shutdown().await;
}

/// Protects: an answer lost with the line comes again when the session does.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_with_the_line_is_kept_for_the_session() {
    let ground = Ground::start().await;
    ground.key(1);
    let address = ground.wire.addresses()[0].1;
    let mut raw = RawClient::ready(address, seeded_key(1)).await;
    ground.once(WireFault::CutAround {
        method: None,
        moment: Moment::BeforeAnswer,
    });
    let call = raw.call(ECHO, &[4; 4]).await;
    raw.hangs_up().await;
    let mut back = RawClient::connect(address, Transport::Abridged, true, seeded_key(1)).await;
    back.continue_session(&mut raw);
    back.ping(1).await;
    assert_eq!(back.result(call).await, call_body(ECHOED, &[4; 4]));
    ground.wire.shutdown().await;
}

/// Protects: answers can be late, and a line can trickle.
#[tokio::test(flavor = "multi_thread")]
async fn answers_can_be_late_and_lines_slow() {
    let ground = Ground::start().await;
    let library = ground.library(1);
    works(&library).await;
    ground.once(WireFault::DelayAnswers { by_ms: 200 });
    let begun = Instant::now();
    works(&library).await;
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let faults = ground.wire.counters().faults;
    works(&library).await;
    assert_eq!(
        ground.wire.counters().faults,
        faults,
        "it was to happen once"
    );

    ground.set(WireFault::Trickle {
        bytes_per_second: 5000,
    });
    let begun = Instant::now();
    let long = soon(
        "a trickling answer",
        library.raw(call_body(LONG, &2000_u64.to_le_bytes())),
    )
    .await
    .unwrap();
    assert_eq!(long.len(), 2004);
    let took = begun.elapsed();
    assert!((300..15_000).contains(&took.as_millis()), "{took:?}");
    ground.wire.shutdown().await;
}

/// Protects: a deaf client gets answers and no pushes, and does not know.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_can_be_dropped() {
    let ground = Ground::start().await;
    let mut library = ground.library(1);
    let key = ground.key(1);
    works(&library).await;
    ground
        .wire
        .set_fault(FaultScope::Key(key), WireFault::DropPushes, None);
    // updatesTooLong: the one update without content.
    assert_eq!(ground.wire.push(key, &0xe317_af7e_u32.to_le_bytes()), 0);
    works(&library).await;
    assert!(library.updates.try_recv().is_err());
    ground.wire.clear_faults();
    assert_eq!(ground.wire.push(key, &0xe317_af7e_u32.to_le_bytes()), 1);
    soon("the update", library.updates.recv()).await.unwrap();
    ground.wire.shutdown().await;
}
