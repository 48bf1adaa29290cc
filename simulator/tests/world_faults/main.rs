//! Every fault of calls and pushes, happening to a real client: grammers, unmodified.

mod pushes;
#[path = "../world_support/mod.rs"]
mod world_support;

use std::time::{Duration, Instant};

use grammers_mtsender::InvocationError;
use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::{
    AccountSpec, ChatRef, Effect, Fault,
    wire::{FaultScope, WireFault},
};
use world_support::{LIMIT, Library, error_name, text_to, told, town};

pub fn get_me() -> f::users::GetUsers {
    f::users::GetUsers {
        id: vec![enums::InputUser::UserSelf],
    }
}

pub fn bare(channel: i64) -> i64 {
    match ChatRef::from(channel) {
        ChatRef::Channel(id) => id,
        other => panic!("{other:?} is no channel"),
    }
}

/// Protects: each error that the service has to tell apart can be made to happen, once and no more.
#[tokio::test(flavor = "multi_thread")]
async fn errors_come_as_ordered_and_go_again() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    for (code, message, name, value) in [
        (420, "FLOOD_WAIT_5", "FLOOD_WAIT", Some(5)),
        (420, "SLOWMODE_WAIT_10", "SLOWMODE_WAIT", Some(10)),
        (400, "PEER_FLOOD", "PEER_FLOOD", None),
        (500, "RPC_CALL_FAIL", "RPC_CALL_FAIL", None),
        (401, "AUTH_KEY_UNREGISTERED", "AUTH_KEY_UNREGISTERED", None),
        (401, "SESSION_REVOKED", "SESSION_REVOKED", None),
        (401, "SESSION_EXPIRED", "SESSION_EXPIRED", None),
        (401, "USER_DEACTIVATED_BAN", "USER_DEACTIVATED_BAN", None),
        (406, "AUTH_KEY_DUPLICATED", "AUTH_KEY_DUPLICATED", None),
        (303, "NETWORK_MIGRATE_4", "NETWORK_MIGRATE", Some(4)),
    ] {
        town.simulator
            .set_fault(Fault::error(code, message).on("users.getUsers").times(1));
        let Err(InvocationError::Rpc(error)) = library.call(&get_me()).await else {
            panic!("{message}")
        };
        assert_eq!(
            (error.code, error.name.as_str(), error.value),
            (code, name, value)
        );
        assert_eq!(
            library.call(&get_me()).await.unwrap().len(),
            1,
            "{message} only once"
        );
    }
    town.simulator.shutdown().await;
}

/// Protects: a fault meets whom it is meant for: one account, some methods, one channel, some of the calls.
#[tokio::test(flavor = "multi_thread")]
async fn faults_keep_to_their_scope() {
    let town = town().await;
    let simulator = &town.simulator;
    let other = simulator.add_account(AccountSpec::new("+99966 2 0002", "Other"));
    let (mine, theirs) = (
        Library::start(simulator, town.account),
        Library::start(simulator, other),
    );
    simulator.set_fault(Fault::flood_wait(3).account(town.account).on("users.*"));
    assert_eq!(error_name(mine.call(&get_me()).await), "FLOOD_WAIT");
    assert!(theirs.call(&get_me()).await.is_ok());
    assert!(mine.call(&f::updates::GetState {}).await.is_ok());
    simulator.clear_faults();
    assert!(mine.call(&get_me()).await.is_ok());

    simulator.set_fault(Fault::error(400, "CHANNEL_INVALID").channel(bare(town.channel)));
    let full = |chat: i64| f::channels::GetFullChannel {
        channel: town.input_channel(chat),
    };
    assert_eq!(
        error_name(mine.call(&full(town.channel)).await),
        "CHANNEL_INVALID"
    );
    assert!(mine.call(&full(town.supergroup)).await.is_ok());
    simulator.clear_faults();

    simulator.set_fault(
        Fault::error(500, "TEST")
            .on("users.getUsers")
            .skip(2)
            .per_mille(500),
    );
    let mut failed = Vec::new();
    for _ in 0..6 {
        failed.push(mine.call(&get_me()).await.is_err());
    }
    assert_eq!(failed, [false, false, false, true, false, true]);
    simulator.shutdown().await;
}

