//! The columns of the API credentials.

use super::*;

const OTHER_HASH: &str = "fedcba9876543210fedcba9876543210";

/// What may stand there as api_id and api_hash, each with what becomes of it when only they have changed it.
fn hashes_there(world: &World, ours: &str) -> Vec<(&'static str, i32, String, Outcome)> {
    let seal = |keys: &Keyring, to: &Binding, epoch, text: &str| {
        keys.seal(to, epoch, text.as_bytes()).unwrap()
    };
    let keys = &world.keys;
    let hash = to(ME, API, Purpose::ApiHash);
    let neighbours = to(NEIGHBOUR, API, Purpose::ApiHash);
    vec![
        ("resealed", API, seal(keys, &hash, 10, HASH), TakeSilently),
        (
            "under the old key",
            API,
            seal(&world.old, &hash, 10, HASH),
            Push,
        ),
        ("newer", API, seal(keys, &hash, 20, OTHER_HASH), Take),
        ("moved", API + 1, world.hash(API + 1, 20, OTHER_HASH), Take),
        (
            "older",
            API,
            seal(keys, &hash, 5, OTHER_HASH),
            Conflict("older than the copy here"),
        ),
        (
            "tampered",
            API,
            tampered(ours),
            Conflict("altered after sealing"),
        ),
        (
            "the neighbour's",
            API,
            seal(keys, &neighbours, 20, OTHER_HASH),
            Conflict("belongs to account"),
        ),
        (
            "moved without being sealed anew",
            API + 1,
            ours.to_owned(),
            Conflict("sealed for api_id 10, the row says 11"),
        ),
        (
            "under a strange key",
            API,
            seal(&world.strange, &hash, 20, OTHER_HASH),
            Conflict("which the key ring does not have"),
        ),
        (
            "a session",
            API,
            world.session(20, "theirs"),
            Conflict("holds a session"),
        ),
        ("typed in again", API, HASH.to_owned(), Push),
        ("typed in", API, OTHER_HASH.to_owned(), Take),
        ("typed in and moved", API + 1, OTHER_HASH.to_owned(), Take),
        (
            "nonsense",
            API,
            "my hash".to_owned(),
            Conflict("neither sealed nor 32 hexadecimal digits"),
        ),
    ]
}

/// Protects: other credentials are taken when they alone have put them there, sealed in place when they were typed in,
/// and never moved under a session that was made with others.
#[test]
fn api_credentials() {
    let world = World::new();
    for signed_in in [false, true] {
        let mut base = world.local();
        if !signed_in {
            base.session = None;
        }
        let ours = base.api_hash.clone();
        for (name, api_id, hash, theirs_alone) in hashes_there(&world, &ours) {
            let typed = !hash.starts_with("v1.");
            for last in EVERY_LAST {
                let wanted = match (last, theirs_alone) {
                    // Typed in, it was never seen as what it is.
                    (Last::WasTheirs, _) if !typed => Push,
                    (Last::WasElse | Last::Never, Take) if !typed => Conflict("changed here"),
                    (Last::WasElse, Take) => Conflict("changed here"),
                    (_, Take) if signed_in && (typed || api_id != API) => {
                        Conflict("log it out first")
                    }
                    (_, theirs_alone) => theirs_alone,
                };
                let decided = once_decided(wanted);
                for (overrule, wanted) in [(false, wanted), (true, decided)] {
                    let mut local = base.clone();
                    local.overrule = overrule;
                    let mirrored = mirror(&local);
                    let mut there = mirrored.clone();
                    there.api_id = api_id;
                    there.api_hash = SecretText::new(hash.clone());
                    let mut seen = last_seen(last, &mirrored, &there, |copy| {
                        copy.api_hash = Some(world.hash(API, 1, "long ago"));
                    });
                    if let (Some(seen), Last::WasTheirs, true) = (&mut seen, last, typed) {
                        // Between typing and sealing: the number may be known, the hash is not.
                        seen.api_id = API;
                    }
                    let after = world.merge(&local, seen.as_ref(), &there);
                    let case = format!(
                        "a hash {name}, {last:?}, overrule {overrule}, signed in {signed_in}"
                    );
                    outcome(&local, &after, wanted, &case);
                    match wanted {
                        Push => {
                            assert_eq!(after.push.api, Some((API, ours.clone())), "{case}");
                        }
                        Take => {
                            let row = &after.local;
                            let binding = to(ME, api_id, Purpose::ApiHash);
                            let opened = world.keys.open(&row.api_hash, &binding).unwrap();
                            assert_eq!(opened.bytes.expose(), OTHER_HASH.as_bytes(), "{case}");
                            assert_eq!(row.api_id, api_id, "{case}");
                            let sealed = typed.then(|| (api_id, row.api_hash.clone()));
                            assert_eq!(after.push.api, sealed, "{case}");
                        }
                        TakeSilently => assert_eq!(after.local.api_hash, hash, "{case}"),
                        Conflict(_) => {
                            let known = seen.map(|copy| (copy.api_id, copy.api_hash));
                            let kept = (after.copy.api_id, after.copy.api_hash.clone());
                            assert_eq!(kept, known.unwrap_or((0, None)), "{case}");
                        }
                        Nothing => {}
                    }
                }
            }
        }
    }
}

/// Protects: "log it out first" is the truth: once it is logged out, what they have put there is taken.
#[test]
fn credentials_that_waited_for_a_log_out_are_then_taken() {
    let world = World::new();
    for typed in [false, true] {
        let mut local = world.local();
        let seen = copy_of(&mirror(&local));
        let mut there = mirror(&local);
        there.api_id = API + 1;
        there.api_hash = SecretText::new(match typed {
            true => OTHER_HASH.to_owned(),
            false => world.hash(API + 1, 20, OTHER_HASH),
        });
        let waiting = world.merge(&local, Some(&seen), &there);
        assert!(waiting.local.conflict.is_some());
        // As logging out leaves the row.
        local = waiting.local;
        local.session = None;
        local.epoch = 30;
        local.overrule = true;
        let after = world.merge(&local, Some(&waiting.copy), &there);
        assert_eq!(after.local.api_id, API + 1, "typed {typed}");
        assert_eq!(after.local.conflict, None);
        assert_eq!(after.push.session, Some(None));
    }
}
