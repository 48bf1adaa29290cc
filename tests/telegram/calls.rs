//! Calls through a link's handle.

use std::time::{Duration, Instant};

use switchboard::{
    domain::{Change, ChatId, Outcome},
    telegram::{CallError, HistoryRange, Recipient, Urgency},
};
use switchboard_simulator::{Effect, Fault, PersonSpec};

use crate::ground::{Ground, outgoing};

/// Protects the first sync: every dialog comes once, page by page, and a flood wait repeats the page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_dialogs_come_page_by_page() {
    let ground = Ground::start().await;
    let mut people = Vec::new();
    for at in 0..45 {
        let person = ground
            .sim
            .add_person(PersonSpec::new(&format!("Person {at}")));
        ground.sim.say(person, ground.user, "hi");
        people.push(ChatId::user(person));
    }
    let reader = ground.link().await;
    ground.sim.set_fault(
        Fault::flood_wait(7)
            .on("messages.getDialogs")
            .skip(1)
            .times(1),
    );
    let (mut cursor, mut found, mut floods) = (None, Vec::new(), 0);
    loop {
        match reader
            .handle
            .dialogs_page(cursor.clone(), 20, Urgency::Sync)
            .await
        {
            Ok(page) => {
                assert!(page.batch.backfilled && page.batch.position.is_none());
                found.extend(page.batch.changes.iter().filter_map(|change| match change {
                    Change::Dialog(dialog) => Some(dialog.chat),
                    _ => None,
                }));
                cursor = page.next;
            }
            Err(CallError::FloodWait(wait)) => {
                assert_eq!(wait.as_secs(), 7);
                floods += 1;
            }
            Err(error) => panic!("{error}"),
        }
        if cursor.is_none() {
            break;
        }
    }
    found.sort();
    people.sort();
    assert_eq!((found, floods), (people, 1));
}

/// Protects paging up: history comes to the chat's beginning, each message once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_comes_to_its_beginning() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let supergroup = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    for chat in [ground.user, supergroup] {
        for at in 0..73 {
            ground.sim.say(ground.friend, chat, &format!("{at}"));
        }
    }
    let chats = [ChatId::user(ground.friend), ChatId::from_marked(supergroup)];
    for chat in chats {
        reader.until_same(&ground, chat).await;
        let (mut before, mut texts) = (0, Vec::new());
        loop {
            let range = HistoryRange {
                before,
                min_id: 0,
                limit: 30,
            };
            let page = reader
                .handle
                .history(chat, range, Urgency::Person)
                .await
                .unwrap();
            texts.extend(
                page.batch
                    .changes
                    .into_iter()
                    .filter_map(|change| match change {
                        Change::Message(message) if message.service.is_none() => Some(message.text),
                        _ => None,
                    }),
            );
            if page.complete {
                break;
            }
            before = page.oldest_id.unwrap();
        }
        texts.reverse();
        assert_eq!(texts, ground.sim.texts(ground.user, chat.marked()));
    }
}

/// Protects the filling of holes by id: what is there comes, what is gone is said to be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_by_their_ids() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let supergroup = ground
        .sim
        .add_supergroup("Supergroup", &[ground.friend, ground.user]);
    let chat = ChatId::from_marked(supergroup);
    let kept = ground.sim.say(ground.friend, supergroup, "kept");
    let gone = ground.sim.say(ground.friend, supergroup, "gone");
    reader.until_same(&ground, chat).await;
    ground.sim.delete(ground.friend, supergroup, &[gone]);
    let batch = reader
        .handle
        .messages_by_id(Some(chat), &[kept, gone], Urgency::Person)
        .await
        .unwrap();
    let deleted = Change::Deleted {
        channel: chat.channel_id(),
        message_ids: vec![gone],
    };
    assert!(batch.changes.contains(&deleted), "{:?}", batch.changes);
    assert!(matches!(&batch.changes[0], Change::Message(message) if message.text == "kept"));
}

