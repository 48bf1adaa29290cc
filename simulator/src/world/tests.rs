//! The world by itself: ids, positions, min users, sign-in rules and determinism, without a socket.

mod sign_ins;

use grammers_tl_types::{enums, types};

use super::*;
use crate::port::KeyId;

const DC: i32 = 2;

fn user(name: &str) -> User {
    User {
        first_name: name.to_owned(),
        ..User::default()
    }
}

struct Town {
    world: World,
    one: i64,
    two: i64,
    friend: i64,
}

/// Two accounts, each with a client, and a person.
fn town() -> Town {
    let mut world = World::new(3);
    world.clock = Clock::stopped(1_700_000_000);
    let phone = |phone: &str| Some(phone.to_owned());
    let one = world.add_account(
        User {
            phone: phone("+99966 1"),
            ..user("One")
        },
        DC,
        true,
        None,
    );
    let two = world.add_account(
        User {
            phone: phone("+99966 2"),
            ..user("Two")
        },
        DC,
        true,
        None,
    );
    let friend = world.add_user(user("Friend"));
    world.bind_key(KeyId(1), DC, one);
    world.bind_key(KeyId(2), DC, two);
    world.take_outgoing();
    Town {
        world,
        one,
        two,
        friend,
    }
}

/// Protects: message ids and pts as Telegram gives them out: one sequence per account, one per channel.
#[test]
fn private_chats_and_groups_share_a_sequence_and_channels_have_their_own() {
    let Town {
        mut world,
        one,
        two,
        friend,
    } = town();
    let group = world.add_group("G", friend, &[one]);
    let channel = world.add_channel("C", None, false, friend, &[one, two]);
    let before = world.accounts[&one].mailbox.pts;
    let first = world.post(friend, ChatRef::User(one), Draft::text("a"), None);
    let second = world.post(friend, ChatRef::Group(group), Draft::text("b"), None);
    assert_eq!(second.id, first.id + 1);
    assert_eq!(world.accounts[&one].mailbox.pts, before + 2);
    let third = world.post(friend, ChatRef::Channel(channel), Draft::text("c"), None);
    assert_eq!(third.id, 2, "after the message that made the channel");
    assert_eq!(
        world.accounts[&one].mailbox.pts,
        before + 2,
        "a channel moves no account"
    );
    let between = world.post(one, ChatRef::User(two), Draft::text("d"), None);
    let theirs = world.id_for(two, between.gid).unwrap();
    assert_eq!(between.id, second.id + 1);
    assert_eq!(theirs, 1, "the other side counts for itself");
}

/// Protects: a deletion moves pts by as many messages as it takes away, on both sides.
#[test]
fn deletions_weigh_what_they_take_away() {
    let Town {
        mut world,
        one,
        two,
        ..
    } = town();
    let ids: Vec<i32> = (0..3)
        .map(|n| {
            world
                .post(one, ChatRef::User(two), Draft::text(format!("{n}")), None)
                .id
        })
        .collect();
    let before = (
        world.accounts[&one].mailbox.pts,
        world.accounts[&two].mailbox.pts,
    );
    assert_eq!(
        world.delete_mail(one, &ids, true, None).unwrap(),
        (before.0 + 3, 3)
    );
    assert_eq!(world.accounts[&two].mailbox.pts, before.1 + 3);
    assert_eq!(
        world.delete_mail(one, &ids, true, None).unwrap(),
        (before.0 + 3, 0),
        "nothing is left to delete"
    );
    assert!(
        world.ledger_of(two)[&one]
            .messages
            .iter()
            .all(|message| message.deleted)
    );
}

fn users_of(updates: &enums::Updates) -> Vec<types::User> {
    let enums::Updates::Updates(updates) = updates else {
        return Vec::new();
    };
    let known = updates.users.iter().filter_map(|user| match user {
        enums::User::User(user) => Some(user.clone()),
        enums::User::Empty(_) => None,
    });
    known.collect()
}

