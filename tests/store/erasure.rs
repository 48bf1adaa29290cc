//! What was deleted is gone from the disk: every byte of the directory is looked at.

use std::os::unix::fs::PermissionsExt;

use switchboard::{
    domain::{Account, Batch, Change, ChatId, SelfUser},
    store::{AccountPatch, SearchQuery},
};

use crate::{
    leak_scan::Secrets,
    world::{World, batch, message, new, person, until},
};

const CHATS: i64 = 7;
const MESSAGES: i32 = 240;

/// A word that nothing else has.
fn word(owner: &str, chat: i64, id: i32) -> String {
    format!("{owner}{chat}q{id:05}zz")
}

fn say(owner: &str, chat: i64, id: i32, again: &str) -> Change {
    let length = usize::try_from(id * 13 % 300).unwrap();
    let text = format!("{} {again} {}", word(owner, chat, id), "x".repeat(length));
    // All chats with people share one numbering.
    let number = id * 10 + i32::try_from(chat).unwrap();
    let mut message = message(ChatId::user(chat), number, &text);
    if !again.is_empty() {
        message.edited_at = Some(message.date);
        return Change::Edited(message);
    }
    new(message)
}

/// Both accounts' rows lie mixed in the file, and some were changed.
async fn filled(world: &World, owners: [(&str, &Account); 2]) {
    for (owner, account) in owners {
        let mut people = Batch::empty(account.id);
        people.peers = (1..=CHATS)
            .map(|chat| person(chat, &format!("{owner} contact number {chat}")))
            .collect();
        world.store.record_batch(people).await.unwrap();
        let patch = AccountPatch {
            label: Some(format!("{owner} as its label")),
            user: Some(SelfUser {
                id: 5,
                first_name: format!("{owner} by first name"),
                last_name: Some(format!("{owner} by last name")),
                username: Some(format!("{owner}username")),
            }),
            ..AccountPatch::default()
        };
        world.store.patch_account(account.id, patch).await.unwrap();
    }
    for id in 1..=MESSAGES {
        for (owner, account) in owners {
            let changes = (1..=CHATS).map(|chat| say(owner, chat, id, "")).collect();
            world.record(account.id, changes).await;
            if id % 3 == 0 {
                let edited = say(owner, 1 + i64::from(id) % CHATS, id / 3, "rewritten");
                world
                    .store
                    .record_batch(batch(account.id, vec![edited]))
                    .await
                    .unwrap();
            }
        }
    }
    for (owner, _) in owners {
        for chat in 1..=CHATS {
            found(world, &word(owner, chat, MESSAGES)).await;
        }
    }
}

async fn found(world: &World, word: &str) {
    until("the word in the index", || async {
        let query = SearchQuery {
            q: word.to_owned(),
            ..SearchQuery::default()
        };
        let hits = world.store.search(query).await.unwrap().items.len();
        if hits == 1 {
            Ok(())
        } else {
            Err(hits.to_string())
        }
    })
    .await;
}

/// All that was only this account's. Stems of words, as an index keeps them, count too.
fn traces(owner: &str) -> Secrets {
    let mut secrets = Secrets::default();
    for name in ["label", "first name", "last name"] {
        let preposition = if name == "label" { "as its" } else { "by" };
        secrets.text(name, &format!("{owner} {preposition} {name}"));
    }
    secrets.text("username", &format!("{owner}username"));
    secrets.text("contacts", &format!("{owner} contact number"));
    for chat in 1..=CHATS {
        for id in 1..=MESSAGES {
            secrets.text("a text", &word(owner, chat, id));
        }
    }
    // The index leaves away what a word shares with the one before it.
    secrets.text("words of the index", &format!("{owner}1q00"));
    secrets
}

fn left(world: &World, owner: &str) -> Vec<String> {
    traces(owner).find_in_files(world.path.parent().unwrap(), &[])
}

async fn until_gone(world: &World, owner: &str) {
    until("nothing of the account in any byte", || async {
        let found = left(world, owner);
        match found.first() {
            None => Ok(()),
            Some(first) => Err(format!("{} traces, the first: {first}", found.len())),
        }
    })
    .await;
}

/// Protects whoever deletes a history: no row, index, log or unused part of the file holds a word of it, while the service
/// goes on, and nobody else's is touched.
#[actix::test]
async fn a_deleted_history_is_gone_from_every_byte_of_the_directory() {
    let world = World::new();
    let (gone, stays) = (world.account().await, world.account().await);
    filled(&world, [("leaver", &gone), ("stayer", &stays)]).await;
    assert!(!left(&world, "leaver").is_empty());

    world.store.remove_account(gone.id, false).await.unwrap();

    until_gone(&world, "leaver").await;
    for chat in 1..=CHATS {
        let texts = world.texts(stays.id, ChatId::user(chat)).await;
        assert_eq!(texts.len(), 200, "the newest page is whole");
        found(&world, &word("stayer", chat, MESSAGES / 2 + 1)).await;
    }
    world
        .record(stays.id, vec![say("stayer", 1, MESSAGES + 1, "")])
        .await;
    found(&world, &word("stayer", 1, MESSAGES + 1)).await;
}

/// Protects a history that was kept first: it can be deleted later, and a restart in between forgets nothing.
#[actix::test]
async fn a_history_that_was_kept_can_be_deleted_later_and_a_restart_goes_on() {
    let world = World::new();
    let (gone, stays) = (world.account().await, world.account().await);
    filled(&world, [("leaver", &gone), ("stayer", &stays)]).await;
    world.store.remove_account(gone.id, true).await.unwrap();
    assert_eq!(world.texts(gone.id, ChatId::user(1)).await.len(), 200);

    world.store.remove_account(gone.id, false).await.unwrap();
    let world = world.reopened().await;

    until_gone(&world, "leaver").await;
    assert_eq!(world.texts(stays.id, ChatId::user(1)).await.len(), 200);
}

/// Protects the files themselves: nobody else on the machine may read them, also those of an older version.
#[actix::test]
async fn the_database_and_what_lies_beside_it_are_private() {
    let world = World::new();
    world.account().await;
    let modes = |world: &World| -> Vec<(String, u32)> {
        std::fs::read_dir(world.path.parent().unwrap())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                (entry.file_name().into_string().unwrap(), mode)
            })
            .collect()
    };
    let first = modes(&world);
    assert!(first.len() >= 3, "{first:?}");
    assert!(first.iter().all(|(_, mode)| *mode == 0o600), "{first:?}");
    for entry in std::fs::read_dir(world.path.parent().unwrap()).unwrap() {
        let wide = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(entry.unwrap().path(), wide).unwrap();
    }
    let world = world.reopened().await;
    world.account().await;
    let then = modes(&world);
    assert!(then.iter().all(|(_, mode)| *mode == 0o600), "{then:?}");
}
