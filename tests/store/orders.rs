//! Telegram tells the same things in any order, and twice. The end is the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use switchboard::{
    domain::{
        AccountId, Change, ChatId, Direction, EventBody, IncomingMessage, MessageStatus,
        SendOutcome, Timestamp,
    },
    store::{MessagesFrom, QueueReply, StoreHandle},
};

use crate::world::{World, batch, message, own};

/// What may reach the store about one reply and one message of the other side.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Telegram's answer to the send.
    Settle,
    /// The pair (random id, message id) in the stream.
    Bind,
    /// Our own message in the stream.
    Echo,
    /// Our own message in the stream, edited on another device.
    EchoEdited,
    Incoming,
    IncomingEdited,
    IncomingDeleted,
}

const STEPS: [Step; 7] = [
    Step::Settle,
    Step::Bind,
    Step::Echo,
    Step::EchoEdited,
    Step::Incoming,
    Step::IncomingEdited,
    Step::IncomingDeleted,
];

const OWN: i32 = 20;
const THEIRS: i32 = 21;

fn edited(message: IncomingMessage, text: &str) -> IncomingMessage {
    IncomingMessage {
        text: text.to_owned(),
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message
    }
}

fn change(step: &Step, chat: ChatId, random_id: i64) -> Option<Change> {
    Some(match step {
        Step::Settle => return None,
        Step::Bind => Change::Sent {
            random_id,
            message_id: OWN,
        },
        Step::Echo => Change::Message(own(chat, OWN, "answer")),
        Step::EchoEdited => Change::Edited(edited(own(chat, OWN, "answer"), "answer, better")),
        Step::Incoming => Change::Message(message(chat, THEIRS, "thanks")),
        Step::IncomingEdited => {
            Change::Edited(edited(message(chat, THEIRS, "thanks"), "thank you"))
        }
        Step::IncomingDeleted => Change::Deleted {
            channel: None,
            message_ids: vec![THEIRS],
        },
    })
}

/// What the desk shows, without row ids and times of day.
type Shown = Vec<(Option<String>, Direction, String, MessageStatus, bool, i64)>;

async fn shown(store: &StoreHandle, account: AccountId, chat: ChatId) -> (Shown, i64) {
    let conversation = store.conversation_of(account, chat).await.unwrap().unwrap();
    let page = store
        .list_messages(conversation.id, MessagesFrom::Newest, 200)
        .await
        .unwrap();
    let newest = page
        .messages
        .iter()
        .find(|message| message.deleted_at.is_none())
        .map(|message| message.id);
    assert_eq!(
        conversation.last_message.map(|message| message.id),
        newest,
        "the summary is the newest message"
    );
    let rows = page
        .messages
        .into_iter()
        .map(|m| {
            (
                m.message_id,
                m.direction,
                m.text,
                m.status,
                m.deleted_at.is_some(),
                m.timestamp.millis(),
            )
        })
        .collect();
    (rows, conversation.unread)
}

/// What a dashboard would show that only listened: rows by id, as last announced.
fn listened(world: &World) -> BTreeMap<i64, (Option<String>, MessageStatus)> {
    let mut rows = BTreeMap::new();
    for event in world.ear.heard() {
        match &event.body {
            EventBody::MessageReceived { message, .. }
            | EventBody::MessageSent { message, .. }
            | EventBody::MessageEdited { message, .. } => {
                rows.insert(message.id.0, (message.message_id.clone(), message.status));
            }
            EventBody::MessageDeleted {
                ids, message_ids, ..
            } if message_ids.is_empty() => {
                for id in ids {
                    rows.remove(&id.0);
                }
            }
            _ => {}
        }
    }
    rows
}

async fn play(steps: &[Step]) -> (Shown, i64) {
    let world = World::new();
    let account = world.account().await.id;
    let chat = ChatId::user(7);
    world
        .record(account, vec![Change::Message(message(chat, 1, "question"))])
        .await;
    let conversation = world.conversation(account, chat).await.id;
    let queued = world
        .store
        .queue_reply(QueueReply {
            conversation,
            text: "answer".to_owned(),
            reply_to: None,
            idempotency_key: None,
        })
        .await
        .unwrap();
    let random_id = world.store.pending_outgoing(account).await.unwrap()[0].random_id;
    for step in steps {
        match change(step, chat, random_id) {
            Some(change) => {
                world
                    .store
                    .record_batch(batch(account, vec![change]))
                    .await
                    .unwrap();
            }
            None => {
                let date = Timestamp::from_seconds(1_700_000_000 + i64::from(OWN));
                let sent = SendOutcome::Sent {
                    message_id: OWN,
                    date,
                };
                world
                    .store
                    .settle_outgoing(queued.message.id, sent)
                    .await
                    .unwrap();
            }
        }
    }
    let numbers: Vec<i64> = world.ear.heard().iter().map(|event| event.seq.0).collect();
    let expected: Vec<i64> = (1..=numbers.len() as i64).collect();
    assert_eq!(numbers, expected, "numbers rise by one");
    let rows = listened(&world);
    let with_id = rows
        .values()
        .filter(|(id, _)| id.as_deref() == Some("20"))
        .count();
    assert_eq!(with_id, 1, "the desk saw the reply once: {rows:?}");
    assert!(
        rows.contains_key(&queued.message.id.0),
        "under the id that the caller was given"
    );
    let result = shown(&world.store, account, chat).await;
    world.store.close().await;
    result
}

/// One reply and one message with their newest texts remain.
fn ends_the_same(steps: &[Step]) {
    let runtime = actix::System::new();
    let (rows, unread) = runtime.block_on(play(steps));
    let summary: Vec<_> = rows
        .iter()
        .map(|row| (row.0.as_deref(), row.2.as_str(), row.3, row.4))
        .collect();
    let wanted = [
        (Some("21"), "thank you", MessageStatus::Received, true),
        (Some("20"), "answer, better", MessageStatus::Sent, false),
        (Some("1"), "question", MessageStatus::Received, false),
    ];
    assert_eq!(summary, wanted, "{steps:?}");
    assert_eq!(rows[1].5, 1_700_000_020_000, "{steps:?}");
    assert_eq!(unread, 1, "{steps:?}");
}

/// Protects from the order that once left a reply on the desk twice.
#[test]
fn a_reply_that_is_known_by_its_edit_first_is_shown_once() {
    ends_the_same(&[
        Step::IncomingEdited,
        Step::EchoEdited,
        Step::Bind,
        Step::Echo,
        Step::IncomingDeleted,
        Step::Settle,
        Step::Incoming,
    ]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Protects: whatever the order and however often, the end is the same.
    #[test]
    fn any_order_and_any_repeat_end_the_same(
        order in Just(STEPS.to_vec()).prop_shuffle(),
        repeats in proptest::collection::vec(0..STEPS.len(), 0..5),
    ) {
        let mut steps = order;
        for (place, step) in repeats.iter().enumerate() {
            let step = STEPS[*step].clone();
            let place = (place * 3 + 2) % (steps.len() + 1);
            steps.insert(place, step);
        }
        ends_the_same(&steps);
    }
}
