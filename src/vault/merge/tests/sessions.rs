//! The column of the session.

use super::*;

/// The envelopes that may stand there, each with what becomes of it when only they have changed it.
fn sessions_there(world: &World, ours: &str) -> Vec<(&'static str, Option<String>, Outcome)> {
    let session = to(ME, API, Purpose::Session);
    let seal = |keys: &Keyring, to: &Binding, epoch, text: &str| {
        Some(keys.seal(to, epoch, text.as_bytes()).unwrap())
    };
    let keys = &world.keys;
    let neighbours = to(NEIGHBOUR, API, Purpose::Session);
    let other_api = to(ME, API + 1, Purpose::Session);
    vec![
        ("resealed", seal(keys, &session, 10, "ours"), TakeSilently),
        (
            "under the old key",
            seal(&world.old, &session, 10, "ours"),
            Push,
        ),
        ("newer", seal(keys, &session, 20, "theirs"), Take),
        (
            "older",
            seal(keys, &session, 5, "before"),
            Conflict("older than the copy here"),
        ),
        (
            "of the same age",
            seal(keys, &session, 10, "theirs"),
            Conflict("of the same age"),
        ),
        (
            "tampered",
            Some(tampered(ours)),
            Conflict("altered after sealing"),
        ),
        (
            "the neighbour's",
            seal(keys, &neighbours, 20, "theirs"),
            Conflict("belongs to account 00000000-0000-0000-0000-000000000002"),
        ),
        (
            "for another api_id",
            seal(keys, &other_api, 20, "theirs"),
            Conflict("sealed for api_id 11"),
        ),
        (
            "under a strange key",
            seal(&world.strange, &session, 20, "theirs"),
            Conflict("which the key ring does not have"),
        ),
        (
            "an api_hash",
            Some(world.hash(API, 20, HASH)),
            Conflict("holds an api_hash"),
        ),
        (
            "in the open",
            Some("1BVtsOHoBu3".to_owned()),
            Conflict("no envelope"),
        ),
        ("gone", None, Conflict("was removed in Supabase")),
    ]
}

/// Protects: a session is replaced only by a newer one that they alone have put there; whatever can't be trusted is
/// named and left alone until a person decides; that decision then holds.
#[test]
fn sessions() {
    let world = World::new();
    let base = world.local();
    let ours = base.session.clone().unwrap();
    for (name, theirs, theirs_alone) in sessions_there(&world, &ours) {
        for last in EVERY_LAST {
            let wanted = match (last, theirs_alone) {
                (Last::WasTheirs, _) => Push,
                // Nobody has decided that it be empty.
                (Last::Never | Last::Inserting, Conflict(_)) if theirs.is_none() => Push,
                (Last::WasElse | Last::Never, Take) => Conflict("signed in anew here"),
                (_, theirs_alone) => theirs_alone,
            };
            let decided = once_decided(wanted);
            for (overrule, wanted) in [(false, wanted), (true, decided)] {
                let mut local = base.clone();
                local.overrule = overrule;
                let mirrored = mirror(&local);
                let mut there = mirrored.clone();
                there.session.clone_from(&theirs);
                let seen = last_seen(last, &mirrored, &there, |copy| {
                    copy.session = Some(world.session(1, "long ago"));
                });
                let after = world.merge(&local, seen.as_ref(), &there);
                let case = format!("a session {name}, {last:?}, overrule {overrule}");
                outcome(&local, &after, wanted, &case);
                match wanted {
                    Push => assert_eq!(after.push.session, Some(Some(ours.clone())), "{case}"),
                    Take | TakeSilently => assert_eq!(after.local.session, theirs, "{case}"),
                    Conflict(_) => {
                        let remembered = seen.and_then(|copy| copy.session);
                        assert_eq!(after.copy.session, remembered, "{case}");
                    }
                    Nothing => {}
                }
                if wanted == Take {
                    assert_eq!(after.local.epoch, 20, "{case}");
                }
            }
        }
    }
}

/// Protects: an account that is signed out here stays so, unless somebody has signed it in elsewhere since.
#[test]
fn sessions_of_an_account_that_is_signed_out_here() {
    let world = World::new();
    let mut base = world.local();
    let ours = base.session.take().unwrap();
    for (name, theirs, theirs_alone) in sessions_there(&world, &ours) {
        for last in EVERY_LAST {
            let theirs_alone = match (name, theirs_alone) {
                // As old as the moment of signing out is new enough.
                ("resealed" | "under the old key" | "of the same age", _) => Take,
                ("gone", _) => Nothing,
                (_, theirs_alone) => theirs_alone,
            };
            let wanted = match (last, theirs_alone) {
                (_, Nothing) => Nothing,
                (Last::WasTheirs, _) => Push,
                (Last::WasElse, Take) => Conflict("signed out here"),
                (_, theirs_alone) => theirs_alone,
            };
            let decided = once_decided(wanted);
            for (overrule, wanted) in [(false, wanted), (true, decided)] {
                let mut local = base.clone();
                local.overrule = overrule;
                let mirrored = mirror(&local);
                let mut there = mirrored.clone();
                there.session.clone_from(&theirs);
                let seen = last_seen(last, &mirrored, &there, |copy| {
                    copy.session = Some(world.session(1, "long ago"));
                });
                let after = world.merge(&local, seen.as_ref(), &there);
                let case = format!("signed out, theirs {name}, {last:?}, overrule {overrule}");
                outcome(&local, &after, wanted, &case);
                if wanted == Push {
                    assert_eq!(after.push.session, Some(None), "{case}");
                }
            }
        }
    }
}

/// Protects: until a new sign-in has connected, the other side keeps and is compared with the one before.
#[test]
fn sessions_while_a_new_sign_in_is_not_confirmed() {
    let world = World::new();
    let mut base = world.local();
    let before = base
        .session
        .replace(world.session(30, "signed in just now"));
    base.previous_session.clone_from(&before);
    base.epoch = 30;
    for (name, theirs, theirs_alone) in sessions_there(&world, before.as_deref().unwrap()) {
        let wanted = match theirs_alone {
            Take => Conflict("signed in anew here"),
            theirs_alone => theirs_alone,
        };
        let decided = once_decided(wanted);
        for (overrule, wanted) in [(false, wanted), (true, decided)] {
            let mut local = base.clone();
            local.overrule = overrule;
            let mirrored = mirror(&local);
            assert_eq!(mirrored.session, before);
            let mut there = mirrored.clone();
            there.session.clone_from(&theirs);
            let after = world.merge(&local, Some(&copy_of(&mirrored)), &there);
            let case = format!("not confirmed, theirs {name}, overrule {overrule}");
            outcome(&local, &after, wanted, &case);
            assert_eq!(after.local.session, base.session, "{case}");
            match wanted {
                Push => assert_eq!(after.push.session, Some(before.clone()), "{case}"),
                TakeSilently => assert_eq!(after.local.previous_session, theirs, "{case}"),
                _ => assert_eq!(after.local.previous_session, before, "{case}"),
            }
        }
    }
}
