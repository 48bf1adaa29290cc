//! How links end, and that an end says why.

use std::{fs, net::SocketAddr, thread::available_parallelism, time::Duration};

use switchboard::{
    aside,
    domain::{ChatId, FileLocation, FilePass, FilePlace, FileShape, Outcome, OutgoingFile},
    telegram::{LinkExit, LoginLost},
};
use switchboard_simulator::{
    Effect, Fault,
    wire::{FaultScope, WireFault},
};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    ground::{Book, Ground, Reader, outgoing, timing},
    wait::until,
};

/// Protects people from accounts that fail without a reason: every way a session ends is told apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_a_session_is_told_apart() {
    let table = [
        (401, "SESSION_REVOKED", LoginLost::Revoked),
        (401, "SESSION_EXPIRED", LoginLost::Expired),
        (401, "AUTH_KEY_UNREGISTERED", LoginLost::Unregistered),
        (401, "USER_DEACTIVATED", LoginLost::Deactivated),
        (406, "AUTH_KEY_DUPLICATED", LoginLost::DuplicatedKey),
    ];
    let ground = Ground::start().await;
    for (code, name, reason) in table {
        let mut reader = ground.link().await;
        let fault = ground.sim.set_fault(Fault::error(code, name));
        reader.handle.reconnect();
        assert_eq!(reader.until_ended().await, LinkExit::NeedsLogin { reason });
        ground.sim.clear_fault(fault);
    }
    let mut reader = ground.link().await;
    ground.sim.ban(ground.user);
    assert!(matches!(
        reader.until_ended().await,
        LinkExit::Banned { .. }
    ));
}

/// Protects a sign-in from what says nothing of it: a 401 of another kind is waited out, said in words, and what is written goes out once it
/// has passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_that_is_no_end_passes() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "are you there?");
    reader.until_same(&ground, chat).await;
    let fault = ground.sim.set_fault(Fault::error(401, "SOMETHING_NEW"));
    reader.handle.reconnect();
    let told = |told: &String| told.contains("SOMETHING_NEW");
    reader
        .until("the reason", |seen| seen.behind.iter().any(told))
        .await;
    let order = outgoing(chat, 7, "all the same");
    let answer = reader.handle.carry_out(&order).await;
    assert!(matches!(answer, Outcome::Unknown { .. }), "{answer:?}");
    let caught_up = reader.seen(|seen| seen.caught_up);
    ground.sim.clear_fault(fault);
    reader
        .until("the present", |seen| seen.caught_up > caught_up)
        .await;
    let answer = reader.handle.carry_out(&order).await;
    assert!(matches!(answer, Outcome::Done { .. }), "{answer:?}");
    assert!(reader.seen(|seen| seen.ended.is_none()));
}

/// Protects replies from a server that has forgotten what the line began with: nothing is refused, and the next line says it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_was_forgotten_begins_anew() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "are you there?");
    reader.until_same(&ground, chat).await;
    let fault = Fault::error(400, "CONNECTION_NOT_INITED").on("messages.sendMessage");
    ground.sim.set_fault(fault.times(1));
    let order = outgoing(chat, 8, "once more");
    let answer = reader.handle.carry_out(&order).await;
    assert!(matches!(answer, Outcome::NotSent { .. }), "{answer:?}");
    reader
        .until("another line", |seen| seen.connected >= 2)
        .await;
    let answer = reader.handle.carry_out(&order).await;
    assert!(matches!(answer, Outcome::Done { .. }), "{answer:?}");
}

/// Protects a frozen account: Telegram lets it read, so its link goes on; what it may not do is refused in words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_account_reads_on() {
    let ground = Ground::start().await;
    let town = ground
        .sim
        .add_channel("News", &[ground.friend, ground.user]);
    let mut reader = ground.link().await;
    ground.sim.say(ground.friend, town, "before");
    reader.until_same(&ground, ChatId::from_marked(town)).await;
    ground.sim.freeze(ground.user);
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "are you there?");
    reader.until_same(&ground, chat).await;
    let refused = reader
        .handle
        .carry_out(&outgoing(chat, 5, "no answer"))
        .await;
    let Outcome::Refused(error) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.code, "FROZEN_METHOD_INVALID");
    assert!(error.message.contains("frozen"), "{}", error.message);

    // A channel that it is no member of can't be followed; that is that channel's trouble.
    let fault = Fault::error(400, "FROZEN_PARTICIPANT_MISSING").on("updates.getChannelDifference");
    let fault = ground.sim.set_fault(fault);
    let mut behind = Fault::new(Effect::ChannelTooLong { with_pts: true });
    behind.times = Some(1);
    ground.sim.set_fault(behind);
    ground.sim.say(ground.friend, town, "out of reach");
    reader
        .until("the channel to be lost", |seen| !seen.holes.is_empty())
        .await;
    ground.sim.clear_fault(fault);
    ground.sim.say(ground.friend, ground.user, "still reading?");
    reader.until_same(&ground, chat).await;
    assert!(reader.seen(|seen| seen.ended.is_none()));
}

/// Protects the session itself: a server that forgot the key makes the account need a sign-in; the key is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_key_is_never_replaced() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let keys = ground.sim.wire().export_keys().len();
    ground.sim.destroy_keys(ground.user);
    let reason = LoginLost::KeyUnknown;
    assert_eq!(reader.until_ended().await, LinkExit::NeedsLogin { reason });
    assert!(
        ground.sim.wire().export_keys().len() < keys,
        "a new key was made"
    );
}

/// Protects an account from a passing -404: the same key is tried again, and goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_404_is_survived() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    ground.sim.wire().set_fault(
        FaultScope::All,
        WireFault::TransportError { code: -404 },
        Some(1),
    );
    reader.handle.reconnect();
    reader
        .until("the line again", |seen| seen.connected >= 2)
        .await;
    ground.sim.say(ground.friend, ground.user, "still here");
    reader
        .until_same(&ground, switchboard::domain::ChatId::user(ground.friend))
        .await;
}

