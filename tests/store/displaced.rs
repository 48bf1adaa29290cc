//! Files of somebody else's: what Telegram says of a number counts.

use switchboard::domain::{Batch, ChatId, EventBody, IncomingMessage, Timestamp};

use super::content::CHAT;
use crate::world::{World, message, new};

/// Protects what comes after a group's history was taken from a file that another member exported: numbers of such a group are each
/// member's own, and would keep other messages of this account from ever being stored, shown and told.
#[actix::test]
async fn a_message_stands_where_a_file_named_another() {
    let world = World::new();
    let account = world.account().await.id;
    let group = ChatId::group(70);
    let theirs = |id: i32, text: &str| IncomingMessage {
        date: Timestamp::from_seconds(1_600_000_000),
        ..message(group, id, text)
    };
    let file = vec![
        theirs(5, "theirs"),
        theirs(6, "also theirs"),
        theirs(7, "same"),
    ];
    let imported = world.store.import(account, Vec::new(), file).await;
    assert_eq!(imported.unwrap().added, 3);
    world.ear.names();

    // Live, in another chat.
    world
        .record(account, vec![new(message(CHAT, 5, "ours"))])
        .await;
    assert_eq!(world.texts(account, CHAT).await, ["ours"]);
    let here = world.conversation(account, CHAT).await;
    assert_eq!(here.unread, 1);
    let told = world.ear.heard().iter().any(|event| match &event.body {
        EventBody::MessageReceived { message, .. } => message.conversation_id == here.id,
        _ => false,
    });
    assert!(told);
    assert_eq!(world.texts(account, group).await, ["same", "also theirs"]);

    // From history, in the same group. Files of older versions have other times: the same words are the same message.
    let mut page = Batch::asking(account);
    page.changes = vec![
        new(message(group, 6, "another")),
        new(message(group, 7, "same")),
    ];
    world.store.record_batch(page).await.unwrap();
    assert_eq!(world.texts(account, group).await, ["same", "another"]);
}
