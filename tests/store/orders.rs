//! Telegram tells the same things in any order, and twice. The end is the same.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use switchboard::{
    domain::{
        AccountId, Change, ChatId, Direction, Event, EventBody, IncomingMessage, MessageRowId,
        MessageStatus, Outcome, Timestamp,
    },
    store::{MessagesFrom, QueueReply, StoreHandle},
};

use crate::world::{World, batch, message, own, sent};

/// What may reach the store about one reply, one message of the other side and one that was written on a phone at the
/// same moment, with the same words.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// Right before the call to Telegram.
    Mark,
    /// The call ended without a definite answer.
    Unanswered,
    /// Telegram's answer to the send.
    Settle,
    /// The pair (random id, message id) in the stream.
    Bind,
    /// Our own message in the stream.
    Echo,
    /// Our own message in the stream, edited on another device.
    EchoEdited,
    /// Our own message in a page of history that somebody asked for.
    EchoInHistory,
    /// The message from the phone in the stream.
    Phone,
    PhoneInHistory,
    /// The service ends and starts again.
    Restart,
    Incoming,
    IncomingEdited,
    IncomingDeleted,
}

const STEPS: [Step; 13] = [
    Step::Mark,
    Step::Unanswered,
    Step::Settle,
    Step::Bind,
    Step::Echo,
    Step::EchoEdited,
    Step::EchoInHistory,
    Step::Phone,
    Step::PhoneInHistory,
    Step::Restart,
    Step::Incoming,
    Step::IncomingEdited,
    Step::IncomingDeleted,
];

const OWN: i32 = 20;
const THEIRS: i32 = 21;
const PHONE: i32 = 22;

fn edited(message: IncomingMessage, text: &str) -> IncomingMessage {
    IncomingMessage {
        text: text.to_owned(),
        edited_at: Some(Timestamp::from_seconds(1_700_001_000)),
        ..message
    }
}

