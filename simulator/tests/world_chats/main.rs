//! What a real client finds in the world: shapes of pushes, paging, folders, people, and other data centres.

mod history;
#[path = "../world_support/mod.rs"]
mod world_support;

use std::collections::HashSet;

use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::{
    AccountSpec, ChatRef, PersonSpec, Simulator, port::Pusher, traffic::TrafficSpec,
};
use world_support::{LIMIT, Library, error_name, soon, text_to, told, town};

/// Protects: every shape in which Telegram tells of something, so that clients are tested on all of them.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_come_in_every_shape() {
    let town = town().await;
    let simulator = &town.simulator;
    let stranger = simulator.add_person(PersonSpec::new("Stranger"));
    let mut library = Library::start(simulator, town.account);
    library.call(&f::updates::GetState {}).await.unwrap();

    simulator.say(stranger, town.account, "who I am comes along");
    let enums::Updates::Updates(full) = library.pushed().await else {
        panic!("in full")
    };
    assert!(
        full.users
            .iter()
            .any(|user| matches!(user, enums::User::User(u) if u.id == stranger))
    );
    simulator.say(stranger, town.account, "short");
    assert!(
        matches!(library.pushed().await, enums::Updates::UpdateShortMessage(m) if !m.out && m.user_id == stranger)
    );
    simulator.say(town.friend, town.group, "short too");
    assert!(
        matches!(library.pushed().await, enums::Updates::UpdateShortChatMessage(m) if m.from_id == town.friend)
    );
    simulator.typing(stranger, town.account);
    let enums::Updates::UpdateShort(typing) = library.pushed().await else {
        panic!("typing comes short")
    };
    assert!(matches!(typing.update, enums::Update::UserTyping(t) if t.user_id == stranger));
    simulator.rename(stranger, "No", "Stranger");
    let enums::Updates::Combined(renamed) = library.pushed().await else {
        panic!("counted by seq")
    };
    assert!(renamed.seq > 0 && renamed.seq_start == renamed.seq);
    simulator
        .react(stranger, town.account, 1, None)
        .unwrap_err();
    let id = simulator.say(stranger, town.account, "like it?");
    library.pushed().await;
    simulator
        .react(town.account, stranger, id, Some("👍"))
        .unwrap();
    let enums::Updates::UpdateShort(reacted) = library.pushed().await else {
        panic!("a reaction comes short")
    };
    assert!(matches!(reacted.update, enums::Update::MessageReactions(r) if r.msg_id == id));
    let enums::Updates::Updates(edited) = library.pushed().await else {
        panic!("and as an edit")
    };
    let [enums::Update::EditMessage(edit)] = edited.updates.as_slice() else {
        panic!("{edited:?}")
    };
    assert!(matches!(&edit.message, enums::Message::Message(m) if m.reactions.is_some()));
    simulator
        .pin(town.friend, town.supergroup, 1, true)
        .unwrap();
    let mut pinned = told(&library.pushed().await);
    pinned.extend(told(&library.pushed().await));
    assert!(
        pinned[0].contains("PinnedChannelMessages") && pinned[1].contains("PinMessage"),
        "{pinned:?}"
    );
    simulator.shutdown().await;
}

