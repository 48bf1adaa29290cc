//! The world under grammers, unmodified, with a seeded key: reading, writing, pushes and differences.

mod world_support;

use grammers_tl_types::{enums, functions as f, types};
use switchboard_simulator::ChatRef;
use world_support::{LIMIT, Library, soon, text_to, town};

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

/// Protects: qts, the second position of an account: it moves by itself, is caught up on, and is confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn encrypted_messages_move_qts_and_are_caught_up_on() {
    let town = town().await;
    let simulator = &town.simulator;
    let mut library = Library::start(simulator, town.account);
    let enums::updates::State::State(start) = library.call(&f::updates::GetState {}).await.unwrap();
    for (bytes, qts) in [(b"sealed 1", 1), (b"sealed 2", 2)] {
        assert_eq!(
            simulator.say_encrypted(9, town.account, bytes).unwrap(),
            start.qts + qts
        );
        let enums::Updates::UpdateShort(short) = library.pushed().await else {
            panic!("updateShort")
        };
        let enums::Update::NewEncryptedMessage(update) = short.update else {
            panic!("{:?}", short.update)
        };
        let enums::EncryptedMessage::Message(sealed) = update.message else {
            panic!("a message")
        };
        assert_eq!((update.qts, sealed.chat_id), (start.qts + qts, 9));
        assert_eq!(sealed.bytes, bytes);
    }
    simulator.say(town.friend, town.account, "in the clear");
    let missed = async |qts: i32| {
        let answer = library
            .call(&f::updates::GetDifference {
                pts: start.pts,
                pts_limit: None,
                pts_total_limit: None,
                date: start.date,
                qts,
                qts_limit: None,
            })
            .await
            .unwrap();
        let enums::updates::Difference::Difference(difference) = answer else {
            panic!("one full difference")
        };
        let enums::updates::State::State(after) = difference.state;
        assert_eq!((after.pts, after.qts), (start.pts + 1, start.qts + 2));
        (
            difference.new_messages.len(),
            difference.new_encrypted_messages.len(),
        )
    };
    assert_eq!(missed(start.qts).await, (1, 2));
    assert_eq!(missed(start.qts + 1).await, (1, 1));
    let max_qts = start.qts + 2;
    let confirmed = library
        .call(&f::messages::ReceivedQueue { max_qts })
        .await
        .unwrap();
    assert_eq!(confirmed.len(), 2);
    assert_eq!(missed(start.qts).await, (1, 0));
    assert!(simulator.unknown_methods().is_empty());
    simulator.shutdown().await;
}

/// Protects: a session that was signed in a moment ago and has asked for nothing yet: what it is told of a channel
/// brings the access hash that its questions about the channel need.
#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_session_is_told_of_a_channel_with_its_access_hash() {
    let town = town().await;
    let simulator = &town.simulator;
    let mut library = Library::start(simulator, town.account);
    let enums::updates::State::State(start) = library.call(&f::updates::GetState {}).await.unwrap();
    simulator.say(town.friend, town.channel, "news");
    let enums::Updates::Updates(told) = library.pushed().await else {
        panic!("updates with the chats that they name")
    };
    let enums::updates::Difference::Difference(difference) = library
        .call(&f::updates::GetDifference {
            pts: start.pts,
            pts_limit: None,
            pts_total_limit: None,
            date: start.date,
            qts: start.qts,
            qts_limit: None,
        })
        .await
        .unwrap()
    else {
        panic!("a difference that announces the channel")
    };
    for chats in [told.chats, difference.chats] {
        let channel = chats
            .iter()
            .find_map(|chat| match chat {
                enums::Chat::Channel(channel) if channel.title == "News" => Some(channel),
                _ => None,
            })
            .unwrap();
        assert!(!channel.min);
        let news = library
            .call(&f::updates::GetChannelDifference {
                force: false,
                channel: types::InputChannel {
                    channel_id: channel.id,
                    access_hash: channel.access_hash.unwrap(),
                }
                .into(),
                filter: enums::ChannelMessagesFilter::Empty,
                pts: 1,
                limit: 100,
            })
            .await
            .unwrap();
        assert!(matches!(
            news,
            enums::updates::ChannelDifference::Difference(_)
        ));
    }
    simulator.shutdown().await;
}

/// Protects: a send that is repeated, in any session, is the message from before.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_random_id_answers_with_the_first_message() {
    let town = town().await;
    let simulator = &town.simulator;
    let library = Library::start(simulator, town.account);
    let peer = town.input_peer(town.friend);
    let send = |text: &str| text_to(peer.clone(), 4242, text);
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