fn change(step: Step, chat: ChatId, random_id: i64) -> Option<Change> {
    Some(match step {
        Step::Mark | Step::Unanswered | Step::Settle | Step::Restart => return None,
        Step::Bind => Change::Sent {
            random_id,
            message_id: OWN,
        },
        Step::Echo | Step::EchoInHistory => Change::Message(own(chat, OWN, "answer")),
        Step::Phone | Step::PhoneInHistory => Change::Message(own(chat, PHONE, "answer")),
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

/// Everything that was announced, over all runs of the service.
#[derive(Default)]
struct Told(Vec<Arc<Event>>);

impl Told {
    /// What a dashboard would show that only listened: rows by id, as last announced.
    fn rows(&self) -> BTreeMap<i64, (Option<String>, MessageStatus)> {
        let mut rows = BTreeMap::new();
        for event in &self.0 {
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

    /// Rows that were shown and then turned out to be another one.
    fn taken_back(&self) -> usize {
        let is_taken_back = |event: &&Arc<Event>| match &event.body {
            EventBody::MessageDeleted { message_ids, .. } => message_ids.is_empty(),
            _ => false,
        };
        self.0.iter().filter(is_taken_back).count()
    }

    /// Announced as sent, by number.
    fn times_sent(&self, number: i32) -> usize {
        let number = number.to_string();
        let sent = |event: &&Arc<Event>| match &event.body {
            EventBody::MessageSent { message, .. } => {
                message.message_id.as_deref() == Some(&*number)
            }
            _ => false,
        };
        self.0.iter().filter(sent).count()
    }
}

/// What is left after the steps, and what was told on the way.
struct Played {
    shown: Shown,
    unread: i64,
    told: Told,
}

async fn take(world: &World, step: Step, account: AccountId, chat: ChatId, reply: MessageRowId) {
    let store = &world.store;
    match step {
        Step::Mark => {
            world.mark(reply).await;
        }
        Step::Unanswered => {
            let reason = "line cut".to_owned();
            let unknown = Outcome::Unknown { reason };
            world.settle(reply, unknown).await.unwrap();
        }
        Step::Settle => {
            let sent = sent(OWN);
            world.settle(reply, sent).await.unwrap();
        }
        step => {
            let random_id = store.pending_orders(account).await.unwrap();
            let random_id = random_id
                .first()
                .map_or(0, |pending| pending.work.makes()[0].random_id);
            let Some(change) = change(step, chat, random_id) else {
                return;
            };
            let mut batch = batch(account, vec![change]);
            if matches!(step, Step::EchoInHistory | Step::PhoneInHistory) {
                batch.backfilled = true;
                batch.position = None;
            }
            store.record_batch(batch).await.unwrap();
        }
    }
}

async fn play(steps: &[Step]) -> Played {
    let mut world = World::new();
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
            wording: Default::default(),
            reply_to: None,
            topic_id: None,
            schedule: None,
            idempotency_key: None,
        })
        .await
        .unwrap();
    let mut told = Told::default();
    for step in steps {
        if *step == Step::Restart {
            told.0.extend(world.ear.heard());
            world = world.reopened().await;
            continue;
        }
        take(&world, *step, account, chat, queued.message.id).await;
    }
    told.0.extend(world.ear.heard());
    let numbers: Vec<i64> = told.0.iter().map(|event| event.seq.0).collect();
    let expected: Vec<i64> = (1..=numbers.len() as i64).collect();
    assert_eq!(numbers, expected, "numbers rise by one");
    let rows = told.rows();
    let with_id = rows
        .values()
        .filter(|(id, _)| id.as_deref() == Some("20"))
        .count();
    assert_eq!(with_id, 1, "the desk saw the reply once: {rows:?}");
    assert!(
        rows.contains_key(&queued.message.id.0),
        "under the id that the caller was given"
    );
    let (shown, unread) = shown(&world.store, account, chat).await;
    world.store.close().await;
    Played {
        shown,
        unread,
        told,
    }
}

fn played(steps: &[Step]) -> Played {
    actix::System::new().block_on(play(steps))
}

/// One reply, one message of the other side and the one from the phone, with their newest texts.
fn ends_the_same(steps: &[Step]) -> Told {
    let Played {
        shown: rows,
        unread,
        told,
    } = played(steps);
    let summary: Vec<_> = rows
        .iter()
        .map(|row| (row.0.as_deref(), row.2.as_str(), row.3, row.4))
        .collect();
    let wanted = [
        (Some("22"), "answer", MessageStatus::Sent, false),
        (Some("21"), "thank you", MessageStatus::Received, true),
        (Some("20"), "answer, better", MessageStatus::Sent, false),
        (Some("1"), "question", MessageStatus::Received, false),
    ];
    assert_eq!(summary, wanted, "{steps:?}");
    assert_eq!(rows[2].5, 1_700_000_020_000, "{steps:?}");
    assert_eq!(unread, 1, "{steps:?}");
    told
}

/// Protects from the order that once left a reply on the desk twice.
#[test]
fn a_reply_that_is_known_by_its_edit_first_is_shown_once() {
    ends_the_same(&[
        Step::IncomingEdited,
        Step::Mark,
        Step::EchoEdited,
        Step::Phone,
        Step::Bind,
        Step::Echo,
        Step::IncomingDeleted,
        Step::Settle,
        Step::Incoming,
    ]);
}

/// A few repeats at scattered places.
fn with_repeats(mut steps: Vec<Step>, repeats: &[usize]) -> Vec<Step> {
    let all = steps.clone();
    for (place, step) in repeats.iter().enumerate() {
        let step = all[*step % all.len()];
        let place = (place * 3 + 2) % (steps.len() + 1);
        steps.insert(place, step);
    }
    steps
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Protects: whatever the order and however often, the end is the same.
    #[test]
    fn any_order_and_any_repeat_end_the_same(
        order in Just(STEPS.to_vec()).prop_shuffle(),
        repeats in proptest::collection::vec(0..STEPS.len(), 0..5),
    ) {
        ends_the_same(&with_repeats(order, &repeats));
    }

    /// Protects the desk from a reply that comes, goes and comes again: from the mark on, the reply is told under its own
    /// row alone, and the message from the phone as what it is, once. Neither a restart nor history changes that.
    #[test]
    fn what_is_in_flight_is_never_shown_as_something_else(
        order in Just(STEPS[1..].to_vec()).prop_shuffle(),
        repeats in proptest::collection::vec(0..STEPS.len(), 0..5),
    ) {
        let mut steps = vec![Step::Mark];
        steps.extend(with_repeats(order, &repeats));
        let told = ends_the_same(&steps);
        prop_assert_eq!(told.taken_back(), 0);
        prop_assert_eq!(told.times_sent(PHONE), 1);
    }
}