/// Protects: the list of chats over more than one page, with pinned and archived ones in their places.
#[tokio::test(flavor = "multi_thread")]
async fn dialogs_are_paged_pinned_and_archived() {
    let town = town().await;
    let simulator = &town.simulator;
    let people: Vec<i64> = (0..130)
        .map(|number| {
            let person = simulator.add_person(PersonSpec::new(&format!("P{number}")));
            simulator.say(person, town.account, "hi");
            person
        })
        .collect();
    let library = Library::start(simulator, town.account);
    let mut dialogs = library.client.iter_dialogs();
    let mut seen = HashSet::new();
    while let Some(dialog) = soon("a dialog", dialogs.next()).await.unwrap() {
        assert!(
            seen.insert(dialog.peer_id()),
            "{:?} came twice",
            dialog.peer_id()
        );
    }
    // The 130 people and the basic group, the supergroup and the channel.
    assert_eq!(seen.len(), 133);

    let dialog_peer = |chat: i64| {
        types::InputDialogPeer {
            peer: town.input_peer(chat),
        }
        .into()
    };
    let pin = f::messages::ToggleDialogPin {
        pinned: true,
        peer: dialog_peer(people[3]),
    };
    assert!(library.call(&pin).await.unwrap());
    let enums::messages::PeerDialogs::Dialogs(pinned) = library
        .call(&f::messages::GetPinnedDialogs { folder_id: 0 })
        .await
        .unwrap();
    assert!(matches!(pinned.dialogs.as_slice(), [enums::Dialog::Dialog(d)] if d.pinned));
    let archive = types::InputFolderPeer {
        peer: town.input_peer(people[4]),
        folder_id: 1,
    };
    library
        .call(&f::folders::EditPeerFolders {
            folder_peers: vec![archive.into()],
        })
        .await
        .unwrap();
    let archived = f::messages::GetDialogs {
        exclude_pinned: false,
        folder_id: Some(1),
        offset_date: 0,
        offset_id: 0,
        offset_peer: enums::InputPeer::Empty,
        limit: 100,
        hash: 0,
    };
    let enums::messages::Dialogs::Dialogs(archived) = library.call(&archived).await.unwrap() else {
        panic!("the archive is complete")
    };
    assert!(
        matches!(archived.dialogs.as_slice(), [enums::Dialog::Dialog(d)] if d.folder_id == Some(1))
    );
    simulator.shutdown().await;
}

/// Protects: the ways to find somebody to write to.
#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_name_phone_and_contact() {
    let town = town().await;
    let simulator = &town.simulator;
    let (phone, spec) = ("+99966 2 0077", PersonSpec::new("Reachable"));
    let person = simulator.add_person(PersonSpec {
        phone: Some(phone.to_owned()),
        ..spec
    });
    let library = Library::start(simulator, town.account);
    let resolve = |name: &str| f::contacts::ResolveUsername {
        username: name.to_owned(),
        referer: None,
    };
    let enums::contacts::ResolvedPeer::Peer(found) =
        library.call(&resolve("Nadia_Test")).await.unwrap();
    assert_eq!(found.peer, ChatRef::User(town.friend).peer());
    assert_eq!(
        error_name(library.call(&resolve("nobody_here")).await),
        "USERNAME_NOT_OCCUPIED"
    );
    assert_eq!(
        error_name(library.call(&resolve("not a name")).await),
        "USERNAME_INVALID"
    );
    let public = simulator.add_public("Square", "the_square", false, &[town.friend]);
    let enums::contacts::ResolvedPeer::Peer(found) =
        library.call(&resolve("the_square")).await.unwrap();
    assert_eq!(ChatRef::from(public).peer(), found.peer);
    assert!(
        matches!(found.chats.as_slice(), [enums::Chat::Channel(square)] if square.left && square.megagroup),
        "{:?}",
        found.chats
    );
    let by_phone = |phone: &str| f::contacts::ResolvePhone {
        phone: phone.to_owned(),
    };
    let enums::contacts::ResolvedPeer::Peer(found) = library.call(&by_phone(phone)).await.unwrap();
    assert_eq!(found.peer, ChatRef::User(person).peer());
    assert_eq!(
        error_name(library.call(&by_phone("+99966000")).await),
        "PHONE_NOT_OCCUPIED"
    );
    let contact = types::InputPhoneContact {
        client_id: 5,
        phone: phone.to_owned(),
        first_name: "R".to_owned(),
        last_name: String::new(),
        note: None,
    };
    let import = f::contacts::ImportContacts {
        contacts: vec![contact.into()],
    };
    let enums::contacts::ImportedContacts::Contacts(imported) =
        library.call(&import).await.unwrap();
    assert_eq!(imported.imported.len(), 1);
    let contacts = library
        .call(&f::contacts::GetContacts { hash: 0 })
        .await
        .unwrap();
    assert!(matches!(contacts, enums::contacts::Contacts::Contacts(c) if c.contacts.len() == 1));
    library
        .call(&text_to(town.input_peer(person), 3, "found you"))
        .await
        .unwrap();
    assert_eq!(simulator.texts(town.account, person), ["found you"]);
    simulator.shutdown().await;
}

