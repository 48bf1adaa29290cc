//! The world under grammers, unmodified, with a seeded key: reading, writing, pushes and differences.

mod world_support;

use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::{AccountSpec, ChatRef, PersonSpec, Simulator};
use world_support::{LIMIT, Library, soon};

struct Town {
    simulator: Simulator,
    account: i64,
    friend: i64,
    group: i64,
    supergroup: i64,
    channel: i64,
}

/// One account with a friend, a basic group, a supergroup and a channel.
async fn town() -> Town {
    let simulator = Simulator::builder().seed(7).start().await.unwrap();
    let account = simulator.add_account(AccountSpec::new("+99966 2 0001", "Desk"));
    let friend = simulator.add_person(PersonSpec::new("Nadia").username("nadia_test"));
    let group = simulator.add_group("Neighbours", &[friend, account]);
    let supergroup = simulator.add_supergroup("Street", &[friend, account]);
    let channel = simulator.add_channel("News", &[friend, account]);
    Town {
        simulator,
        account,
        friend,
        group,
        supergroup,
        channel,
    }
}

/// Protects: what the service does first, through the library it does it with: list, read, write, and be told.
#[tokio::test(flavor = "multi_thread")]
async fn grammers_lists_reads_sends_and_is_told() {
    let town = town().await;
    let simulator = &town.simulator;
    for number in 0..120 {
        simulator.say(town.friend, town.account, &format!("line {number}"));
    }
    let library = Library::start(simulator, town.account);
    let me = soon("getMe", library.client.get_me()).await.unwrap();
    assert_eq!(me.first_name(), Some("Desk"));

    let mut dialogs = library.client.iter_dialogs();
    let mut titles = Vec::new();
    let mut friend_ref = None;
    while let Some(dialog) = soon("a dialog", dialogs.next()).await.unwrap() {
        let name = dialog.peer().name().unwrap_or_default().to_owned();
        if name == "Nadia" {
            friend_ref = dialog.peer().to_ref().await.unwrap();
        }
        titles.push(name);
    }
    titles.sort();
    assert_eq!(titles, ["Nadia", "Neighbours", "News", "Street"]);
    assert!(simulator.texts(town.account, town.supergroup).is_empty());

    let friend_ref = friend_ref.unwrap();
    let mut history = library.client.iter_messages(friend_ref);
    let mut read = Vec::new();
    while let Some(message) = soon("a message", history.next()).await.unwrap() {
        read.push(message.text().to_owned());
    }
    read.reverse();
    assert_eq!(read, simulator.texts(town.account, town.friend));

    let sent = soon("sending", library.client.send_message(friend_ref, "hello"))
        .await
        .unwrap();
    assert_eq!(sent.text(), "hello");
    assert_eq!(
        simulator.texts(town.account, town.friend).last().unwrap(),
        "hello"
    );

    let mut library = library;
    simulator.say(town.friend, town.account, "and back");
    let enums::Updates::UpdateShortMessage(pushed) = library.pushed().await else {
        panic!("a plain text between people who know each other comes short")
    };
    assert_eq!(
        (pushed.message.as_str(), pushed.user_id),
        ("and back", town.friend)
    );
    assert!(
        simulator.unknown_methods().is_empty(),
        "{:?}",
        simulator.unknown_methods()
    );
    simulator.shutdown().await;
}

/// Protects: a client that was away is told everything, and nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_difference_holds_what_was_missed() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    let enums::updates::State::State(state) = library.call(&f::updates::GetState {}).await.unwrap();
    let first = simulator.say(town.friend, town.account, "one");
    simulator.say(town.friend, town.group, "two");
    simulator
        .edit(town.friend, town.account, first, "one, corrected")
        .unwrap();
    simulator.say(town.friend, town.channel, "three");
    let difference = library
        .call(&f::updates::GetDifference {
            pts: state.pts,
            pts_limit: None,
            pts_total_limit: None,
            date: state.date,
            qts: state.qts,
            qts_limit: None,
        })
        .await
        .unwrap();
    let enums::updates::Difference::Difference(difference) = difference else {
        panic!("one full difference")
    };
    let texts: Vec<String> = difference
        .new_messages
        .iter()
        .map(|message| match message {
            enums::Message::Message(message) => message.message.clone(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(texts, ["one, corrected", "two"]);
    let announced = difference.other_updates.iter().any(|update| {
        matches!(update, enums::Update::ChannelTooLong(channel)
            if ChatRef::Channel(channel.channel_id).marked() == town.channel && channel.pts.is_some())
    });
    assert!(announced, "{:?}", difference.other_updates);
    let enums::updates::State::State(after) = difference.state;
    let empty = library
        .call(&f::updates::GetDifference {
            pts: after.pts,
            pts_limit: None,
            pts_total_limit: None,
            date: after.date + 10,
            qts: after.qts,
            qts_limit: None,
        })
        .await
        .unwrap();
    assert!(matches!(empty, enums::updates::Difference::Empty(_)));
    simulator.shutdown().await;
}

/// Protects: a send that is repeated, in any session, is the message from before.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_random_id_answers_with_the_first_message() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    let peer = simulator.look(|world| {
        let hash = switchboard_simulator::world::access_hash(
            world.seed,
            town.account,
            ChatRef::User(town.friend),
        );
        types::InputPeerUser {
            user_id: town.friend,
            access_hash: hash,
        }
    });
    let send = |text: &str| f::messages::SendMessage {
        no_webpage: false,
        silent: false,
        background: false,
        clear_draft: false,
        noforwards: false,
        update_stickersets_order: false,
        invert_media: false,
        allow_paid_floodskip: false,
        peer: peer.clone().into(),
        reply_to: None,
        message: text.to_owned(),
        random_id: 4242,
        reply_markup: None,
        entities: None,
        schedule_date: None,
        schedule_repeat_period: None,
        send_as: None,
        quick_reply_shortcut: None,
        effect: None,
        allow_paid_stars: None,
        suggested_post: None,
        rich_message: None,
    };
    let first = library.call(&send("once")).await.unwrap();
    let enums::Updates::UpdateShortSentMessage(first) = first else {
        panic!("{first:?}")
    };
    let again = Library::start(simulator, town.account);
    let second = again.call(&send("once")).await.unwrap();
    let enums::Updates::Updates(second) = second else {
        panic!("{second:?}")
    };
    let enums::Update::MessageId(named) = &second.updates[0] else {
        panic!("{second:?}")
    };
    assert_eq!((named.id, named.random_id), (first.id, 4242));
    let enums::Update::NewMessage(old) = &second.updates[1] else {
        panic!("{second:?}")
    };
    assert_eq!(old.pts_count, 0);
    assert_eq!(simulator.texts(town.account, town.friend), ["once"]);
    let ledger = simulator.ledger();
    assert_eq!((ledger.sends.len(), ledger.sends[0].times), (1, 2));
    simulator
        .wait_until("both sends", LIMIT, |world| {
            world.ledger_sends[0].times == 2
        })
        .await
        .unwrap();
    simulator.shutdown().await;
}
