//! Messages in and out, while nothing goes wrong.

use switchboard::{
    domain::{Change, ChatId, Outcome},
    telegram::Urgency,
};
use switchboard_simulator::PersonSpec;

use crate::ground::{Ground, Seen, made, outgoing};

/// Protects the heart of the product: what is said arrives, with the person who said it, and the answer goes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_comes_in_and_the_answer_goes_out() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);

    ground.sim.say(ground.friend, ground.user, "hello");
    reader.until_same(&ground, chat).await;
    let name = reader.seen(|seen| seen.peers[&chat].name.clone());
    assert_eq!(name, "Amal");

    let sent = reader
        .handle
        .carry_out(&outgoing(chat, 77, "good morning"))
        .await;
    let Some(message_id) = made(&sent) else {
        panic!("{sent:?}");
    };
    reader
        .until("the echo", |seen| seen.sent.contains(&(77, message_id)))
        .await;
    reader.until_same(&ground, chat).await;

    // The same random id again: Telegram answers with the first message.
    let again = reader
        .handle
        .carry_out(&outgoing(chat, 77, "good morning"))
        .await;
    assert!(made(&again) == Some(message_id), "{again:?}");
    assert_eq!(
        ground.sim.texts(ground.user, chat.marked()),
        ["hello", "good morning"]
    );
}

/// Protects groups, supergroups and channels: each kind of chat arrives under its own id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_chat_arrives() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let members = [ground.friend, ground.user];
    let chats = [
        ground.sim.add_group("Group", &members),
        ground.sim.add_supergroup("Supergroup", &members),
        ground.sim.add_channel("Channel", &members),
    ];
    // A channel begins where its dialog says: what is said before is in that, and in no update.
    let known = |seen: &Seen, chat: i64| match ChatId::from_marked(chat).channel_id() {
        Some(id) => seen.channel_pts.contains_key(&id),
        None => true,
    };
    for chat in chats {
        reader.until("the chat", |seen| known(seen, chat)).await;
        ground.sim.say(ground.friend, chat, "one");
        let id = ground.sim.say(ground.friend, chat, "two");
        ground.sim.say(ground.friend, chat, "three");
        ground
            .sim
            .edit(ground.friend, chat, id, "two, edited")
            .unwrap();
        reader.until_same(&ground, ChatId::from_marked(chat)).await;
    }
    let can_send =
        reader.seen(|seen| chats.map(|chat| seen.peers[&ChatId::from_marked(chat)].flags.can_send));
    assert_eq!(can_send, [true, true, false]);
}

/// Protects notes to oneself: their echo names no chat, and still lands in the right one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_to_oneself_lands_in_ones_own_chat() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let own = ChatId::user(ground.user);
    let sent = reader.handle.carry_out(&outgoing(own, 5, "remember")).await;
    assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
    reader.until_same(&ground, own).await;
}

/// Protects read marks, typing and deletions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_and_deletions_arrive() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "kept");
    let gone = ground.sim.say(ground.friend, ground.user, "gone");
    ground.sim.delete(ground.friend, ground.user, &[gone]);
    ground.sim.typing(ground.friend, ground.user);
    reader
        .until("typing", |seen| seen.typing.contains(&chat))
        .await;
    reader.until_same(&ground, chat).await;

    let Some(message_id) = made(&reader.handle.carry_out(&outgoing(chat, 9, "seen?")).await) else {
        panic!("not sent");
    };
    ground.sim.read(ground.friend, ground.user, 0);
    reader
        .until("the read mark", |seen| {
            seen.read_outbox.get(&chat) == Some(&message_id)
        })
        .await;
    reader.handle.mark_read(chat, message_id).await.unwrap();
    // Telegram does not repeat our own mark to us; it stands in the dialog list.
    let page = reader
        .handle
        .dialogs_page(None, 20, Urgency::Sync)
        .await
        .unwrap();
    let read = page.batch.changes.iter().find_map(|change| match change {
        Change::Dialog(dialog) if dialog.chat == chat => {
            Some((dialog.unread, dialog.read_inbox_max_id))
        }
        _ => None,
    });
    assert!(
        read.is_some_and(|(unread, up_to)| unread == 0 && up_to > 0),
        "{read:?}"
    );
}

/// Protects against strangers without a name: a short message from somebody unknown comes with the person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_comes_with_name_and_hash() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    for at in 0..5 {
        let stranger = ground
            .sim
            .add_person(PersonSpec::new(&format!("Person {at}")));
        ground.sim.say(stranger, ground.user, "hi");
        let chat = ChatId::user(stranger);
        reader.until_same(&ground, chat).await;
        let known = reader.seen(|seen| {
            seen.peers
                .get(&chat)
                .is_some_and(|peer| peer.access_hash.is_some())
        });
        assert!(known, "person {at} is not known");
        let sent = reader
            .handle
            .carry_out(&outgoing(chat, at + 1, "welcome"))
            .await;
        assert!(matches!(sent, Outcome::Done { .. }), "{sent:?}");
    }
}