/// Protects all other accounts: a panic below one link ends that link alone, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_ends_one_link_alone() {
    let ground = Ground::start().await;
    let mut broken = ground.link().await;
    let key = ground.sim.keys_of(ground.user)[0];
    let mut healthy = ground.link().await;
    ground
        .sim
        .wire()
        .set_fault(FaultScope::Key(key), WireFault::WrongSessionId, None);
    ground.sim.say(ground.friend, ground.user, "boom");
    let exit = broken.until_ended().await;
    assert!(matches!(exit, LinkExit::Panicked(_)), "{exit:?}");
    healthy
        .until_same(&ground, switchboard::domain::ChatId::user(ground.friend))
        .await;
}

/// Protects a stop: closing ends the link soon, and a session without a key never dials.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_and_keyless_sessions_end_at_once() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    reader.handle.clone().close().await;
    assert_eq!(reader.until_ended().await, LinkExit::Closed);

    // Also where the reader of its events is behind, and the last word has to wait.
    let mut behind = ground.link().await;
    ground.sim.say(ground.friend, ground.user, "one more");
    let unread = || std::future::ready(behind.events.len());
    until("an event that nobody has read", unread, |events| {
        *events > 0
    })
    .await;
    behind.handle.clone().close().await;
    assert_eq!(behind.until_ended().await, LinkExit::Closed);

    let mut session = ground.session();
    session.home_dc = 9;
    let mut keyless = ground.open(session, None, Book::default());
    assert!(matches!(
        keyless.until_ended().await,
        LinkExit::SessionBroken(_)
    ));
}

/// This process's connections to an address that are not closed from here (`man 5 proc`: `/proc/net/tcp`).
pub fn connections(to: SocketAddr) -> usize {
    let SocketAddr::V4(to) = to else {
        panic!("the simulator listens on IPv4");
    };
    let place = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(to.ip().octets()),
        to.port()
    );
    let all = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let open = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words[2] == place && words[3] == "01"
    };
    all.lines().filter(open).count()
}

/// A link with three connections: its own, one that sends files and one that fetches them.
async fn link_with_files(ground: &Ground) -> Reader {
    let (home, address) = ground.sim.dc_addresses()[0];
    let reader = ground.link().await;
    let file = OutgoingFile {
        staged: "one".to_owned(),
        shape: FileShape::File,
        name: "one.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 4,
        md5: String::new(),
        width: None,
        height: None,
        duration: None,
        waveform: None,
        upload_id: 7,
        at: None,
    };
    reader.handle.put_part(&file, 0, vec![1; 4]).await.unwrap();
    let nowhere = FileLocation {
        dc: home,
        place: FilePlace::Document(FilePass {
            id: 1,
            access_hash: 1,
            reference: Vec::new(),
            size: String::new(),
        }),
        size: None,
        mime: None,
        name: None,
    };
    reader.handle.file_part(&nowhere, 0).await.unwrap_err();
    assert_eq!(connections(address), 3);
    reader
}

/// The threads of files do nothing else from now on for so long.
async fn hold_up_files(time: Duration) {
    // As many as there are (`src/aside/mod.rs`).
    let threads = available_parallelism().unwrap().get().clamp(1, 4);
    let (tell, mut begun) = mpsc::unbounded_channel();
    for _ in 0..threads {
        let tell = tell.clone();
        aside::handle().spawn(async move {
            tell.send(()).unwrap();
            std::thread::sleep(time);
        });
    }
    for _ in 0..threads {
        begun.recv().await.unwrap();
    }
}

/// Protects a session from being burnt when another node goes on with it: whoever closed a link has hung up the lines of its files, too,
/// also while the threads of files are at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_closed_has_hung_up_its_files() {
    let ground = Ground::start().await;
    let (_, address) = ground.sim.dc_addresses()[0];
    let reader = link_with_files(&ground).await;
    hold_up_files(Duration::from_millis(300)).await;
    reader.handle.close().await;
    assert_eq!(connections(address), 0);
}

/// Protects the same session where they are at work for longer than anybody waits for a link's end: its account is not at rest before, so
/// that its lease is not let go of, and no other link in this process has its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_lines_are_open_is_not_at_rest() {
    let ground = Ground::start().await;
    let (_, address) = ground.sim.dc_addresses()[0];
    let reader = link_with_files(&ground).await;
    // For longer than the link waits for them, and not until they are cut.
    hold_up_files(Duration::from_millis(1_800)).await;
    reader.handle.close().await;
    assert_ne!(connections(address), 0, "nothing was held up");
    let rest = ground.telegram.rest(reader.account);
    tokio::pin!(rest);
    let early = timeout(Duration::from_millis(100), &mut rest).await;
    assert!(early.is_err() && connections(address) > 0);
    rest.await;
    assert_eq!(connections(address), 0);
}

/// Protects an account whose session is used elsewhere: Telegram burns the key, and that is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_used_twice_ends_as_duplicated() {
    let ground = Ground::start().await;
    let session = ground.session();
    let mut first = ground.link_over(session.clone()).await;
    ground
        .sim
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    // Within one process nobody gets that far.
    let mut elsewhere = Ground::with(ground.sim.clone(), timing());
    elsewhere.user = ground.user;
    let mut second = elsewhere.open(session, None, Book::default());
    let exit = LinkExit::NeedsLogin {
        reason: LoginLost::DuplicatedKey,
    };
    assert_eq!(second.until_ended().await, exit);
    // The first hears of it with its next call.
    first.handle.reconnect();
    assert_eq!(first.until_ended().await, exit);
}