/// Protects writing to somebody new: by name, by number and by id, and a clear word when there is nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_found_by_name_and_id() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let person = ground
        .sim
        .add_person(PersonSpec::new("Samir").username("samir_shop"));
    let found = reader
        .handle
        .resolve(&Recipient::Username("@samir_shop".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        (found.id, found.name.as_str()),
        (ChatId::user(person), "Samir")
    );
    assert!(found.access_hash.is_some());
    let nobody = reader
        .handle
        .resolve(&Recipient::Username("@nobody_here".to_owned()))
        .await;
    assert_eq!(nobody, Err(CallError::Unresolvable));
    let unmet = reader
        .handle
        .resolve(&Recipient::Id(ChatId::user(ground.friend)))
        .await;
    assert_eq!(unmet, Err(CallError::Unresolvable));
    ground.sim.say(ground.friend, ground.user, "hi");
    reader
        .until_same(&ground, ChatId::user(ground.friend))
        .await;
    let met = reader
        .handle
        .resolve(&Recipient::Id(ChatId::user(ground.friend)))
        .await
        .unwrap();
    assert_eq!(met.name, "Amal");
    assert_eq!(reader.handle.me().await.unwrap().id, ground.user);
}

/// Protects what comes while an answer is on its way: each page knows when it was asked for, however long Telegram took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_knows_when_it_was_asked_for() {
    const TAKES: Duration = Duration::from_millis(300);
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "hi");
    reader.until_same(&ground, chat).await;
    let millis = u64::try_from(TAKES.as_millis()).unwrap();
    for call in ["getDialogs", "getHistory", "getMessages"] {
        let slow = Fault::new(Effect::SlowAnswer { millis });
        let slow = slow.on(&format!("messages.{call}")).times(1);
        ground.sim.set_fault(slow);
    }
    let handle = &reader.handle;
    let began = Instant::now();
    let listed = handle.dialogs_page(None, 20, Urgency::Sync).await.unwrap();
    let listed = (listed.batch.read_at, Instant::now());
    let range = HistoryRange {
        before: 0,
        min_id: 0,
        limit: 20,
    };
    let page = handle.history(chat, range, Urgency::Person).await.unwrap();
    let page = (page.batch.read_at, Instant::now());
    let one = handle.messages_by_id(None, &[1], Urgency::Person).await;
    let one = (one.unwrap().read_at, Instant::now());
    let mut before = began;
    for (asked, answered) in [listed, page, one] {
        assert!(asked >= before, "asked before the one before was answered");
        assert!(answered - asked >= TAKES, "{:?}", answered - asked);
        before = answered;
    }
}

/// Protects the outbox from guessing: floods and refusals come back as what they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_and_refusals_come_back_as_such() {
    let ground = Ground::start().await;
    let mut reader = ground.link().await;
    let chat = ChatId::user(ground.friend);
    ground.sim.say(ground.friend, ground.user, "hi");
    reader.until_same(&ground, chat).await;
    ground
        .sim
        .set_fault(Fault::flood_wait(31).on("messages.sendMessage").times(1));
    let flood = reader.handle.carry_out(&outgoing(chat, 1, "x")).await;
    assert!(
        matches!(flood, Outcome::Flood { wait } if wait.as_secs() == 31),
        "{flood:?}"
    );
    ground.sim.set_fault(
        Fault::error(400, "PEER_FLOOD")
            .on("messages.sendMessage")
            .times(1),
    );
    let refused = reader.handle.carry_out(&outgoing(chat, 2, "x")).await;
    assert!(
        matches!(&refused, Outcome::Refused(error) if error.code == "PEER_FLOOD"),
        "{refused:?}"
    );
    let channel = ground
        .sim
        .add_channel("Channel", &[ground.friend, ground.user]);
    ground.sim.say(ground.friend, channel, "post");
    reader
        .until_same(&ground, ChatId::from_marked(channel))
        .await;
    let refused = reader
        .handle
        .carry_out(&outgoing(ChatId::from_marked(channel), 3, "x"))
        .await;
    assert!(matches!(refused, Outcome::Refused(_)), "{refused:?}");
}