/// Protects: CHANNEL_PRIVATE and CHANNEL_INVALID as the world itself gives them.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_channel_and_a_wrong_hash_are_told_apart() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    let wrong = types::InputChannel {
        channel_id: bare(town.channel),
        access_hash: 1,
    }
    .into();
    let result = library
        .call(&f::channels::GetFullChannel { channel: wrong })
        .await;
    assert_eq!(error_name(result), "CHANNEL_INVALID");
    town.simulator
        .leave(town.channel, town.account, town.friend)
        .unwrap();
    let lost = f::channels::GetFullChannel {
        channel: town.input_channel(town.channel),
    };
    assert_eq!(error_name(library.call(&lost).await), "CHANNEL_PRIVATE");
    let wrong = types::InputPeerUser {
        user_id: town.friend,
        access_hash: 1,
    }
    .into();
    assert_eq!(
        error_name(library.call(&text_to(wrong, 1, "hi")).await),
        "PEER_ID_INVALID"
    );
    town.simulator.shutdown().await;
}

/// Calls until an answer comes: the library notices a cut line only when it uses it.
async fn persist(library: &Library, request: &f::messages::SendMessage) -> enums::Updates {
    let limit = Instant::now() + LIMIT;
    loop {
        match library.call(request).await {
            Ok(updates) => return updates,
            Err(InvocationError::Io(_) | InvocationError::Dropped(_)) if Instant::now() < limit => {
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Protects: the outbox's hardest cases: a send that still runs, and one whose answer is lost.
#[tokio::test(flavor = "multi_thread")]
async fn slow_cut_and_unanswered_sends_exist_once() {
    let town = town().await;
    let simulator = &town.simulator;
    let peer = town.input_peer(town.friend);
    let library = Library::start(simulator, town.account);
    let again = Library::start(simulator, town.account);

    simulator.set_fault(
        Fault::new(Effect::SlowStart { millis: 600 })
            .on("messages.sendMessage")
            .times(1),
    );
    let slow_call = text_to(peer.clone(), 1, "slow");
    let slow = library.call(&slow_call);
    let meanwhile = async {
        let limit = Instant::now() + LIMIT;
        while !simulator.look(|world| world.accounts[&town.account].sending.contains(&1)) {
            assert!(Instant::now() < limit, "the slow send never began");
            tokio::task::yield_now().await;
        }
        error_name(again.call(&text_to(peer.clone(), 1, "slow")).await)
    };
    let (slow, meanwhile) = tokio::join!(slow, meanwhile);
    assert_eq!(meanwhile, "RANDOM_ID_DUPLICATE");
    assert!(
        matches!(slow, Ok(enums::Updates::UpdateShortSentMessage(_))),
        "{slow:?}"
    );

    for (random_id, effect) in [(2, Effect::CutAfter), (3, Effect::Cut)] {
        simulator.set_fault(
            Fault::new(effect.clone())
                .on("messages.sendMessage")
                .times(1),
        );
        let lost = library.call(&text_to(peer.clone(), random_id, "cut")).await;
        assert!(
            matches!(
                lost,
                Err(InvocationError::Io(_) | InvocationError::Dropped(_))
            ),
            "{lost:?}"
        );
        let repeated = persist(&library, &text_to(peer.clone(), random_id, "cut")).await;
        let original = matches!(repeated, enums::Updates::Updates(_));
        assert_eq!(original, effect == Effect::CutAfter, "{repeated:?}");
    }
    for (random_id, effect, there) in [
        (4, Effect::SilentAfter, true),
        (5, Effect::NeverAnswer, false),
    ] {
        simulator.set_fault(Fault::new(effect).on("messages.sendMessage").times(1));
        let call = text_to(peer.clone(), random_id, "silent");
        let silent = again.handle.invoke_in_dc(again.dc_id, &call);
        assert!(
            tokio::time::timeout(Duration::from_millis(300), silent)
                .await
                .is_err(),
            "an answer came"
        );
        let sent = simulator.look(|world| {
            world
                .ledger_sends
                .iter()
                .any(|send| send.random_id == random_id)
        });
        assert_eq!(sent, there);
    }
    simulator.set_fault(
        Fault::new(Effect::SlowAnswer { millis: 150 })
            .on("users.getUsers")
            .times(1),
    );
    let asked = Instant::now();
    library.call(&get_me()).await.unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(150));
    assert_eq!(
        simulator.texts(town.account, town.friend),
        ["slow", "cut", "cut", "silent"]
    );
    simulator.shutdown().await;
}

/// Protects: limits as Telegram has them, for each account by itself, and the count that shows that a fault happened.
#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_a_window_wait_for_its_end() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    let other = simulator.add_account(AccountSpec::new("+99966 20055", "Other"));
    let second = Library::start(simulator, other);
    let limit = simulator.set_fault(Fault::calls_per_window(2, 2).on("users.getUsers"));
    for library in [&library, &second] {
        for _ in 0..2 {
            assert_eq!(library.call(&get_me()).await.unwrap().len(), 1);
        }
    }
    let Err(InvocationError::Rpc(error)) = library.call(&get_me()).await else {
        panic!("not refused")
    };
    assert_eq!((error.code, error.name.as_str()), (420, "FLOOD_WAIT"));
    assert!(matches!(error.value, Some(1 | 2)), "{:?}", error.value);
    assert_eq!(simulator.fault_hits(limit), 1);
    tokio::time::sleep(Duration::from_secs(u64::from(error.value.unwrap()))).await;
    assert_eq!(library.call(&get_me()).await.unwrap().len(), 1);
    simulator.clear_fault(limit);
    assert_eq!(simulator.fault_hits(limit), 1, "also when it is over");
    simulator.shutdown().await;
}

pub async fn heard(library: &mut Library, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(told(&library.pushed().await));
    }
    all
}

/// Protects: a key that two connections used is lost for good: it is nobody's session any more, hears nothing, and
/// stays refused when the fault is over. The account's other session goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicated_key_is_no_session_of_the_account_any_more() {
    let town = town().await;
    let simulator = &town.simulator;
    let mut other = Library::start(simulator, town.account);
    other.call(&get_me()).await.unwrap();
    let dc = other.dc_id;
    let key = simulator.seed_session(town.account, dc);
    let mut first = Library::with_key(simulator, dc, key);
    first.call(&get_me()).await.unwrap();
    let sessions = async || {
        let listed = other.call(&f::account::GetAuthorizations {}).await.unwrap();
        let enums::account::Authorizations::Authorizations(listed) = listed;
        listed.authorizations.len()
    };
    assert_eq!(sessions().await, 2);

    simulator
        .wire()
        .set_fault(FaultScope::All, WireFault::DuplicatedKeys, None);
    let second = Library::with_key(simulator, dc, key);
    for library in [&second, &first] {
        assert_eq!(
            error_name(library.call(&get_me()).await),
            "AUTH_KEY_DUPLICATED"
        );
    }
    assert_eq!(sessions().await, 1);
    simulator.clear_faults();
    drop(second);
    assert_eq!(
        error_name(first.call(&get_me()).await),
        "AUTH_KEY_DUPLICATED"
    );
    simulator.say(town.friend, town.account, "for the others");
    assert_eq!(heard(&mut other, 1).await, ["for the others"]);
    assert!(first.updates.try_recv().is_err());
    simulator.shutdown().await;
}