/// Protects: strangers in supergroups come as min users whose hash opens nothing.
#[test]
fn strangers_in_a_supergroup_come_short_until_they_are_known() {
    let Town {
        mut world,
        one,
        two,
        friend,
    } = town();
    let channel = world.add_channel("C", None, false, friend, &[one, two]);
    world.take_outgoing();
    world.post(friend, ChatRef::Channel(channel), Draft::text("hi"), None);
    let pushed = world.take_outgoing();
    let stranger = users_of(&pushed[0].updates)
        .into_iter()
        .find(|user| user.id == friend)
        .unwrap();
    assert!(stranger.min);
    let by_hash = |hash: i64| {
        types::InputPeerUser {
            user_id: friend,
            access_hash: hash,
        }
        .into()
    };
    assert!(
        world
            .resolve_peer(one, &by_hash(stranger.access_hash.unwrap()))
            .is_err()
    );
    let from_message = types::InputUserFromMessage {
        peer: types::InputPeerChannel {
            channel_id: channel,
            access_hash: access_hash(world.seed, one, ChatRef::Channel(channel)),
        }
        .into(),
        msg_id: 2,
        user_id: friend,
    };
    assert_eq!(
        world.resolve_user(one, &from_message.into()).unwrap(),
        friend
    );
    world.post(friend, ChatRef::User(one), Draft::text("hello"), None);
    world.take_outgoing();
    world.post(
        friend,
        ChatRef::Channel(channel),
        Draft::text("hi again"),
        None,
    );
    let pushed = world.take_outgoing();
    let known = users_of(&pushed[0].updates)
        .into_iter()
        .find(|user| user.id == friend)
        .unwrap();
    assert!(!known.min);
    assert_eq!(
        world
            .resolve_peer(one, &by_hash(known.access_hash.unwrap()))
            .unwrap(),
        ChatRef::User(friend)
    );
    assert!(
        world
            .resolve_peer(two, &by_hash(known.access_hash.unwrap()))
            .is_err(),
        "another account's hash"
    );
}

/// Protects: a client hears what others do and not what it did itself.
#[test]
fn the_client_that_sends_is_not_told_and_the_others_are() {
    let Town {
        mut world,
        one,
        friend,
        ..
    } = town();
    world.bind_key(KeyId(11), DC, one);
    world.take_outgoing();
    let draft = || Draft {
        random_id: 5,
        ..Draft::text("hi")
    };
    world
        .send(one, KeyId(1), ChatRef::User(friend), draft())
        .unwrap();
    let told: Vec<Audience> = world
        .take_outgoing()
        .iter()
        .map(|push| push.audience)
        .collect();
    assert_eq!(
        told,
        [Audience::Account {
            user: one,
            except: Some(KeyId(1))
        }]
    );
    let again = world
        .send(one, KeyId(11), ChatRef::User(friend), draft())
        .unwrap();
    assert!(again.repeated && world.take_outgoing().is_empty());
}

/// Protects: reading is told to the account's other clients and to the other side, once.
#[test]
fn reading_moves_both_sides_once() {
    let Town {
        mut world,
        one,
        two,
        ..
    } = town();
    let sent = world.post(one, ChatRef::User(two), Draft::text("read me"), None);
    let theirs = world.id_for(two, sent.gid).unwrap();
    world.take_outgoing();
    world
        .read_mail(two, ChatRef::User(one), theirs, None)
        .unwrap();
    let kinds: Vec<PushKind> = world.take_outgoing().iter().map(|push| push.kind).collect();
    assert_eq!(kinds, ["updateReadHistoryInbox", "updateReadHistoryOutbox"]);
    assert_eq!(
        world.accounts[&one].mailbox.dialogs[&ChatRef::User(two)].read_outbox,
        sent.id
    );
    assert_eq!(
        world.accounts[&two].mailbox.dialogs[&ChatRef::User(one)].unread,
        0
    );
    world
        .read_mail(two, ChatRef::User(one), theirs, None)
        .unwrap();
    assert!(world.take_outgoing().is_empty());
}

/// Protects: one seed and the same orders give the same world, down to codes and hashes.
#[test]
fn one_seed_gives_one_world() {
    let story = |seed: u64| {
        let mut world = World::new(seed);
        world.clock = Clock::stopped(1_700_000_000);
        let account = world.add_account(user("A"), DC, true, None);
        let friend = world.add_user(user("F"));
        world.post(friend, ChatRef::User(account), Draft::text("hi"), None);
        let sent = world.send_code(DC, "+99966 55555").unwrap();
        (
            world.ledger(),
            sent.code,
            sent.hash,
            access_hash(seed, account, ChatRef::User(friend)),
        )
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}