/// Protects: an account is served by its own data centre, and carried to another one for files.
#[tokio::test(flavor = "multi_thread")]
async fn other_data_centres_send_away_or_take_an_exported_authorisation() {
    let simulator = Simulator::builder().seed(2).start().await.unwrap();
    let account = simulator.add_account(AccountSpec::new("+99966 2 0003", "Remote").home_dc(4));
    let wrong = Library::with_key(&simulator, 2, simulator.seed_session(account, 2));
    let me = || f::users::GetUsers {
        id: vec![enums::InputUser::UserSelf],
    };
    assert_eq!(error_name(wrong.call(&me()).await), "USER_MIGRATE");
    let home = Library::with_key(&simulator, 4, simulator.seed_session(account, 4));
    assert_eq!(home.call(&me()).await.unwrap().len(), 1);
    let export = f::auth::ExportAuthorization { dc_id: 2 };
    let enums::auth::ExportedAuthorization::Authorization(exported) =
        home.call(&export).await.unwrap();
    let key = [9; 256];
    simulator.wire().install_key(2, key);
    let away = Library::with_key(&simulator, 2, key);
    assert_eq!(error_name(away.call(&me()).await), "AUTH_KEY_UNREGISTERED");
    let import = f::auth::ImportAuthorization {
        id: exported.id,
        bytes: exported.bytes,
    };
    away.call(&import).await.unwrap();
    assert_eq!(error_name(away.call(&me()).await), "USER_MIGRATE");
    let config = soon("help.getConfig", away.call(&f::help::GetConfig {}))
        .await
        .unwrap();
    let enums::Config::Config(config) = config;
    assert_eq!((config.this_dc, config.dc_options.len()), (2, 2));
    simulator.shutdown().await;
}

/// Protects: the same seed says the same things, so that a failing run can be had again.
#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_the_same_for_the_same_seed() {
    let mut stories = Vec::new();
    for _ in 0..2 {
        let town = town().await;
        town.simulator.say(town.friend, town.account, "hello");
        let spec = TrafficSpec {
            seed: 4,
            rate_per_second: 2000.0,
            limit: Some(200),
            ..TrafficSpec::default()
        };
        let traffic = town.simulator.traffic(spec);
        soon("the traffic", traffic.finished()).await;
        assert_eq!(traffic.sent(), 200);
        let chats = [town.friend, town.group, town.supergroup, town.channel];
        stories.push(chats.map(|chat| town.simulator.texts(town.account, chat)));
        town.simulator.shutdown().await;
    }
    assert_eq!(stories[0], stories[1]);
    assert!(stories[0].iter().all(|chat| !chat.is_empty()));
}

/// Protects: people who answer do, in their turn, and mark what they answer as read.
#[tokio::test(flavor = "multi_thread")]
async fn people_answer_what_accounts_write() {
    let town = town().await;
    let simulator = &town.simulator;
    let texts = vec!["first".to_owned(), "second".to_owned()];
    let how = switchboard_simulator::control::Answering {
        texts,
        after_ms: 20,
        typing: true,
    };
    simulator.let_answer(town.friend, how);
    let library = Library::start(simulator, town.account);
    for (random_id, expected) in [(1, "first"), (2, "second"), (3, "first")] {
        library
            .call(&text_to(
                town.input_peer(town.friend),
                random_id,
                "question",
            ))
            .await
            .unwrap();
        simulator
            .wait_until("an answer", LIMIT, |world| {
                let chat = &world.ledger_of(town.account)[&town.friend];
                chat.messages.iter().filter(|message| !message.out).count() as i64 == random_id
            })
            .await
            .unwrap();
        assert_eq!(
            simulator.texts(town.account, town.friend).last().unwrap(),
            expected
        );
    }
    let read = simulator.look(|world| {
        world.accounts[&town.account].mailbox.dialogs[&ChatRef::User(town.friend)].read_outbox
    });
    assert!(read > 0);
    simulator.shutdown().await;
}

/// Protects: a key that the server lost is a transport error, as when Telegram drops a session for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_destroyed_key_is_unknown_to_the_server() {
    let town = town().await;
    let library = Library::start(&town.simulator, town.account);
    library.call(&f::updates::GetState {}).await.unwrap();
    let keys = town.simulator.keys_of(town.account);
    town.simulator.destroy_keys(town.account);
    assert!(town.simulator.keys_of(town.account).is_empty());
    assert_eq!(town.simulator.wire().push(keys[0], &[0; 4]), 0);
    let refused = tokio::time::timeout(
        LIMIT,
        library.handle.invoke_in_dc(2, &f::updates::GetState {}),
    );
    assert!(!matches!(refused.await, Ok(Ok(_))), "the key is gone");
    town.simulator.shutdown().await;
}
