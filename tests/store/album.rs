//! Albums that go out: what holds their messages together.

use std::time::Duration;

use switchboard::{
    domain::{
        Change, EventBody, FileShape, IncomingMessage, Made, MessageStatus, Order, Outcome,
        OutgoingFile, Timestamp,
    },
    store::QueuedFile,
};

use super::{basics::reply, content::CHAT};
use crate::world::{World, message, new, own};

const ALBUM: i64 = 77;
const DATE: Timestamp = Timestamp::from_seconds(1_700_000_900);

fn file(name: &str) -> QueuedFile {
    QueuedFile {
        sha256: name.to_owned(),
        file: OutgoingFile {
            staged: name.to_owned(),
            shape: FileShape::Photo,
            name: name.to_owned(),
            mime: "image/jpeg".to_owned(),
            size: 4,
            md5: String::new(),
            width: None,
            height: None,
            duration: None,
            waveform: None,
            upload_id: 7,
            at: None,
        },
    }
}

/// Telegram says which messages they became: in its answer, or in the stream.
#[derive(Clone, Copy, Debug)]
enum Word {
    Answer,
    Stream,
}

async fn say(world: &World, order: &Order, word: Word) {
    let numbered = (6..).zip(order.work.makes());
    match word {
        Word::Answer => {
            let made = numbered.map(|(message_id, making)| Made {
                random_id: making.random_id,
                message_id,
                date: DATE,
                album_id: Some(ALBUM),
            });
            let made = made.collect();
            let done = Outcome::Done { made };
            world.store.settle_order(order, done).await.unwrap();
        }
        Word::Stream => {
            let numbered: Vec<_> = numbered.collect();
            let pairs = numbered.iter().map(|(message_id, making)| Change::Sent {
                random_id: making.random_id,
                message_id: *message_id,
            });
            let messages = numbered.iter().map(|(message_id, _)| {
                new(IncomingMessage {
                    album_id: Some(ALBUM),
                    date: DATE,
                    ..own(CHAT, *message_id, "")
                })
            });
            let changes = pairs.chain(messages).collect();
            world.record(order.account_id, changes).await;
        }
    }
}

/// Protects whoever puts albums together: from the first word that a message was sent, it is in Telegram's album.
#[actix::test]
async fn what_was_sent_is_in_telegrams_album_from_the_first_word() {
    for word in [Word::Answer, Word::Stream] {
        let world = World::new();
        let account = world.account().await.id;
        world
            .record(account, vec![new(message(CHAT, 5, "a word"))])
            .await;
        let conversation = world.conversation(account, CHAT).await.id;
        let files = vec![file("one"), file("two")];
        let queued = world
            .store
            .queue_reply_files(reply(conversation, "", None), files)
            .await
            .unwrap();
        let ours = &queued.messages[0].album_id;
        assert!(ours.is_some() && *ours == queued.messages[1].album_id);
        let order = world.store.pending_orders(account).await.unwrap().remove(0);
        let begun = world.store.mark_order_in_flight(&order, Duration::ZERO);
        assert!(begun.await.unwrap());
        world.ear.names();
        say(&world, &order, word).await;
        let told = world.ear.heard();
        let told: Vec<_> = told
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::MessageSent { message, .. } => Some(message),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 2, "{word:?}");
        for message in told {
            let seen = (
                message.status,
                message.album_id.as_deref(),
                message.timestamp,
            );
            let album = ALBUM.to_string();
            assert_eq!(seen, (MessageStatus::Sent, Some(&*album), DATE), "{word:?}");
        }
    }
}