/// Protects: an account that is taken away says so in Telegram's words.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_banned_frozen_and_deleted_accounts_are_told() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    library.call(&get_me()).await.unwrap();
    simulator.freeze(town.account);
    library.call(&get_me()).await.unwrap();
    let write = text_to(town.input_peer(town.friend), 9, "frozen");
    assert_eq!(
        error_name(library.call(&write).await),
        "FROZEN_METHOD_INVALID"
    );
    // Where it is a member it reads; elsewhere it does not get in, not even to look.
    let public = simulator.add_public("Square", "the_square", true, &[town.friend]);
    let there = simulator.look(|world| {
        let square = world.channel_for(town.account, -public - 1_000_000_000_000);
        square.map(|_| ()).unwrap_err().message
    });
    assert_eq!(there, "FROZEN_PARTICIPANT_MISSING");
    simulator.pardon(town.account);
    library.call(&write).await.unwrap();
    let after_a_cut = async |expected: &str| {
        let limit = Instant::now() + LIMIT;
        loop {
            match library.call(&get_me()).await {
                Err(InvocationError::Rpc(error)) => break assert_eq!(error.name, expected),
                // The line was cut under the call; the next one dials again.
                Err(_) if Instant::now() < limit => {}
                other => panic!("{other:?} instead of {expected}"),
            }
        }
    };
    simulator.ban(town.account);
    after_a_cut("USER_DEACTIVATED_BAN").await;
    simulator.pardon(town.account);
    simulator.delete_account(town.account);
    after_a_cut("USER_DEACTIVATED").await;
    simulator.pardon(town.account);
    simulator.revoke_sessions(town.account);
    after_a_cut("SESSION_REVOKED").await;
    simulator.shutdown().await;
}

/// Protects: what the simulator does not know is refused by name and recorded.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_function_is_refused_by_name_and_recorded() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    let refused = error_name(library.call(&f::help::GetInviteText {}).await);
    assert!(refused.starts_with("INPUT_METHOD_INVALID"), "{refused}");
    assert!(refused.contains("help.getInviteText"), "{refused}");
    let unknown = town.simulator.unknown_methods();
    assert!(
        matches!(unknown.as_slice(), [name] if name.starts_with("help.getInviteText#")),
        "{unknown:?}"
    );
    town.simulator.shutdown().await;
}
